/**
 * Times to live: whole seconds since 1970, as DynamoDB reads them ("Using time to live"). A time that is wrong by its unit
 * would remove an item at once or never, without a word: it is refused. Pure.
 */
import { UnholdableError } from './marshal.ts'

/** 2001 and 5138: fewer are no seconds since 1970 but a duration, more are milliseconds. */
const MIN_SECONDS = 1_000_000_000
const MAX_SECONDS = 100_000_000_000

/** As a row gives it; null: the item stays. Throws UnholdableError. */
export function expiryOf(value: unknown, name: string): number | null {
  if (value === null || value === undefined) return null
  const seconds =
    value instanceof Date ? Math.ceil(value.getTime() / 1000) : typeof value === 'bigint' ? Number(value) : value
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= MIN_SECONDS && seconds < MAX_SECONDS)
    return seconds
  throw new UnholdableError(
    `${name}: no time to live: expected a Date or whole seconds since 1970, between 2001 and 5138`,
  )
}

/** @param timestamp of the record, in milliseconds; -1 where it has none. Throws UnholdableError. */
export function expiryAfter(timestamp: number, seconds: number, name: string): number {
  if (timestamp < 0)
    throw new UnholdableError(`${name}: no time to live: it follows from the record's timestamp, and there is none`)
  return Math.ceil(timestamp / 1000) + seconds
}
