/** A batch becomes parts of objects before any sink writes; what the format cannot hold is refused here. Pure. */
import type { Refusal } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { SinkRange, SinkRecord } from '../sink.ts'
import { ONE_OUTPUT } from './claim.ts'
import type { AnyCodec, Encoded } from './codec.ts'
import { parted, piecesOf } from './parted.ts'
import type { Partition } from './partition.ts'

/** One range in its format. Places are of records in the range, `to` exclusive. */
export interface EncodedRange {
  /** Output partitions of the rows in from..to, in one order, of each those at or above `start(output)`. */
  outputs(from: number, to: number, start: (output: string) => number): readonly string[]
  parts(output: string, from: number, to: number): { readonly parts: readonly unknown[]; readonly rows: number }
  /** The same where such records have no rows. */
  without(isLeftOut: (place: number) => boolean): EncodedRange
  isRefused(place: number): boolean
  /** Where the parts begin that have no more than `limit` output partitions each. */
  partStarts(limit: number): readonly number[]
}

export interface EncodedRanges {
  readonly encoded: readonly EncodedRange[]
  readonly refusals: readonly Refusal[]
}

export function encodeRanges(
  sink: string,
  ranges: readonly SinkRange[],
  encode: AnyCodec['encode'],
  partition?: Partition,
): EncodedRanges {
  const refusals: Refusal[] = []
  const refuse = (source: SinkRange['source'], { record }: SinkRecord, fault: string) => {
    const { message } = new WeirError('WEIR_ENCODE', { sink, reason: fault })
    refusals.push({ source, record, stage: 'encode', code: 'WEIR_ENCODE', text: message })
  }
  const each = <Made extends object>(make: (record: SinkRecord) => Made | { readonly fault: string }) =>
    ranges.map(({ source, records }) =>
      records.map((record) => {
        const made = make(record)
        if ('fault' in made) refuse(source, record, made.fault)
        return made
      }),
    )
  const encoded = partition
    ? each((record) => piecesOf(record, encode, partition)).map(parted)
    : each<Encoded<unknown>>(encode).map(whole)
  return { encoded, refusals }
}

function whole(records: readonly Encoded<unknown>[]): EncodedRange {
  const rowsAt = (place: number) => {
    const record = records[place]!
    return 'fault' in record ? 0 : record.rows
  }
  return {
    outputs: (from, to) => {
      for (let place = from; place < to; place++) if (rowsAt(place) > 0) return ONE
      return NONE
    },
    parts: (_, from, to) => {
      const parts: unknown[] = []
      let rows = 0
      for (let place = from; place < to; place++) {
        const record = records[place]!
        if ('fault' in record || record.rows === 0) continue
        parts.push(record.part)
        rows += record.rows
      }
      return { parts, rows }
    },
    without: (isLeftOut) => whole(records.map((each, place) => (isLeftOut(place) ? NO_ROWS : each))),
    isRefused: (place) => 'fault' in records[place]!,
    partStarts: () => AT_ONCE,
  }
}

const NO_ROWS: Encoded<unknown> = { part: undefined, rows: 0 }
const ONE: readonly string[] = [ONE_OUTPUT]
const NONE: readonly string[] = []
const AT_ONCE: readonly number[] = [0]
