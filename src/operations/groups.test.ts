import { expect, test } from 'vitest'
import type { GroupDescription } from '../kafka/group-admin.ts'
import { lagOf } from './groups.ts'
import type { TargetPipeline } from './target.ts'

const offsets = (...ends: number[]) => ends.map((end, partition) => ({ partition, start: 5, end }))
const group = (more: Partial<GroupDescription>): GroupDescription => ({
  group: 'g',
  state: 'Stable',
  members: [],
  committed: new Map(),
  ...more,
})
const reader = { name: 'p', topic: 'a', consumerGroup: 'g' } as TargetPipeline

test('the lag is what lies between the commit and the end, and members stand at their partitions', () => {
  const described = lagOf(
    group({
      members: [{ member: 'm', client: 'c', host: 'h', assigned: new Map([['a', [0, 1]]]) }],
      committed: new Map([['a', new Map([[0, 10]])]]),
    }),
    undefined,
    new Map([['a', offsets(12, 9, 9)]]),
  )
  expect(described).toMatchObject({ pipeline: null, lag: 2, members: [{ member: 'm', client: 'c', host: 'h' }] })
  // Of partition 1 nothing is committed, and where this group begins is its own affair; partition 2 is nobody's.
  expect(described.partitions).toEqual([
    { topic: 'a', partition: 0, committed: 10, end: 12, lag: 2, member: 'm' },
    { topic: 'a', partition: 1, committed: null, end: 9, lag: null, member: 'm' },
  ])
})

test("a pipeline's group has all partitions of its topic to read, from the start of the log where nothing is committed", () => {
  const described = lagOf(
    group({ committed: new Map([['a', new Map([[1, 9]])]]) }),
    reader,
    new Map([['a', offsets(12, 9)]]),
  )
  expect(described.partitions.map(({ committed, lag }) => [committed, lag])).toEqual([
    [null, 7],
    [9, 0],
  ])
  expect(described).toMatchObject({ pipeline: 'p', lag: 7 })
})

test('a commit beyond the end of a topic made anew is no lag, and a topic that is gone has none to tell', () => {
  const committed = new Map([
    ['a', new Map([[0, 50]])],
    ['gone', new Map([[0, 3]])],
  ])
  const { partitions, lag } = lagOf(group({ committed }), undefined, new Map([['a', offsets(12)]]))
  expect(partitions.map((each) => [each.topic, each.end, each.lag])).toEqual([
    ['a', 12, 0],
    ['gone', null, null],
  ])
  expect(lag).toBe(0)
})
