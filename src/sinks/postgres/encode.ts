/**
 * JavaScript values to PostgreSQL's binary format, one encoder a column. The same bytes serve COPY and, as elements of
 * an array, the parameters of the one-statement path. Pure. An encoder gives the reason where it cannot hold a value.
 */
import { messageOf } from '../../core/errors.ts'
import { putBigInt64, putBytes, putInt32, putInt64, putNull, putText, reserve } from './arena.ts'
import type { Arena } from './arena.ts'
import { putNumeric } from './numeric.ts'
import { dateOf, instantOf } from './time.ts'
import { baseTypes } from './types.ts'
import type { BaseType, ColumnType } from './types.ts'

/** Writes length and bytes of a value that is neither null nor undefined; on refusal the arena is left anywhere. */
export type Encode = (out: Arena, value: unknown) => string | undefined

export function encoderOf(type: ColumnType): Encode {
  const scalar = scalars[type.base](type)
  return type.array ? arrayOf(type.base, scalar) : scalar
}

const scalars: Readonly<Record<BaseType, (type: ColumnType) => Encode>> = {
  text: () => encodeText,
  varchar: ({ length }) => (length === undefined ? encodeText : encodeVarchar(length)),
  smallint: () =>
    whole(-32_768, 32_767, (out, value) => {
      reserve(out, 6)
      out.at = out.buffer.writeInt16BE(value, out.buffer.writeInt32BE(2, out.at))
    }),
  integer: () => whole(-2_147_483_648, 2_147_483_647, putInt32),
  bigint: () => encodeBigint,
  'double precision': () => (out, value) => {
    if (typeof value !== 'number') return expected('a number', value)
    reserve(out, 12)
    out.at = out.buffer.writeDoubleBE(value, out.buffer.writeInt32BE(8, out.at))
    return undefined
  },
  real: () => (out, value) => {
    if (typeof value !== 'number') return expected('a number', value)
    if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) return 'out of the range of real'
    reserve(out, 8)
    out.at = out.buffer.writeFloatBE(value, out.buffer.writeInt32BE(4, out.at))
    return undefined
  },
  numeric: (limits) => (out, value) => {
    if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string')
      return expected('a number, a bigint or decimal text', value)
    return putNumeric(out, String(value), limits)
  },
  boolean: () => encodeBoolean,
  timestamptz: () => encodeInstant(true),
  timestamp: () => encodeInstant(false),
  date: () => (out, value) => {
    const days = dateOf(value)
    if (typeof days === 'string') return days
    putInt32(out, days)
    return undefined
  },
  jsonb: () => encodeJson('\u0001'),
  json: () => encodeJson(''),
  uuid: () => (out, value) => {
    if (typeof value !== 'string' || !UUID.test(value))
      return 'expected text such as 8f9c4c3e-0000-4000-8000-0242ac120002'
    putBytes(out, Buffer.from(value.replaceAll('-', ''), 'hex'))
    return undefined
  },
  bytea: () => (out, value) => {
    if (!(value instanceof Uint8Array)) return expected('bytes (a Buffer or Uint8Array)', value)
    putBytes(out, value)
    return undefined
  },
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** PostgreSQL holds no NUL in text; UTF-8 has no lone surrogates. */
export function textFault(text: string): string | undefined {
  if (text.includes('\0')) return 'text that holds NUL'
  return text.isWellFormed() ? undefined : 'text that holds a lone surrogate'
}

function encodeText(out: Arena, value: unknown): string | undefined {
  if (typeof value !== 'string') return expected('text', value)
  const fault = textFault(value)
  if (fault !== undefined) return fault
  putText(out, value)
  return undefined
}

export function encodeBoolean(out: Arena, value: unknown): string | undefined {
  if (typeof value !== 'boolean') return expected('true or false', value)
  reserve(out, 5)
  out.at = out.buffer.writeInt8(value ? 1 : 0, out.buffer.writeInt32BE(1, out.at))
  return undefined
}

