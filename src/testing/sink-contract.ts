/**
 * The acceptance suite of the sink contract (src/sinks/sink.ts). Framework-free: run each case with whatever you test with.
 *
 *   for (const { name, run } of sinkContract(harness)) test(name, run)
 */
import assert from 'node:assert/strict'
import { WeirError } from '../core/errors.ts'
import type { SinkRange, SinkWriter } from '../sinks/sink.ts'
import { contractRow, cutAfter, deliverTo, expectCode, expectRows, invocation, range, span } from './contract-world.ts'
import type { SinkHarness, SinkWorld, WorldChoice } from './contract-world.ts'
import { deleteCases } from './sink-contract-deletes.ts'
import { keyedCases } from './sink-contract-keyed.ts'
import { deleteRewindCases, keyedRewindCases, rewindCases } from './sink-contract-rewind.ts'
import type { RewindCase } from './sink-contract-rewind.ts'

export interface ContractCase {
  /** Begins with the promises it binds, as docs/delivery.md numbers them. */
  readonly name: string
  readonly run: () => Promise<void>
}

type WorldCase = (world: SinkWorld) => Promise<void>

/**
 * The cases for one sink, each on a fresh target that it disposes of. `run` rejects with an AssertionError, or with whatever
 * the sink threw. Sinks without keys get the cases of all sinks; keyed ones those of keys as well.
 */
export function sinkContract(harness: SinkHarness): ContractCase[] {
  const all: Record<string, WorldCase> = {
    ...cases,
    ...(harness.keyed ? keyedCases : {}),
    ...refusalCases(harness),
    ...rewindCasesOf(harness, { ...rewindCases, ...(harness.keyed ? keyedRewindCases : {}) }),
  }
  const rewoundDeletes = harness.deletes ? rewindCasesOf(harness, deleteRewindCases) : {}
  const deletes = harness.deletes ? deleteCases() : []
  return [
    ...Object.entries(all).map(([name, body]) => ({ name, run: () => within(harness, {}, body) })),
    ...Object.entries(rewoundDeletes).map(([name, body]) => ({
      name,
      run: () => within(harness, { deletes: true }, body),
    })),
    ...deletes.map(({ name, choice, body }) => ({ name, run: () => within(harness, choice, body) })),
  ]
}

async function within(harness: SinkHarness, choice: WorldChoice, body: WorldCase): Promise<void> {
  const world = await harness.create(choice)
  try {
    await body(world)
  } finally {
    await world.dispose()
  }
}

const rowsFor = (first: number, last: number, partition = 0) =>
  span(first, last).map((offset) => contractRow(offset, partition))

async function using<T>(world: SinkWorld, body: (writer: SinkWriter) => Promise<T>): Promise<T> {
  const writer = await world.open()
  try {
    return await body(writer)
  } finally {
    await writer.close()
  }
}

async function deliverCold(world: SinkWorld, ranges: readonly SinkRange[]): Promise<void> {
  await using(world, (writer) => deliverTo(writer, ranges))
}

/** From before the first request to after the last, whatever the store. */
const CUTS_MS = [0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 30, 50]

