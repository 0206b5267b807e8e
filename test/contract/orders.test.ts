/**
 * The three orders in all keyed sinks at once: random streams, cut at random, delivered again, in any order of partitions, with
 * zombies that write late. Under a total order every sink ends in the state that the stream alone decides.
 */
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { isNewer, positionOf } from '../../src/core/order.ts'
import type { OrderKind, Position } from '../../src/core/order.ts'
import { sourceMark } from '../../src/core/record.ts'
import { memory, memoryStore } from '../../src/sinks/memory.ts'
import type { PreparedBatch, SinkRange, SinkRecord, SinkWriter } from '../../src/sinks/sink.ts'
import { CLUSTER, invocation, memoryLedger, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { clients } from './dynamodb-kit.ts'
import { sinkTarget } from './dynamodb-target.ts'
import { world } from './postgres-world.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const PARTITIONS = 3
const RUNS = 6

interface Happening {
  readonly partition: number
  readonly key: string
  readonly ts: number
  readonly deletes: boolean
  readonly version: string | number
}

/** Delivers a range of one partition: of what it has not had yet so much, and of what it has had so much again. */
interface Delivery {
  readonly partition: number
  readonly more: number
  readonly again: number
  /** Prepared now, written by a zombie after so many others; 0: written now. */
  readonly late: number
}

const happening = fc.record({
  partition: fc.nat(PARTITIONS - 1),
  key: fc.constantFrom('a', 'b', 'c'),
  ts: fc.nat(5),
  deletes: fc.boolean(),
  version: fc.oneof(fc.nat(2), fc.constantFrom('a', '\uFF61', '\u{1F30B}')),
})
const delivery = fc.record({
  partition: fc.nat(PARTITIONS - 1),
  more: fc.nat(5),
  again: fc.nat(3),
  late: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }),
})
const story = fc.record({
  happenings: fc.array(happening, { minLength: 10, maxLength: 30 }),
  deliveries: fc.array(delivery, { maxLength: 12 }),
})

interface Sink {
  readonly name: string
  open(): Promise<SinkWriter>
  /** What stands, by key. */
  state(): Promise<Map<string, number>>
  dispose(): Promise<void>
}

async function sinksOf(order: OrderKind): Promise<Sink[]> {
  const store = memoryStore()
  const deletes = order === 'version' ? undefined : {}
  const definition = memory({ id: 'memory', store, keyOf: (row) => (row as { id: string }).id })
  const more = { order, ...(deletes ? { deletes } : {}) }
  const common = { pipeline: 'orders', binding: {}, ledger: memoryLedger(), log: () => undefined, ...more }
  const sql = await world({ key: ['id'], columns: { id: 'text', n: 'integer' }, ...more })
  const kv = await sinkTarget(aws, more)
  const byKey = (rows: readonly unknown[]) => new Map((rows as { id: string; n: number }[]).map(({ id, n }) => [id, n]))
  return [
    {
      name: 'memory',
      open: () => definition.open(common),
      state: () => Promise.resolve(byKey([...store.rows.values()].map(({ row }) => row))),
      dispose: () => Promise.resolve(),
    },
    {
      name: 'PostgreSQL',
      open: () => sql.open(),
      state: async () => byKey(await sql.rows()),
      dispose: () => sql[Symbol.asyncDispose](),
    },
    {
      name: 'DynamoDB',
      open: () => kv.open(),
      state: async () => byKey(await kv.items()),
      dispose: () => kv.dispose(),
    },
  ]
}

interface Placed {
  readonly happening: Happening
  readonly record: SinkRecord
  readonly id: string
  readonly n: number
}

/** Partitions and keys of its own for each run, so that one table serves all of them. */
function placed(happenings: readonly Happening[], run: number, order: OrderKind): Placed[][] {
  const logs: Placed[][] = Array.from({ length: PARTITIONS }, () => [])
  happenings.forEach((each, n) => {
    const log = logs[each.partition]!
    const id = `${run}-${each.key}`
    const gone = each.deletes && order !== 'version'
    const record = sourceRecord(log.length, {
      partition: run * PARTITIONS + each.partition,
      generation: n,
      time: each.ts,
      ...(gone ? { deletes: [{ id }] } : {}),
    })
    const effect = gone ? { rows: [], deletes: [{ id }] } : { rows: [{ id, n }] }
    const versions = order === 'version' ? { versions: [each.version] } : {}
    log.push({ happening: each, id, n, record: { record, ...effect, ...versions } })
  })
  return logs
}

const sourceOf = (record: SinkRecord) => ({ cluster: CLUSTER, topic: TOPIC, partition: record.record.partition })

