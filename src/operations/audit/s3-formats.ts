/**
 * What an object's suffix says of how to read it: rows as canonical texts, one after the other, so that an object is never
 * held as a whole. A new format is a row of `formats`.
 */
import { Readable, pipeline } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import type { SourceRecord } from '../../core/record.ts'
import { MIB } from '../../core/limits.ts'
import type { S3Options } from '../../sinks/s3/index.ts'
import { canonical, parseExact } from './canonical.ts'
import { expectedParquet, parquetRows } from './s3-parquet.ts'
import { expectedRaw, rawRows } from './s3-raw.ts'

/** A row of a record in a batch is below this, since Lambda's payload is; a longer "line" is none of ours. */
const MAX_LINE_BYTES = 64 * MIB

export interface Format {
  /** A row of the definition as it should come back. */
  expected(value: unknown, record: SourceRecord, options: Pick<S3Options, 'columns'>): string
  /** All rows of a record in one folder are one line. */
  readonly perRecord?: true
  /** Rows of an object; undefined for what is no row. */
  rows(body: AsyncIterable<Buffer>): AsyncIterable<string | undefined>
}

export const formats: Readonly<Record<string, Format>> = {
  jsonl: { expected: asJson, rows: lines },
  raw: { expected: asRaw, perRecord: true, rows: rawRows.raw },
  'raw-base64': { expected: asRaw, perRecord: true, rows: rawRows['raw-base64'] },
  'raw-length': { expected: asRaw, perRecord: true, rows: rawRows['raw-length'] },
  parquet: { expected: (value, _, { columns = {} }) => expectedParquet(value, columns), rows: parquetRows },
}

function asRaw(_: unknown, record: SourceRecord): string {
  return expectedRaw(record)
}

/** As the row would come back from JSON; a row that JSON refuses has a dead letter, or will be missing. */
function asJson(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) as
    | string
    | undefined
  return text === undefined ? 'undefined' : canonical(parseExact(text))
}

/** Bytes of an object, decompressed as its suffix says. Throws zlib's errors where they are not what it says. */
export function decompressed(body: AsyncIterable<Uint8Array>, suffix: string | undefined): AsyncIterable<Buffer> {
  const source = Readable.from(body)
  const into = suffix === 'gz' ? createGunzip() : suffix === 'zst' ? createZstdDecompress() : undefined
  // the error comes out of what is read
  return into ? pipeline(source, into, () => undefined) : source
}

/** Canonical rows; undefined for a line that is no JSON. */
export async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  let rest: Buffer[] = []
  let held = 0
  for await (const chunk of body) {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      yield canonicalLine(Buffer.concat([...rest, chunk.subarray(from, end)]).toString('utf8'))
      rest = []
      held = 0
      from = end + 1
    }
    if (from === chunk.length) continue
    rest.push(chunk.subarray(from))
    held += chunk.length - from
    if (held <= MAX_LINE_BYTES) continue
    yield undefined
    return
  }
  if (rest.length > 0) yield canonicalLine(Buffer.concat(rest).toString('utf8'))
}

function canonicalLine(line: string): string | undefined {
  try {
    return canonical(parseExact(line))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
