/** An UPDATE merges, a put replaces: items that are updated 25 a request must end up as if they had been put. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { LedgerStore } from '../../src/sinks/ledger.ts'
import type { SinkRange, SinkRecord } from '../../src/sinks/sink.ts'
import { CLUSTER, deliverTo, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { clients, deadline } from './dynamodb-kit.ts'
import type { Exchange, FaultyServer } from './dynamodb-kit.ts'
import { passAll, sinkTarget, within, writes } from './dynamodb-target.ts'
import type { Target } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const KEYS = 12
const value = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 4 }),
  fc.constant(null),
  fc.boolean(),
  fc.uint8Array({ maxLength: 4 }),
  fc.uniqueArray(fc.string({ maxLength: 3 }), { minLength: 1, maxLength: 3 }).map((members) => new Set(members)),
  fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 3 }).map((members) => new Set(members)),
  fc.constant(new Set([Buffer.from('a'), Buffer.from('b')])),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('x', 'y'), fc.array(fc.integer(), { maxLength: 2 }), { noNullPrototype: true }),
)
const attribute = fc.constantFrom('a', 'A', 'b', 'order', 'select', 'a-b', 'a b', 'a.b', "it's", 'gone_at', '7')
/** Undefined: its key is deleted. Some shapes come again and again. */
const state = fc.option(
  fc.oneof(
    { weight: 2, arbitrary: fc.record({ a: value, b: value }, { requiredKeys: ['a'] }) },
    fc.dictionary(attribute, value, { maxKeys: 4, noNullPrototype: true }),
  ),
  { nil: undefined, freq: 5 },
)
/** Of each key the states that follow one another. */
const story = fc.array(fc.array(state, { minLength: KEYS, maxLength: KEYS }), { minLength: 6, maxLength: 6 })

function batchOf(round: number, states: readonly (object | undefined)[]): SinkRange {
  const records = states.map((each, i): SinkRecord => {
    const record = sourceRecord(round * KEYS + i)
    const id = `k${i}`
    if (!each) return { record, rows: [], deletes: [{ id }] }
    const time = Object.hasOwn(each, 'gone_at') ? { gone_at: 2_000_000_000 + i } : {}
    return { record, rows: [Object.assign(each, { id }, time)] }
  })
  return { source: { cluster: CLUSTER, topic: TOPIC, partition: 0 }, records }
}

/** Members of sets in one order: they have none. */
function canonical(item: Record<string, AttributeValue>): unknown {
  const all = Object.entries(item).map(([name, each]) => {
    const [[type, content]] = Object.entries(each) as [[string, unknown]]
    const members = type.length === 2 && Array.isArray(content) ? (content as unknown[]).map(String).sort() : content
    return [name, type, members] as const
  })
  return all.sort(([a], [b]) => (a < b ? -1 : 1))
}

async function itemsOf(target: Target): Promise<unknown[]> {
  const all = (await target.raw()).sort((a, b) => (a.id!.S! < b.id!.S! ? -1 : 1))
  return all.map(canonical)
}

const everyUpdate = (server: FaultyServer) =>
  server.operations.filter((name) => name === 'BatchExecuteStatement').length

