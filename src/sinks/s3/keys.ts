/**
 * Keys of objects, from definition, positions, epoch and generation alone: never from the clock or chance (D12, N2).
 *
 *   <prefix>/<pipeline>/<sink>/<topic>/[date=YYYY-MM-DD/]<partition>-<first>-<last>[.e<epoch>][~<generation>].<format>[.gz|.zst]
 *
 * Partition and first offset are padded with zeros, so that within one folder the listing's order is the log's order.
 */
import { PARTITION_DIGITS } from '../../core/limits.ts'
import type { S3Options } from './options.ts'

/** Number.MAX_SAFE_INTEGER has 16 digits. */
const OFFSET_DIGITS = 16
/** Hive's name for "no value", which Athena, Spark and Trino read as NULL. */
const NO_DATE = '__HIVE_DEFAULT_PARTITION__'
const LAST_DATED_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

const SUFFIX = { gzip: '.gz', zstd: '.zst', none: '', snappy: '' } as const satisfies Record<
  S3Options['compress'],
  string
>

/** Where a sink's objects of one topic are: ends in `/`, so that it is no prefix of another topic's. */
export function dataPrefix(prefix: string, pipeline: string, sink: string, topic: string): string {
  return `${prefix === '' ? '' : `${prefix}/`}${pipeline}/${sink}/${topic}/`
}

export interface KeyParts {
  readonly partition: number
  readonly first: number
  readonly last: number
  /** Milliseconds since the epoch of the range's first record; used where the sink has `date`. */
  readonly timestamp: number
  readonly epoch: number
  readonly generation: number
}

/** The key of a range's object under `dataPrefix(...)`. */
export function objectKey(
  folder: string,
  parts: KeyParts,
  { format, compress, date }: Pick<S3Options, 'format' | 'compress' | 'date'>,
): string {
  const { partition, first, last, epoch, generation } = parts
  const day = date ? `date=${dateOf(parts.timestamp)}/` : ''
  const range = `${partitionPrefix(partition)}${pad(first, OFFSET_DIGITS)}-${last}`
  const tags = `${epoch === 0 ? '' : `.e${epoch}`}${generation === 0 ? '' : `~${generation}`}`
  return `${folder}${day}${range}${tags}.${format}${format === 'parquet' ? '' : SUFFIX[compress]}`
}

/** What the names of a partition's objects begin with, within their folder. */
export function partitionPrefix(partition: number): string {
  return `${pad(partition, PARTITION_DIGITS)}-`
}

/** UTC day of a timestamp; Hive's word for none where the producer gave none, or one outside 1970..9999. */
function dateOf(timestamp: number): string {
  if (!(timestamp >= 0 && timestamp <= LAST_DATED_MS)) return NO_DATE
  return new Date(timestamp).toISOString().slice(0, 'YYYY-MM-DD'.length)
}

export interface ParsedKey {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly epoch: number
  readonly generation: number
  /** `YYYY-MM-DD`, Hive's word for none, or undefined where the key has no date part. */
  readonly date: string | undefined
  readonly format: S3Options['format']
  /** Of the object as a whole: 'none' for Parquet, which says within how it is compressed. */
  readonly compress: Exclude<S3Options['compress'], 'snappy'>
}

const NAME =
  /^(?:date=(\d{4}-\d{2}-\d{2}|__HIVE_DEFAULT_PARTITION__)\/)?(\d{6,10})-(\d{16})-(\d{1,16})(?:\.e([1-9]\d*))?(?:~([1-9]\d*))?\.(?:(jsonl|raw|raw-base64|raw-length)(\.gz|\.zst)?|(parquet))$/

/** Reads a key back; undefined where it is not one that `objectKey` would give under this folder. */
export function parseKey(folder: string, key: string): ParsedKey | undefined {
  if (!key.startsWith(folder)) return undefined
  const match = NAME.exec(key.slice(folder.length))
  if (!match) return undefined
  const [, date, partition, first, last, epoch, generation, lines, suffix, parquet] = match
  const parsed = {
    partition: Number(partition),
    first: Number(first),
    last: Number(last),
    epoch: Number(epoch ?? 0),
    generation: Number(generation ?? 0),
    date,
    format: (lines ?? parquet) as S3Options['format'],
    compress: suffix === '.gz' ? 'gzip' : suffix === '.zst' ? 'zstd' : 'none',
  } as const
  return parsed.last >= parsed.first && Number.isSafeInteger(parsed.last) ? parsed : undefined
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
