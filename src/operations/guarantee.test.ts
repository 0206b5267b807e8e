import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { promisesOf } from '../../scripts/docs/promises.ts'
import { any, pipeline } from '../index.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { memory, memoryStore } from '../sinks/memory.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { postgres } from '../sinks/postgres/index.ts'
import { s3 } from '../sinks/s3/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { guaranteeOf } from './guarantee.ts'
import type { Polling, Weakening } from './guarantee.ts'

const lake = s3({ id: 'lake' })
const table = (key?: string[]) =>
  postgres({ id: 'sql', table: 't', columns: { a: 'text', b: 'text' }, ...(key ? { key } : {}) })
const items = dynamodb({ id: 'kv', table: 'items', partitionKey: 'a', sortKey: 'b' })
const onDemand: Polling = { mode: 'onDemand' }
const provisioned = (more: Partial<Extract<Polling, { mode: 'provisioned' }>> = {}): Polling => ({
  mode: 'provisioned',
  retries: undefined,
  maxAgeSeconds: undefined,
  bisectOnError: false,
  ...more,
})

interface Shape {
  readonly sinks?: readonly SinkDefinition[]
  readonly partitions?: number
  readonly replication?: number
  readonly order?: Pipeline['order']
  readonly tombstone?: Pipeline['tombstone']
}

function definition({ sinks = [lake], partitions = 2, replication = 3, order = 'log', tombstone = 'keep' }: Shape) {
  const source = { topic: 't', partitions, replication }
  return pipeline({ name: 'p', source, decode: any(), order, tombstone: tombstone as 'keep', sinks })
}

const ids = (weakenings: readonly Weakening[]) => weakenings.map(({ id }) => id)
const everySink = (shape: Shape, polling: Polling = onDemand, minInsyncReplicas?: number) =>
  ids(
    guaranteeOf(definition(shape), { polling, ...(minInsyncReplicas === undefined ? {} : { minInsyncReplicas }) })
      .everySink,
  )
const sinkOf = (sink: SinkDefinition, shape: Shape = {}, polling: Polling = onDemand) =>
  guaranteeOf(definition({ ...shape, sinks: [sink] }), { polling }).sinks[sink.id]!

/** What no definition and no mapping takes away. */
const ALWAYS = ['behind-retention', 'record-over-payload', 'poison-waits-for-dynamodb']

test('D15: a mapping that never gives up: each record once in effect, and no weakening but those of any topic', () => {
  for (const polling of [onDemand, provisioned(), provisioned({ bisectOnError: true })]) {
    expect(sinkOf(lake, {}, polling)).toMatchObject({
      effect: 'once',
      text: 'Each record once in effect, or one dead letter.',
    })
    expect(everySink({}, polling)).toEqual(ALWAYS)
  }
})

test.each<[Polling, string[], RegExp]>([
  [provisioned({ retries: 3 }), ['given-up-after-retries'], /^A batch that fails is given up after 3 failed retries/],
  [provisioned({ retries: 0 }), ['given-up-after-retries'], /after its first failure/],
  [provisioned({ retries: 1, bisectOnError: true }), ['given-up-after-retries'], /^A failed batch is halved; .* one /],
  [provisioned({ maxAgeSeconds: 60 }), ['given-up-by-age'], /^Records older than 60 s/],
  [provisioned({ retries: 5, maxAgeSeconds: 60 }), ['given-up-after-retries', 'given-up-by-age'], /5 failed retries/],
])('D15: %j gives records up, which every sink says, with the option that lifts it', (polling, expected, text) => {
  for (const sink of [lake, table(), items]) {
    const guarantee = guaranteeOf(definition({ sinks: [sink] }), { polling })
    expect(guarantee.sinks[sink.id]!.effect).toBe('atMostOnce')
    expect(guarantee.sinks[sink.id]!.text).toMatch(/at most once/)
    expect(ids(guarantee.everySink)).toEqual([...expected, ...ALWAYS])
    expect(guarantee.everySink[0]!.text).toMatch(text)
    expect(guarantee.everySink[0]!.lift).toMatch(/^leaving poller\.(retries|maxAgeSeconds) out$/)
  }
})

test.each<[string, SinkDefinition, string]>([
  ['S3', lake, 'one line in exactly one object'],
  ['an appended table', table(), 'a row stands once in the table'],
  ['a keyed table', table(['a', 'b']), 'of each a, b the newest row, by offset'],
  ['DynamoDB', items, 'of each a, b the newest item, by offset'],
])('D15: what once means in %s', (_, sink, words) => {
  expect(sinkOf(sink).once).toContain(words)
})

test('D15: the newest is told by the order that was declared', () => {
  expect(sinkOf(items, { order: 'timestamp' }).once).toContain('by timestamp')
  expect(sinkOf(items, { order: () => 1 }).once).toContain('by its own version')
})

test('D15: a key that may span partitions: said of keyed stores under the order of the log, nowhere else', () => {
  const said = (sink: SinkDefinition, shape: Shape) =>
    ids(sinkOf(sink, shape).weakenings).includes('key-across-partitions')
  const orders: Pipeline['order'][] = ['log', 'timestamp', () => 1]
  for (const order of orders)
    for (const partitions of [1, 2, 64])
      for (const [sink, keyed] of [
        [items, true],
        [table(['a']), true],
        [table(), false],
        [lake, false],
      ] as const)
        expect(said(sink, { order, partitions })).toBe(keyed && order === 'log' && partitions > 1)
})

