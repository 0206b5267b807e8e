/**
 * Cases of the sink contract on deletes (`tombstone: 'delete'`), which only keyed sinks have, under each order that allows
 * them. A delete is as any effect on its key: the newest one stands, however often and in whatever order they arrive.
 */
import assert from 'node:assert/strict'
import type { OrderKind } from '../core/order.ts'
import type { SinkRange, SinkRecord } from '../sinks/sink.ts'
import { CLUSTER, deliverTo, expectRows, invocation, sourceRecord, span, TOPIC } from './contract-world.ts'
import type { ContractRow, SinkWorld, WorldChoice } from './contract-world.ts'

interface DeleteCase {
  readonly name: string
  readonly choice: WorldChoice
  readonly body: (world: SinkWorld) => Promise<void>
}

export function deleteCases(): DeleteCase[] {
  return (['log', 'timestamp'] as const).flatMap((order) =>
    Object.entries({ ...cases, ...casesOf[order] }).map(([name, body]) => ({
      name: `${name} (order ${order})`,
      choice: { order, deletes: true },
      body,
    })),
  )
}

/** What one record does to one key; its timestamp is its offset unless told. */
const put = (offset: number, id: string, time = offset): SinkRecord => ({
  record: sourceRecord(offset, { time }),
  rows: [row(offset, id)],
})
const del = (offset: number, id: string, time = offset): SinkRecord => ({
  record: sourceRecord(offset, { time, deletes: [{ id }] }),
  rows: [],
  deletes: [{ id }],
})
const row = (offset: number, id: string): ContractRow => ({ id, n: offset, note: null })

/** Of one partition; the records take its number. */
function part(partition: number, ...records: readonly SinkRecord[]): SinkRange {
  return {
    source: { cluster: CLUSTER, topic: TOPIC, partition },
    records: records.map((each) => ({ ...each, record: { ...each.record, partition } })),
  }
}

/** Each batch by a cold writer; gives the effects that the last one reports. */
async function deliver(world: SinkWorld, ...batches: readonly (readonly SinkRange[])[]): Promise<number> {
  let rows = 0
  for (const ranges of batches) {
    const writer = await world.open()
    try {
      const report = await deliverTo(writer, ranges)
      rows = report.ranges.reduce((sum, each) => sum + each.rows, 0)
    } finally {
      await writer.close()
    }
  }
  return rows
}

