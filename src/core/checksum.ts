import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { SourceRecord } from './record.ts'

/** Identifies one record at a checkpoint (D9): timestamp, key and value, 8 hexadecimal digits and the value's length. */
export function recordChecksum(record: SourceRecord): string {
  const { timestamp, key, value } = record
  let sum = crc32(`${timestamp} ${key?.length ?? -1} `) // the length keeps apart what would run together
  if (key) sum = crc32(key, sum)
  if (value) sum = crc32(value, sum)
  return `${sum.toString(16).padStart(8, '0')}.${value?.length ?? -1}`
}

/** SHA-256 over offsets, keys and values of a range: tells a twin of an S3 object from a foreign one. */
export function rangeChecksum(records: readonly SourceRecord[]): string {
  const hash = createHash('sha256')
  const frame = Buffer.alloc(16)
  for (const { offset, key, value } of records) {
    frame.writeDoubleBE(offset, 0)
    frame.writeInt32BE(key?.length ?? -1, 8)
    frame.writeInt32BE(value?.length ?? -1, 12)
    hash.update(frame)
    if (key) hash.update(key)
    if (value) hash.update(value)
  }
  return hash.digest('hex')
}
