/** A batch becomes lines of JSON before any sink writes; what JSON cannot hold is refused here. Pure. */
import type { Refusal } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { SinkRange } from '../sink.ts'
import { encodeRecord } from './format.ts'
import type { EncodedRecord } from './format.ts'

export interface EncodedRanges {
  /** By range and record. */
  readonly encoded: readonly (readonly EncodedRecord[])[]
  readonly refusals: readonly Refusal[]
}

export function encodeRanges(sink: string, ranges: readonly SinkRange[]): EncodedRanges {
  const refusals: Refusal[] = []
  const encoded = ranges.map(({ source, records }) =>
    records.map((each) => {
      const made = encodeRecord(each)
      if ('fault' in made) {
        const { message } = new WeirError('WEIR_ENCODE', { sink, reason: made.fault })
        refusals.push({ source, record: each.record, stage: 'encode', code: 'WEIR_ENCODE', text: message })
      }
      return made
    }),
  )
  return { encoded, refusals }
}