/** What the stream alone decides. */
function decided(logs: readonly Placed[][], order: OrderKind): Map<string, number> {
  const newest = new Map<string, { position: Position; n: number | undefined }>()
  for (const { record, id, n, happening } of logs.flat()) {
    const version = order === 'version' ? happening.version : undefined
    const position = positionOf(sourceMark(sourceOf(record)), record.record, 0, 0, version)
    const best = newest.get(id)
    if (!best || isNewer(order, position, best.position))
      newest.set(id, { position, n: record.deletes ? undefined : n })
  }
  return new Map([...newest].flatMap(([id, { n }]) => (n === undefined ? [] : [[id, n] as const])))
}

/** The ranges to deliver, in order, and at the end whatever has not been. */
function rangesOf(logs: readonly Placed[][], deliveries: readonly Delivery[]): { range: SinkRange; late: number }[] {
  const had = logs.map(() => 0)
  const rest = logs.map((log, partition) => ({ partition, more: log.length, again: 0, late: 0 }))
  return [...deliveries, ...rest].flatMap(({ partition, more, again, late }) => {
    const log = logs[partition]!
    const from = Math.max(0, had[partition]! - again)
    const to = Math.min(log.length, had[partition]! + more)
    if (from >= to) return []
    had[partition] = Math.max(had[partition]!, to)
    const records = log.slice(from, to).map(({ record }) => record)
    return [{ range: { source: sourceOf(records[0]!), records }, late }]
  })
}

/** A zombie never was the only one to have a range: the service sends again what it gave up on. */
async function deliverAll(sink: Sink, ranges: readonly { range: SinkRange; late: number }[]): Promise<void> {
  const writer = await sink.open()
  const zombie = await sink.open()
  const waiting: { at: number; batch: PreparedBatch }[] = []
  for (const [i, { range, late }] of ranges.entries()) {
    if (late > 0) waiting.push({ at: i + late, batch: zombie.prepare([range]) })
    await writer.prepare([range]).write(invocation())
    for (const { at, batch } of waiting) if (at === i) await batch.write(invocation())
  }
  for (const { at, batch } of waiting) if (at >= ranges.length) await batch.write(invocation())
  await Promise.all([writer.close(), zombie.close()])
}

const ofRun = (state: Map<string, number>, run: number) =>
  Object.fromEntries([...state].filter(([id]) => id.startsWith(`${run}-`)).sort(([a], [b]) => (a < b ? -1 : 1)))

async function holds(order: OrderKind, shape: (each: Happening) => Happening): Promise<void> {
  const sinks = await sinksOf(order)
  let run = 0
  try {
    await fc.assert(
      fc.asyncProperty(story, async ({ happenings, deliveries }) => {
        const own = ++run
        const logs = placed(happenings.map(shape), own, order)
        const wanted = ofRun(decided(logs, order), own)
        const ranges = rangesOf(logs, deliveries)
        for (const sink of sinks) {
          await deliverAll(sink, ranges)
          expect({ sink: sink.name, state: ofRun(await sink.state(), own) }).toEqual({ sink: sink.name, state: wanted })
        }
      }),
      // Shrinking on real servers takes longer than a test may.
      { numRuns: RUNS, endOnFailure: true },
    )
  } finally {
    await Promise.all(sinks.map((sink) => sink.dispose()))
  }
}

const TIMEOUT_MS = 120_000

describe('all keyed sinks end in the state that the stream decides', { timeout: TIMEOUT_MS }, () => {
  test('D2 D3 D4: by timestamp', () => holds('timestamp', (each) => each))

  test('D2 D3 D4: by version', () => holds('version', (each) => each))

  test('D2 D3 D4: by the log, where a key stays in one partition', () =>
    holds('log', (each) => ({ ...each, partition: each.key.charCodeAt(0) % PARTITIONS })))
})

describe("the exception of order 'log': a key in two partitions, timestamps running backwards in one", () => {
  const at = (partition: number, ts: number): Happening => ({ partition, key: 'a', ts, deletes: false, version: 0 })
  /** n: 0 and 2 of partition 0, 1 of partition 1. */
  const happenings = [at(0, 5), at(1, 3), at(0, 1)]
  const one = (partition: number): Delivery => ({ partition, more: 1, again: 0, late: 0 })

  test.each<[OrderKind, readonly Delivery[], number]>([
    ['log', [one(0), one(0), one(1)], 1],
    ['log', [one(0), one(1), one(0)], 2],
    ['timestamp', [one(0), one(0), one(1)], 0],
    ['timestamp', [one(0), one(1), one(0)], 0],
  ])('D3: %s, %j: every sink ends with row %i', async (order, deliveries, n) => {
    const sinks = await sinksOf(order)
    try {
      const ranges = rangesOf(placed(happenings, 1, order), deliveries)
      for (const sink of sinks) {
        await deliverAll(sink, ranges)
        expect([sink.name, ...(await sink.state())]).toEqual([sink.name, ['1-a', n]])
      }
    } finally {
      await Promise.all(sinks.map((sink) => sink.dispose()))
    }
  })
})
