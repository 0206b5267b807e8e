/** The S3 sink as data: options, grants, where its objects are. The client loads in `open()` only. */
import { WeirError } from '../../core/errors.ts'
import { parseOptions } from '../../core/options.ts'
import { settle } from '../../core/settled.ts'
import type { Grant, SinkDefinition } from '../sink.ts'
import { s3Options } from './options.ts'
import type { S3Input, S3Options } from './options.ts'
import type { ParquetFormat } from './parquet.ts'
import type { Partition } from './partition.ts'

export { dataPrefix, objectKey, parseKey } from './keys.ts'
export type { KeyParts, ParsedKey } from './keys.ts'
export { s3Options } from './options.ts'
export type { S3Input, S3Options } from './options.ts'
export { outputOf } from './partition.ts'
export type { Partition, PartitionValue } from './partition.ts'

export interface S3Spec extends Omit<S3Input, 'format'> {
  /** 'jsonl' where not given. `parquet` is the one of `weirhouse/sinks/s3/parquet`, and takes `columns`. */
  readonly format?: Exclude<S3Input['format'], 'parquet'> | ParquetFormat
  /** Maps the pipeline's row to this sink's: anything that JSON holds exactly. The row itself where not given. */
  readonly row?: NonNullable<SinkDefinition['row']>
  /**
   * Which output partition a row lies in: `row => ({ region: row.region })` puts it under `region=eu/`. Of the row that this
   * sink stores; a function of it and of the record alone, for the same row must always lie in the same partition. One
   * object a batch and partition: few partitions are cheap, one a row is not.
   */
  readonly partition?: Partition
}

export interface S3Definition extends SinkDefinition<S3Options> {
  readonly partition?: Partition
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
export function s3(input: S3Spec): S3Definition {
  const { row, format, partition, ...rest } = input
  const what = `Sink "${rest.id}" (s3)`
  const parquet = typeof format === 'object' ? format : undefined
  const data = { ...rest, format: parquet?.name ?? format }
  const code = { row: typeof row, partition: typeof partition, parquet: typeof parquet }
  const options = settle(what, data, code, import.meta.bundled || (() => optionsOf(what, data, input, parquet)))
  return {
    kind: 's3',
    id: options.id,
    options,
    ...(row ? { row } : {}),
    ...(partition ? { partition } : {}),
    grants: import.meta.bundled ? [] : GRANTS,
    ...(import.meta.bundled ? {} : { refusals: refusalsOf(options, parquet, partition) }),
    open: async (context) => (await import('./writer.ts')).openS3(options, context, { parquet, partition }),
  }
}

function refusalsOf(
  options: S3Options,
  parquet: ParquetFormat | undefined,
  partition: Partition | undefined,
): NonNullable<SinkDefinition['refusals']> {
  return async () => {
    const { encodeRanges } = await import('./encode.ts')
    const encode = parquet ? parquet.encode(options) : (await import('./format.ts')).codecOf(options).encode
    return (ranges) => encodeRanges(options.id, ranges, encode, partition).refusals
  }
}

function optionsOf(what: string, data: object, input: S3Spec, parquet: ParquetFormat | undefined): S3Options {
  const options = parseOptions(s3Options, data, what)
  const fault = faultOf(options, input, parquet)
  if (fault !== undefined) throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason: fault })
  return options
}

/** What the options cannot tell, since it is code. */
function faultOf(
  { format, date }: S3Options,
  { row, partition }: S3Spec,
  parquet: ParquetFormat | undefined,
): string | undefined {
  if (format === 'parquet' && !parquet)
    return "format: import { parquet } from 'weirhouse/sinks/s3/parquet' and give format: parquet"
  if (format.startsWith('raw') && row)
    return `row: format ${format} stores the record's own bytes, whatever a row would be`
  if (partition !== undefined && typeof partition !== 'function') return 'partition: expected a function of the row'
  if (partition && date) return 'date: partition is to give a date too, of the row or of record.timestamp'
  return undefined
}
