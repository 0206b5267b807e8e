/** Encoded rows to what goes over the wire: a COPY stream, or one array a column. Pure. */
import type { EncodedRow } from './batch.ts'
import type { Column } from './layout.ts'
import { baseTypes } from './types.ts'

/** COPY, "Binary Format": signature, flags, no header extension; and a field count of -1 at the end. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const TRAILER = Buffer.from([0xff, 0xff])
/** Weirhouse: bytes in one CopyData message at most, so that no single message asks for much memory. */
const MAX_CHUNK_BYTES = 1024 * 1024

/** The stream of these rows; rows that stand side by side in the buffer travel as one slice. */
export function copyStream(buffer: Buffer, rows: readonly EncodedRow[]): Buffer[] {
  const chunks: Buffer[] = [HEADER]
  let start = -1
  let end = -1
  for (const row of rows) {
    if (row.start === end && row.end - start <= MAX_CHUNK_BYTES) {
      end = row.end
      continue
    }
    if (start >= 0) chunks.push(buffer.subarray(start, end))
    start = row.start
    end = row.end
  }
  if (start >= 0) chunks.push(buffer.subarray(start, end))
  chunks.push(TRAILER)
  return merged(chunks)
}

/** The same with a number before each row's fields, from 0: `seq` of the isolation table. */
export function numberedCopyStream(buffer: Buffer, rows: readonly EncodedRow[]): Buffer[] {
  const chunks: Buffer[] = [HEADER]
  rows.forEach(({ start, end }, seq) => {
    const head = Buffer.allocUnsafe(10)
    head.writeInt16BE(buffer.readInt16BE(start) + 1, 0)
    head.writeInt32BE(4, 2)
    head.writeInt32BE(seq, 6)
    chunks.push(head, buffer.subarray(start + 2, end))
  })
  chunks.push(TRAILER)
  return merged(chunks)
}

/** Joins small neighbours: a message has a price of its own. */
function merged(chunks: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = []
  let waiting: Buffer[] = []
  let bytes = 0
  const flush = () => {
    if (waiting.length > 0) out.push(waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, bytes))
    waiting = []
    bytes = 0
  }
  for (const chunk of chunks) {
    if (bytes + chunk.length > MAX_CHUNK_BYTES) flush()
    waiting.push(chunk)
    bytes += chunk.length
  }
  flush()
  return out
}

/** One binary array a column, the parameters of `unnest`. Scalar columns only. */
export function columnArrays(buffer: Buffer, rows: readonly EncodedRow[], columns: readonly Column[]): Buffer[] {
  const at = rows.map(({ start }) => start + 2)
  return columns.map(({ type }) => {
    const slices = at.map((from, i) => {
      const length = buffer.readInt32BE(from)
      const to = from + 4 + Math.max(0, length)
      at[i] = to
      return buffer.subarray(from, to)
    })
    const header = Buffer.alloc(ARRAY_HEADER_BYTES)
    const used = arrayHeader(header, 0, baseTypes[type.base].oid, rows.length)
    return Buffer.concat([header.subarray(0, used), ...slices])
  })
}

/** Of one dimension: see encode-array.ts. */
export const ARRAY_HEADER_BYTES = 20

/** Writes the header of an array and gives its length; an empty array has no dimension. */
export function arrayHeader(buffer: Buffer, at: number, oid: number, length: number): number {
  buffer.writeInt32BE(length === 0 ? 0 : 1, at)
  buffer.writeInt32BE(1, at + 4)
  buffer.writeInt32BE(oid, at + 8)
  if (length === 0) return 12
  buffer.writeInt32BE(length, at + 12)
  buffer.writeInt32BE(1, at + 16)
  return ARRAY_HEADER_BYTES
}
