import { isUtf8 } from 'node:buffer'

export interface ReadableBytes {
  readonly text: string | null
  readonly encoding: 'utf8' | 'base64' | null
}

/** Bytes as a JSON string can hold them without loss: text where they are UTF-8, else base64; null stays null. */
export function readable(bytes: Buffer | null): ReadableBytes {
  if (bytes === null) return { text: null, encoding: null }
  return isUtf8(bytes)
    ? { text: bytes.toString('utf8'), encoding: 'utf8' }
    : { text: bytes.toString('base64'), encoding: 'base64' }
}

/**
 * Bytes for a terminal: printable text as it is, everything else escaped, so that no message can steer it. Backslashes are
 * doubled, which makes it exact.
 */
export function escaped(bytes: Buffer): string {
  if (!isUtf8(bytes)) return Array.from(bytes, escapedByte).join('')
  return bytes.toString('utf8').replaceAll(/[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapedChar)
}

const FIRST_PRINTABLE = 0x20
const DELETE = 0x7f
const named: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapedByte(byte: number): string {
  const char = String.fromCharCode(byte)
  if (named[char] !== undefined) return named[char]
  return byte >= FIRST_PRINTABLE && byte < DELETE ? char : `\\x${byte.toString(16).padStart(2, '0')}`
}

function escapedChar(char: string): string {
  return named[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`
}