const cases: Record<string, (world: SinkWorld) => Promise<void>> = {
  'D2 D3: a delete removes the row of its key and no other, once': async (world) => {
    await deliver(world, [part(0, put(0, 'a'), put(1, 'b'))])
    assert.equal(await deliver(world, [part(0, del(2, 'a'))]), 1)
    await expectRows(world, [row(1, 'b')])
    assert.equal(await deliver(world, [part(0, del(2, 'a'))]), 0)
    await expectRows(world, [row(1, 'b')])
  },

  'D2 D3: the put before a delete, delivered again, with the delete and without it': async (world) => {
    await deliver(
      world,
      [part(0, put(0, 'a'), del(1, 'a'))],
      [part(0, put(0, 'a'))],
      [part(0, put(0, 'a'), del(1, 'a'))],
    )
    await expectRows(world, [])
  },

  'D3: a put after a delete stands, and the delete delivered again does not remove it': async (world) => {
    await deliver(world, [part(0, put(0, 'a'))], [part(0, del(1, 'a'))], [part(0, put(2, 'a'))])
    await expectRows(world, [row(2, 'a')])
    await deliver(world, [part(0, put(0, 'a'), del(1, 'a'))], [part(0, del(1, 'a'), put(2, 'a'))])
    await expectRows(world, [row(2, 'a')])
  },

  'D3: in one batch the newest of a key stands: put, delete, put; put, delete; delete, put; delete, delete': async (
    world,
  ) => {
    await deliver(world, [
      part(
        0,
        put(0, 'a'),
        put(1, 'b'),
        del(2, 'c'),
        del(3, 'a'),
        del(4, 'b'),
        put(5, 'c'),
        put(6, 'a'),
        del(7, 'd'),
        del(8, 'd'),
      ),
    ])
    await expectRows(world, [row(6, 'a'), row(5, 'c')])
    await deliver(world, [part(1, put(0, 'd', 7), put(1, 'b', 3))])
    await expectRows(world, [row(6, 'a'), row(5, 'c')])
  },

  'D3 D4: from another partition the later timestamp decides, whichever comes first': async (world) => {
    await deliver(world, [part(0, del(0, 'a', 50))], [part(1, put(0, 'a', 40))])
    await expectRows(world, [])
    await deliver(world, [part(1, put(1, 'a', 60))])
    await expectRows(world, [row(1, 'a')])
    await deliver(world, [part(2, del(0, 'a', 55))])
    await expectRows(world, [row(1, 'a')])
    await deliver(world, [part(2, del(1, 'a', 61))], [part(0, put(1, 'a', 60))])
    await expectRows(world, [])
  },

  'D3: where timestamps are equal the partition decides': async (world) => {
    await deliver(world, [part(1, del(0, 'a', 9), put(1, 'b', 9))], [part(0, put(0, 'a', 9), del(1, 'b', 9))])
    await expectRows(world, [row(1, 'b')])
  },

  'D4: a zombie that wakes up late does not bring a deleted row back': async (world) => {
    const zombie = await world.open()
    try {
      const late = zombie.prepare([part(0, put(0, 'a', 10), put(1, 'b', 11)), part(1, put(0, 'c', 10))])
      await deliver(world, [part(0, put(0, 'a', 10), put(1, 'b', 11), del(2, 'a', 12))], [part(2, del(0, 'c', 13))])
      await late.write(invocation())
      await expectRows(world, [row(1, 'b')])
    } finally {
      await zombie.close()
    }
  },

  'D4: a put and a newer delete of one key at the same time, from two partitions: the row does not stay': async (
    world,
  ) => {
    const writers = await Promise.all([world.open(), world.open()])
    try {
      const keys = span(0, 39).map((n) => `k${n}`)
      await Promise.all([
        deliverTo(writers[0], [part(0, ...keys.map((id, i) => put(i, id, 10)))]),
        deliverTo(writers[1], [part(1, ...keys.map((id, i) => del(i, id, 20)))]),
      ])
      await expectRows(world, [])
    } finally {
      await Promise.all(writers.map((writer) => writer.close()))
    }
  },

  'D2: several keys of one tombstone': async (world) => {
    await deliver(world, [part(0, put(0, 'a'), put(1, 'b'), put(2, 'c'))])
    const { record } = del(3, 'a')
    await deliver(world, [part(0, { record, rows: [], deletes: [{ id: 'a' }, { id: 'c' }, { id: 'c' }] })])
    await expectRows(world, [row(1, 'b')])
  },

  'D6: a delete without its key column is refused, and its neighbours land': async (world) => {
    const writer = await world.open()
    try {
      const { record } = del(1, 'a')
      const prepared = writer.prepare([
        part(0, put(0, 'a'), { record, rows: [], deletes: [{ other: 'a' }] }, del(2, 'b')),
      ])
      assert.deepEqual(
        prepared.refusals.map(({ record: { offset }, stage, code }) => [offset, stage, code]),
        [[1, 'encode', 'WEIR_ENCODE']],
      )
      await prepared.write(invocation())
      await expectRows(world, [row(0, 'a')])
    } finally {
      await writer.close()
    }
  },

  'D2 D11: a large batch of deletes among puts': async (world) => {
    const keys = span(0, 799).map((n) => `k${String(n).padStart(3, '0')}`)
    await deliver(world, [part(0, ...keys.map((id, i) => put(i, id)))])
    const mixed = keys.map((id, i) => (i % 2 === 0 ? del(800 + i, id) : put(800 + i, id)))
    await deliver(world, [part(0, ...mixed)])
    await expectRows(
      world,
      keys.flatMap((id, i) => (i % 2 === 0 ? [] : [row(800 + i, id)])),
    )
  },
}

const casesOf: Readonly<Record<Exclude<OrderKind, 'version'>, typeof cases>> = {
  log: {
    'D3: within a partition the offset decides, whatever the timestamps': async (world) => {
      await deliver(world, [part(0, put(0, 'a', 50), put(1, 'b', 50))], [part(0, del(2, 'a', 10))])
      await expectRows(world, [row(1, 'b')])
    },
  },
  timestamp: {
    'D3: within a partition the timestamp decides, and the offset where they are equal': async (world) => {
      await deliver(world, [part(0, put(0, 'a', 50), put(1, 'b', 50))], [part(0, del(2, 'a', 10), del(3, 'b', 50))])
      await expectRows(world, [row(0, 'a')])
      await deliver(world, [part(0, del(4, 'c', 70))], [part(0, put(5, 'c', 60))])
      await expectRows(world, [row(0, 'a')])
    },
  },
}