function encodeVarchar(length: number): Encode {
  return (out, value) => {
    if (typeof value === 'string' && value.length > length && Array.from(value).length > length)
      return `text of more than ${length} characters`
    return encodeText(out, value)
  }
}

function whole(min: number, max: number, put: (out: Arena, value: number) => void): Encode {
  return (out, value) => {
    const number = typeof value === 'number' ? value : Number(integerOf(value) ?? NaN)
    if (!Number.isInteger(number)) return expected('a whole number', value)
    if (number < min || number > max) return `out of the range ${min} to ${max}`
    put(out, number)
    return undefined
  }
}

const BIGINT_MIN = -(2n ** 63n)
const BIGINT_MAX = 2n ** 63n - 1n

function encodeBigint(out: Arena, value: unknown): string | undefined {
  if (typeof value === 'number') {
    if (!Number.isInteger(value)) return expected('a whole number', value)
    if (!Number.isSafeInteger(value)) return 'a number beyond 2^53 is not exact; give a bigint or decimal text'
    putInt64(out, value)
    return undefined
  }
  const big = integerOf(value)
  if (big === undefined) return expected('a whole number', value)
  if (big < BIGINT_MIN || big > BIGINT_MAX) return 'out of the range of bigint'
  putBigInt64(out, big)
  return undefined
}

/** A bigint, or decimal text of up to 20 digits. */
function integerOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined
}

/** Microseconds within 2^53 (the years 1714 to 2285) go without a bigint. */
const FAST_MS = 9_007_199_254_740

function encodeInstant(zoned: boolean): Encode {
  return (out, value) => {
    const instant = instantOf(value, zoned)
    if (typeof instant === 'string') return instant
    const { ms, us } = instant
    if (Math.abs(ms) < FAST_MS) putInt64(out, ms * 1000 + us)
    else putBigInt64(out, BigInt(ms) * 1000n + BigInt(us))
    return undefined
  }
}

/** JSON text; jsonb has its version, 1, before it. The value is what the text says: a string becomes a JSON string. */
function encodeJson(prefix: string): Encode {
  return (out, value) => {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (error) {
      return `no JSON: ${messageOf(error)}` // the reason goes to the record's dead letter
    }
    if (text === undefined) return expected('a JSON value', value)
    const escapes = text.includes('\\u')
    if (escapes && NUL_ESCAPE.test(text)) return 'JSON text that holds NUL'
    if (escapes && SURROGATE_ESCAPE.test(text)) return 'JSON text that holds a lone surrogate'
    if (text.includes('null') && holdsNonFinite(value)) return 'JSON has no NaN and no Infinity'
    putText(out, prefix + text)
    return undefined
  }
}

/** An escape is one after an even number of backslashes. JSON.stringify escapes surrogates only where they are alone. */
const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/
const SURROGATE_ESCAPE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

function holdsNonFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsNonFinite)
}

/**
 * One dimension (array_recv): int32 dimensions · int32 has nulls · int32 element OID · int32 length · int32 lower bound ·
 * elements, each with its length.
 */
function arrayOf(base: BaseType, scalar: Encode): Encode {
  const { oid } = baseTypes[base]
  return (out, value) => {
    if (!Array.isArray(value)) return expected('an array', value)
    const start = out.at
    reserve(out, 4 + ARRAY_HEADER_BYTES)
    out.at += 4 + arrayHeader(out.buffer, out.at + 4, oid, value.length)
    for (const element of value as unknown[]) {
      if (element === null || element === undefined) {
        putNull(out)
        continue
      }
      const fault = scalar(out, element)
      if (fault !== undefined) return `in the array: ${fault}`
    }
    out.buffer.writeInt32BE(out.at - start - 4, start)
    return undefined
  }
}

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

function expected(what: string, value: unknown): string {
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  return `expected ${what}, got ${typeof value === 'number' ? String(value) : got}`
}
