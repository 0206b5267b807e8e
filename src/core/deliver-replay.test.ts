import { describe, expect, test } from 'vitest'
import { eventOf, world } from '../../test/support/deliver-world.ts'
import { replayHeader } from './replay.ts'
import type { Replay } from './replay.ts'

describe('a replayed dead letter', () => {
  const replay: Replay = {
    pipeline: 'p',
    sink: '*',
    cluster: 'arn',
    topic: 'quakes',
    partition: 0,
    epoch: 0,
    offset: 0,
    attempt: 1,
  }
  const original = { timestamp: 77, timestampType: 'CREATE_TIME' } as const
  /** Records 0 and 1 as they come; 2 is a replay. */
  const replaying = (changes: Partial<Replay> = {}, value = '2') => {
    const event = eventOf({ 0: ['0', '1', value] })
    const records = (event.records as Record<string, { headers: unknown[] }[]>)['quakes-0']!
    const { name, value: bytes } = replayHeader({ ...replay, ...changes })
    records[2]!.headers = [{ own: [7] }, { [name]: [...bytes] }]
    return event
  }
  const rowsIn = ({ seen }: ReturnType<typeof world>, id: string) =>
    seen[id]!.flatMap(({ records }) => records.map(({ rows, orderAs }) => [rows, orderAs?.offset]))
  const plain = [
    [[0], undefined],
    [[1], undefined],
  ]

  test('D2 D3: every sink gets it as what it was: transformed as the original, and ordered by its place', async () => {
    const transformed: unknown[] = []
    const each = world({
      answer: original,
      transform: (value, { offset, timestamp, headers }) => {
        transformed.push([offset, timestamp, headers.map(({ name }) => name)])
        return value
      },
    })
    await each.run(replaying())
    expect(transformed.at(-1)).toEqual([0, 77, ['own']])
    for (const id of ['a', 'b']) expect(rowsIn(each, id)).toEqual([...plain, [[2], 0]])
    expect(each.seen['a']![0]!.records[2]).toMatchObject({
      record: { offset: 2, timestamp: 1 },
      orderAs: { timestamp: 77 },
    })
  })

  test('D2: of one sink the others take nothing, and have no dead letter', async () => {
    const each = world({ answer: original })
    await each.run(replaying({ sink: 'b' }))
    expect([rowsIn(each, 'a'), rowsIn(each, 'b')]).toEqual([
      [...plain, [[], undefined]],
      [...plain, [[2], 0]],
    ])
    expect(each.letters).toEqual([])
  })

  test.each<[string, Partial<Replay>]>([
    ['another pipeline', { pipeline: 'other' }],
    ['another cluster, by a mirrored topic', { cluster: 'elsewhere' }],
    ['another partition', { partition: 1 }],
  ])('D2: one of %s is skipped by all, and nobody is asked', async (_, changes) => {
    const each = world({ answer: original })
    await each.run(replaying(changes))
    for (const id of ['a', 'b']) expect(rowsIn(each, id)).toEqual([...plain, [[], undefined]])
    expect(each.letters).toEqual([])
  })

  test('D2: a copy that is not to take effect is skipped by all', async () => {
    const each = world({ answer: 'stale' })
    await each.run(replaying())
    for (const id of ['a', 'b']) expect(rowsIn(each, id)).toEqual([...plain, [[], undefined]])
  })

  test('D3: a forged header counts for nothing: the record is one as any other, where it stands', async () => {
    const each = world({ answer: 'forged' })
    await each.run(replaying())
    for (const id of ['a', 'b']) expect(rowsIn(each, id)).toEqual([...plain, [[2], undefined]])
  })

  test('D6 D7: one that fails again is a letter of the sink that it was for, and no new poison', async () => {
    const each = world({ answer: original })
    await each.run(replaying({ sink: 'b' }, 'poison'))
    expect(each.letters.map(({ sink, record, code }) => [sink, record.offset, code])).toEqual([['b', 2, 'WEIR_DECODE']])
    expect(each.poisoned).toEqual([])
    expect(rowsIn(each, 'a')).toEqual([...plain, [[], undefined]])
  })

  test('D1: one for a sink that is no more stays a letter', async () => {
    const each = world({ answer: original })
    await each.run(replaying({ sink: 'gone' }))
    expect(each.letters.map(({ sink, text }) => [sink, text])).toEqual([
      ['gone', 'the pipeline has no sink "gone" any more'],
    ])
  })
})
