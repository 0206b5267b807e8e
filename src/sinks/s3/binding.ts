/** Where the bucket is: this sink's part of the bindings. */
import { object, optional, text } from '../../core/shape.ts'
import type { Shaped } from '../../core/shape.ts'

export const MAX_PREFIX = 400

/** S3 keys: "safe characters" of the naming guide that also need no escaping in a URL path; no empty segment, no `..`. */
export const PREFIX = /^(?:[A-Za-z0-9_-][A-Za-z0-9._=-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._=-]*)*)?$/

/** Amazon S3: general purpose bucket names have 3 to 63 of these characters. */
const bucket = text(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket')

/** `{ bucket, prefix }`, written by `weirhouse up`; the prefix comes from the options. */
export const s3Binding = object({ bucket, prefix: optional(text(PREFIX, 'a prefix', MAX_PREFIX), '') })
export type S3Binding = Shaped<typeof s3Binding>
