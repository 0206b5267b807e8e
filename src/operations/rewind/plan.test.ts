import { describe, expect, test } from 'vitest'
import { MAX_LEFT_OUT } from '../../core/limits.ts'
import { rewoundTo } from '../../core/watermark.ts'
import type { Watermark } from '../../core/watermark.ts'
import { memoryStore } from '../../sinks/memory.ts'
import { memoryRewind } from '../../sinks/memory-rewind.ts'
import { planRewind } from './plan.ts'
import type { PlanPorts, PlanRequest } from './plan.ts'
import type { PipelineSink } from './protocol.ts'

const source = (partition: number) => ({ cluster: 'c', topic: 't', partition })
const at = (next: number, more: Partial<Watermark> = {}): Watermark => ({
  epoch: 0,
  next,
  checkpoints: [],
  gaps: [],
  gapCount: 0,
  ...more,
})

/** By partition, how far the sink is. */
function sink(id: string, chosen: boolean, standing: readonly (Watermark | undefined)[], keyed = false): PipelineSink {
  const store = memoryStore()
  standing.forEach((watermark, partition) => {
    if (watermark) store.watermarks.set(`c#t#${partition}`, watermark)
  })
  return { id, chosen, target: memoryRewind(store, keyed) }
}

/** Two partitions: 10..99 and 0..49; record 20 of the first is gone. */
const log = [
  { partition: 0, start: 10, end: 100 },
  { partition: 1, start: 0, end: 50 },
]
const patient = { remaining: () => 60_000, signal: new AbortController().signal }

const ports = (asked: readonly number[], more: Partial<PlanPorts> = {}): PlanPorts => ({
  deadline: patient,
  topic: 't',
  sourceOf: source,
  offsets: () => Promise.resolve(log),
  asked: () => Promise.resolve(new Map(asked.map((offset, partition) => [partition, offset]))),
  committed: () =>
    Promise.resolve(
      new Map([
        [0, 100],
        [1, 50],
      ]),
    ),
  firstRecord: (partition, from, to) => {
    const offset = partition === 0 && from === 20 ? 21 : from
    return Promise.resolve(offset < to ? { offset, checksum: `sum ${offset}` } : undefined)
  },
  standing: () => Promise.resolve([]),
  openLetters: () => Promise.resolve(0),
  ...more,
})
const request: PlanRequest = { partitions: [], fromLogStart: false, acceptNewTopic: false }

async function planned(asked: readonly number[], sinks: readonly PipelineSink[], changes: Partial<PlanRequest> = {}) {
  const { chosen, partitions } = await planRewind(ports(asked), sinks, { ...request, ...changes })
  return {
    targets: chosen.flatMap(({ sink: { id }, sources }) =>
      sources.map(({ source, plan }) => `${id} ${source.partition}: e${plan.epoch} ${plan.target} ${plan.first}`),
    ),
    group: partitions.map(({ source, from, head }) => `${source.partition}: ${from} ${head?.offset}`),
  }
}

