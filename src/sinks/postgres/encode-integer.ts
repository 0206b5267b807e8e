/** smallint, integer, bigint. Pure. Only where a column is of these. */
import { putBigInt64, putInt32, putInt64, reserve } from './arena.ts'
import type { Arena } from './arena.ts'
import type { Encode } from './encode.ts'
import { expected } from './expected.ts'

export const encodeSmallint = whole(-32_768, 32_767, (out, value) => {
  reserve(out, 6)
  out.at = out.buffer.writeInt16BE(value, out.buffer.writeInt32BE(2, out.at))
})
export const encodeInteger = whole(-2_147_483_648, 2_147_483_647, putInt32)

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

export function encodeBigint(out: Arena, value: unknown): string | undefined {
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
