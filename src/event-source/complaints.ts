/**
 * A fault that lasts is told at once, then now and then with its count, and once more when it is over: tried again five
 * times a second, it would bury every other line. Pure but for the ports.
 */
import type { Clock, Log } from '../core/ports.ts'

const AGAIN_AFTER_MS = 10_000

export interface Complaints {
  /** It failed, once more. */
  tell(what: string, subject: string, reason: string): void
  /** It went well; says so where it had been complained about. */
  over(what: string, subject: string): void
}

interface Complaint {
  times: number
  toldAt: number
}

export function createComplaints({
  clock,
  log,
}: {
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
}): Complaints {
  const open = new Map<string, Complaint>()
  const name = (what: string, subject: string) => `${what} ${subject}`
  return {
    tell(what, subject, reason) {
      const now = clock.now()
      const known = open.get(name(what, subject))
      const complaint = known ?? { times: 0, toldAt: -Infinity }
      open.set(name(what, subject), complaint)
      complaint.times++
      if (now - complaint.toldAt < AGAIN_AFTER_MS) return
      complaint.toldAt = now
      log('WARN', what, { of: subject, reason, times: complaint.times })
    },
    over(what, subject) {
      const complaint = open.get(name(what, subject))
      if (!complaint || !open.delete(name(what, subject))) return
      log('INFO', 'Reading goes on', { of: subject, after: what, times: complaint.times })
    },
  }
}
