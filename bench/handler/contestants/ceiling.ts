/**
 * What the store takes at most from one connection: bytes prepared off the clock, sent as ours are, and nothing else.
 *
 *   PostgreSQL   COPY into the same temporary table and the same upsert, one transaction an event
 *   S3           PUT of the compressed object
 *   DynamoDB     BatchWriteItem of 25 items without conditions, 16 requests at a time
 */
import { gzipSync } from 'node:zlib'
import { Client } from 'pg'
import type { Connection } from 'pg'
import { createClients } from '../../../src/aws/index.ts'
import type { AwsClients } from '../../../src/aws/index.ts'
import { forEachBounded } from '../../../src/aws/bounded.ts'
import { statementsOf } from '../../../src/sinks/postgres/sql.ts'
import type { KafkaEvent } from '../../../src/testing/index.ts'
import type { Contestant, Targets } from '../contestant.ts'
import { rowsIn, TOPIC } from '../records.ts'
import { sql } from '../../pipelines/sinks.ts'

const MAX_ITEMS = 25
const CONCURRENCY = 16
const SRC = `${TOPIC}-0`
const SHAPE = 'x'.repeat(22)
const forever = { remaining: () => 60_000, signal: new AbortController().signal }

export async function ceiling(targets: Targets): Promise<Contestant> {
  const clients = createClients()
  const client = new Client({ ...targets.postgres })
  const { stores } = targets
  const statements = statementsOf(sql(targets.table).options, 'log')
  if (stores.includes('postgres')) {
    await client.connect()
    await client.query(statements.createStages)
  }
  const preparers = {
    postgres: (event: KafkaEvent) => {
      const bytes = copyBytes(event)
      return () => upsert(client, statements, bytes)
    },
    s3: (event: KafkaEvent) => prepareObject(clients, targets, event),
    dynamodb: (event: KafkaEvent) => prepareItems(clients, targets, event),
  }
  return {
    prepare: (event) => {
      const prepared = stores.map((store) => preparers[store](event))
      return () => Promise.all(prepared.map((go) => go()))
    },
    close: async () => {
      clients.close()
      if (stores.includes('postgres')) await client.end()
    },
  }
}

async function upsert(
  client: Client,
  { copyStage, insertStage }: ReturnType<typeof statementsOf>,
  bytes: Buffer,
): Promise<void> {
  await client.query('BEGIN')
  await copy(client, copyStage, bytes)
  await client.query(insertStage)
  await client.query('COMMIT')
}

/** What of a connection of `pg` its types leave out. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(bytes: Buffer): void
  endCopyFrom(): void
}

/** COPY ... FROM STDIN in one message. */
function copy(client: Client, statement: string, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const ignore = () => undefined
    const submittable = {
      submit: (connection: Connection) => connection.query(statement),
      handleCopyInResponse: (connection: CopyConnection) => {
        connection.sendCopyFromChunk(bytes)
        connection.endCopyFrom()
      },
      handleCommandComplete: ignore,
      handleError: reject,
      handleReadyForQuery: () => resolve(),
    }
    client.query(submittable)
  })
}

/** Nine fields a row: source, epoch, offset, index, timestamp; id, category, value, ts. */
function copyBytes(event: KafkaEvent): Buffer {
  const parts: Buffer[] = [Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')]
  for (const { row, offset, ts } of rowsIn(event)) {
    parts.push(Buffer.from([0, 9]), text(SRC), int64(0), int64(offset), int32(0), int64(ts))
    parts.push(text(row.id), text(row.category), float64(row.value), int64(row.ts))
  }
  return Buffer.concat([...parts, Buffer.from([0xff, 0xff])])
}

function sized(length: number, put: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.allocUnsafe(4 + length)
  bytes.writeInt32BE(length, 0)
  put(bytes)
  return bytes
}

const text = (value: string) => sized(Buffer.byteLength(value), (bytes) => void bytes.write(value, 4))
const int32 = (value: number) => sized(4, (bytes) => void bytes.writeInt32BE(value, 4))
const int64 = (value: number) => sized(8, (bytes) => void bytes.writeBigInt64BE(BigInt(value), 4))
const float64 = (value: number) => sized(8, (bytes) => void bytes.writeDoubleBE(value, 4))

function prepareObject(
  { s3 }: AwsClients,
  { bucket, prefix, raw }: Targets,
  event: KafkaEvent,
): () => Promise<unknown> {
  const rows = rowsIn(event)
  const lines = rows.map(({ row }) => `${JSON.stringify(row)}\n`).join('')
  const body = raw ? Buffer.from(lines) : gzipSync(lines)
  const key = `${prefix}${rows[0]!.offset}.jsonl${raw ? '' : '.gz'}`
  return () => s3.request({ operation: 'PutObject', method: 'PUT', bucket, key, body, deadline: forever })
}

function prepareItems({ dynamodb }: AwsClients, { dynamodbTable }: Targets, event: KafkaEvent): () => Promise<unknown> {
  const items = rowsIn(event).map(({ row: { id, category, value, ts }, offset, ts: timestamp }) => ({
    PutRequest: {
      Item: {
        id: { S: id },
        category: { S: category },
        value: { N: `${value}` },
        ts: { N: `${ts}` },
        _src: { S: SRC },
        _epoch: { N: '0' },
        _offset: { N: `${offset}` },
        _index: { N: '0' },
        _ts: { N: `${timestamp}` },
        _shape: { S: SHAPE },
      },
    },
  }))
  const bodies = Array.from({ length: Math.ceil(items.length / MAX_ITEMS) }, (_, i) =>
    JSON.stringify({ RequestItems: { [dynamodbTable]: items.slice(i * MAX_ITEMS, (i + 1) * MAX_ITEMS) } }),
  )
  return () =>
    forEachBounded(bodies, CONCURRENCY, async (body) => void (await dynamodb.call('BatchWriteItem', body, forever)))
}
