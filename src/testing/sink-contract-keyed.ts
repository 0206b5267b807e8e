/** Cases of the sink contract that only keyed sinks have: which row of one key stays (order 'log'). */
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

  'D3: from another partition the later timestamp wins, whichever comes first': async (world) => {
    await deliver(world, writes(1, [[8, 'a']]))
    await deliver(world, writes(0, [[5, 'a']]))
    await expectRows(world, [{ id: 'a', n: 8, note: null }])
    await deliver(world, writes(0, [[9, 'a']]))
    await expectRows(world, [{ id: 'a', n: 9, note: null }])
  },
}
