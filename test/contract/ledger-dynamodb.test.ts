import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { MAX_CHECKPOINTS } from '../../src/core/limits.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import type { LedgerItem } from '../../src/sinks/ledger.ts'
import { ledgerTable, openDynamoLedger, toItem } from '../../src/sinks/ledger-dynamodb.ts'
import { dataPrefix, objectKey } from '../../src/sinks/s3/keys.ts'
import { clients, createTable, deadline, faulty, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
let table: string

beforeAll(async () => {
  aws = clients()
  table = await createTable(aws, ledgerTable(fresh('ledger')))
})
afterAll(() => aws.close())

const item = (version: number, more: Partial<LedgerItem> = {}): LedgerItem => ({
  epoch: 0,
  next: version * 10,
  checkpoints: [{ offset: 3, checksum: '00000001.4' }],
  gaps: [{ first: 1, last: 2 }],
  gapCount: 1,
  pending: null,
  generation: 0,
  version,
  ...more,
})

describe('the ledger in DynamoDB', () => {
  test('gives back what it was given', async () => {
    const ledger = openDynamoLedger({ table, client: aws.dynamodb })
    const key = fresh('key')
    expect(await ledger.read(key, deadline())).toBeUndefined()
    const full = item(1, {
      pending: { first: 5, last: 9, keys: ['a/b', 'é'], outputs: ['a/', ''] },
      ahead: { 'b=é/': 7, 'a=1/': 12 },
      generation: 2,
      epoch: 3,
      next: 2 ** 53 - 1,
      note: '{"of": "whoever"}',
    })
    expect(await ledger.compareAndSet(key, full, deadline())).toEqual({ ok: true })
    expect(await ledger.read(key, deadline())).toEqual(full)
  })

  test('reads an item whose checkpoints have names, as they once had', async () => {
    const ledger = openDynamoLedger({ table, client: aws.dynamodb })
    const key = fresh('key')
    const named = { S: JSON.stringify(item(1).checkpoints) }
    const input = { TableName: table, Item: { ...toItem(key, item(1)), checkpoints: named } }
    await aws.dynamodb.call('PutItem', input, deadline())
    expect(await ledger.read(key, deadline())).toEqual(item(1))
    expect(await ledger.compareAndSet(key, item(2), deadline())).toEqual({ ok: true })
  })

  test('D2: what is ahead is compared whatever its order: a lost answer is told from another change', async () => {
    const ledger = openDynamoLedger({ table, client: aws.dynamodb })
    const key = fresh('key')
    await ledger.compareAndSet(key, item(1, { ahead: { 'b/': 70, 'a/': 12 } }), deadline())
    const again = (ahead: LedgerItem['ahead']) => ledger.compareAndSet(key, item(1, { ahead: ahead! }), deadline())
    expect(await again({ 'a/': 12, 'b/': 70 })).toEqual({ ok: true })
    expect(await again({ 'a/': 12, 'b/': 71 })).toMatchObject({ ok: false })
    expect(await again({ 'a/': 12 })).toMatchObject({ ok: false })
  })

  test('a claim with every checkpoint there may be, and one to come, takes one write unit', async () => {
    const cluster =
      'arn:aws:kafka:ap-southeast-2:123456789012:cluster/virtual-private-cloud-lambda/01234567-89ab-cdef-0123-456789abcdef-12'
    const [pipeline, sink, topic, partition] = ['customer-orders', 'orders-lake', 'shop.orders.customer-orders.v2', 100]
    const [first, last] = [123_456_789_000, 123_456_798_999]
    const checkpoints = Array.from({ length: MAX_CHECKPOINTS + 1 }, (_, i) => ({
      offset: first + i,
      checksum: 'ffffffff.1024',
    }))
    const folder = dataPrefix('lake/raw', pipeline, sink, topic)
    const parts = { partition, first, last, timestamp: Date.UTC(2026, 10, 27), epoch: 1, generation: 1 }
    const keys = [objectKey(folder, parts, { format: 'jsonl', compress: 'gzip', date: true })]
    const claim = item(1_234_567, { next: first, epoch: 1, generation: 1, checkpoints, gaps: [], gapCount: 0 })
    const written = await aws.dynamodb.call<{ ConsumedCapacity: { CapacityUnits: number } }>(
      'PutItem',
      {
        TableName: table,
        Item: toItem(ledgerKey(pipeline, sink, { cluster, topic, partition }), {
          ...claim,
          pending: { first, last, keys },
        }),
        ReturnConsumedCapacity: 'TOTAL',
      },
      deadline(),
    )
    expect(written.ConsumedCapacity.CapacityUnits).toBe(1)
  })

  test('D4: of racing changes one wins, and the losers see what it wrote', async () => {
    const ledger = openDynamoLedger({ table, client: aws.dynamodb })
    const key = fresh('key')
    for (let version = 1; version <= 5; version++) {
      const contenders = Array.from({ length: 8 }, (_, i) => item(version, { next: version * 100 + i }))
      const outcomes = await Promise.all(contenders.map((each) => ledger.compareAndSet(key, each, deadline())))
      const winners = contenders.filter((_, i) => outcomes[i]!.ok)
      expect(winners).toHaveLength(1)
      for (const outcome of outcomes) if (!outcome.ok) expect(outcome.current).toEqual(winners[0])
      expect(await ledger.read(key, deadline())).toEqual(winners[0])
    }
  })

  test('D4: a version skipped, repeated or created anew loses', async () => {
    const ledger = openDynamoLedger({ table, client: aws.dynamodb })
    const key = fresh('key')
    expect(await ledger.compareAndSet(key, item(2), deadline())).toEqual({ ok: false, current: undefined })
    await ledger.compareAndSet(key, item(1), deadline())
    await ledger.compareAndSet(key, item(2), deadline())
    for (const version of [1, 2, 4])
      expect(await ledger.compareAndSet(key, item(version, { epoch: 9 }), deadline())).toEqual({
        ok: false,
        current: item(2),
      })
  })

  test('D2: an answer that got lost is settled by what stands there', async () => {
    let dropped = 0
    const server = await faulty(inject('stores').dynamodb.endpoint, (exchange) => {
      if (exchange.operation !== 'PutItem' || dropped >= 2) return undefined
      dropped++
      return exchange.pass().then(() => exchange.drop())
    })
    const through = clients(server.endpoint)
    const ledger = openDynamoLedger({ table, client: through.dynamodb })
    const key = fresh('key')
    expect(await ledger.compareAndSet(key, item(1), deadline())).toEqual({ ok: true })
    expect(await ledger.compareAndSet(key, item(2), deadline())).toEqual({ ok: true })
    expect(dropped).toBe(2)
    expect(await ledger.read(key, deadline())).toEqual(item(2))
    through.close()
    await server.close()
  })

  test('D8: a missing table is misconfigured, a store that is down unavailable', async () => {
    const missing = openDynamoLedger({ table: fresh('absent'), client: aws.dynamodb })
    await expect(missing.read('k', deadline())).rejects.toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      retryable: false,
    })
    const nowhere = clients('http://127.0.0.1:9')
    const down = openDynamoLedger({ table, client: nowhere.dynamodb })
    await expect(down.read('orders#lake#c#t#0', deadline(2_000))).rejects.toMatchObject({
      code: 'WEIR_STORE_UNAVAILABLE',
      message: expect.stringContaining(
        'Sink "lake" could not reach its store: its ledger, dynamodb GetItem: ',
      ) as string,
      retryable: true,
    })
    nowhere.close()
  })
})
