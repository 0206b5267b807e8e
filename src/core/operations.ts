/**
 * The operations function: what it is told and what it answers. An event names a verb and nothing that is run: who may invoke
 * it can do what the verbs do, and no more. Where the stores are is in WEIRHOUSE_OPERATIONS, one JSON object, written by whoever
 * deploys.
 */
import { flag, listOf, object, oneOf, optional, text, whole } from './shape.ts'
import type { Shaped } from './shape.ts'

export const OPERATIONS_VARIABLE = 'WEIRHOUSE_OPERATIONS'

export const operationsShape = object({
  /** Where a pipeline has a PostgreSQL sink. The secret is the one that RDS manages: `{"username": ..., "password": ...}`. */
  postgres: optional(object({ host: text(), port: whole(1, 65_535), database: text(), secretArn: text() })),
})

export type OperationsPlaces = Shaped<typeof operationsShape>

export const OPERATION_VERBS = ['migrate'] as const
export type OperationVerb = (typeof OPERATION_VERBS)[number]

export const operationEvent = object({
  verb: oneOf(...OPERATION_VERBS),
  /** Says what would be done, and does nothing. */
  dryRun: optional(flag(), false),
})

export const operationAnswer = object({
  verb: oneOf(...OPERATION_VERBS),
  /** What was missing, in order; none where the database fits the definitions. */
  statements: listOf(text()),
  /** They took effect. */
  applied: flag(),
})

export type OperationAnswer = Shaped<typeof operationAnswer>
