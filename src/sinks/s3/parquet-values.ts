/**
 * Values of rows become values of Parquet columns. Nothing is rounded, no zone is guessed: what a type cannot hold exactly is
 * a fault. Whole numbers and decimals go as bigints from end to end, never through a float.
 */
import { messageOf } from '../../core/errors.ts'
import type { BaseType, ColumnType } from './columns.ts'
import { inexactJson } from './exact.ts'

export class Fault {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

export type Convert = (value: unknown) => unknown

/** Gives null for null and undefined where the column may have none. */
export function converterOf(type: ColumnType): Convert {
  const convert = converters[type.base](type)
  const none = type.nullable ? null : new Fault('there is no value, and the column is not null')
  return (value) => (value === null || value === undefined ? none : convert(value))
}

const converters: Readonly<Record<BaseType, (type: ColumnType) => Convert>> = {
  boolean: () => (value) => (typeof value === 'boolean' ? value : expected('true or false', value)),
  int32: () => (value) => {
    const whole = wholeOf(value)
    if (whole instanceof Fault) return whole
    return whole >= -(2n ** 31n) && whole < 2n ** 31n ? Number(whole) : new Fault('out of the range of int32')
  },
  int64: () => (value) => {
    const whole = wholeOf(value)
    if (whole instanceof Fault) return whole
    return whole >= INT64_MIN && whole <= INT64_MAX ? whole : new Fault('out of the range of int64')
  },
  double: () => (value) => (typeof value === 'number' ? value : expected('a number', value)),
  decimal: decimalOf,
  string: () => (value) => {
    if (typeof value !== 'string') return expected('text', value)
    return value.isWellFormed() ? value : new Fault('text with a lone surrogate')
  },
  json: () => jsonOf,
  binary: () => (value) => (value instanceof Uint8Array ? value : expected('bytes (a Buffer or Uint8Array)', value)),
  uuid: () => (value) => {
    if (typeof value === 'string' && UUID.test(value)) return Buffer.from(value.replaceAll('-', ''), 'hex')
    return new Fault('expected text such as 8f9c4c3e-0000-4000-8000-0242ac120002')
  },
  date: () => dateOf,
  timestamp: () => instantOf,
}

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

function wholeOf(value: unknown): bigint | Fault {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return BigInt(value)
    return Number.isInteger(value) ? new Fault(INEXACT) : expected('a whole number', value)
  }
  return typeof value === 'string' && /^-?\d{1,40}$/.test(value) ? BigInt(value) : expected('a whole number', value)
}

const INEXACT = 'a number beyond 2^53 is not exact; give a bigint or decimal text'

/** To the unscaled whole number. A number counts as the decimal that it prints as. */
function decimalOf({ precision, scale }: ColumnType): Convert {
  const limit = 10n ** BigInt(precision)
  return (value) => {
    if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER) return new Fault(INEXACT)
    if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string')
      return expected('a number, a bigint or decimal text', value)
    const match = /^([+-]?)(\d{1,100})(?:\.(\d{0,100}))?(?:e([+-]?\d{1,3}))?$/i.exec(String(value))
    if (!match) return new Fault('expected a decimal number')
    const [, sign, whole, fraction = '', power = '0'] = match
    const shift = scale - fraction.length + Number(power)
    let unscaled = BigInt(whole! + fraction)
    if (shift < 0) {
      const divisor = 10n ** BigInt(-shift)
      if (unscaled % divisor !== 0n)
        return new Fault(`more than ${scale} digits after the point; round it in the transform`)
      unscaled /= divisor
    } else unscaled *= 10n ** BigInt(shift)
    if (unscaled >= limit) return new Fault(`more than ${precision - scale} digits before the point`)
    return sign === '-' ? -unscaled : unscaled
  }
}

function jsonOf(value: unknown): Uint8Array | Fault {
  try {
    const fault = inexactJson(value)
    return fault === undefined ? Buffer.from(JSON.stringify(value)) : new Fault(`JSON does not hold ${fault}`)
  } catch (error) {
    return new Fault(messageOf(error)) // a getter or toJSON that throws
  }
}

const DAY_MS = 86_400_000
const INSTANT = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i
/** ECMAScript: the range of a Date. Its microseconds fit 64 bits. */
const MAX_DATE_MS = 8.64e15

/** To microseconds since 1970: of a Date, of whole milliseconds, of ISO 8601 text that names its offset. */
function instantOf(value: unknown): bigint | Fault {
  if (value instanceof Date) return fromMs(value.getTime())
  if (typeof value === 'number') return fromMs(value)
  const match = typeof value === 'string' ? INSTANT.exec(value) : null
  if (!match) return new Fault('expected a Date, milliseconds since 1970 or text such as 2026-01-31T12:00:00Z')
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match
  if (zone === undefined) return new Fault('the text names no offset from UTC, and none is guessed')
  const digits = fraction.replace(/0+$/, '')
  if (digits.length > 6) return new Fault('finer than a microsecond; round it in the transform')
  const days = daysOf(Number(year), Number(month), Number(day))
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return new Fault('there is no such date or time')
  const seconds = days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - offsetSeconds(zone)
  return BigInt(seconds) * 1_000_000n + BigInt(digits.padEnd(6, '0'))
}

function fromMs(ms: number): bigint | Fault {
  if (!Number.isInteger(ms)) return new Fault(Number.isNaN(ms) ? 'the Date is invalid' : 'expected whole milliseconds')
  return Math.abs(ms) > MAX_DATE_MS ? new Fault('out of the range of a Date') : BigInt(ms) * 1000n
}

/** To days since 1970: of a Date at midnight UTC, or of text such as 2026-01-31. */
function dateOf(value: unknown): number | Fault {
  if (value instanceof Date) {
    const days = value.getTime() / DAY_MS
    if (Number.isInteger(days)) return days
    return new Fault(Number.isNaN(days) ? 'the Date is invalid' : 'the Date has a time of day; give text instead')
  }
  const match = typeof value === 'string' ? /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)$/.exec(value) : null
  if (!match) return new Fault('expected text such as 2026-01-31')
  return daysOf(Number(match[1]), Number(match[2]), Number(match[3])) ?? new Fault('there is no such date')
}

/** Undefined where the calendar has no such day. */
function daysOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists ? date.getTime() / DAY_MS : undefined
}

function offsetSeconds(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || '0')
  return (zone.startsWith('-') ? -1 : 1) * minutes * 60
}

function expected(what: string, value: unknown): Fault {
  const got = Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  return new Fault(`expected ${what}, got ${typeof value === 'number' ? String(value) : got}`)
}
