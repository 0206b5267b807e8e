import { describe, expect, test } from 'vitest'
import type { Clock } from '../core/ports.ts'
import type { Assignment } from '../kafka/group.ts'
import { createCommits } from './commits.ts'
import { newCounters } from './counters.ts'
import { trackOffsets } from './offsets.ts'

const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() }
const owned: Assignment = { memberId: 'm', generation: 1, partitions: [0] }

function committer(answer: (offsets: ReadonlyMap<number, number>) => Promise<void>) {
  const offsets = trackOffsets()
  offsets.assign(0, 0, undefined)
  const counters = newCounters()
  const sent: number[] = []
  const group = {
    commit: (_: Assignment, due: ReadonlyMap<number, number>) => {
      sent.push(due.get(0)!)
      return answer(due)
    },
  }
  const commits = createCommits({ offsets, group, assignment: () => owned, clock, log: () => undefined, counters })
  return { commits, counters, sent }
}

describe('E24: commits in the background', () => {
  test('a batch that ends just as the committer found nothing to do is committed', async () => {
    const { commits, sent } = committer(() => Promise.resolve())
    commits.poke()
    commits.processed(0, 1, 1)
    commits.poke()
    await expect.poll(() => sent).toEqual([1])
  })

  test('what is processed during a commit goes with the next one', async () => {
    const first = Promise.withResolvers<void>()
    const { commits, sent, counters } = committer((due) => (due.get(0) === 1 ? first.promise : Promise.resolve()))
    commits.processed(0, 1, 1)
    commits.poke()
    commits.processed(0, 5, 4)
    commits.poke()
    first.resolve()
    await expect.poll(() => counters.CommittedEventCount).toBe(5)
    expect(sent).toEqual([1, 5])
  })

  test('one that failed is tried again, and counted', async () => {
    let calls = 0
    const { commits, sent, counters } = committer(() =>
      ++calls < 3 ? Promise.reject(new Error('no')) : Promise.resolve(),
    )
    commits.processed(0, 1, 1)
    commits.poke()
    await expect.poll(() => counters.CommittedEventCount).toBe(1)
    expect(sent).toEqual([1, 1, 1])
    expect(counters.CommitErrorCount).toBe(2)
  })

  test('the last one has a bounded number of tries', async () => {
    const { commits, sent } = committer(() => Promise.reject(new Error('no')))
    commits.processed(0, 1, 1)
    await commits.finish()
    expect(sent).toHaveLength(8)
  })
})
