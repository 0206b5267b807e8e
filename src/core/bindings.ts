/**
 * Bindings: where a deployed function finds its stores. One JSON object in the environment variable WEIRHOUSE_BINDINGS,
 * written by `weirhouse up` locally, by whoever deploys elsewhere; the rest is the SDKs' own environment
 * (AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB, credentials).
 */
import { anything, object, recordOf, text } from './shape.ts'
import type { Shaped } from './shape.ts'

export const BINDINGS_VARIABLE = 'WEIRHOUSE_BINDINGS'

export const bindingsShape = object({
  /** By sink id; each sink validates its own part. */
  sinks: recordOf(recordOf(anything())),
  ledger: object({ table: text() }),
  deadLetters: object({ table: text(), bucket: text() }),
})

export type Bindings = Shaped<typeof bindingsShape>