describe('D13: what is planned', () => {
  test('targets, the first record there is, one epoch for all sources, the group at the least', async () => {
    const sinks = [sink('a', true, [at(100), at(50, { epoch: 2 })]), sink('b', false, [at(100), at(50)])]
    expect(await planned([20, 30], sinks)).toEqual({
      targets: ['a 0: e3 20 21', 'a 1: e3 30 30'],
      group: ['0: 20 21', '1: 30 30'],
    })
  })

  test('nothing is passed over: neither what the sink has not, nor what another sink waits for', async () => {
    const sinks = [sink('a', true, [at(60), undefined]), sink('b', false, [at(40), at(50)])]
    expect(await planned([80, 10], sinks)).toEqual({
      targets: ['a 0: e1 60 60', 'a 1: e1 10 10'],
      group: ['0: 40 40', '1: 10 10'],
    })
  })

  test('of what a sink has nothing of yet, nothing that the group has not read either', async () => {
    const unread = { committed: () => Promise.resolve(new Map([[0, 30]])) }
    const sinks = [sink('a', true, [undefined, undefined])]
    const { chosen } = await planRewind(ports([80, 20], unread), sinks, request)
    expect(chosen[0]!.sources.map(({ plan }) => plan.target)).toEqual([30, 0])
  })

  test('past the end of a shorter partition nothing is read again', async () => {
    expect(await planned([70, 70], [sink('a', true, [at(100), at(50)])])).toEqual({
      targets: ['a 0: e1 70 70', 'a 1: e1 50 null'],
      group: ['0: 70 70', '1: 50 undefined'],
    })
  })

  test('a rewind that was cut off begins anew, no higher than it was', async () => {
    const plan = { epoch: 4, target: 15, first: 15, end: 100, removes: true, head: undefined }
    expect((await planned([90, 50], [sink('a', true, [rewoundTo(at(100), plan), at(50)])])).targets).toEqual([
      'a 0: e5 15 15',
      'a 1: e5 50 null',
    ])
  })

  test('of one partition alone', async () => {
    const sinks = [sink('a', true, [at(100), at(50)])]
    expect((await planned([20, 30], sinks, { partitions: [1] })).targets).toEqual(['a 1: e1 30 30'])
  })

  test('below what the log still has, only where that is said', async () => {
    const sinks = [sink('a', true, [at(100), at(50)])]
    await expect(planned([5, 0], sinks)).rejects.toMatchObject({ code: 'WEIR_USAGE' })
    expect((await planned([5, 0], sinks, { fromLogStart: true })).targets).toEqual(['a 0: e1 10 10', 'a 1: e1 0 0'])
  })
})

describe('D9 D13: a topic made anew', () => {
  const accept = { ...request, acceptNewTopic: true }
  test('is read from its start, wherever the sink was', async () => {
    expect(await planned([0, 0], [sink('a', true, [at(7000), at(3)])], accept)).toEqual({
      targets: ['a 0: e1 10 10', 'a 1: e1 0 0'],
      group: ['0: 10 10', '1: 0 0'],
    })
  })

  test('is not, where a checkpoint says that it is the log of before; nor while dead letters of the old one are open', async () => {
    const known = at(100, { checkpoints: [{ offset: 33, checksum: 'sum 33' }] })
    await expect(planRewind(ports([0, 0]), [sink('a', true, [known])], accept)).rejects.toMatchObject({
      message: expect.stringContaining('record 33 of t/0') as string,
    })
    const other = at(100, { checkpoints: [{ offset: 33, checksum: 'another' }] })
    const asked: string[] = []
    const open = ports([0, 0], { openLetters: (name) => Promise.resolve(asked.push(name)) })
    await expect(planRewind(open, [sink('a', true, [other])], accept)).rejects.toMatchObject({
      message: expect.stringContaining('3 dead letters') as string,
    })
    expect(asked).toEqual(['a', '*'])
  })
})

describe('what is refused', () => {
  test('D11: to leave out more records than a watermark holds, unless all sinks are rewound', async () => {
    const many = { standing: () => Promise.resolve(new Array<number>(MAX_LEFT_OUT + 1).fill(20)) }
    const sinks = [sink('a', true, [at(100), at(50)]), sink('b', false, [at(100), at(50)])]
    await expect(planRewind(ports([20, 20], many), sinks, request)).rejects.toMatchObject({ code: 'WEIR_USAGE' })
    const all = sinks.map((each) => ({ ...each, chosen: true }))
    expect((await planRewind(ports([20, 20], many), all, request)).chosen).toHaveLength(2)
  })

  test.each<[string, Partial<PlanRequest>, boolean, string]>([
    ['a partition of a sink with keys', { partitions: [0] }, true, 'WEIR_USAGE'],
    ['a partition that there is not', { partitions: [2] }, false, 'WEIR_UNKNOWN'],
  ])('%s', async (_, changes, keyed, code) => {
    const sinks = [sink('a', true, [at(100), at(50)], keyed)]
    await expect(planned([20, 20], sinks, changes)).rejects.toMatchObject({ code })
  })
})
