/**
 * JSON Lines, and how an object of it is compressed and labelled.
 *
 * The suffix of the key says how to read an object (`.gz`, `.zst`), and Content-Type agrees. Content-Encoding is left
 * out on purpose: clients that honour it decompress on the way, readers that go by the suffix then fail on the rest.
 */
import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import type { SinkRecord } from '../sink.ts'
import { inexactJson } from './exact.ts'
import type { S3Options } from './options.ts'

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** Rows of JSON are alike: higher levels take more than twice the time and save less than a tenth of the bytes. */
const GZIP_LEVEL = 1
const ZSTD_LEVEL = 1

export const CONTENT_TYPE = {
  gzip: 'application/gzip',
  zstd: 'application/zstd',
  none: 'application/x-ndjson',
} as const satisfies Record<S3Options['compress'], string>

export type EncodedRecord = { readonly lines: string; readonly rows: number } | { readonly fault: string }

const NO_ROWS: EncodedRecord = { lines: '', rows: 0 }

/** The lines of one record, each ended by a newline; one row that JSON cannot hold refuses them all (D6). */
export function encodeRecord({ rows }: Pick<SinkRecord, 'rows'>): EncodedRecord {
  if (rows.length === 0) return NO_ROWS
  let lines = ''
  try {
    for (const row of rows) {
      const fault = inexactJson(row)
      if (fault !== undefined) return { fault: `JSON does not hold ${fault}` }
      lines += `${JSON.stringify(row)}\n`
    }
  } catch (error) {
    return { fault: messageOf(error) } // a getter or toJSON that throws, or a row beyond the longest string
  }
  return { lines, rows: rows.length }
}

/**
 * The bytes of an object. The same lines give the same bytes: zlib writes no time, and the level is fixed. No lines give
 * an empty object of the format, which every reader takes for no rows: that is what a void marker holds.
 */
export async function encodeObject(lines: readonly string[], compress: S3Options['compress']): Promise<Buffer> {
  const text = Buffer.from(lines.join(''))
  if (compress === 'gzip') return gzipAsync(text, { level: GZIP_LEVEL })
  if (compress === 'zstd') return zstdAsync(text, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } })
  return text
}