describe('D2 D3: the item that is left is the one that a put would leave', () => {
  test.each<[string, 'cold' | 'warm', 'log' | 'timestamp']>([
    ['a writer that knows none of the shapes that are there', 'cold', 'log'],
    ['a writer that knows them', 'warm', 'log'],
    ['a writer that knows them, ordered by time', 'warm', 'timestamp'],
  ])('%s', async (_, state_, order) => {
    const more = { order, timeToLive: { attribute: 'gone_at' }, deletes: {} } as const
    for (const states of fc.sample(story, { numRuns: 4, seed: 17 })) {
      const [put, updated] = [
        await sinkTarget(aws, { ...more, writes: 'put' }),
        await sinkTarget(aws, { ...more, writes: 'auto', updating: true }),
      ]
      let writer = await updated.open()
      for (const [round, each] of states.entries()) {
        const batch = [batchOf(round, each)]
        await deliverTo(await put.open(), batch)
        if (state_ === 'cold') writer = await updated.open()
        await deliverTo(writer, batch)
        expect(await itemsOf(updated)).toEqual(await itemsOf(put))
      }
      await Promise.all([put.dispose(), updated.dispose()])
    }
  })

  const one = (offset: number, row: object) => writes([[offset, { id: 'a', ...row }]])
  const attributes = async (target: Target) =>
    Object.keys((await target.raw())[0]!)
      .filter((name) => !name.startsWith('_'))
      .sort()
      .join(' ')

  test('what a known shape has, and the row has not, goes; by updates alone', () =>
    within(
      aws,
      passAll,
      async (target, through, server) => {
        const writer = await target.open({ through })
        await deliverTo(writer, [one(0, { b: 1, c: 1 })])
        server.operations.length = 0
        await deliverTo(writer, [one(1, { c: 2 })])
        expect(await attributes(target)).toBe('c id')
        await deliverTo(writer, [one(2, { c: 3, b: 3, d: 3 })])
        expect(await attributes(target)).toBe('b c d id')
        await deliverTo(writer, [one(3, {})])
        expect(await attributes(target)).toBe('id')
        expect(server.operations).toHaveLength(everyUpdate(server))
      },
      { updating: true },
    ))

  test('an item of a shape that the writer does not know is put', () =>
    within(
      aws,
      passAll,
      async (target, through, server) => {
        await deliverTo(await target.open(), [one(0, { b: 1, c: 1 })])
        await deliverTo(await target.open({ through }), [one(1, { c: 2 })])
        expect(await attributes(target)).toBe('c id')
        expect(server.operations).toEqual(['BatchExecuteStatement', 'BatchGetItem', 'PutItem'])
      },
      { updating: true },
    ))

  test('an item from before there were marks is put, and has one', () =>
    within(
      aws,
      passAll,
      async (target) => {
        await deliverTo(await target.open(), [one(0, { b: 1 })])
        const [{ _shape: mark, ...before }] = (await target.raw()) as [Record<string, AttributeValue>]
        await aws.dynamodb.call(
          'PutItem',
          { TableName: target.table, Item: { ...before, c: { S: 'old' } } },
          deadline(),
        )
        await deliverTo(await target.open(), [one(1, { b: 2 })])
        expect(await attributes(target)).toBe('b id')
        expect((await target.raw())[0]!._shape).toEqual(mark)
      },
      { updating: true },
    ))

  test('D13: under a later epoch an item is put: what others added to it goes when it is rebuilt', () =>
    within(
      aws,
      passAll,
      async (target) => {
        await deliverTo(await target.open(), [one(0, { b: 1 })])
        const [item] = await target.raw()
        await aws.dynamodb.call(
          'PutItem',
          { TableName: target.table, Item: { ...item, added: { S: 'x' } } },
          deadline(),
        )
        await deliverTo(await target.open(), [one(1, { b: 2 })])
        expect(await attributes(target)).toBe('added b id')
        const raised: LedgerStore = {
          ...target.ledger,
          read: async (key, limit) => {
            const found = await target.ledger.read(key, limit)
            return found && { ...found, epoch: 1, next: 0, checkpoints: [] }
          },
          compareAndSet: () => Promise.resolve({ ok: true }),
        }
        await deliverTo(await target.open({ ledger: raised }), [one(0, { b: 1 })])
        expect(await attributes(target)).toBe('b id')
      },
      { updating: true },
    ))
})

/** Answers UPDATEs as a service that has none of their kind. */
async function refuseUpdates(exchange: Exchange): Promise<void> {
  const { Statements } = JSON.parse(exchange.body.toString()) as { Statements: readonly { Statement: string }[] }
  if (!Statements[0]!.Statement.startsWith('UPDATE'))
    return exchange.pass().then(({ status, body }) => exchange.answer(status, body))
  const Error = { Code: 'ValidationError', Message: 'told to' }
  exchange.answer(200, JSON.stringify({ Responses: Statements.map(() => ({ Error })) }))
  return undefined
}

test('D8: where no update is taken, everything is put', () =>
  within(
    aws,
    (exchange) => (exchange.operation === 'BatchExecuteStatement' ? refuseUpdates(exchange) : undefined),
    async (target, through) => {
      const writer = await target.open({ through })
      const batch = (first: number) =>
        writes(Array.from({ length: 30 }, (_, i) => [first + i, { id: `k${i}`, n: first + i }] as const))
      for (const first of [0, 30, 60]) await deliverTo(writer, [batch(first)])
      const numbers = (await target.items()).map(({ n }) => Number(n)).sort((a, b) => a - b)
      expect(numbers).toEqual(Array.from({ length: 30 }, (_, i) => 60 + i))
    },
    { updating: true },
  ))
