/**
 * Numbers as DynamoDB has them ("Naming rules and data types", Number): up to 38 significant digits, magnitude from 1E-130
 * to 9.9...E+125. Text in, text out: nothing passes through a float. Pure.
 */
import { MAX_NUMBER_DIGITS } from '../../core/limits.ts'

const MIN_MAGNITUDE = -130
const MAX_MAGNITUDE = 125
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,6}))?$/

export interface Decimal {
  readonly negative: boolean
  /** Significant digits, no zero at either end; '' is zero. */
  readonly digits: string
  /** Power of ten of the first digit. */
  readonly magnitude: number
}

/** Undefined where the text is no decimal number. */
export function parseDecimal(text: string): Decimal | undefined {
  const found = DECIMAL.exec(text)
  if (!found) return undefined
  const [, sign, whole = '', fraction = '', exponent = '0'] = found
  const all = whole + fraction
  let first = 0
  while (first < all.length && all[first] === '0') first++
  let end = all.length
  while (end > first && all[end - 1] === '0') end--
  if (first === end) return { negative: false, digits: '', magnitude: 0 }
  return {
    negative: sign === '-',
    digits: all.slice(first, end),
    magnitude: whole.length - 1 - first + Number(exponent),
  }
}

/** Why DynamoDB cannot hold the number exactly; undefined where it can. */
export function decimalFault({ digits, magnitude }: Decimal): string | undefined {
  if (digits.length > MAX_NUMBER_DIGITS) return `a number of ${digits.length} digits, over ${MAX_NUMBER_DIGITS}`
  if (digits !== '' && magnitude > MAX_MAGNITUDE) return 'a number of 1E+126 or more'
  if (digits !== '' && magnitude < MIN_MAGNITUDE) return 'a number nearer to zero than 1E-130'
  return undefined
}

/** One text a number, however it was written. */
export function canonicalDecimal({ negative, digits, magnitude }: Decimal): string {
  return digits === '' ? '0' : `${negative ? '-' : ''}${digits}e${magnitude}`
}

/** "Item sizes and formats": one byte for two significant digits, and one more; one more when negative. */
export function decimalBytes({ negative, digits }: Decimal): number {
  return Math.ceil(digits.length / 2) + 1 + (negative ? 1 : 0)
}
