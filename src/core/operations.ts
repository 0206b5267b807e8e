/**
 * The operations function: what it is told and what it answers. An event names a verb and nothing that is run: who may invoke
 * it can do what the verbs do, and no more. Where the stores are is in WEIRHOUSE_OPERATIONS, one JSON object, written by whoever
 * deploys.
 */
import * as v from 'valibot'

export const OPERATIONS_VARIABLE = 'WEIRHOUSE_OPERATIONS'

const text = v.pipe(v.string(), v.minLength(1))

export const operationsSchema = v.strictObject({
  /** Where a pipeline has a PostgreSQL sink. The secret is the one that RDS manages: `{"username": ..., "password": ...}`. */
  postgres: v.optional(
    v.strictObject({
      host: text,
      port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
      database: text,
      secretArn: text,
    }),
  ),
})

export type OperationsPlaces = v.InferOutput<typeof operationsSchema>

export const OPERATION_VERBS = ['migrate'] as const
export type OperationVerb = (typeof OPERATION_VERBS)[number]

export const operationEvent = v.strictObject({
  verb: v.picklist(OPERATION_VERBS),
  /** Says what would be done, and does nothing. */
  dryRun: v.optional(v.boolean(), false),
})

export const operationAnswer = v.strictObject({
  verb: v.picklist(OPERATION_VERBS),
  /** What was missing, in order; none where the database fits the definitions. */
  statements: v.array(v.string()),
  /** They took effect. */
  applied: v.boolean(),
})

export type OperationAnswer = v.InferOutput<typeof operationAnswer>
