/** Offsets of the log without a record, by cause. */
import { addGap } from './log-batches.ts'
import { DEFAULT_LIMIT } from './report.ts'
import type { AuditReport, LogGap } from './report.ts'
import type { Sorter } from './sorter.ts'
import type { Hole } from './strays.ts'

export interface GapTally {
  /** In the order of the log. */
  add(gap: LogGap): void
  result(): AuditReport['gaps']
}

/** @param limit of ranges that are told one by one: unexplained ones before others. */
export function createGapTally(limit = DEFAULT_LIMIT): GapTally {
  const counts = { marker: 0, aborted: 0, compaction: 0, expired: 0, unknown: 0, unexplained: 0 }
  const explained: LogGap[] = []
  const unexplained: LogGap[] = []
  return {
    add(gap) {
      counts[gap.why] += gap.last - gap.first + 1
      const list = gap.why === 'unexplained' ? unexplained : explained
      if (list.length < limit || list.at(-1)?.last === gap.first - 1) addGap(list, gap)
      list.splice(limit)
    },
    result: () => ({ ...counts, listed: [...unexplained, ...explained].slice(0, limit) }),
  }
}

/** Whether there was a record that the log no longer has. Of a transaction marker or an aborted record there never was. */
export function isLost({ why }: LogGap): boolean {
  return why !== 'marker' && why !== 'aborted'
}

const OFFSETS_AT = 4
const OFFSET_BYTES = 6

/** Lost offsets in the order of the log: in a compacted topic there are as many as records. */
export function addHole(into: Sorter, { partition, first, last }: Hole): void {
  const entry = Buffer.alloc(OFFSETS_AT + 2 * OFFSET_BYTES)
  entry.writeUInt32BE(partition)
  entry.writeUIntBE(first, OFFSETS_AT, OFFSET_BYTES)
  entry.writeUIntBE(last, OFFSETS_AT + OFFSET_BYTES, OFFSET_BYTES)
  into.add(entry)
}

export function* holesIn(sorter: Sorter): Generator<Hole> {
  for (const entry of sorter.sorted())
    yield {
      partition: entry.readUInt32BE(0),
      first: entry.readUIntBE(OFFSETS_AT, OFFSET_BYTES),
      last: entry.readUIntBE(OFFSETS_AT + OFFSET_BYTES, OFFSET_BYTES),
    }
}
