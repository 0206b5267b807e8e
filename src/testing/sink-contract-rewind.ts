/** Cases of the sink contract for sinks that can be rewound (D13): on one target, without a log, by the sink's own steps. */
import assert from 'node:assert/strict'
import { recordChecksum } from '../core/checksum.ts'
import type { Source } from '../core/record.ts'
import { expecting, finished, opened, rewoundTo } from '../core/watermark.ts'
import type { Checkpoint } from '../core/watermark.ts'
import type { RewindTarget } from '../sinks/rewind.ts'
import type { SinkRange, SinkWriter } from '../sinks/sink.ts'
import { CLUSTER, contractRow, deliverTo, expectCode, expectRows, invocation, range } from './contract-world.ts'
import { sourceRecord, span, TOPIC } from './contract-world.ts'
import type { ContractRow, SinkWorld } from './contract-world.ts'

interface RewindWorld extends SinkWorld {
  rewind(): RewindTarget
}

export type RewindCase = (world: RewindWorld, keyed: boolean) => Promise<void>

const patient = { remaining: () => 60_000, signal: new AbortController().signal }

const sourceOf = (partition: number): Source => ({ cluster: CLUSTER, topic: TOPIC, partition })
const checkpoint = (offset: number): Checkpoint => ({ offset, checksum: recordChecksum(sourceRecord(offset)) })
const rowsFor = (first: number, last: number, partition = 0) =>
  span(first, last).map((offset) => contractRow(offset, partition))

interface Started {
  /** Where the log is to be read from. */
  readonly from: number
  /** @param without offsets that a sink without keys leaves out */
  open(without?: readonly number[]): Promise<void>
  finish(): Promise<number>
}

/** Up to the removal of effects, for the partitions given: each holds records 0..end-1. */
async function start(target: RewindTarget, asked: number, end = 10, partitions = [0]): Promise<Started> {
  const sources = partitions.map(sourceOf)
  const standings = await target.read(sources, patient)
  const epoch = 1 + Math.max(...standings.map((each) => each.epoch))
  // Not above what has no effect yet.
  const from = await target.align(sources[0]!, Math.min(asked, standings[0]!.watermark?.next ?? asked), 0, patient)
  const stale = sources.map((source) => ({ source, target: from, epoch }))
  const first = from < end ? from : null
  const head = first === null ? undefined : checkpoint(first)
  const plan = { epoch, target: from, first, end, removes: true, head }
  for (const source of sources) {
    const own = source.partition === 0 ? plan : { ...plan, head: undefined }
    await target.change(source, (before) => rewoundTo(before, own), patient)
  }
  await target.remove(stale, patient)
  return {
    from,
    open: async (without) => {
      for (const source of sources) await target.change(source, (before) => before && opened(before, without), patient)
    },
    finish: async () => {
      const swept = await target.sweep(stale, patient)
      for (const source of sources) await target.change(source, (before) => before && finished(before), patient)
      return swept
    },
  }
}

async function deliverCold(world: SinkWorld, ...ranges: SinkRange[]): Promise<void> {
  const writer = await world.open()
  try {
    await deliverTo(writer, ranges)
  } finally {
    await writer.close()
  }
}

async function rewound(world: RewindWorld, body: (target: RewindTarget) => Promise<void>): Promise<void> {
  const target = world.rewind()
  try {
    await body(target)
  } finally {
    await target.close()
  }
}

/** 0..9 in three ranges. */
async function fill(world: RewindWorld, writer: SinkWriter): Promise<void> {
  for (const [first, last] of [
    [0, 3],
    [4, 6],
    [7, 9],
  ] as const)
    await deliverTo(writer, [range(span(first, last))])
  await expectRows(world, rowsFor(0, 9))
}

const named = (prefix: string, offsets: readonly number[], partition = 0): SinkRange => ({
  source: sourceOf(partition),
  records: offsets.map((offset) => ({
    record: sourceRecord(offset, { partition }),
    rows: [{ id: `${prefix}-${offset}`, n: offset, note: null } satisfies ContractRow],
  })),
})

