/** Which format the options name, of those that need no library. */
import type { AnyCodec } from './codec.ts'
import { jsonl } from './jsonl.ts'
import type { S3Options } from './options.ts'
import type { ParquetFormat } from './parquet.ts'
import { raw } from './raw.ts'

/** Parquet comes from its own door: see parquet.ts. */
export function codecOf({ format, compress }: S3Options): AnyCodec {
  if (format === 'parquet') throw new Error('Parquet is opened through its door')
  return format === 'jsonl' ? jsonl(compress) : raw(format, compress)
}

export async function openCodec(options: S3Options, parquet: ParquetFormat | undefined): Promise<AnyCodec> {
  return parquet ? parquet.open(options) : codecOf(options)
}
