/** What a format does: takes a record's rows into a part of an object, and parts into the object's bytes. */
import { promisify } from 'node:util'
import { constants, gzip, gzipSync, zstdCompress, zstdCompressSync } from 'node:zlib'
import { KIB } from '../../core/limits.ts'
import type { SinkRecord } from '../sink.ts'
import type { NewObject } from './objects.ts'
import type { S3Options } from './options.ts'

const gzipAsync = promisify(gzip)
const zstdAsync = promisify(zstdCompress)

/** Rows of JSON are alike: higher levels take more than twice the time and save less than a tenth of the bytes. */
export const GZIP_LEVEL = 1
export const ZSTD_LEVEL = 1

export const PARQUET_TYPE = 'application/vnd.apache.parquet'

/** One record as its format holds it; `rows` is 0 where there is nothing to store, and then `part` means nothing. */
export type Encoded<Part> = { readonly part: Part; readonly rows: number } | { readonly fault: string }

export interface Codec<Part> {
  /** Pure. A fault refuses the whole record (D6). */
  readonly encode: (record: SinkRecord) => Encoded<Part>
  /** The same parts give the same bytes (D12). None give an object that every reader takes for no rows: a void marker's. */
  object(parts: readonly Part[]): Promise<Buffer>
  readonly contentType: string
}

/** The writer does not look inside. */
export type AnyCodec = Codec<unknown>

/**
 * Measured with rows of 70 bytes: of 7 KB a thread of the pool costs twice the CPU that compressing takes (104 us against 54 us), of
 * 70 KB and more nothing, and other sinks go on meanwhile.
 */
const POOLED_BYTES = 32 * KIB

/** Formats that are compressed as a whole. */
export async function compressed(bytes: Buffer, compress: S3Options['compress']): Promise<Buffer> {
  const pooled = bytes.length >= POOLED_BYTES
  if (compress === 'gzip') {
    const options = { level: GZIP_LEVEL }
    return pooled ? gzipAsync(bytes, options) : gzipSync(bytes, options)
  }
  if (compress === 'zstd') {
    const options = { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }
    return pooled ? zstdAsync(bytes, options) : zstdCompressSync(bytes, options)
  }
  return bytes
}

/**
 * The suffix of the key says how to read an object (`.gz`, `.zst`), and Content-Type agrees. Content-Encoding is left out
 * on purpose: clients that honour it decompress on the way, readers that go by the suffix then fail on the rest.
 */
export function contentTypeOf(compress: S3Options['compress'], plain: string): string {
  if (compress === 'gzip') return 'application/gzip'
  return compress === 'zstd' ? 'application/zstd' : plain
}

/**
 * A Parquet file without columns or rows, by hand: magic, a FileMetaData {1: version 2, 2: schema [{4: "root", 5: no children}],
 * 3: no rows, 4: no row groups} in Thrift's compact protocol, its length, magic.
 */
const EMPTY_PARQUET = Buffer.from(
  'PAR1\x15\x04\x19\x1c\x48\x04root\x15\x00\x00\x16\x00\x19\x0c\x00\x12\x00\x00\x00PAR1',
  'latin1',
)

/**
 * An object without rows of the format that a key's suffix names, which may be another than the sink has now: what a void
 * marker holds where the key was claimed, or written, under another definition.
 */
export async function emptyObject(key: string): Promise<Pick<NewObject, 'body' | 'contentType'>> {
  if (key.endsWith('.parquet')) return { body: EMPTY_PARQUET, contentType: PARQUET_TYPE }
  const compress = key.endsWith('.gz') ? 'gzip' : key.endsWith('.zst') ? 'zstd' : 'none'
  return {
    body: await compressed(Buffer.alloc(0), compress),
    contentType: contentTypeOf(compress, 'application/octet-stream'),
  }
}
