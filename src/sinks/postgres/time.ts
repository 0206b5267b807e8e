/**
 * Moments on the wire: whole microseconds since 2000-01-01 (timestamp.c); date.ts has days.
 * Nothing is rounded and no zone is guessed: what is finer than a microsecond or lacks its offset is refused.
 */
export const EPOCH_2000_MS = 946_684_800_000
export const DAY_MS = 86_400_000
/** timestamp.h: MIN_TIMESTAMP is 4714-11-24 BC, in milliseconds since 2000. The end is past what a Date can hold. */
const MIN_MS = -211_813_488_000_000

/** Since 2000: milliseconds, and microseconds on top, 0..999. */
export interface Instant {
  readonly ms: number
  readonly us: number
}

const INSTANT = /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::?\d\d)?)?$/i

/** A Date, milliseconds since 1970, or ISO 8601 text; text has an offset exactly where `zoned`. */
export function instantOf(value: unknown, zoned: boolean): Instant | string {
  if (value instanceof Date) return fromMs(value.getTime())
  if (typeof value === 'number') return Number.isInteger(value) ? fromMs(value) : 'expected whole milliseconds'
  if (typeof value !== 'string') return 'expected a Date, milliseconds or ISO 8601 text'
  const match = INSTANT.exec(value)
  if (!match) return 'expected ISO 8601 text such as 2026-01-31T12:00:00Z'
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match
  if (zoned && zone === undefined) return 'the text names no offset from UTC, and none is guessed'
  if (!zoned && zone !== undefined) return 'the text names an offset from UTC, which timestamp cannot hold'
  const digits = fraction.replace(/0+$/, '')
  if (digits.length > 6) return 'finer than a microsecond; round it in the transform'
  const days = daysOf(Number(year), Number(month), Number(day))
  if (days === undefined || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    return 'there is no such date or time'
  const micros = Number(digits.padEnd(6, '0'))
  const seconds = Number(hour) * 3600 + Number(minute) * 60 + Number(second)
  const ms = days * DAY_MS + seconds * 1000 - offsetMs(zone) + Math.floor(micros / 1000)
  return within({ ms, us: micros % 1000 })
}

function fromMs(ms: number): Instant | string {
  if (Number.isNaN(ms)) return 'the Date is invalid'
  if (Math.abs(ms) > 8.64e15) return 'out of the range of a Date'
  return within({ ms: ms - EPOCH_2000_MS, us: 0 })
}

function within(instant: Instant): Instant | string {
  return instant.ms < MIN_MS ? 'before 4714 BC, where timestamps begin' : instant
}

/** Undefined where the calendar has no such day. */
export function daysOf(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists ? (date.getTime() - EPOCH_2000_MS) / DAY_MS : undefined
}

function offsetMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(3).replace(':', '') || '0')
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
