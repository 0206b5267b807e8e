/** Cases of the sink contract that only keyed sinks have: which row of one key stays (order 'log'). */
import assert from 'node:assert/strict'
import type { WeirError } from '../core/errors.ts'
import type { SinkRange } from '../sinks/sink.ts'
import { CLUSTER, deliverTo, expectRows, sourceRecord, TOPIC } from './contract-world.ts'
import type { SinkWorld } from './contract-world.ts'

/** Offsets and the key that each writes; `n` is the offset. */
function writes(partition: number, entries: readonly (readonly [offset: number, id: string])[]): SinkRange {
  return {
    source: { cluster: CLUSTER, topic: TOPIC, partition },
    records: entries.map(([offset, id]) => ({
      record: sourceRecord(offset, { partition }),
      rows: [{ id, n: offset, note: null }],
    })),
  }
}

async function deliver(world: SinkWorld, ...ranges: SinkRange[]): Promise<void> {
  const writer = await world.open()
  try {
    await deliverTo(writer, ranges)
  } finally {
    await writer.close()
  }
}

/** Past every timestamp of the suite. */
const LATER_MS = 1_000_000

export const keyedCases: Record<string, (world: SinkWorld) => Promise<void>> = {
  'D3: within a batch the newest row of a key stays': async (world) => {
    await deliver(
      world,
      writes(0, [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
        [3, 'a'],
      ]),
    )
    await expectRows(world, [
      { id: 'a', n: 3, note: null },
      { id: 'b', n: 1, note: null },
    ])
  },

  'D3: a replayed record is as old as its original: it fills a hole, and gives way to what came since': async (
    world,
  ) => {
    await deliver(world, writes(0, [[5, 'a']]))
    const { source, records } = writes(0, [
      [9, 'a'],
      [10, 'b'],
    ])
    const orderAs = sourceRecord(4)
    await deliver(world, { source, records: records.map((each) => ({ ...each, orderAs })) })
    await expectRows(world, [
      { id: 'a', n: 5, note: null },
      { id: 'b', n: 10, note: null },
    ])
    await deliver(world, writes(0, [[11, 'b']]))
    await expectRows(world, [
      { id: 'a', n: 5, note: null },
      { id: 'b', n: 11, note: null },
    ])
  },

  'D3: a later batch replaces, a redelivered earlier one does not': async (world) => {
    await deliver(
      world,
      writes(0, [
        [0, 'a'],
        [1, 'b'],
      ]),
    )
    await deliver(world, writes(0, [[2, 'a']]))
    await deliver(
      world,
      writes(0, [
        [0, 'a'],
        [1, 'b'],
      ]),
    )
    await expectRows(world, [
      { id: 'a', n: 2, note: null },
      { id: 'b', n: 1, note: null },
    ])
  },

  'D1 D9: a later row of the same topic of another cluster lands or halts; its lower offset is never taken for an older one':
    async (world) => {
      await deliver(world, writes(0, [[100, 'a']]))
      const { source, records } = writes(0, [[0, 'a']])
      const later = records.map((each) => ({
        ...each,
        record: { ...each.record, timestamp: each.record.timestamp + LATER_MS },
      }))
      const moved = { source: { ...source, cluster: 'another-cluster' }, records: later }
      const code = await deliver(world, moved).then(
        () => 'landed',
        (error: unknown) => (error as Partial<WeirError>).code,
      )
      assert.ok(code === 'landed' || code === 'WEIR_FOREIGN_TARGET', code)
      await expectRows(world, [{ id: 'a', n: code === 'landed' ? 0 : 100, note: null }])
    },

  'D3: from another partition the later timestamp wins, whichever comes first': async (world) => {
    await deliver(world, writes(1, [[8, 'a']]))
    await deliver(world, writes(0, [[5, 'a']]))
    await expectRows(world, [{ id: 'a', n: 8, note: null }])
    await deliver(world, writes(0, [[9, 'a']]))
    await expectRows(world, [{ id: 'a', n: 9, note: null }])
  },
}
