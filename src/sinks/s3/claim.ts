/**
 * What the ledger item says, before and after each event in a claim's life. Pure.
 *
 * A claim writes at once all that its range will add to the watermark: the checkpoint of its head, the gap before it and
 * the gaps inside. `next` stands at the claim's first offset, so what stands at or above `next` is the claim's own: a void
 * takes it out again, and whoever settles the claim later need not know the records.
 *
 * A claim has a key for each output partition that its records have rows in, and each key ends as an object or as a void
 * marker, for ever. All objects: the claim is counted. A void among them: nothing of that output was written, the watermark
 * stays, and the outputs whose objects are there are `ahead` of it.
 */
import { MAX_GAPS } from '../../core/limits.ts'
import type { SourceRecord } from '../../core/record.ts'
import { keepCheckpoints, withCheckpoint } from '../../core/watermark.ts'
import type { Admission } from '../../core/watermark.ts'
import type { Ahead, LedgerItem, Pending } from '../ledger.ts'

type Admitted = Extract<Admission, { kind: 'admitted' }>
export type ClaimedItem = LedgerItem & { readonly pending: Pending }

/** The output of a sink that has only one. */
export const ONE_OUTPUT = ''

/** Where nothing is stored yet: the log before the event's first offset was never offered and is no gap. */
export function unwritten(first: number): LedgerItem {
  return { epoch: 0, next: first, checkpoints: [], gaps: [], gapCount: 0, pending: null, generation: 0, version: 0 }
}

/**
 * The item that claims the admitted records. While it is pending the lists hold one checkpoint and the claim's gaps more
 * than their limits, so that a void leaves nothing of the older ones forgotten.
 * @param outputs not empty; those in which the records have rows that are not there yet
 */
export function claimed(
  base: LedgerItem,
  records: readonly SourceRecord[],
  admission: Admitted,
  outputs: readonly string[],
  keyOf: (output: string, first: number, last: number) => string,
): ClaimedItem {
  const head = records[admission.from]!
  const [first, last] = [head.offset, records.at(-1)!.offset]
  const single = outputs.length === 1 && outputs[0] === ONE_OUTPUT
  const pending: Pending = {
    first,
    last,
    keys: outputs.map((output) => keyOf(output, startOf(output, first, base.ahead), last)),
    ...(single ? {} : { outputs }),
  }
  const item = {
    ...base,
    next: first,
    checkpoints: withCheckpoint(base.checkpoints, head),
    gaps: [...base.gaps, ...admission.gaps.slice(-MAX_GAPS)],
    gapCount: base.gapCount + admission.gaps.length,
    version: base.version + 1,
  }
  return { ...withAhead(item, base.ahead), pending }
}

/** Where an output's object of a range begins: what is below has taken effect in it. */
export function startOf(output: string, first: number, ahead: Ahead | undefined): number {
  const next = ahead && Object.hasOwn(ahead, output) ? ahead[output]! : first
  return Math.max(first, next)
}

export function outputsOf({ outputs }: Pending): readonly string[] {
  return outputs ?? [ONE_OUTPUT]
}

/** The item after records without rows: their effect is that the watermark moves, and one swap is all it takes. */
export function moved(base: LedgerItem, records: readonly SourceRecord[], admission: Admitted): LedgerItem {
  const checkpoints = withCheckpoint(base.checkpoints, records[admission.from]!)
  return withAhead(
    {
      ...base,
      ...admission.after,
      checkpoints: keepCheckpoints(checkpoints),
      version: base.version + 1,
    },
    base.ahead,
  )
}

/**
 * The claim once each of its keys is an object for ever, or a void marker for ever: the same for whoever finds out.
 * @param there by key
 */
export function decided(item: ClaimedItem, there: readonly boolean[]): LedgerItem {
  return there.every(Boolean) ? counted(item) : voided(item, there)
}

function counted(item: ClaimedItem): LedgerItem {
  return withAhead(
    {
      ...item,
      next: item.pending.last + 1,
      checkpoints: keepCheckpoints(item.checkpoints),
      gaps: item.gaps.slice(-MAX_GAPS),
      pending: null,
    },
    item.ahead,
  )
}

/**
 * Gaps folded out of the list (over MAX_GAPS in one range) stay in the count: it may then be too high, never too low. The
 * generation is raised, since the voided keys are taken for ever.
 */
function voided(item: ClaimedItem, there: readonly boolean[]): LedgerItem {
  const gaps = item.gaps.filter(({ first }) => first < item.next)
  const { last } = item.pending
  const further = outputsOf(item.pending).flatMap((output, i) => (there[i] ? [[output, last + 1] as const] : []))
  return withAhead(
    {
      ...item,
      checkpoints: item.checkpoints.filter(({ offset }) => offset < item.next),
      gaps: gaps.slice(-MAX_GAPS),
      gapCount: item.gapCount - (item.gaps.length - gaps.length),
      pending: null,
      generation: item.generation + 1,
    },
    { ...item.ahead, ...Object.fromEntries(further) },
  )
}

/** Keeps what is above `next` of it: sparse, and gone once the watermark has caught up. */
function withAhead(item: LedgerItem, ahead: Ahead | undefined): LedgerItem {
  const { ahead: _, ...rest } = item
  const kept = Object.entries(ahead ?? {}).filter(([, next]) => next > item.next)
  return kept.length === 0 ? rest : { ...rest, ahead: Object.fromEntries(kept) }
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
