/** A batch becomes parts of objects before any sink writes; what the format cannot hold is refused here. Pure. */
import type { Refusal } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { SinkRange } from '../sink.ts'
import type { AnyCodec, Encoded } from './codec.ts'

export interface EncodedRanges {
  /** By range and record. */
  readonly encoded: readonly (readonly Encoded<unknown>[])[]
  readonly refusals: readonly Refusal[]
}

export function encodeRanges(sink: string, ranges: readonly SinkRange[], encode: AnyCodec['encode']): EncodedRanges {
  const refusals: Refusal[] = []
  const encoded = ranges.map(({ source, records }) =>
    records.map((each) => {
      const made = encode(each)
      if ('fault' in made) {
        const { message } = new WeirError('WEIR_ENCODE', { sink, reason: made.fault })
        refusals.push({ source, record: each.record, stage: 'encode', code: 'WEIR_ENCODE', text: message })
      }
      return made
    }),
  )
  return { encoded, refusals }
}
