/**
 * Whether a source is flooded with poison (docs/delivery.md, D7). Pure. What is known of a source is where its recent poison
 * stands: a set of positions, so that no cut of the batches and no redelivery changes what counts.
 *
 * A window is the last FLOOD_WINDOW records up to a poisoned one. Records are counted by rank: within a batch each is one more;
 * between two batches as many as the offsets between, thinned as the later batch is, for a compacted topic leaves offsets out,
 * and good batches in between leave no trace here. Where offsets have no holes, rank is offset.
 */
import type { Stage } from './dead-letter.ts'
import { FLOOD_WINDOW } from './limits.ts'
import type { Source, SourceRecord } from './record.ts'

interface Mark {
  readonly offset: number
  readonly rank: number
  /** The others are the end of a batch: what later ranks count from. */
  readonly poison: boolean
}

export interface RecentPoison {
  /** Offsets ascending. */
  readonly marks: readonly Mark[]
  /** The poisoned record at which an invocation halted, until it is past. */
  readonly halted: number | null
  /** The last such record that was past: poison up to it does not count for what comes after it, however late it is told. */
  readonly settled: number | null
}

export const noPoison: RecentPoison = { marks: [], halted: null, settled: null }

/** One source's part of a batch that holds poison. */
export interface PoisonedRange {
  readonly source: Source
  readonly records: readonly SourceRecord[]
  /** By offset: where and why each failed, in the first sink of those that it failed in. */
  readonly poison: ReadonlyMap<number, { readonly stage: Stage; readonly code: string }>
}

export interface Verdict {
  /** Absent where the batch may go on. */
  readonly flood?: { readonly offset: number; readonly poisoned: number }
  /** To be kept before any dead letter of the batch is written; of a flood, instead of that. */
  readonly after: RecentPoison
  /** False where `after` says nothing new: a redelivery. */
  readonly changed: boolean
}

/**
 * Judges a batch. A flood: of the last FLOOD_WINDOW records up to some poisoned one of the batch, more than `share` are poison.
 * What precedes a record at which it halted is forgotten once that record is past without being poison: a person has acted.
 */
export function judge(before: RecentPoison, { records, poison }: PoisonedRange, share: number): Verdict {
  const [first, last] = [records[0]!.offset, records.at(-1)!.offset]
  const isPast = before.halted !== null && last >= before.halted && !poison.has(before.halted)
  const settled = isPast ? before.halted : before.settled
  const known = isPast ? before.marks.filter(({ offset }) => offset > before.halted!) : before.marks
  const below = known.filter(({ offset }) => offset < first)
  const own = marksOf(records, poison, firstRank(records, below.at(-1)))
  const end = own.at(-1)!.rank
  const above = known.filter(({ offset }) => offset > last)
  const marks = ascending([
    ...below.filter((mark) => mark.poison && mark.rank > end - FLOOD_WINDOW),
    ...own.filter((mark) => (mark.poison && mark.rank > end - FLOOD_WINDOW) || mark.offset === last),
    // Of a late batch: what its successors left. They left no more than this.
    ...above.slice(0, FLOOD_WINDOW + 1),
  ])
  const flood = floodOf([...below, ...own], first, settled ?? -1, share)
  const halted = flood ? flood.offset : before.halted !== null && last < before.halted ? before.halted : null
  const after = { marks: flood ? known : marks, halted, settled }
  const changed = halted !== before.halted || places(after) !== places(before)
  return { ...(flood ? { flood } : {}), after, changed }
}

/** Poison that may be in one window at most, as a number of records. */
export function poisonAllowed(share: number): number {
  return Math.floor(share * FLOOD_WINDOW + 1e-9)
}

function floodOf(marks: readonly Mark[], first: number, settled: number, share: number): Verdict['flood'] {
  const poison = marks.filter((mark) => mark.poison)
  const allowed = poisonAllowed(share)
  let low = 0
  for (const [i, { offset, rank }] of poison.entries()) {
    const isForgotten = (mark: Mark) => mark.rank <= rank - FLOOD_WINDOW || (mark.offset <= settled && offset > settled)
    while (isForgotten(poison[low]!)) low++
    const poisoned = i - low + 1
    if (offset >= first && poisoned > allowed) return { offset, poisoned }
  }
  return undefined
}

function firstRank(records: readonly SourceRecord[], base: Mark | undefined): number {
  const first = records[0]!.offset
  if (!base) return first
  const span = records.at(-1)!.offset - first
  const density = span === 0 ? 1 : (records.length - 1) / span
  return base.rank + Math.max(1, Math.round((first - base.offset) * density))
}

/** Of the poison, and of the last record. */
function marksOf(records: readonly SourceRecord[], poison: PoisonedRange['poison'], rank: number): Mark[] {
  return records.flatMap(({ offset }, i) =>
    poison.has(offset) || i === records.length - 1 ? [{ offset, rank: rank + i, poison: poison.has(offset) }] : [],
  )
}

/** Ranks that are guessed may overlap: they ascend with the offsets in any case. */
function ascending(marks: readonly Mark[]): Mark[] {
  const result: Mark[] = []
  let shift = 0
  for (const mark of marks) {
    const previous = result.at(-1)
    if (previous && mark.rank + shift <= previous.rank)
      shift = previous.rank + mark.offset - previous.offset - mark.rank
    result.push({ ...mark, rank: mark.rank + shift })
  }
  return result
}

const places = ({ marks }: RecentPoison) => marks.flatMap(({ offset, poison }) => (poison ? [offset] : [])).join()

/**
 * One line of JSON: `{"halted": offset | null, "runs": [[offset, rank, poisoned records in a row], ...]}`; 0: a batch's end. And
 * `"settled": offset` where there was a halt before.
 */
export function poisonText({ marks, halted, settled }: RecentPoison): string {
  const runs: [offset: number, rank: number, count: number][] = []
  for (const { offset, rank, poison } of marks) {
    const run = runs.at(-1)
    if (run && poison && run[2] > 0 && run[0] + run[2] === offset && run[1] + run[2] === rank) run[2]++
    else runs.push([offset, rank, poison ? 1 : 0])
  }
  return JSON.stringify({ halted, runs, ...(settled === null ? {} : { settled }) })
}

export function parsePoison(text: string): RecentPoison {
  const { halted, runs, settled = null } = JSON.parse(text) as Kept
  const marks = runs.flatMap(([offset, rank, count]) =>
    count === 0
      ? [{ offset, rank, poison: false }]
      : Array.from({ length: count }, (_, i) => ({ offset: offset + i, rank: rank + i, poison: true })),
  )
  return { marks, halted, settled }
}

interface Kept {
  readonly halted: number | null
  readonly runs: readonly (readonly [offset: number, rank: number, count: number])[]
  readonly settled?: number
}
