/** A buffer that grows: rows are encoded one behind the other, and sent as slices of it. */
export interface Arena {
  buffer: Buffer
  at: number
}

const FIRST_BYTES = 64 * 1024

export function arena(): Arena {
  return { buffer: Buffer.allocUnsafe(FIRST_BYTES), at: 0 }
}

/** Makes room for `bytes` more. */
export function reserve(out: Arena, bytes: number): void {
  const wanted = out.at + bytes
  if (wanted <= out.buffer.length) return
  const larger = Buffer.allocUnsafe(Math.max(wanted, out.buffer.length * 2))
  out.buffer.copy(larger, 0, 0, out.at)
  out.buffer = larger
}

/** Bytes of a number with its length before it, as COPY and array elements have it. */
export function putInt32(out: Arena, value: number): void {
  reserve(out, 8)
  out.at = out.buffer.writeInt32BE(value, out.buffer.writeInt32BE(4, out.at))
}

const TWO_32 = 2 ** 32

/** A whole number within 2^53; wider ones go through putBigInt64. */
export function putInt64(out: Arena, value: number): void {
  reserve(out, 12)
  const high = Math.floor(value / TWO_32)
  const { buffer } = out
  buffer.writeInt32BE(8, out.at)
  buffer.writeInt32BE(high, out.at + 4)
  buffer.writeUInt32BE(value - high * TWO_32, out.at + 8)
  out.at += 12
}

export function putBigInt64(out: Arena, value: bigint): void {
  reserve(out, 12)
  out.at = out.buffer.writeBigInt64BE(value, out.buffer.writeInt32BE(8, out.at))
}

export function putBytes(out: Arena, bytes: Uint8Array): void {
  reserve(out, 4 + bytes.length)
  out.at = out.buffer.writeInt32BE(bytes.length, out.at)
  out.buffer.set(bytes, out.at)
  out.at += bytes.length
}

/** UTF-16 units take at most three bytes each in UTF-8. */
export function putText(out: Arena, text: string): void {
  reserve(out, 4 + text.length * 3)
  const written = out.buffer.write(text, out.at + 4)
  out.buffer.writeInt32BE(written, out.at)
  out.at += 4 + written
}

export function putNull(out: Arena): void {
  reserve(out, 4)
  out.at = out.buffer.writeInt32BE(-1, out.at)
}
