/** Rows of one record take effect together or not at all: transactions, and what may get in their way. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { SinkRange, SinkRecord } from '../../src/sinks/sink.ts'
import { CLUSTER, deliverTo, invocation, range, sourceRecord, span, TOPIC } from '../../src/testing/index.ts'
import { clients, deadline, relay } from './dynamodb-kit.ts'
import type { Exchange } from './dynamodb-kit.ts'
import { addIndex, passAll, within } from './dynamodb-target.ts'
import type { Target } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const BAD = 7 // of a type that the index `byRegion` cannot have

const record = (offset: number, ids: readonly string[], bad?: string): SinkRecord => ({
  record: sourceRecord(offset),
  rows: ids.map((id) => ({ id, n: offset, region: id === bad ? BAD : 'x' })),
})
const part = (...records: readonly SinkRecord[]): SinkRange => ({
  source: { cluster: CLUSTER, topic: TOPIC, partition: 0 },
  records,
})

/** Key and offset of what stands, in order. */
async function state(target: Target): Promise<string> {
  return (await target.items())
    .map(({ id, n }) => `${String(id)}${String(n)}`)
    .toSorted()
    .join(' ')
}

const isTransaction = ({ operation }: Exchange) => operation === 'TransactWriteItems'
const cancelled = (...codes: readonly string[]) =>
  JSON.stringify({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    message: 'Transaction cancelled',
    CancellationReasons: codes.map((Code) => ({ Code })),
  })

describe.each(['auto', 'put'] as const)('writes %s', (writes) => {
  test('D6: one refused row refuses all rows of its record; other records of the batch land', () =>
    within(
      aws,
      passAll,
      async (target) => {
        await addIndex(aws, target)
        const call = invocation()
        const batch = [
          part(record(0, ['a', 'b']), record(1, ['c', 'd', 'e'], 'd'), record(2, ['f']), record(3, ['g', 'h'])),
        ]
        const report = await (await target.open()).prepare(batch).write(call)
        expect(await state(target)).toBe('a0 b0 f2 g3 h3')
        expect(call.letters.map(({ record: { offset }, stage }) => [offset, stage])).toEqual([[1, 'store']])
        expect(report.ranges[0]).toMatchObject({ rows: 5, refused: 1 })
      },
      { writes },
    ))

  test('D3: what a refused record would have replaced is written in its stead', () =>
    within(
      aws,
      passAll,
      async (target) => {
        await addIndex(aws, target)
        await deliverTo(await target.open(), [
          part(record(0, ['a']), record(1, ['b', 'c']), record(2, ['a', 'b', 'd'], 'd')),
        ])
        expect(await state(target)).toBe('a0 b1 c1')
      },
      { writes },
    ))
})

test('D3: a row that the guard turns down gives way alone', () =>
  within(aws, passAll, async (target) => {
    await deliverTo(await target.open(), [range([900], { partition: 1, rows: [{ id: 'a', n: 900 }] })])
    await deliverTo(await target.open(), [part(record(0, ['a', 'b']), record(1, ['c', 'd']))])
    expect(await state(target)).toBe('a900 b0 c1 d1')
  }))

test('D3: records that share keys, newest last and newest first', () =>
  within(aws, passAll, async (target) => {
    await deliverTo(await target.open(), [
      part(record(0, ['a', 'b']), record(1, ['b', 'c']), record(2, ['c', 'a', 'a'])),
    ])
    expect(await state(target)).toBe('a2 b1 c2')
    await deliverTo(await target.open(), [part(record(2, ['c', 'a', 'a']), record(3, ['b', 'd']))])
    expect(await state(target)).toBe('a2 b3 c2 d3')
  }))

