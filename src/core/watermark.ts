import { recordChecksum } from './checksum.ts'
import { WeirError } from './errors.ts'
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

/** A rewind that is not finished yet (D13). The watermark's own epoch is that of the rewind. */
export interface Rewind {
  /** 'removing': effects are still being removed, and no range is accepted. 'reading': the log is read again. */
  readonly state: 'removing' | 'reading'
  /** Effects of an older epoch from here on are to go. */
  readonly target: number
  /** The first record at or above `target` that the log held: it is there to be read. Null where there was none. */
  readonly first: number | null
  /** Where the log ended then. */
  readonly end: number
  /** False where the topic was created anew: what the old one left stays. */
  readonly removes: boolean
  /**
   * Of a sink that keeps every row: records whose dead letter, of all sinks, stands. They are left out while the log is read
   * again, or one that was replayed, or is to be, would be there twice. Ascending; absent where there are none.
   */
  readonly without?: readonly number[]
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
  /** Absent but from the start of a rewind to its finish. */
  readonly rewind?: Rewind
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
  | Halt

/** The range is not for this sink: nothing of it may be written. */
export interface Halt {
  readonly kind: 'restarted' | 'rewound'
  readonly why: string
}

/**
 * Decides what of a range is new (D2, D9). Pure: the caller holds the lock or the compare-and-set.
 * - no watermark yet: everything; the log before the first offset is not a gap (it was never offered).
 * - begins below the oldest checkpoint, or differs at a checkpoint: the topic restarted.
 * - after a rewind, would pass over a record that has no effect yet: an invocation from before the rewind.
 * - begins above `next`, or has holes: gaps, recorded.
 * @param epoch where there is no watermark yet: that of the sink's other sources, since keyed rows of several compare by it
 */
export function admit(watermark: Watermark | undefined, records: RecordRange['records'], epoch = 0): Admission {
  const first = records[0]!
  const last = records.at(-1)!
  if (watermark) {
    const stale = rewound(watermark, records)
    if (stale !== undefined) return { kind: 'rewound', why: stale }
    const why = restarted(watermark, records)
    if (why) return { kind: 'restarted', why }
  }
  const next = watermark?.next ?? first.offset
  const from = lowerBound(records, next)
  const gaps = from === records.length ? [] : gapsOf(records, from, next)
  if (from === records.length) return { kind: 'admitted', from, gaps, after: watermark! }
  const head = records[from]!
  const checkpoints = withCheckpoint(watermark?.checkpoints ?? [], head)
  return {
    kind: 'admitted',
    from,
    gaps,
    after: {
      epoch: watermark?.epoch ?? epoch,
      next: last.offset + 1,
      checkpoints: keepCheckpoints(checkpoints),
      gaps: [...(watermark?.gaps ?? []), ...gaps].slice(-MAX_GAPS),
      gapCount: (watermark?.gapCount ?? 0) + gaps.length,
      ...(watermark?.rewind ? { rewind: watermark.rewind } : {}),
    },
  }
}

/** What to throw for a range that was not admitted. `first`: where it begins. */
export function haltError(
  { kind, why }: Halt,
  { sink, source, next, first }: { sink: string; source: string; next: number | undefined; first: number },
): WeirError {
  const code = kind === 'restarted' ? 'WEIR_TOPIC_RESTARTED' : 'WEIR_REWOUND'
  return new WeirError(code, { sink, source, next, first, why })
}

/** A rewind may have set one at the head of the range to come. */
export function withCheckpoint(checkpoints: readonly Checkpoint[], head: SourceRecord): readonly Checkpoint[] {
  if (checkpoints.at(-1)?.offset === head.offset) return checkpoints
  return [...checkpoints, { offset: head.offset, checksum: recordChecksum(head) }]
}

/**
 * MAX_CHECKPOINTS of them: the oldest, which says where the log was first read; the newest half; between them ever fewer, the longer
 * ago. An event may begin far behind the watermark: a group that lost its coordinator goes on where it last committed, and while
 * one sink is down the same event comes again, longer each time. Below what is remembered that would look like a topic that
 * restarted. Where a topic did, its records come in order, and meet the next checkpoint before they get past the watermark.
 */
export function keepCheckpoints(checkpoints: readonly Checkpoint[]): readonly Checkpoint[] {
  const kept = [...checkpoints]
  while (kept.length > MAX_CHECKPOINTS) kept.splice(leastMissed(kept), 1)
  return kept
}

/** The one without which the gap, as a share of how long ago it lies, is the smallest. */
function leastMissed(checkpoints: readonly Checkpoint[]): number {
  const newest = checkpoints.at(-1)!.offset
  const gapWithout = (at: number) => {
    const [before, after] = [checkpoints[at - 1]!.offset, checkpoints[at + 1]!.offset]
    return (after - before) / (newest - before)
  }
  let least = 1
  for (let at = 2; at < checkpoints.length - MAX_CHECKPOINTS / 2; at++)
    if (gapWithout(at) < gapWithout(least)) least = at
  return least
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

/**
 * Why a range cannot be of the log that is read since the rewind, while the rewind is not finished. Its invocations come in the
 * order of the log, so none of them begins above a record that is there and has no effect, and none brings a record that
 * an accepted one passed over: of the two, one is an invocation from before the rewind.
 */
function rewound({ next, gaps, rewind }: Watermark, records: readonly SourceRecord[]): string | undefined {
  if (!rewind) return undefined
  if (rewind.state === 'removing') return 'while its effects are being removed'
  const first = records[0]!.offset
  if (rewind.first !== null && next <= rewind.first && first > rewind.first)
    return `above record ${rewind.first}, which it has not read again yet`
  for (const gap of gaps) {
    const record = gap.first < rewind.target ? undefined : records[lowerBound(records, gap.first)]
    if (record && record.offset <= gap.last)
      return `and brings record ${record.offset}, which a range passed over since the rewind`
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

/** What a rewind is told of one source. */
export interface RewindPlan extends Omit<Rewind, 'state' | 'without'> {
  /** Above every epoch that the sink has on any of its sources: keyed rows of several compare by it. */
  readonly epoch: number
  /** The record at which the log will be read from, which may be below `target`; undefined where there is none. */
  readonly head: Checkpoint | undefined
}

/**
 * The watermark once a rewind has begun: nothing is accepted until `opened`. What stands below the target keeps its effect and
 * is remembered; of a topic created anew nothing is.
 */
export function rewoundTo(before: Watermark | undefined, plan: RewindPlan): Watermark {
  const { epoch, head, target, first, end, removes } = plan
  const gaps = removes ? gapsBelow(before?.gaps ?? [], target) : []
  const listed = before?.gaps.filter((gap) => gap.first >= target).length ?? 0
  const watermark: Watermark = {
    epoch,
    next: target,
    checkpoints: removes ? (before?.checkpoints ?? []).filter(({ offset }) => offset < target) : [],
    gaps,
    gapCount: removes ? (before?.gapCount ?? 0) - listed : 0,
    rewind: { state: 'removing', target, first, end, removes },
  }
  return head ? expecting(watermark, head) : watermark
}

function gapsBelow(gaps: readonly Gap[], target: number): Gap[] {
  return gaps.flatMap(({ first, last }) => (first < target ? [{ first, last: Math.min(last, target - 1) }] : []))
}

/** Effects are removed: the log may be read again, but for the records that are to be left out. */
export function opened(watermark: Watermark, without: readonly number[] = []): Watermark {
  const { rewind } = watermark
  const more = without.length > 0 ? { without } : {}
  return rewind ? { ...watermark, rewind: { ...rewind, state: 'reading', ...more } } : watermark
}

/** Of a sink that keeps every row: the offsets of records that have none for it; undefined where there is no such record. */
export function leftOut({ rewind }: Pick<Watermark, 'rewind'>): ReadonlySet<number> | undefined {
  return rewind?.without && new Set(rewind.without)
}

/** The rewind is over: what it left to do is done. */
export function finished(watermark: Watermark): Watermark {
  const { rewind: _, ...rest } = watermark
  return rest
}

/**
 * Everything that the log held at the rewind has taken effect again. The watermark alone does not tell: where an invocation from
 * before the rewind wrote the end of the log, records that it passed over are still to come, and only an unfinished rewind
 * halts on them.
 * @param committed the offset that the group has committed: what the log was read to, in its order
 */
export function hasCaughtUp({ next, rewind }: Watermark, committed: number): boolean {
  return rewind === undefined || (rewind.state === 'reading' && next >= rewind.end && committed >= rewind.end)
}

/**
 * The log is about to be read again from `head` on, for this sink or for another one: an event that begins there is none of a
 * topic created anew. A checkpoint that stands there already is what tells one, and stays.
 */
export function expecting(watermark: Watermark, head: Checkpoint): Watermark {
  const { checkpoints } = watermark
  const known = checkpoints.find(({ offset }) => offset === head.offset)
  const others = checkpoints.filter(({ offset }) => offset > head.offset)
  return { ...watermark, checkpoints: keepCheckpoints([known ?? head, ...others]) }
}
