/**
 * The bytes of the records' values, untouched: whoever decodes and transforms does so only to choose which records are stored.
 *
 *   raw          value \n value \n ...           a value that holds \n is refused: it would come back as two
 *   raw-base64   base64(value) \n ...            holds any value, at four thirds of the bytes
 *   raw-length   uint32 big-endian, value, ...   holds any value; readers need to know of it
 */
import { compressed, contentTypeOf } from './codec.ts'
import type { Codec, Encoded } from './codec.ts'
import type { S3Options } from './options.ts'

type Framing = Extract<S3Options['format'], `raw${string}`>

const NEWLINE = 0x0a
const LENGTH_BYTES = 4
const NOTHING = Buffer.alloc(0)
const NO_ROWS: Encoded<Buffer> = { part: NOTHING, rows: 0 }

const NO_VALUE: Encoded<Buffer> = { fault: 'a record without a value has no bytes to store (tombstone)' }
const TWO_LINES: Encoded<Buffer> = {
  fault: "the value holds a newline and would be read back as two (format 'raw-base64' or 'raw-length' holds it)",
}

export function raw(framing: Framing, compress: S3Options['compress']): Codec<Buffer> {
  const lined = framing === 'raw'
  return {
    encode: ({ record: { value }, rows }) => {
      if (rows.length === 0) return NO_ROWS
      if (value === null) return NO_VALUE
      return lined && value.includes(NEWLINE) ? TWO_LINES : { part: value, rows: 1 }
    },
    object: (values) => compressed(frames[framing](values), compress),
    contentType: contentTypeOf(compress, framing === 'raw-base64' ? 'text/plain' : 'application/octet-stream'),
  }
}

const frames: Readonly<Record<Framing, (values: readonly Buffer[]) => Buffer>> = {
  raw: (values) => {
    const bytes = Buffer.allocUnsafe(values.reduce((sum, { length }) => sum + length + 1, 0))
    let at = 0
    for (const value of values) {
      at += value.copy(bytes, at)
      bytes[at++] = NEWLINE
    }
    return bytes
  },
  'raw-base64': (values) => Buffer.from(values.map((value) => `${value.toString('base64')}\n`).join(''), 'latin1'),
  'raw-length': (values) => {
    const bytes = Buffer.allocUnsafe(values.reduce((sum, { length }) => sum + length + LENGTH_BYTES, 0))
    let at = 0
    for (const value of values) {
      at = bytes.writeUInt32BE(value.length, at)
      at += value.copy(bytes, at)
    }
    return bytes
  },
}
