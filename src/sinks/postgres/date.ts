/** Days on the wire: since 2000-01-01 (date.c). Pure. Only where a column is a date. */
import { DAY_MS, daysOf, EPOCH_2000_MS } from './time.ts'

/** date.h: day 0 of the Julian calendar. */
const MIN_DAYS = -2_451_545

/** Days since 2000 of a Date at midnight UTC, or of text such as 2026-01-31. */
export function dateOf(value: unknown): number | string {
  if (value instanceof Date) {
    const ms = value.getTime() - EPOCH_2000_MS
    if (Number.isNaN(ms)) return 'the Date is invalid'
    return ms % DAY_MS === 0 ? withinDays(ms / DAY_MS) : 'the Date has a time of day; give text such as 2026-01-31'
  }
  const match = typeof value === 'string' ? /^(\d{4}|[+-]\d{6})-(\d\d)-(\d\d)$/.exec(value) : null
  if (!match) return 'expected text such as 2026-01-31'
  const days = daysOf(Number(match[1]), Number(match[2]), Number(match[3]))
  return days === undefined ? 'there is no such date' : withinDays(days)
}

function withinDays(days: number): number | string {
  return days < MIN_DAYS ? 'before 4714 BC, where dates begin' : days
}
