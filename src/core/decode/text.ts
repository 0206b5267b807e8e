import { isUtf8 } from 'node:buffer'
import type { Decoder } from './decoder.ts'

/** UTF-8 to a string; anything else is poison (WEIR_DECODE). */
export function text(): Decoder<string> {
  return {
    name: 'text',
    decode: ({ value }) =>
      isUtf8(value!)
        ? { value: value!.toString('utf8') }
        : { poison: { stage: 'decode', code: 'WEIR_DECODE', text: 'not valid UTF-8' } },
  }
}
