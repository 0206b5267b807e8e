/**
 * Writes short texts one behind the other into a buffer whose size is known. Byte by byte: for some ten bytes that costs less
 * than a call out of JavaScript, and nothing is left for the garbage collector.
 */
export interface AsciiWriter {
  /** One character a byte. */
  text(text: string): void
  /** A whole number, as JSON has it. */
  number(value: number): void
  base64(bytes: Uint8Array): void
  /** What was written. */
  bytes(): Buffer
}

const ALPHABET = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')
const PADDING = 0x3d
const ZERO = 0x30

export function asciiWriter(size: number): AsciiWriter {
  const out = Buffer.allocUnsafe(size)
  let at = 0
  const text = (value: string) => {
    for (let i = 0; i < value.length; i++) out[at++] = value.charCodeAt(i)
  }
  return {
    text,
    number(value) {
      if (value < 0 || !Number.isSafeInteger(value)) {
        text(String(value))
        return
      }
      const end = at + digits(value)
      let left = value
      for (let place = end - 1; place >= at; place--) {
        const tens = Math.floor(left / 10)
        out[place] = left - tens * 10 + ZERO
        left = tens
      }
      at = end
    },
    base64(bytes) {
      const whole = bytes.length - (bytes.length % 3)
      for (let i = 0; i < whole; i += 3) {
        const three = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!
        out[at] = ALPHABET[three >> 18]!
        out[at + 1] = ALPHABET[(three >> 12) & 63]!
        out[at + 2] = ALPHABET[(three >> 6) & 63]!
        out[at + 3] = ALPHABET[three & 63]!
        at += 4
      }
      if (whole === bytes.length) return
      const rest = (bytes[whole]! << 8) | (bytes[whole + 1] ?? 0)
      out[at] = ALPHABET[rest >> 10]!
      out[at + 1] = ALPHABET[(rest >> 4) & 63]!
      out[at + 2] = bytes.length - whole === 2 ? ALPHABET[(rest << 2) & 63]! : PADDING
      out[at + 3] = PADDING
      at += 4
    },
    bytes: () => out.subarray(0, at),
  }
}

/** Characters of a whole number, its sign included. */
export function digits(value: number): number {
  if (value < 0) return 1 + digits(-value)
  let count = 1
  for (let limit = 10; value >= limit; limit *= 10) count++
  return count
}
