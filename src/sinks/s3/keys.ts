/**
 * Keys of objects, from definition, positions, epoch and generation alone: never from the clock or chance (D12, N2).
 *
 *   <prefix>/<pipeline>/<sink>/<topic>/[date=YYYY-MM-DD/ | name=value/...]<partition>-<first>-<last>[.e<epoch>][~<generation>].<format>[.gz|.zst]
 *
 * Partition and first offset are padded with zeros, so that within one folder the listing's order is the log's order.
 */
import { PARTITION_DIGITS } from '../../core/limits.ts'
import type { S3Options } from './options.ts'
import { NO_VALUE } from './partition.ts'

/** Number.MAX_SAFE_INTEGER has 16 digits. */
const OFFSET_DIGITS = 16
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
  /** Output partition, such as `region=eu/`; none where the sink has only one. */
  readonly output?: string
}

/** The key of a range's object under `dataPrefix(...)`. */
export function objectKey(
  folder: string,
  parts: KeyParts,
  { format, compress, date }: Pick<S3Options, 'format' | 'compress' | 'date'>,
): string {
  const { partition, first, last, epoch, generation, output = '' } = parts
  const day = date ? `date=${dateOf(parts.timestamp)}/` : ''
  const range = `${partitionPrefix(partition)}${pad(first, OFFSET_DIGITS)}-${last}`
  const tags = `${epoch === 0 ? '' : `.e${epoch}`}${generation === 0 ? '' : `~${generation}`}`
  return `${folder}${day}${output}${range}${tags}${suffixOf({ format, compress })}`
}

/** What says how an object is to be read. */
export function suffixOf({ format, compress }: Pick<S3Options, 'format' | 'compress'>): string {
  return `.${format}${format === 'parquet' ? '' : SUFFIX[compress]}`
}

/** What the names of a partition's objects begin with, within their folder. */
export function partitionPrefix(partition: number): string {
  return `${pad(partition, PARTITION_DIGITS)}-`
}

/** UTC day of a timestamp; Hive's word for none where the producer gave none, or one outside 1970..9999. */
function dateOf(timestamp: number): string {
  if (!(timestamp >= 0 && timestamp <= LAST_DATED_MS)) return NO_VALUE
  return new Date(timestamp).toISOString().slice(0, 'YYYY-MM-DD'.length)
}

export interface ParsedKey {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly epoch: number
  readonly generation: number
  /** What stands between folder and name: nothing, or `name=value/` once or more, a date part among them. */
  readonly output: string
  /** Where that is a date part alone: `YYYY-MM-DD`, or Hive's word for none. */
  readonly date: string | undefined
  readonly format: S3Options['format']
  /** Of the object as a whole: 'none' for Parquet, which says within how it is compressed. */
  readonly compress: Exclude<S3Options['compress'], 'snappy'>
}

const NAME =
  /^((?:[A-Za-z_]\w{0,63}=[^/]+\/)*)(\d{6,10})-(\d{16})-(\d{1,16})(?:\.e([1-9]\d*))?(?:~([1-9]\d*))?\.(?:(jsonl|raw|raw-base64|raw-length)(\.gz|\.zst)?|(parquet))$/

const DATE = /^date=(\d{4}-\d{2}-\d{2}|__HIVE_DEFAULT_PARTITION__)\/$/

/** Reads a key back; undefined where it is not one that `objectKey` would give under this folder. */
export function parseKey(folder: string, key: string): ParsedKey | undefined {
  if (!key.startsWith(folder)) return undefined
  const match = NAME.exec(key.slice(folder.length))
  if (!match) return undefined
  const [, output = '', partition, first, last, epoch, generation, lines, suffix, parquet] = match
  const parsed = {
    partition: Number(partition),
    first: Number(first),
    last: Number(last),
    epoch: Number(epoch ?? 0),
    generation: Number(generation ?? 0),
    output,
    date: DATE.exec(output)?.[1],
    format: (lines ?? parquet) as S3Options['format'],
    compress: suffix === '.gz' ? 'gzip' : suffix === '.zst' ? 'zstd' : 'none',
  } as const
  return parsed.last >= parsed.first && Number.isSafeInteger(parsed.last) ? parsed : undefined
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
