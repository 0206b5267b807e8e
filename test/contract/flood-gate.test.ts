/** The gate that stops a flood, on the real ledger: environments that take turns, race, and lose answers (D7). */
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { createFloodGate, FLOOD_KEEPER } from '../../src/core/flood-gate.ts'
import type { PoisonedRange } from '../../src/core/flood.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import { ledgerTable, openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import { clients, createTable, deadline, faulty, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
let table: string

beforeAll(async () => {
  aws = clients()
  table = await createTable(aws, ledgerTable(fresh('flood')))
})
afterAll(() => aws.close())

function poisoned(first: number, count: number): PoisonedRange {
  const records = Array.from({ length: count }, (_, i) => ({
    topic: 't',
    partition: 0,
    offset: first + i,
    timestamp: 0,
    timestampType: 'CREATE_TIME' as const,
    key: null,
    value: null,
    headers: [],
  }))
  const poison = new Map(records.map(({ offset }) => [offset, { stage: 'decode', code: 'WEIR_DECODE' } as const]))
  return { source: { cluster: 'c', topic: 't', partition: 0 }, records, poison }
}

function gate(pipeline: string, client = aws.dynamodb) {
  const ledger = openDynamoLedger({ table, client })
  return createFloodGate({ pipeline, share: 0.5, ledger, keyOf: (source) => ledgerKey(pipeline, FLOOD_KEEPER, source) })
}

const halts = { code: 'WEIR_POISON_FLOOD', retryable: false }

test('D7: two environments take turns with batches of one, and each batch comes twice: the 101st record halts', async () => {
  const pipeline = fresh('turns')
  const [a, b] = [gate(pipeline), gate(pipeline)]
  for (let offset = 0; offset < 100; offset++) {
    await (offset % 2 ? a : b).admit([poisoned(offset, 1)], deadline())
    await (offset % 2 ? b : a).admit([poisoned(offset, 1)], deadline())
  }
  await expect(a.admit([poisoned(100, 1)], deadline())).rejects.toMatchObject(halts)
  await expect(b.admit([poisoned(100, 1)], deadline())).rejects.toMatchObject(halts)
})

test('D4 D7: a zombie and its successor count at once: what was let in is counted, whoever won', async () => {
  const pipeline = fresh('race')
  const offered = [poisoned(0, 40), poisoned(0, 70)]
  await Promise.all(offered.map((range) => gate(pipeline).admit([range], deadline())))
  await gate(pipeline).admit([poisoned(70, 30)], deadline())
  await expect(gate(pipeline).admit([poisoned(100, 1)], deadline())).rejects.toMatchObject(halts)
})

test('D2 D7: an answer that got lost counts nothing twice', async () => {
  const server = await faulty(inject('stores').dynamodb.endpoint, (exchange) =>
    exchange.operation === 'PutItem' && exchange.index % 2 === 1
      ? exchange.pass().then(() => exchange.drop())
      : undefined,
  )
  const through = clients(server.endpoint)
  const pipeline = fresh('lost')
  const one = gate(pipeline, through.dynamodb)
  for (let offset = 0; offset < 100; offset += 10) await one.admit([poisoned(offset, 10)], deadline())
  await expect(one.admit([poisoned(100, 1)], deadline())).rejects.toMatchObject(halts)
  through.close()
  await server.close()
})
