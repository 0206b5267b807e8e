/**
 * What the ledger item says, before and after each event in a claim's life. Pure.
 *
 * A claim writes at once all that its range will add to the watermark: the checkpoint of its head, the gap before it and
 * the gaps inside. `next` stands at the claim's first offset, so what stands at or above `next` is the claim's own: a void
 * takes it out again, and whoever settles the claim later need not know the records.
 */
import { MAX_GAPS } from '../../core/limits.ts'
import type { SourceRecord } from '../../core/record.ts'
import { keepCheckpoints, withCheckpoint } from '../../core/watermark.ts'
import type { Admission } from '../../core/watermark.ts'
import type { LedgerItem, Pending } from '../ledger.ts'

type Admitted = Extract<Admission, { kind: 'admitted' }>
export type ClaimedItem = LedgerItem & { readonly pending: Pending }

/** Where nothing is stored yet: the log before the event's first offset was never offered and is no gap. */
export function unwritten(first: number): LedgerItem {
  return { epoch: 0, next: first, checkpoints: [], gaps: [], gapCount: 0, pending: null, generation: 0, version: 0 }
}

/**
 * The item that claims the admitted records. While it is pending the lists hold one checkpoint and the claim's gaps more
 * than their limits, so that a void leaves nothing of the older ones forgotten.
 */
export function claimed(
  base: LedgerItem,
  records: readonly SourceRecord[],
  admission: Admitted,
  key: string,
): ClaimedItem {
  const head = records[admission.from]!
  return {
    ...base,
    next: head.offset,
    checkpoints: withCheckpoint(base.checkpoints, head),
    gaps: [...base.gaps, ...admission.gaps.slice(-MAX_GAPS)],
    gapCount: base.gapCount + admission.gaps.length,
    pending: { first: head.offset, last: records.at(-1)!.offset, keys: [key] },
    version: base.version + 1,
  }
}

/** The item after records without rows: their effect is that the watermark moves, and one swap is all it takes. */
export function moved(base: LedgerItem, admission: Admitted): LedgerItem {
  return { ...base, ...admission.after, version: base.version + 1 }
}

/** The claim's object is there: it counts. `first`: where the event of whoever finds out begins. */
export function counted(item: ClaimedItem, first: number): LedgerItem {
  return {
    ...item,
    next: item.pending.last + 1,
    checkpoints: keepCheckpoints(item.checkpoints, first),
    gaps: item.gaps.slice(-MAX_GAPS),
    pending: null,
  }
}

/**
 * The claim's key is a void marker: nothing was written under it, nothing ever will be. Gaps folded out of the list (over
 * MAX_GAPS in one range) stay in the count: it may then be too high, never too low.
 */
export function voided(item: ClaimedItem): LedgerItem {
  const gaps = item.gaps.filter(({ first }) => first < item.next)
  return {
    ...item,
    checkpoints: item.checkpoints.filter(({ offset }) => offset < item.next),
    gaps: gaps.slice(-MAX_GAPS),
    gapCount: item.gapCount - (item.gaps.length - gaps.length),
    pending: null,
    generation: item.generation + 1,
  }
}

/**
 * Whether this event holds the very records that the claim was made for: the same offsets, the same holes. Only then may
 * its object be written again; compaction may have taken records out since, and then the claim is voided instead.
 */
export function holdsClaim(item: ClaimedItem, records: readonly SourceRecord[]): boolean {
  const { first, last } = item.pending
  const own = records.filter(({ offset }) => offset >= first && offset <= last)
  if (own[0]?.offset !== first || own.at(-1)!.offset !== last) return false
  const holes = item.gaps.filter((gap) => gap.first >= item.next)
  let hole = 0
  for (let i = 1; i < own.length; i++) {
    const expected = own[i - 1]!.offset + 1
    if (own[i]!.offset === expected) continue
    const gap = holes[hole++]
    if (gap?.first !== expected || gap.last !== own[i]!.offset - 1) return false
  }
  return hole === holes.length
}
