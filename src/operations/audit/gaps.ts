/** Offsets of the log without a record, by cause. Pure. */
import { addGap } from './log-batches.ts'
import { DEFAULT_LIMIT } from './report.ts'
import type { AuditReport, LogGap } from './report.ts'

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