export const rewindCases: Record<string, RewindCase> = {
  'D13: rewound and read again, cut otherwise, by a warm and a cold writer, the target is what it was': (
    world,
    keyed,
  ) =>
    rewound(world, async (target) => {
      const warm = await world.open()
      await fill(world, warm)
      const rewind = await start(target, 5)
      assert.ok(rewind.from <= 5)
      await expectRows(world, keyed ? rowsFor(0, 9) : rowsFor(0, rewind.from - 1))
      await rewind.open()
      await deliverTo(warm, [range(span(rewind.from, 7))])
      await deliverCold(world, range(span(6, 9)))
      await expectRows(world, rowsFor(0, 9))
      await rewind.finish()
      await expectRows(world, rowsFor(0, 9))
      const [standing] = await target.read([sourceOf(0)], patient)
      assert.equal(standing!.epoch, 1)
      assert.equal(standing!.watermark?.next, 10)
      assert.equal(standing!.watermark.rewind, undefined)
      assert.deepEqual(await world.gaps(0), [])
      await warm.close()
    }),

  'D4 D13 N7: what was under way before the rewind changes nothing, by a warm and by a cold writer': (world, keyed) =>
    rewound(world, async (target) => {
      const warm = await world.open()
      await fill(world, warm)
      const late = warm.prepare([range(span(7, 9))])
      const later = warm.prepare([range(span(8, 12))])
      const rewind = await start(target, 0)
      const left = keyed ? rowsFor(0, 9) : []
      await expectCode(warm.prepare([range(span(0, 3))]).write(invocation()), 'WEIR_REWOUND')
      await rewind.open()
      await expectCode(late.write(invocation()), 'WEIR_REWOUND')
      await expectCode(later.write(invocation()), 'WEIR_REWOUND')
      await expectCode(deliverCold(world, range(span(4, 9))), 'WEIR_REWOUND')
      await expectRows(world, left)
      await deliverCold(world, range(span(0, 9)))
      await deliverTo(warm, [range(span(7, 9))])
      await expectRows(world, rowsFor(0, 9))
      await warm.close()
    }),

  'D1 D13: a late range that got between two of the log is found out by the record that it passed over': (world) =>
    rewound(world, async (target) => {
      const writer = await world.open()
      await fill(world, writer)
      const rewind = await start(target, 0)
      await rewind.open()
      await deliverTo(writer, [range(span(0, 3))])
      await deliverTo(writer, [range(span(7, 9))])
      await expectCode(deliverTo(writer, [range(span(4, 6))]), 'WEIR_REWOUND')
      const again = await start(target, 0)
      await again.open()
      await deliverTo(writer, [range(span(0, 9))])
      await again.finish()
      await expectRows(world, rowsFor(0, 9))
      await writer.close()
    }),

  'D13: cut off at any step and run again, it comes to the same end': (world) =>
    rewound(world, async (target) => {
      const writer = await world.open()
      await fill(world, writer)
      await start(target, 5) // dies before it is opened
      const half = await start(target, 5)
      await half.open()
      await deliverTo(writer, [range(span(half.from, 7))]) // dies while the log is read again
      const whole = await start(target, 5)
      await whole.open()
      await deliverTo(writer, [range(span(whole.from, 9))])
      await whole.finish()
      await whole.finish() // dies before it can say so
      await expectRows(world, rowsFor(0, 9))
      await deliverTo(writer, [range(span(8, 12))])
      await expectRows(world, rowsFor(0, 12))
      await writer.close()
    }),

  'D13: what the log does not ask for any more is gone in the end, and nothing below the target': (world) =>
    rewound(world, async (target) => {
      await deliverCold(world, named('old', span(0, 3)))
      await deliverCold(world, named('old', span(4, 9)))
      const rewind = await start(target, 4)
      await rewind.open()
      await deliverCold(world, named('new', span(4, 9)))
      await rewind.finish()
      await expectRows(world, [
        ...named('old', span(0, 3)).records.flatMap(({ rows }) => rows as ContractRow[]),
        ...named('new', span(4, 9)).records.flatMap(({ rows }) => rows as ContractRow[]),
      ])
    }),

  'D9 D13: read again for another sink, a sink that is not rewound drops what it has': (world) =>
    rewound(world, async (target) => {
      const writer = await world.open()
      for (let offset = 2; offset < 14; offset++) await deliverTo(writer, [range([offset])])
      await expectCode(deliverTo(writer, [range(span(1, 5))]), 'WEIR_TOPIC_RESTARTED')
      await target.change(sourceOf(0), (before) => before && expecting(before, checkpoint(1)), patient)
      for (const [first, last] of [
        [1, 5],
        [4, 9],
        [8, 14],
      ] as const)
        await deliverTo(writer, [range(span(first, last))])
      await expectRows(world, rowsFor(2, 14))
      await writer.close()
    }),

  'D2 D13: records that the rewind leaves out have no rows, but where the newest row of a key is kept; after it they have':
    (world, keyed) =>
      rewound(world, async (target) => {
        const writer = await world.open()
        await fill(world, writer)
        const rewind = await start(target, 5)
        await rewind.open([5, 6, 8])
        await deliverTo(writer, [range(span(rewind.from, 5))])
        await deliverTo(writer, [range([6])])
        await deliverTo(writer, [range(span(7, 9))])
        const left = rowsFor(0, 9).filter(({ n }) => keyed || ![5, 6, 8].includes(n))
        await expectRows(world, left)
        await rewind.finish()
        await deliverTo(writer, [range(span(8, 11))])
        await expectRows(world, [...left, ...rowsFor(10, 11)])
        const again = await start(target, 0, 12)
        await again.open()
        await deliverTo(writer, [range(span(0, 11))])
        await again.finish()
        await expectRows(world, rowsFor(0, 11))
        await writer.close()
      }),

  'D13: a sink that has written nothing yet is filled from the target on': (world) =>
    rewound(world, async (target) => {
      const rewind = await start(target, 3)
      await rewind.open()
      await expectCode(deliverCold(world, range(span(5, 9))), 'WEIR_REWOUND')
      await deliverCold(world, range(span(3, 9)))
      await rewind.finish()
      await expectRows(world, rowsFor(3, 9))
    }),
}

