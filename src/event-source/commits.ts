/** Commits what is processed, one request at a time, in the background: the next batch does not wait for it (E24). */
import type { Clock, Log } from '../core/ports.ts'
import { messageOf } from '../core/errors.ts'
import type { Assignment, GroupMember } from '../kafka/group.ts'
import type { Counters } from './counters.ts'
import { interruptible } from './delivery.ts'
import type { Offsets } from './offsets.ts'

const RETRY_PAUSE_MS = 250
/** Tries of the last commit before a member leaves; what is not committed then comes again. */
const FINAL_TRIES = 8

export interface CommitOptions {
  readonly offsets: Offsets
  readonly group: Pick<GroupMember, 'commit'>
  /** The assignment that counts now; undefined: nothing is owned, nothing is committed. */
  readonly assignment: () => Assignment | undefined
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

export interface Commits {
  /** A batch took effect: everything of the partition below `next`, `events` records of it new. */
  processed(partition: number, next: number, events: number): void
  /** Starts committing unless it is under way. */
  poke(): void
  /** Commits what is left, with a bounded number of tries, and stops. */
  finish(): Promise<void>
}

export function createCommits(options: CommitOptions): Commits {
  const { offsets, group, assignment, clock, log, counters } = options
  const uncommitted = new Map<number, number>()
  const hurry = new AbortController()
  let active = false
  let running = Promise.resolve()

  const commitOnce = async (owned: Assignment, due: ReadonlyMap<number, number>): Promise<boolean> => {
    const events = new Map([...due.keys()].map((partition) => [partition, uncommitted.get(partition) ?? 0]))
    try {
      await group.commit(owned, due)
    } catch (error) {
      counters.CommitErrorCount++
      log('WARN', 'Offsets were not committed, trying again', {
        reason: messageOf(error),
        generation: owned.generation,
      })
      return false
    }
    offsets.committed(due)
    for (const [partition, count] of events) {
      counters.CommittedEventCount += count
      uncommitted.set(partition, (uncommitted.get(partition) ?? 0) - count)
    }
    return true
  }
  const run = async () => {
    try {
      for (let triesLeft = FINAL_TRIES; triesLeft > 0;) {
        const owned = assignment()
        const due = offsets.due()
        if (due.size === 0 || !owned) return
        if (await commitOnce(owned, due)) continue
        if (hurry.signal.aborted) triesLeft--
        await interruptible(clock.sleep(RETRY_PAUSE_MS, hurry.signal), hurry.signal)
      }
    } finally {
      // in the same breath as the last look at what is due: a poke after it must find this at rest
      active = false
    }
  }
  // a poke while it is active is not lost: what is due is looked at again after each commit
  const poke = () => {
    if (active) return
    active = true
    running = run()
  }
  return {
    processed(partition, next, events) {
      offsets.processed(partition, next)
      uncommitted.set(partition, (uncommitted.get(partition) ?? 0) + events)
    },
    poke,
    async finish() {
      hurry.abort()
      await running
      poke()
      await running
    },
  }
}