const cases: Record<string, WorldCase> = {
  'D1 D2: a batch takes effect, each row once, and is reported': (world) =>
    using(world, async (writer) => {
      const report = await deliverTo(writer, [range(span(0, 9))])
      assert.deepEqual(
        report.ranges.map(({ first, last, rows, duplicates, refused, gaps }) => ({
          first,
          last,
          rows,
          duplicates,
          refused,
          gaps,
        })),
        [{ first: 0, last: 9, rows: 10, duplicates: 0, refused: 0, gaps: 0 }],
      )
      await expectRows(world, rowsFor(0, 9))
    }),

  'D2: the same batch again changes nothing, by a warm and by a cold writer': (world) =>
    using(world, async (writer) => {
      await deliverTo(writer, [range(span(0, 9))])
      const again = await deliverTo(writer, [range(span(0, 9))])
      assert.equal(again.ranges[0]?.duplicates, 10)
      assert.equal(again.ranges[0]?.rows, 0)
      await deliverCold(world, [range(span(0, 9))])
      await expectRows(world, rowsFor(0, 9))
    }),

  'D2: cut differently the second time: shorter, longer, shifted': async (world) => {
    await deliverCold(world, [range(span(0, 5))])
    await deliverCold(world, [range(span(0, 3))])
    await deliverCold(world, [range(span(2, 8))])
    await deliverCold(world, [range(span(8, 8))])
    await deliverCold(world, [range(span(4, 12))])
    await expectRows(world, rowsFor(0, 12))
  },

  'D2 D12: an event of several partitions, then of one of them': async (world) => {
    await deliverCold(world, [range(span(0, 4)), range(span(10, 14), { partition: 1 })])
    await deliverCold(world, [range(span(10, 19), { partition: 1 })])
    await expectRows(world, [...rowsFor(0, 4), ...rowsFor(10, 19, 1)])
  },

  'D4 N7: a warm writer that slept through another one drops nothing and repeats nothing': (world) =>
    using(world, async (sleeper) => {
      await deliverTo(sleeper, [range(span(0, 4))])
      await deliverCold(world, [range(span(5, 9))])
      await deliverTo(sleeper, [range(span(5, 14))])
      await deliverTo(sleeper, [range(span(0, 4))])
      await expectRows(world, rowsFor(0, 14))
    }),

  'D4: two invocations with one batch at the same time, cut differently': async (world) => {
    const writers = await Promise.all([world.open(), world.open()])
    try {
      const batches = [[range(span(0, 19))], [range(span(0, 12))]]
      const outcomes = await Promise.allSettled(writers.map((writer, i) => deliverTo(writer, batches[i]!)))
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          assert.ok((outcome.reason as WeirError).retryable, `a lost race must be retryable: ${String(outcome.reason)}`)
      await deliverTo(writers[0], [range(span(0, 19))])
      await expectRows(world, rowsFor(0, 19))
    } finally {
      await Promise.all(writers.map((writer) => writer.close()))
    }
  },

  'D9: a range above the watermark, and holes, are recorded as gaps': (world) =>
    using(world, async (writer) => {
      await deliverTo(writer, [range(span(0, 4))])
      const report = await deliverTo(writer, [range([7, 8, 11])])
      assert.equal(report.ranges[0]?.gaps, 2)
      assert.deepEqual(
        (await world.gaps(0)).map(({ first, last }) => [first, last]),
        [
          [5, 6],
          [9, 10],
        ],
      )
      await expectRows(world, [...rowsFor(0, 4), ...rowsFor(7, 8), ...rowsFor(11, 11)])
    }),

  'D9: a log that does not start at 0 is no gap': async (world) => {
    await deliverCold(world, [range(span(1_000, 1_004))])
    assert.deepEqual(await world.gaps(0), [])
  },

  'D9: a range below the oldest checkpoint halts and changes nothing': async (world) => {
    await deliverCold(world, [range(span(100, 104))])
    await expectCode(deliverCold(world, [range(span(0, 4))]), 'WEIR_TOPIC_RESTARTED')
    await expectRows(world, rowsFor(100, 104))
  },

  'D9: another record at a checkpoint halts and changes nothing': async (world) => {
    await deliverCold(world, [range(span(0, 4))])
    await expectCode(deliverCold(world, [range(span(0, 9), { generation: 1 })]), 'WEIR_TOPIC_RESTARTED')
    await expectRows(world, rowsFor(0, 4))
  },

  'D1: a range without rows moves the watermark': (world) =>
    using(world, async (writer) => {
      await deliverTo(writer, [range(span(0, 4), { rows: [] })])
      const report = await deliverTo(writer, [range(span(0, 6))])
      assert.equal(report.ranges[0]?.duplicates, 5)
      assert.deepEqual(await world.gaps(0), [])
      await expectRows(world, rowsFor(5, 6))
    }),

  'D1: tombstones that delete, where nothing of their keys is stored: the watermark moves': (world) =>
    using(world, async (writer) => {
      await deliverTo(writer, [range(span(0, 4))])
      await deliverTo(writer, [range([5], { deletes: [{ id: 'never stored' }] })])
      const report = await deliverTo(writer, [range([5], { deletes: [{ id: 'never stored' }] })])
      assert.equal(report.ranges[0]?.duplicates, 1)
      await expectRows(world, rowsFor(0, 4))
    }),

  'D2: many rows of one record': async (world) => {
    const rows = span(0, 29).map((n) => ({ id: `many-${String(n).padStart(2, '0')}`, n, note: null }))
    await deliverCold(world, [range([3], { rows })])
    await deliverCold(world, [range([3], { rows })])
    await expectRows(world, rows)
  },

  'D10: with no time left it fails retryably, and a redelivery lands everything once': async (world) => {
    const batch = [range(span(0, 9))]
    await using(world, async (writer) => {
      await assert.rejects(
        writer.prepare(batch).write(invocation(0)),
        (error: unknown) => error instanceof WeirError && error.retryable,
      )
    })
    await deliverCold(world, batch)
    await expectRows(world, rowsFor(0, 9))
  },

  'D1 D2 D10: cut off at any moment, again and again, then let through: each row once': async (world) => {
    const batch = [range(span(0, 9))]
    for (const ms of CUTS_MS) {
      const writer = await world.open()
      const cut = writer.prepare(batch).write(cutAfter(ms))
      await cut.catch((error: unknown) => {
        if (!(error instanceof WeirError && error.retryable)) throw error
      })
      await writer.close()
    }
    await deliverCold(world, batch)
    await deliverCold(world, [range(span(5, 14))])
    await expectRows(world, rowsFor(0, 14))
  },

  'D11: 10,000 records in one batch': async (world) => {
    await deliverCold(world, [range(span(0, 9_999))])
    assert.equal((await world.rows()).length, 10_000)
  },

  'D2: a hundred small batches, each sent again with its successor': (world) =>
    using(world, async (writer) => {
      for (let first = 0; first < 300; first += 3)
        await deliverTo(writer, [range(span(Math.max(0, first - 3), first + 2))])
      await expectRows(world, rowsFor(0, 299))
    }),
}

