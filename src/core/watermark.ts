import { recordChecksum } from './checksum.ts'
import { MAX_CHECKPOINTS, MAX_GAPS } from './limits.ts'
import type { RecordRange, SourceRecord } from './record.ts'

/** The head of a range that took effect: seen again with another checksum, the log is not the one it was (D9). */
export interface Checkpoint {
  readonly offset: number
  readonly checksum: string
}

/** Offsets that no event brought: [first, last], both inclusive. */
export interface Gap {
  readonly first: number
  readonly last: number
}

/** Progress of one sink on one source. `next` is the first offset that has not taken effect. */
export interface Watermark {
  readonly epoch: number
  readonly next: number
  readonly checkpoints: readonly Checkpoint[]
  /** The newest MAX_GAPS gaps. */
  readonly gaps: readonly Gap[]
  /** Gaps ever seen, so that a folded list is no silent one. */
  readonly gapCount: number
}

export type Admission =
  | {
      readonly kind: 'admitted'
      /** Index of the first record to write; records.length when all took effect before. */
      readonly from: number
      readonly gaps: readonly Gap[]
      /** The watermark once the admitted records have taken effect. */
      readonly after: Watermark
    }
  | { readonly kind: 'restarted'; readonly why: string }

/**
 * Decides what of a range is new (D2, D9). Pure: the caller holds the lock or the compare-and-set.
 * - no watermark yet: everything; the log before the first offset is not a gap (it was never offered).
 * - begins below the oldest checkpoint, or differs at a checkpoint: the topic restarted.
 * - begins above `next`, or has holes: gaps, recorded.
 */
export function admit(watermark: Watermark | undefined, records: RecordRange['records']): Admission {
  const first = records[0]!
  const last = records.at(-1)!
  if (watermark) {
    const why = restarted(watermark, records)
    if (why) return { kind: 'restarted', why }
  }
  const next = watermark?.next ?? first.offset
  const from = lowerBound(records, next)
  const gaps = from === records.length ? [] : gapsOf(records, from, next)
  if (from === records.length) return { kind: 'admitted', from, gaps, after: watermark! }
  const head = records[from]!
  const checkpoints = [...(watermark?.checkpoints ?? []), { offset: head.offset, checksum: recordChecksum(head) }]
  return {
    kind: 'admitted',
    from,
    gaps,
    after: {
      epoch: watermark?.epoch ?? 0,
      next: last.offset + 1,
      checkpoints: keepCheckpoints(checkpoints, first.offset),
      gaps: [...(watermark?.gaps ?? []), ...gaps].slice(-MAX_GAPS),
      gapCount: (watermark?.gapCount ?? 0) + gaps.length,
    },
  }
}

/**
 * The newest MAX_CHECKPOINTS, and in place of the oldest of them the newest one at or below `first`, where the event
 * begins: while another sink is down the same event comes again and again, longer each time, and without its own head's
 * checkpoint it would in the end begin below the oldest, as if the topic had restarted (D5).
 */
export function keepCheckpoints(checkpoints: readonly Checkpoint[], first: number): readonly Checkpoint[] {
  if (checkpoints.length <= MAX_CHECKPOINTS) return checkpoints
  const newest = checkpoints.slice(-MAX_CHECKPOINTS)
  const head = checkpoints.findLast(({ offset }) => offset <= first)
  return head && head.offset < newest[0]!.offset ? [head, ...newest.slice(1)] : newest
}

function restarted(watermark: Watermark, records: readonly SourceRecord[]): string | undefined {
  const first = records[0]!.offset
  const oldest = watermark.checkpoints[0]
  if (!oldest) return undefined
  if (first < oldest.offset) return `below its oldest checkpoint ${oldest.offset}`
  for (const { offset, checksum } of watermark.checkpoints) {
    const record = records[lowerBound(records, offset)]
    if (record?.offset === offset && recordChecksum(record) !== checksum)
      return `and its record at checkpoint ${offset} is another than before`
  }
  return undefined
}

function gapsOf(records: readonly SourceRecord[], from: number, next: number): Gap[] {
  const gaps: Gap[] = []
  let expected = next
  for (let i = from; i < records.length; i++) {
    const { offset } = records[i]!
    if (offset > expected) gaps.push({ first: expected, last: offset - 1 })
    expected = offset + 1
  }
  return gaps
}

/** Index of the first record with offset >= wanted. */
export function lowerBound(records: readonly SourceRecord[], wanted: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset < wanted) low = middle + 1
    else high = middle
  }
  return low
}
