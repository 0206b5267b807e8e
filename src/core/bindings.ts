/**
 * Bindings: where a deployed function finds its stores. One JSON object in the environment variable WEIRHOUSE_BINDINGS,
 * written by `weirhouse up` locally, by whoever deploys elsewhere; the rest is the SDKs' own environment
 * (AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_DYNAMODB, credentials).
 */
import * as v from 'valibot'

export const BINDINGS_VARIABLE = 'WEIRHOUSE_BINDINGS'

const text = v.pipe(v.string(), v.minLength(1))

export const bindingsSchema = v.strictObject({
  /** By sink id; each sink validates its own part. */
  sinks: v.record(v.string(), v.record(v.string(), v.unknown())),
  ledger: v.strictObject({ table: text }),
  deadLetters: v.strictObject({ table: text, bucket: text }),
})

export type Bindings = v.InferOutput<typeof bindingsSchema>
