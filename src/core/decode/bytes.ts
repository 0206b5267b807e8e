import type { Decoder } from './decoder.ts'

/** The value as it is. */
export function bytes(): Decoder<Buffer> {
  return { name: 'bytes', decode: ({ value }) => ({ value: value! }) }
}
