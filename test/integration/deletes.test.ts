/** A pipeline whose tombstones delete, from a real topic into the real stores; then the audit reads all of it. */
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { json, keyText, pipeline } from 'weirhouse'
import type { Pipeline, SourceRecord } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'
import { openProducer } from '../../src/kafka/produce.ts'
import { readPartition } from '../../src/kafka/read.ts'
import { createHandler } from '../../src/lambda/index.ts'
import { DEAD_LETTERS, functionEnvironment, LEDGER_TABLE, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { provision } from '../../src/local/provision.ts'
import { audit } from '../../src/operations/audit/index.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import type { Target } from '../../src/operations/target.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'

const source = { topic: 'deleting', cluster: 'deletes-test', partitions: 1, replication: 2, retentionDays: 7 }
const row = (value: unknown, record: SourceRecord) => ({ id: keyText(record), n: (value as { n: number }).n })

const deleting = pipeline({
  name: 'deleting',
  source,
  decode: json(),
  tombstone: 'delete',
  keyOf: (record) => ({ id: keyText(record) }),
  transform: row,
  sinks: [
    s3({ id: 'lake' }),
    postgres({ id: 'sql', table: 'deleting', key: ['id'], columns: { id: 'text', n: 'integer' } }),
    dynamodb({ id: 'kv', table: 'deleting', partitionKey: 'id' }),
  ],
})

const appending = pipeline({
  name: 'appending',
  source,
  decode: json(),
  transform: row,
  sinks: [
    dynamodb({
      id: 'events',
      table: 'appending',
      append: true,
      partitionKey: 'id',
      sortKey: 'at',
      timeToLive: { attribute: 'until', seconds: 86_400 },
    }),
  ],
})
const pipelines = [deleting, appending]

const kafka = inject('kafka')
const stores = inject('stores')
const { user, password, host, port, database } = stores.postgres
const sql = new Client({ ...stores.postgres })
const kv = new DynamoDBClient({ ...stores.dynamodb, credentials: stores.dynamodb })

beforeAll(async () => {
  await provision(pipelines, { ...stores, kafka })
  await sql.connect()
})
afterAll(async () => {
  vi.unstubAllEnvs()
  kv.destroy()
  await sql.end()
})

const BATCH = 7

/** 30 puts of ten keys; then every third key is deleted, one of them put again; one that never was is deleted. */
async function fill(): Promise<number> {
  const put = (i: number) => ({ key: Buffer.from(`k${i % 10}`), value: Buffer.from(JSON.stringify({ n: i })) })
  const gone = (i: number) => ({ key: Buffer.from(`k${i}`), value: null })
  const puts = Array.from({ length: 30 }, (_, i) => put(i))
  const records = [...puts, gone(0), gone(3), gone(6), gone(9), put(33), gone(77)]
  const producer = openProducer(kafka)
  await producer.send(records.map((record) => ({ ...record, topic: 'deleting', partition: 0, headers: [] })))
  await producer.close()
  for (const each of pipelines) await deliver(each, records.length)
  return records.length
}

async function deliver(of: Pipeline, to: number): Promise<void> {
  for (const [name, value] of Object.entries(functionEnvironment(of, stores))) vi.stubEnv(name, value)
  const handler = createHandler(of, { write: () => undefined })
  const range = { topic: 'deleting', partition: 0, from: 0, to }
  for await (const all of readPartition(kafka, range))
    for (let at = 0; at < all.length; at += BATCH)
      // Each batch brings some of the last one again.
      await handler(kafkaEvent({ topic: 'deleting', records: all.slice(Math.max(0, at - 3), at + BATCH) }), {
        awsRequestId: `batch-${at}`,
        getRemainingTimeInMillis: () => 30_000,
      })
}

function audited(of: Pipeline): Promise<AuditReport> {
  const common = { name: of.name, topic: 'deleting', function: 'f', module: 'm', cluster: 'deletes-test' }
  const target: Target = {
    state: 'running',
    stack: 'default',
    pid: process.pid,
    processes: [],
    kafka: { bootstrap: kafka.bootstrap.join(',') },
    postgres: { url: `postgresql://${user}:${password}@${host}:${port}/${database}` },
    s3: stores.s3,
    dynamodb: stores.dynamodb,
    lambda: { endpoint: 'http://127.0.0.1:1' },
    ledgerTable: LEDGER_TABLE,
    deadLetters: DEAD_LETTERS,
    logs: 'none',
    pipelines: [
      {
        ...common,
        mappingId: 'none',
        consumerGroup: 'none',
        bucket: RECORDS_BUCKET,
        prefix: `${of.name}/lake/deleting/`,
        table: `public.${of.name}`,
        dynamodbTable: of.name,
        custom: [],
      },
    ],
  }
  return audit({ target, pipeline: of })
}

const clean = { missing: 0, duplicated: 0, different: 0, outOfOrder: 0, foreign: 0, notYet: 0, outside: 0 }

test('D3 D14: what tombstones delete is gone from the keyed stores, others keep every row, and the audit says so', async () => {
  const produced = await fill()
  const report = await audited(deleting)
  expect(report).toMatchObject({ produced, deadLetters: 0, ok: true })
  expect(report.sinks).toMatchObject({
    lake: { stored: 31, ...clean },
    sql: { stored: 7, ...clean },
    kv: { stored: 7, ...clean },
  })
  expect((await audited(appending)).sinks).toMatchObject({ events: { stored: 31, ...clean } })
})

test('D14: planted: a deleted row that is back, a marker that is gone, a row marked as deleted', async () => {
  await sql.query("INSERT INTO deleting SELECT 'k0', 20, _src, _epoch, 20, _index, _ts FROM deleting LIMIT 1")
  const key = (id: string) => ({ TableName: 'deleting', Key: { id: { S: id } } })
  await kv.send(new DeleteItemCommand(key('k77'))) // expired, perhaps: no fault
  const { Item: item } = await kv.send(new GetItemCommand(key('k1')))
  const { n: _, ...rest } = item!
  await kv.send(new PutItemCommand({ TableName: 'deleting', Item: { ...rest, _deleted: { BOOL: true } } }))
  const { sinks } = await audited(deleting)
  expect(sinks['sql']).toMatchObject({ ...clean, stored: 8, outOfOrder: 1 })
  expect(sinks['kv']).toMatchObject({ ...clean, stored: 6, different: 1 })
})
