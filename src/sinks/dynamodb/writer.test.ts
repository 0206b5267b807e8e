import { describe, expect, test } from 'vitest'
import { systemPorts } from '../../aws/index.ts'
import { positionOf } from '../../core/order.ts'
import { memoryLedger } from '../../testing/memory-ledger.ts'
import { CLUSTER, invocation, sourceRecord, TOPIC } from '../../testing/index.ts'
import { effectOf } from './effect.ts'
import { batchEncoder } from './encode.ts'
import { guardOf } from './guard.ts'
import { dynamodb } from './index.ts'
import { createRequests } from './requests.ts'
import type { PutOutcome, Requests } from './requests.ts'
import { createWriter } from './writer.ts'

const { options } = dynamodb({ id: 'kv', table: 'items', partitionKey: 'id' })

/** The writer on a table that answers every put as told. */
function writerOn(put: Requests['put'], writes: 'auto' | 'put' = 'put') {
  const requests: Requests = {
    put,
    transact: () => Promise.reject(new Error('no record of few rows')),
    insert: (rows) => Promise.resolve({ written: rows, failed: [], suspects: [] }),
    update: (rows) => Promise.resolve({ written: [], failed: rows, suspects: [] }),
    look: () => Promise.resolve(new Map()),
  }
  return createWriter({
    pipeline: 'p',
    sink: 'kv',
    order: 'log',
    ledger: memoryLedger(),
    encode: batchEncoder(options, 'items', 'log'),
    takeEffect: effectOf({ requests, order: 'log', table: 'items', writes, checkTable: () => Promise.resolve() }),
  })
}

const written: Requests['put'] = () => Promise.resolve({ kind: 'written' } satisfies PutOutcome)
const batch = (rows: readonly object[]) => [
  { source: { cluster: CLUSTER, topic: TOPIC, partition: 0 }, records: [{ record: sourceRecord(0), rows }] },
]

describe('many rows', () => {
  test.each(['auto', 'put'] as const)(
    'D11: a batch of 200,000 rows is no more than the stack bears (%s)',
    async (how) => {
      const rows = Array.from({ length: 200_000 }, (_, n) => ({ id: String(n) }))
      const report = await writerOn(written, how).prepare(batch(rows)).write(invocation())
      expect(report.ranges[0]!.rows).toBe(200_000)
    },
  )
})

test('D1: a put that the guard turned down, though the item there is older, is no success', async () => {
  const odd: Requests['put'] = ({ position }) =>
    Promise.resolve({ kind: 'kept', stored: { ...position, offset: position.offset - 1 } })
  await expect(
    writerOn(odd)
      .prepare(batch([{ id: 'a' }]))
      .write(invocation()),
  ).rejects.toMatchObject({ code: 'WEIR_FOREIGN_ITEM' })
})

test('D1: an answer that tells of fewer statements than were sent is no success of the rest', async () => {
  const guard = guardOf('log', options.positionAttributes, 'id')
  const requests = createRequests({
    dynamo: { call: <Output>() => Promise.resolve({ Responses: [{}] } as Output) },
    table: 'items',
    guard,
    positions: options.positionAttributes,
    keyNames: ['id'],
    ports: systemPorts,
    onThrottled: () => undefined,
  })
  const { ranges } = batchEncoder(options, 'items', 'log')(batch([{ id: 'a' }, { id: 'b' }]))
  const placed = ranges[0]!.records[0]!.rows.map((row) => {
    const position = positionOf('t/000000/12345678', sourceRecord(0), row.index, 0)
    return { row, position, range: 0, record: 0 }
  })
  await expect(requests.insert(placed, invocation().deadline)).rejects.toMatchObject({ code: 'WEIR_REQUEST_FAILED' })
})