test('D15: each store names its own: S3 its ledger, DynamoDB the rows of one record, PostgreSQL nothing', () => {
  expect(ids(sinkOf(lake).weakenings)).toEqual(['s3-waits-for-dynamodb'])
  const parted = sinkOf(s3({ id: 'lake', partition: () => ({}) })).weakenings
  expect(ids(parted)).toEqual(['s3-waits-for-dynamodb', 'partition-changed'])
  expect(ids(sinkOf(items, { order: 'timestamp' }).weakenings)).toEqual(['rows-apart'])
  expect(ids(sinkOf(table(['a']), { order: 'timestamp' }).weakenings)).toEqual([])
})

test.each<[number, number | undefined, string[]]>([
  [1, undefined, ['one-copy']],
  [2, undefined, ['one-copy-at-patch']],
  [3, undefined, []],
  [3, 1, ['one-copy-at-patch']],
  [3, 2, []],
])('D15: %i replicas, %s in sync: %j', (replication, minInsyncReplicas, expected) => {
  expect(everySink({ replication }, onDemand, minInsyncReplicas)).toEqual([...expected, ...ALWAYS])
})

test('D15: ignored tombstones are said, kept and dead-lettered ones are not', () => {
  expect(everySink({ tombstone: 'ignore' })).toEqual(['tombstones-ignored', ...ALWAYS])
  expect(everySink({ tombstone: 'dead-letter' })).toEqual(ALWAYS)
})

test('D15 D7: a definition that lets a flood pass is told so, with the option that stops one', () => {
  const { everySink: said } = guaranteeOf({ ...definition({}), maxPoisonShare: false }, { polling: onDemand })
  expect(said.find(({ id }) => id === 'poison-flood')).toMatchObject({
    promise: 'D7',
    lift: 'leaving maxPoisonShare out',
  })
})

test('D15: deletes: the sinks that keep every row say that they delete nothing', () => {
  const source = { topic: 't', partitions: 1, replication: 3 }
  const sinks = [lake, table(['a']), items, memory({ id: 'm', store: memoryStore(), keyOf: String })]
  const deleting = pipeline({ name: 'p', source, decode: any(), tombstone: 'delete', keyOf: () => ({ a: 'x' }), sinks })
  const { everySink: shared, sinks: each } = guaranteeOf(deleting, { polling: onDemand })
  expect(ids(shared)).not.toContain('tombstones-ignored')
  const saying = Object.keys(each).filter((id) => ids(each[id]!.weakenings).includes('deletes-not-stored'))
  expect(saying).toEqual(['lake'])
})

test('D15: what the page says is not kept is said, as long as the page says so', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/delivery.md'), 'utf8')
  const promises = new Map(promisesOf(page).map((each) => [each.label, each]))
  const all = guaranteeOf(definition({ sinks: [lake, items] }), { polling: onDemand })
  const said = [...all.everySink, ...Object.values(all.sinks).flatMap(({ weakenings }) => weakenings)]
  for (const { promise } of said) if (promise !== undefined) expect([...promises.keys()]).toContain(promise)
  const isOpen = (label: string) => promises.get(label)!.notYet !== undefined || promises.get(label)!.gap !== undefined
  for (const label of ['D6', 'D7'])
    expect(
      said.some(({ promise }) => promise === label),
      label,
    ).toBe(isOpen(label))
})

test('D15: whatever the definition and the mapping: effect and weakenings agree, and no id stands twice', () => {
  const shapes = fc.record({
    sinks: fc.subarray([lake, table(['a']), items], { minLength: 1 }),
    partitions: fc.integer({ min: 1, max: 8 }),
    replication: fc.integer({ min: 1, max: 4 }),
    order: fc.constantFrom<Pipeline['order']>('log', 'timestamp', () => 1),
    tombstone: fc.constantFrom<Pipeline['tombstone']>('ignore', 'keep', 'dead-letter'),
  })
  const mappings = fc.record({
    retries: fc.option(fc.nat(10_000), { nil: undefined }),
    maxAgeSeconds: fc.option(fc.integer({ min: 60, max: 604_800 }), { nil: undefined }),
    bisectOnError: fc.boolean(),
  })
  fc.assert(
    fc.property(shapes, fc.option(mappings, { nil: undefined }), (shape, mapping) => {
      const polling = mapping ? provisioned(mapping) : onDemand
      const { everySink: shared, sinks } = guaranteeOf(definition(shape), { polling })
      const givesUp = ids(shared).some((id) => id.startsWith('given-up'))
      expect(givesUp).toBe(mapping?.retries !== undefined || mapping?.maxAgeSeconds !== undefined)
      expect(Object.keys(sinks)).toEqual(shape.sinks.map(({ id }) => id))
      for (const { effect, weakenings } of Object.values(sinks)) {
        expect(effect).toBe(givesUp ? 'atMostOnce' : 'once')
        const all = [...ids(shared), ...ids(weakenings)]
        expect(new Set(all).size).toBe(all.length)
      }
    }),
  )
})
