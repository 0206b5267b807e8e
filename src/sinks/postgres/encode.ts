/**
 * JavaScript values to PostgreSQL's binary format, one encoder a column. The same bytes serve COPY and, as elements of
 * an array, the parameters of the one-statement path. Pure. An encoder gives the reason where it cannot hold a value.
 */
import { putBigInt64, putInt32, putInt64, putText, reserve } from './arena.ts'
import type { Arena } from './arena.ts'
import { dateOf } from './date.ts'
import { arrayOf } from './encode-array.ts'
import { encodeBigint, encodeInteger, encodeSmallint } from './encode-integer.ts'
import { encodeJson } from './encode-json.ts'
import { encodeBytes, encodeReal, encodeUuid } from './encode-other.ts'
import { expected } from './expected.ts'
import { putNumeric } from './numeric.ts'
import { instantOf } from './time.ts'
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
  smallint: () => encodeSmallint,
  integer: () => encodeInteger,
  bigint: () => encodeBigint,
  'double precision': () => (out, value) => {
    if (typeof value !== 'number') return expected('a number', value)
    reserve(out, 12)
    out.at = out.buffer.writeDoubleBE(value, out.buffer.writeInt32BE(8, out.at))
    return undefined
  },
  real: () => encodeReal,
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
  uuid: () => encodeUuid,
  bytea: () => encodeBytes,
}

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