/** Of sinks by whose keys tombstones delete. */
export const deleteRewindCases: Record<string, RewindCase> = {
  'D3 D13: deletes are read again as well, and one that the log does not ask for any more is forgotten': (world) =>
    rewound(world, async (target) => {
      const row = (offset: number, id: string): ContractRow => ({ id, n: offset, note: null })
      const part = (...deleted: readonly string[]): SinkRange => ({
        source: sourceOf(0),
        records: ['a', 'b', 'a', 'b', 'c'].map((id, offset) => ({
          record: sourceRecord(offset),
          ...(offset >= 2 && deleted.includes(id) ? { rows: [], deletes: [{ id }] } : { rows: [row(offset, id)] }),
        })),
      })
      await deliverCold(world, part('a', 'b'))
      await expectRows(world, [row(4, 'c')])
      const rewind = await start(target, 0, 5)
      await rewind.open()
      await deliverCold(world, part('a'))
      await rewind.finish()
      await expectRows(world, [row(3, 'b'), row(4, 'c')])
      const again = await start(target, 0, 5)
      await again.open()
      const { source, records } = part('a', 'b')
      await deliverCold(world, {
        source,
        records: records.filter(({ record: { offset } }) => offset !== 1 && offset !== 3),
      })
      await again.finish()
      await expectRows(world, [row(4, 'c')])
    }),
}

/** Past every timestamp of the suite. */
const LATER_MS = 1_000_000

export const keyedRewindCases: Record<string, RewindCase> = {
  'D3 D13: a partition that comes later is of the same epoch: its newer row wins': (world) =>
    rewound(world, async (target) => {
      await deliverCold(world, named('a', [0]))
      const rewind = await start(target, 0, 1)
      await rewind.open()
      await deliverCold(world, named('a', [0]))
      await rewind.finish()
      const { source, records } = named('a', [0], 1)
      const later = records.map(({ record, rows }) => ({
        record: { ...record, timestamp: record.timestamp + LATER_MS },
        rows: (rows as ContractRow[]).map((row) => ({ ...row, n: 77 })),
      }))
      await deliverCold(world, { source, records: later })
      await expectRows(world, [{ id: 'a-0', n: 77, note: null }])
    }),

  'D3 D13: an older record read again replaces the newer one of before, until that comes again': (world) =>
    rewound(world, async (target) => {
      const twice = (offsets: readonly number[]): SinkRange => ({
        source: sourceOf(0),
        records: offsets.map((offset) => ({
          record: sourceRecord(offset),
          rows: [{ id: 'a', n: offset, note: null }],
        })),
      })
      await deliverCold(world, twice([0, 1, 2]))
      const rewind = await start(target, 0, 3)
      await rewind.open()
      await deliverCold(world, twice([0, 1]))
      await expectRows(world, [{ id: 'a', n: 1, note: null }])
      await deliverCold(world, twice([1, 2]))
      await rewind.finish()
      await expectRows(world, [{ id: 'a', n: 2, note: null }])
    }),
}
