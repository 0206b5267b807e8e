/**
 * Output partitions: `partition: row => ({ region: row.region, day: row.day })` puts a row under `region=eu/day=2026-01-31/`,
 * as Hive names folders, which Athena, Spark, Trino and DuckDB read as columns. Pure.
 */
import { isObject } from '../../core/object.ts'
import type { SourceRecord } from '../../core/record.ts'

export type PartitionValue = string | number | bigint | boolean | null | undefined

/** Of the row as this sink stores it. A function of row and record alone: the same row must land in the same partition (D2). */
export type Partition<R = never> = (row: R, record: SourceRecord) => Readonly<Record<string, PartitionValue>>

/** Hive's name for "no value"; an empty text it cannot tell from none. */
export const NO_VALUE = '__HIVE_DEFAULT_PARTITION__'
/**
 * Output partitions, and so objects, of one claim. A range with more of them is written in parts, each with a claim of its own:
 * nothing is refused for it, but every object costs a PUT. A single record with more is refused.
 */
export const MAX_OUTPUTS = 256
/** With the longest prefix, names and topic a key then still has the 1,024 bytes that S3 allows. */
export const MAX_OUTPUT_BYTES = 200

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/
/** FileUtils.escapePathName of Hive: these as `%` and two digits, all others as they are. */
// oxlint-disable-next-line no-control-regex -- control characters are among those that Hive escapes
const ESCAPED = /[\u0000-\u001f\u007f"#%'*/:=?\\{[\]^]/g

export type Output = { readonly output: string } | { readonly fault: string }

/** The folders of a row, each ended by `/`; none for `{}`. */
export function outputOf(values: Readonly<Record<string, PartitionValue>>): Output {
  if (!isObject(values)) return { fault: 'partition(...) gave no object of names and values' }
  let output = ''
  for (const [name, value] of Object.entries(values)) {
    if (!NAME.test(name)) return { fault: 'partition(...) gave a name that is none: letters, digits and _, at most 64' }
    const text = textOf(value)
    if (text === undefined) return { fault: `partition(...) gave ${kindOf(value)} for ${name}; give text or a number` }
    output += `${name}=${text}/`
  }
  if (Buffer.byteLength(output) > MAX_OUTPUT_BYTES)
    return { fault: `partition(...) gave names and values of more than ${MAX_OUTPUT_BYTES} bytes` }
  return { output }
}

function textOf(value: PartitionValue): string | undefined {
  if (value === null || value === undefined || value === '') return NO_VALUE
  if (typeof value === 'string') return value.isWellFormed() ? value.replaceAll(ESCAPED, escape) : undefined
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined
  return typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : undefined
}

function escape(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

function kindOf(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? 'text with a lone surrogate' : `a value of type ${typeof value}`
}
