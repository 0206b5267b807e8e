/** Arrays of any type. Pure. Only where a column is one. */
import { putNull, reserve } from './arena.ts'
import type { Encode } from './encode.ts'
import { expected } from './expected.ts'
import { baseTypes } from './types.ts'
import type { BaseType } from './types.ts'
import { ARRAY_HEADER_BYTES, arrayHeader } from './wire.ts'

/**
 * One dimension (array_recv): int32 dimensions · int32 has nulls · int32 element OID · int32 length · int32 lower bound ·
 * elements, each with its length.
 */
export function arrayOf(base: BaseType, scalar: Encode): Encode {
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
