/** The S3 sink as data: options, grants, where its objects are. The client loads in `open()` only. */
import { parseOptions } from '../../core/options.ts'
import type { Grant, SinkDefinition } from '../sink.ts'
import { s3Options } from './options.ts'
import type { S3Input, S3Options } from './options.ts'

export { dataPrefix, objectKey, parseKey } from './keys.ts'
export type { KeyParts, ParsedKey } from './keys.ts'
export { s3Binding, s3Options } from './options.ts'
export type { S3Binding, S3Input, S3Options } from './options.ts'

export interface S3Spec extends S3Input {
  /** Maps the pipeline's row to this sink's: anything that JSON holds exactly. The row itself where not given. */
  readonly row?: NonNullable<SinkDefinition['row']>
}

/** HEAD of a missing key answers 403 instead of 404 without `s3:ListBucket`. Nothing is ever deleted. */
const GRANTS: readonly Grant[] = [
  { actions: ['s3:PutObject', 's3:GetObject'], on: 'objects' },
  { actions: ['s3:ListBucket'], on: 'bucket' },
  { actions: ['dynamodb:GetItem', 'dynamodb:PutItem'], on: 'ledger' },
]

/**
 * Stores each batch's rows of a partition as one object under `<prefix>/<pipeline>/<id>/<topic>/`, each row in exactly
 * one object. Throws WEIR_DEFINITION_INVALID.
 */
export function s3(input: S3Spec): SinkDefinition<S3Options> {
  const { row, ...data } = input
  const options = parseOptions(s3Options, data, `Sink "${data.id}" (s3)`)
  return {
    kind: 's3',
    id: options.id,
    options,
    ...(row ? { row } : {}),
    grants: GRANTS,
    refusals: async () => {
      const { encodeRanges } = await import('./encode.ts')
      return (ranges) => encodeRanges(options.id, ranges).refusals
    },
    open: async (context) => (await import('./writer.ts')).openS3(options, context),
  }
}