function rewindCasesOf(
  { keyed, rewinds }: SinkHarness,
  all: Readonly<Record<string, RewindCase>>,
): Record<string, WorldCase> {
  if (rewinds !== true) return {}
  return Object.fromEntries(
    Object.entries(all).map(([name, body]) => [
      name,
      (world: SinkWorld) => {
        const { rewind } = world
        assert.ok(rewind, 'a harness whose sink can be rewound gives a world with rewind()')
        return body({ ...world, rewind }, keyed)
      },
    ]),
  )
}

function refusalCases({ unencodable }: SinkHarness): Record<string, WorldCase> {
  if (!unencodable) return {}
  return {
    'D6: a row that the format cannot hold refuses its record alone; neighbours land': (world) =>
      using(world, async (writer) => {
        const bad = range([2], { rows: [contractRow(200), unencodable('bad')] }).records
        const { source, records } = range(span(0, 4))
        const batch = [{ source, records: records.map((each) => (each.record.offset === 2 ? bad[0]! : each)) }]
        const prepared = writer.prepare(batch)
        assert.deepEqual(
          prepared.refusals.map(({ record, stage, code }) => [record.offset, stage, code]),
          [[2, 'encode', 'WEIR_ENCODE']],
        )
        await prepared.write(invocation())
        await expectRows(world, [...rowsFor(0, 1), ...rowsFor(3, 4)])
        await deliverCold(world, batch)
        await expectRows(world, [...rowsFor(0, 1), ...rowsFor(3, 4)])
      }),
  }
}
