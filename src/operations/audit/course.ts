/**
 * One sink's own account of how far it is, held against the log and against what its store holds: what was due, which
 * records no event brought, and whether the store stands ahead of its watermark or behind. Pure.
 */
import type { SinkKind } from '../../sinks/sink.ts'
import { positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Progress, ProgressOf } from './progress.ts'
import type { GapCause, LogGap, SinkAudit, SinkGap, Tally } from './report.ts'
import { DEFAULT_LIMIT } from './report.ts'

export interface CourseInput {
  readonly kind: SinkKind
  readonly log: Pick<LogSnapshot, 'topic' | 'partitions'>
  readonly tally: Tally
  /** Read before the store. */
  readonly before: ProgressOf
  /** What the mapping's group has committed, read before the watermarks: never more than they say, unless it skipped records. */
  readonly committed: ReadonlyMap<number, number | undefined>
  readonly limit?: number
}

export interface Course {
  readonly isDue: (partition: number, offset: number) => boolean
  readonly whyMissing: (partition: number, offset: number) => string | undefined
  /** A row stands right. */
  readonly onHeld: (partition: number, offset: number, epoch: number) => void
  /** Every record of the log and every gap in it, in order. */
  record(partition: number, offset: number): void
  gap(gap: LogGap): void
  /** `after`: read after the store. `ends`: of the log, read after that. */
  finish(after: ProgressOf, ends: ReadonlyMap<number, number>): SinkAudit['gaps']
}

interface Watched {
  readonly partition: number
  readonly first: number
  readonly last: number
  /** The group has passed it; the sink has not heard of it. */
  readonly passed: boolean
  records: number
  readonly causes: Set<GapCause>
}

/** Whose effects and watermark take effect together, or in an order that never leaves the effect ahead of what is claimed. */
const NEVER_AHEAD: ReadonlySet<SinkKind> = new Set<SinkKind>(['postgres', 's3'])

export function createCourse(input: CourseInput): Course {
  const { log, before, committed } = input
  const due = new Map<number, number>()
  const watched = new Map<number, Watched[]>()
  const held = new Map<number, { epoch: number; offset: number }>()
  for (const { partition } of log.partitions) {
    const next = before.get(partition)?.next ?? 0
    due.set(partition, Math.max(next, committed.get(partition) ?? 0))
    watched.set(partition, watchedOf(partition, before.get(partition), committed.get(partition)))
  }
  const gapAt = (partition: number, offset: number) =>
    watched.get(partition)?.find(({ first, last }) => first <= offset && offset <= last)
  return {
    isDue: (partition, offset) => offset < (due.get(partition) ?? 0),
    whyMissing: (partition, offset) => (gapAt(partition, offset) ? 'the mapping skipped it' : undefined),
    onHeld(partition, offset, epoch) {
      const known = held.get(partition)
      if (!known) held.set(partition, { epoch, offset })
      else if (epoch > known.epoch || (epoch === known.epoch && offset > known.offset))
        Object.assign(known, { epoch, offset })
    },
    record(partition, offset) {
      const gaps = watched.get(partition)
      if (gaps === undefined || gaps.length === 0) return
      const found = gapAt(partition, offset)
      if (found) found.records++
    },
    gap({ partition, first, last, why }) {
      for (const each of watched.get(partition) ?? [])
        if (each.first <= last && first <= each.last) each.causes.add(why)
    },
    finish(after, ends) {
      for (const { partition } of log.partitions) judgeWatermark(input, partition, after.get(partition), held, ends)
      judgePassed(input, [...watched.values()].flat())
      return listed(input, [...watched.values()].flat())
    },
  }
}

function watchedOf(partition: number, progress: Progress | undefined, committed: number | undefined): Watched[] {
  const next = progress?.next ?? 0
  const gaps = (progress?.gaps ?? []).map(({ first, last }): Watched => ({
    partition,
    first,
    last,
    passed: false,
    records: 0,
    causes: new Set(),
  }))
  if (committed !== undefined && committed > next)
    gaps.push({ partition, first: next, last: committed - 1, passed: true, records: 0, causes: new Set() })
  return gaps
}

function judgeWatermark(
  { kind, log, tally }: CourseInput,
  partition: number,
  after: Progress | undefined,
  held: ReadonlyMap<number, { readonly epoch: number; readonly offset: number }>,
  ends: ReadonlyMap<number, number>,
): void {
  const name = (offset: number) => positionText({ topic: log.topic, partition, offset })
  const next = after?.next ?? 0
  const end = ends.get(partition) ?? 0
  if (next > end)
    tally.fault(
      'outOfOrder',
      name(next),
      `its watermark expects that record next, but the log ends at ${end}: what comes in between would be dropped`,
    )
  const most = held.get(partition)
  if (!NEVER_AHEAD.has(kind) || !most || most.offset < next || most.epoch < (after?.epoch ?? 0)) return
  const { pending } = after ?? {}
  if (pending && pending.first <= most.offset && most.offset <= pending.last) return
  tally.fault('outOfOrder', name(most.offset), `is stored, but its watermark says that ${next} is next`)
}

/** Rows that stand although the watermark knows nothing of them and no event will bring them again. */
function judgePassed({ kind, log, tally }: CourseInput, watched: readonly Watched[]): void {
  if (NEVER_AHEAD.has(kind) || tally.faults('missing') > 0) return
  for (const { partition, first, last, passed, records } of watched)
    if (passed && records > 0)
      tally.fault(
        'outOfOrder',
        positionText({ topic: log.topic, partition, offset: first }),
        `its watermark expects that record next, but the group has passed ${last}`,
      )
}

function listed({ log, before, limit = DEFAULT_LIMIT }: CourseInput, watched: readonly Watched[]): SinkAudit['gaps'] {
  const recorded = [...before.values()].reduce((sum, { gapCount }) => sum + gapCount, 0)
  const found = watched.map(({ partition, first, last, passed, records, causes }): SinkGap => ({
    partition,
    first,
    last,
    records,
    why: whyOf(log.partitions[partition]!, { first, last, passed, records, causes }),
  }))
  // those that lost records first
  const sorted = found.toSorted((a, b) => b.records - a.records || b.first - a.first)
  return { recorded, skipped: found.reduce((sum, { records }) => sum + records, 0), listed: sorted.slice(0, limit) }
}

export const causeTexts: Readonly<Record<GapCause, string>> = {
  marker: 'transaction markers',
  aborted: 'aborted transactions',
  compaction: 'compaction',
  expired: 'retention',
  unknown: 'compaction, maybe: the topic’s cleanup.policy may not be read',
  unexplained: 'nothing that the log knows',
}

function whyOf(
  { first: logStart, start, end }: LogSnapshot['partitions'][number],
  { first, last, passed, records, causes }: Omit<Watched, 'partition'>,
): string {
  if (records > 0) return passed ? 'skipped: the group has passed it' : 'skipped by the mapping'
  const all = [...causes].map((cause) => causeTexts[cause])
  if (first < logStart) all.push(causeTexts.expired)
  if (all.length > 0) return [...new Set(all)].join(', ')
  return last < start || first >= end ? 'outside of what was read' : causeTexts.unexplained
}
