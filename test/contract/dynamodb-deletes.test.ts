/** What DynamoDB alone has of deletes, times to live and tables that are appended to. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { any, pipeline } from '../../src/index.ts'
import { provisionStores } from '../../src/local/provision.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import type { KeyFields, SinkRange } from '../../src/sinks/sink.ts'
import { deliverTo, invocation, range, span } from '../../src/testing/index.ts'
import { clients, deadline, fresh } from './dynamodb-kit.ts'
import { sinkTarget } from './dynamodb-target.ts'
import type { Target, TargetOptions } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const DAY_MS = 86_400_000
const put = (offset: number, row: object, partition = 0): SinkRange => range([offset], { partition, rows: [row] })
const del = (offset: number, keys: readonly KeyFields[], partition = 0): SinkRange =>
  range([offset], { partition, deletes: keys })

async function within(options: TargetOptions, body: (target: Target) => Promise<void>): Promise<void> {
  const target = await sinkTarget(aws, options)
  try {
    await body(target)
  } finally {
    await target.dispose()
  }
}

async function deliver(target: Target, ...batches: readonly (readonly SinkRange[])[]): Promise<void> {
  const writer = await target.open()
  for (const ranges of batches) await deliverTo(writer, ranges)
}

const seconds = (attribute: AttributeValue | undefined) => Number(attribute?.N)

describe.each(['auto', 'put'] as const)('markers of deletes, writes %s', (writes) => {
  test('D3: key, position and mark stay, nothing else; for ever where the topic keeps its records so', () =>
    within({ writes, deletes: {} }, async (target) => {
      await deliver(target, [put(0, { id: 'a', secret: 'x' })], [del(1, [{ id: 'a', elsewhere: 7 }])])
      const [marker] = await target.raw()
      expect(marker).toEqual({
        id: { S: 'a' },
        _deleted: { BOOL: true },
        _src: { S: 'contract-topic/000000/6005383b' },
        _epoch: { N: '0' },
        _offset: { N: '1' },
        _index: { N: '0' },
        _ts: marker!._ts,
        _shape: { S: expect.stringMatching(/^[\w-]{22}$/) as string },
      })
    }))

  test('they expire some time after they were written; a put that revives the key has no such time', () =>
    within({ writes, deletes: { keepMs: 3 * DAY_MS } }, async (target) => {
      const before = Date.now()
      await deliver(target, [put(0, { id: 'a' })], [del(1, [{ id: 'a' }])], [del(2, [{ id: 'b' }])])
      for (const item of await target.raw()) {
        expect(seconds(item._expires) * 1000).toBeGreaterThanOrEqual(before + 3 * DAY_MS)
        expect(seconds(item._expires) * 1000).toBeLessThan(Date.now() + 3 * DAY_MS + 1001)
      }
      await deliver(target, [put(3, { id: 'a' })], [put(4, { id: 'b', n: 1 })])
      for (const item of await target.raw()) expect(Object.keys(item)).not.toContain('_expires')
      expect(await target.items()).toHaveLength(2)
    }))

  test('where items have a time to live, markers expire by the same attribute', () =>
    within({ writes, deletes: { keepMs: 0 }, timeToLive: { attribute: 'gone_at' } }, async (target) => {
      await deliver(target, [put(0, { id: 'a', gone_at: 2_000_000_000 })], [del(1, [{ id: 'a' }])])
      const [marker] = await target.raw()
      expect(Object.keys(marker!).sort()).toEqual([
        '_deleted',
        '_epoch',
        '_index',
        '_offset',
        '_shape',
        '_src',
        '_ts',
        'gone_at',
        'id',
      ])
    }))
})

test('D6: a row cannot pass itself off as a marker', () =>
  within({ deletes: { keepMs: 1 } }, async (target) => {
    const writer = await target.open()
    const texts = [
      { id: 'a', _deleted: true },
      { id: 'a', _expires: 1 },
    ].map((row) => writer.prepare([put(0, row)]).refusals[0]?.text)
    expect(texts).toEqual(['_deleted: the name of a position attribute', '_expires: the name of a position attribute'])
  }))

test('D3: a key of two attributes, a numeric one written in another way: one key', () =>
  within({ partitionKey: 'id', sortKey: { name: 'n', type: 'N' }, deletes: {} }, async (target) => {
    await deliver(target, [put(0, { id: 'a', n: 1 }), put(0, { id: 'a', n: 2 }, 1)], [del(1, [{ id: 'a', n: '1.0' }])])
    expect((await target.items()).map(({ n }) => n)).toEqual([2])
  }))

describe('times to live', () => {
  test('D2: so many seconds after the record, rounded up', () =>
    within({ timeToLive: { seconds: 60 } }, async (target) => {
      await deliver(target, [put(0, { id: 'a' }), put(1, { id: 'b' }, 1)])
      const items = await target.raw()
      expect(items).toHaveLength(2)
      for (const item of items) expect(seconds(item._expires)).toBe(Math.ceil(seconds(item._ts) / 1000) + 60)
    }))

  test('D2: of the row: seconds, a Date, none', () =>
    within({ timeToLive: { attribute: 'until' } }, async (target) => {
      const rows = [
        { id: 'a', until: 1_900_000_000 },
        { id: 'b', until: new Date(1_900_000_000_001) },
        { id: 'c', until: null },
        { id: 'd' },
        { id: 'e', until: 1_900_000_000n },
      ]
      await deliver(target, [range([0], { rows })])
      const found = new Map((await target.raw()).map((item) => [item['id']!.S, item['until']?.N]))
      expect(Object.fromEntries(found)).toEqual({
        a: '1900000000',
        b: '1900000001',
        c: undefined,
        d: undefined,
        e: '1900000000',
      })
    }))

  test.each<[string, object, TargetOptions, string]>([
    ['milliseconds', { until: 1_900_000_000_000 }, { timeToLive: { attribute: 'until' } }, 'between 2001 and 5138'],
    ['a duration', { until: 3600 }, { timeToLive: { attribute: 'until' } }, 'between 2001 and 5138'],
    ['text', { until: '1900000000' }, { timeToLive: { attribute: 'until' } }, 'expected a Date or whole seconds'],
    ['a fraction', { until: 1_900_000_000.5 }, { timeToLive: { attribute: 'until' } }, 'expected a Date or whole'],
    ['no date', { until: new Date(NaN) }, { timeToLive: { attribute: 'until' } }, 'expected a Date or whole'],
    [
      "the row's, where it follows",
      { _expires: 1 },
      { timeToLive: { seconds: 1 } },
      "follows from the record's timestamp",
    ],
  ])('D6: %s is refused before writing', (_, row, options, text) =>
    within(options, async (target) => {
      const [refusal] = (await target.open()).prepare([put(0, { id: 'a', ...row })]).refusals
      expect(refusal?.text).toContain(text)
    }),
  )

  test('D6: a record without a timestamp has no time that follows from it: refused, not written as of 1970', () =>
    within({ timeToLive: { seconds: 60 } }, async (target) => {
      const { source, records } = put(0, { id: 'a' })
      const none = records.map((each) => ({ ...each, record: { ...each.record, timestamp: -1 } }))
      const [refusal] = (await target.open()).prepare([{ source, records: none }]).refusals
      expect(refusal?.text).toContain('there is none')
    }))
})

test('the local stack lets items of such tables expire, a second time as well', async () => {
  const table = fresh('expiring')
  const kv = dynamodb({ id: 'kv', table, partitionKey: 'id' })
  const made = pipeline({
    name: 'expiring',
    source: { topic: 't', retentionDays: 7 },
    decode: any(),
    tombstone: 'delete',
    keyOf: () => null,
    sinks: [kv],
  })
  for (let time = 0; time < 2; time++) {
    await provisionStores([made], inject('stores'))
    const { TimeToLiveDescription: found } = await aws.dynamodb.call<{ TimeToLiveDescription: object }>(
      'DescribeTimeToLive',
      { TableName: table },
      deadline(),
    )
    expect(found).toMatchObject({
      AttributeName: '_expires',
      TimeToLiveStatus: expect.stringMatching(/^ENABL/) as string,
    })
  }
})

describe('a table that is appended to', () => {
  test('D2: one item a row under its position, by any cut; none overwritten', () =>
    within({ append: true }, async (target) => {
      await deliver(target, [range(span(0, 2), { rows: [{ what: 'x' }, { what: 'y' }] })])
      await deliver(target, [range(span(1, 3), { rows: [{ what: 'x' }, { what: 'y' }] })])
      const keys = (await target.items()).map(({ id }) => String(id)).toSorted()
      expect(keys).toHaveLength(8)
      expect(keys[3]).toBe('contract-topic/000000/6005383b@0000000000000001#001')
    }))

  test('D2: with a sort key the partition key is the row’s, and the sort key its position', () =>
    within({ append: true, partitionKey: 'customer', sortKey: 'at' }, async (target) => {
      await deliver(target, [put(10, { customer: 'c' })], [put(9, { customer: 'c' }, 1)], [put(11, { customer: 'c' })])
      expect((await target.items()).map(({ at }) => String(at)).toSorted()).toEqual([
        'contract-topic/000000/6005383b@0000000000000010#000',
        'contract-topic/000000/6005383b@0000000000000011#000',
        expect.stringMatching(/^contract-topic\/000001\/[0-9a-f]{8}@0000000000000009#000$/),
      ])
    }))

  test('a delete stores nothing; a row with the attribute of the position is refused', () =>
    within({ append: true, deletes: {} }, async (target) => {
      await deliver(target, [del(0, [{ id: 'a' }])])
      expect(await target.raw()).toEqual([])
      const writer = await target.open()
      const prepared = writer.prepare([put(1, { id: 'mine' })])
      expect(prepared.refusals[0]?.text).toContain('the position stands there')
      await prepared.write(invocation())
    }))
})
