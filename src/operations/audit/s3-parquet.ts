/**
 * Parquet objects, read by hyparquet, and their rows as canonical texts. The library's own conversions take decimals through
 * doubles and instants to milliseconds: here it sees a schema without logical types, and what the bits mean is said below.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { FileMetaData, SchemaElement } from 'hyparquet'
import { optionalModule } from '../../config/optional-module.ts'
import { canonical, canonicalMembers, decimal, parseExact } from './canonical.ts'

/**
 * A row of the definition as it should come back: only what `columns` names, in the forms of their types. Text that does not
 * match where the type cannot hold the value: then the record has a dead letter, or will be missing.
 */
export function expectedParquet(row: unknown, columns: Readonly<Record<string, string>>): string {
  const fields = (typeof row === 'object' && row !== null ? row : {}) as Readonly<Record<string, unknown>>
  return canonicalMembers(
    Object.entries(columns).map(([name, type]) => {
      const value = Object.hasOwn(fields, name) ? fields[name] : undefined
      if (value === undefined || value === null) return [name, 'null'] as const
      return [name, expectedCell(type.replace(' not null', ''), value)] as const
    }),
  )
}

/** The canonical rows of a file; one undefined where it is none that can be read. */
export async function* parquetRows(body: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const { parquetMetadata, parquetReadObjects } = await optionalModule(
    'hyparquet',
    'the audit of Parquet objects',
    () => import('hyparquet'),
  )
  let rows: Record<string, unknown>[]
  let metadata: FileMetaData
  try {
    const buffer = new Uint8Array(bytes).buffer
    metadata = parquetMetadata(buffer)
    const bare = { ...metadata, schema: metadata.schema.map(bareElement) }
    rows = await parquetReadObjects({ file: buffer, metadata: bare, compressors, utf8: false })
  } catch {
    yield undefined // whatever is wrong with the bytes, they are no rows; nothing but them was read here
    return
  }
  const leaves = metadata.schema.slice(1)
  for (const row of rows)
    yield canonicalMembers(leaves.map((element) => [element.name, storedCell(element, row[element.name])] as const))
}

const compressors = {
  GZIP: (bytes: Uint8Array) => gunzipSync(bytes),
  ZSTD: (bytes: Uint8Array) => zstdDecompressSync(bytes),
}

function bareElement(element: SchemaElement): SchemaElement {
  const bare = { ...element }
  delete bare.converted_type
  delete bare.logical_type
  return bare
}

/** Texts that no two values of one column share: exact decimals, JSON text, and marked ones for the rest. */
function expectedCell(type: string, value: unknown): string {
  if (type.startsWith('decimal')) return decimal(plain(value))
  if (type === 'double') return typeof value === 'number' ? double(value) : 'no double'
  if (type === 'boolean' || type === 'string') return JSON.stringify(value)
  if (type === 'json') return canonical(parseExact(JSON.stringify(value) ?? 'null'))
  if (type === 'uuid') return `"uuid ${plain(value).replaceAll('-', '').toLowerCase()}"`
  if (type === 'binary') return value instanceof Uint8Array ? hex(value) : 'no bytes'
  if (type === 'date') return `"day ${daysOf(value)}"`
  if (type === 'timestamp') return `"us ${microsOf(value)}"`
  return decimal(plain(value))
}

function storedCell(element: SchemaElement, value: unknown): string {
  const { type, converted_type: converted, logical_type: logical, scale = 0 } = element
  if (value === undefined || value === null) return 'null'
  if (converted === 'DECIMAL') {
    const unscaled = value instanceof Uint8Array ? signed(value) : BigInt(value as number | bigint)
    return decimal(`${unscaled}e-${scale}`)
  }
  if (type === 'DOUBLE') return double(value as number)
  if (type === 'BOOLEAN') return JSON.stringify(value)
  if (converted === 'DATE') return `"day ${plain(value)}"`
  if (logical?.type === 'TIMESTAMP') return `"us ${plain(value)}"`
  if (type === 'INT32' || type === 'INT64') return decimal(plain(value))
  const bytes = value as Uint8Array
  if (logical?.type === 'UUID') return `"uuid ${Buffer.from(bytes).toString('hex')}"`
  const text = Buffer.from(bytes).toString('utf8')
  if (converted === 'UTF8') return JSON.stringify(text)
  return logical?.type === 'JSON' ? jsonCell(text) : hex(bytes)
}

function jsonCell(text: string): string {
  try {
    return canonical(parseExact(text))
  } catch (error) {
    if (error instanceof SyntaxError) return `"no JSON ${text}"`
    throw error
  }
}

/** Each bit pattern but NaN's by itself: -0 is not 0. */
function double(value: number): string {
  return Object.is(value, -0) ? '"-0"' : `"double ${value}"`
}

function hex(bytes: Uint8Array): string {
  return `"bytes ${Buffer.from(bytes).toString('hex')}"`
}

/** Two's complement, big end first. */
function signed(bytes: Uint8Array): bigint {
  return BigInt.asIntN(8 * bytes.length, BigInt(`0x${Buffer.from(bytes).toString('hex')}`))
}

/** What is no number and no text has no place in the columns that come here. */
function plain(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : 'no value'
}

const DAY_MS = 86_400_000

function daysOf(value: unknown): number {
  return Math.floor((value instanceof Date ? value.getTime() : Date.parse(`${plain(value)}T00:00:00Z`)) / DAY_MS)
}

/** ISO text by JavaScript's own parser to the second, and its digits after that by themselves. */
function microsOf(value: unknown): string {
  if (value instanceof Date) return String(BigInt(value.getTime()) * 1000n)
  if (typeof value === 'number') return String(BigInt(value) * 1000n)
  const text = plain(value).replace(' ', 'T').replace(',', '.')
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  const zone = /[+-]\d\d$/.test(text) ? ':00' : ''
  const whole = text.replace(/\.\d+/, '').replace(/([+-]\d\d)(\d\d)$/, '$1:$2') + zone
  const ms = Date.parse(whole)
  return Number.isNaN(ms) ? 'no time' : String(BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)))
}
