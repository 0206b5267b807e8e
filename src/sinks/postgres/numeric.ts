/**
 * numeric on the wire (numeric_recv in PostgreSQL's numeric.c), exact for any decimal text:
 *   int16 ndigits · int16 weight · int16 sign · int16 dscale · ndigits x int16
 * Digits are base 10,000, the first one worth 10000^weight; dscale is the number of decimal places to show.
 */
import { putBytes } from './arena.ts'
import type { Arena } from './arena.ts'
import type { Column } from './layout.ts'

const NEGATIVE = 0x4000
const SPECIAL: Readonly<Record<string, number>> = { NaN: 0xc000, Infinity: 0xd000, '-Infinity': 0xf000 }
/** PostgreSQL, "Numeric Types": 131072 digits before the point, 16383 after. */
const MAX_WHOLE_DIGITS = 131_072
const MAX_FRACTION_DIGITS = 16_383
const GROUP = 4

interface Limits {
  readonly precision?: number
  readonly scale?: number
}

/** Writes a decimal text, or gives the reason why not. Never rounds. */
export function putNumeric(out: Arena, text: string, { precision, scale = 0 }: Limits): string | undefined {
  const special = SPECIAL[text]
  if (special !== undefined) {
    if (precision !== undefined && text !== 'NaN') return `numeric(${precision},${scale}) holds no ${text}`
    putWords(out, [0, 0, special, 0])
    return undefined
  }
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,7}))?$/.exec(text)
  if (!match || (!match[2] && !match[3])) return 'expected a decimal number'
  const [, sign, whole = '', fraction = '', power = '0'] = match
  const digits = (whole + fraction).replace(/^0+/, '')
  /** Digits before the point once leading zeros are gone; negative where zeros follow the point. */
  const point = digits.length - fraction.length + Number(power)
  const shown = Math.max(0, fraction.length - Number(power))
  if (point > MAX_WHOLE_DIGITS || shown > MAX_FRACTION_DIGITS) return 'more digits than numeric holds'
  if (digits === '') {
    putWords(out, [0, 0, 0, shown])
    return undefined
  }
  if (precision !== undefined) {
    if (digits.replace(/0+$/, '').length - point > scale)
      return `more than ${scale} digits after the point; round it in the transform`
    if (point > precision - scale) return `more than ${precision - scale} digits before the point`
  }
  putWords(out, wordsOf(digits, point, sign === '-', shown))
  return undefined
}

function wordsOf(digits: string, point: number, negative: boolean, shown: number): number[] {
  const wholeGroups = Math.ceil(point / GROUP)
  const padded = '0'.repeat(wholeGroups * GROUP - point) + digits
  const groups: number[] = []
  for (let at = 0; at < padded.length; at += GROUP) groups.push(Number(padded.slice(at, at + GROUP).padEnd(GROUP, '0')))
  while (groups.at(-1) === 0) groups.pop()
  return [groups.length, wholeGroups - 1, negative ? NEGATIVE : 0, shown, ...groups]
}

function putWords(out: Arena, words: readonly number[]): void {
  const bytes = Buffer.allocUnsafe(words.length * 2)
  words.forEach((word, i) => bytes.writeUInt16BE(word & 0xffff, i * 2))
  putBytes(out, bytes)
}

/** Where dscale stands in a numeric field, its length included: 1 and 1.0 are one key. */
const DSCALE_AT = 4 + 6

/** The bytes of all key fields, lengths included, where some are numeric. */
export function canonicalKey(out: Arena, start: number, keys: readonly Pick<Column, 'type'>[]): string {
  const bytes = Buffer.from(out.buffer.subarray(start, out.at))
  let at = 0
  for (const { type } of keys) {
    if (type.base === 'numeric') bytes.writeUInt16BE(0, at + DSCALE_AT)
    at += 4 + bytes.readInt32BE(at)
  }
  return bytes.toString('latin1')
}