test('D2: the answer lost: sent again, it is found to stand', () => {
  let lost = 0
  return within(
    aws,
    (exchange) => (isTransaction(exchange) && lost++ === 0 ? exchange.pass().then(() => exchange.drop()) : undefined),
    async (target, through) => {
      await deliverTo(await target.open({ through }), [part(record(0, ['a', 'b']), record(1, ['c', 'd']))])
      expect(await state(target)).toBe('a0 b0 c1 d1')
      expect(lost).toBe(2)
    },
  )
})

test('D8: requests in each other’s way are sent again; one that never gets through is retryable', () => {
  let times = 0
  return within(
    aws,
    (exchange) => {
      if (!isTransaction(exchange)) return undefined
      if (++times > 2) return relay(exchange)
      exchange.answer(400, cancelled('None', 'TransactionConflict'))
      return Promise.resolve()
    },
    async (target, through) => {
      await deliverTo(await target.open({ through }), [part(record(0, ['a', 'b']))])
      expect(await state(target)).toBe('a0 b0')
      times = -1000
      const failing = deliverTo(await target.open({ through }), [part(record(1, ['a', 'b']))], 2_000)
      await expect(failing).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE', retryable: true })
      expect(await state(target)).toBe('a0 b0')
      expect((await target.watermark(0))?.next).toBe(1)
    },
  )
})

test('D1 D8: cancelled for no reason that is told, no record is blamed: it halts, and the watermark stays', () =>
  within(
    aws,
    (exchange) => {
      if (!isTransaction(exchange)) return undefined
      exchange.answer(400, '{"__type":"x#TransactionCanceledException","message":"no"}')
      return Promise.resolve()
    },
    async (target, through) => {
      const call = invocation()
      const writer = await target.open({ through })
      await expect(writer.prepare([part(record(0, ['a', 'b']))]).write(call)).rejects.toMatchObject({
        code: 'WEIR_REQUEST_FAILED',
      })
      expect(call.letters).toEqual([])
      expect(await target.watermark(0)).toBeUndefined()
    },
  ))

test('D8: an item of someone else halts, and nothing of its record is written', () =>
  within(aws, passAll, async (target) => {
    await aws.dynamodb.call('PutItem', { TableName: target.table, Item: { id: { S: 'b' } } }, deadline())
    await expect(deliverTo(await target.open(), [part(record(0, ['a', 'b']))])).rejects.toMatchObject({
      code: 'WEIR_FOREIGN_ITEM',
    })
    expect((await target.raw()).map(({ id }) => id?.S)).toEqual(['b'])
  }))

test('several keys of one tombstone go together', () =>
  within(
    aws,
    passAll,
    async (target, through, server) => {
      await deliverTo(await target.open({ through }), [range([0], { deletes: [{ id: 'a' }, { id: 'b' }] })])
      expect((await target.raw()).map(({ _deleted: deleted }) => deleted?.BOOL)).toEqual([true, true])
      expect(server.operations).toContain('TransactWriteItems')
    },
    { deletes: {} },
  ))

describe('what pays for it', () => {
  test.each<[string, readonly SinkRecord[], number]>([
    ['records of one row do not', span(0, 40).map((n) => record(n, [`k${n}`])), 0],
    ['fifty records of two rows share a transaction', span(0, 49).map((n) => record(n, [`a${n}`, `b${n}`])), 1],
    [
      'one of a hundred rows has one of its own',
      [
        record(
          0,
          span(1, 100).map((n) => `k${n}`),
        ),
        record(1, ['a', 'b']),
      ],
      2,
    ],
    [
      'one of more rows than a transaction holds goes row by row',
      [
        record(
          0,
          span(0, 100).map((n) => `k${n}`),
        ),
      ],
      0,
    ],
  ])('%s', (_, records, transactions) =>
    within(aws, passAll, async (target, through, server) => {
      await deliverTo(await target.open({ through }), [part(...records)])
      expect(await target.items()).toHaveLength(records.reduce((sum, { rows }) => sum + rows.length, 0))
      expect(server.operations.filter((each) => each === 'TransactWriteItems')).toHaveLength(transactions)
    }),
  )
})
