/** A pipeline with a store of each kind on real servers, delivered by its own handler; and hands to tamper with all of it. */
import { DeleteItemCommand, DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { inject, vi } from 'vitest'
import { json, pipeline as define } from '../../src/index.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { openAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import type { ProducedRecord } from '../../src/kafka/produce.ts'
import { readPartition } from '../../src/kafka/read.ts'
import { createHandler } from '../../src/lambda/index.ts'
import { DEAD_LETTERS, functionEnvironment, LEDGER_TABLE, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { provision } from '../../src/local/provision.ts'
import { audit } from '../../src/operations/audit/index.ts'
import type { AuditOptions, AuditReport } from '../../src/operations/audit/index.ts'
import type { Target } from '../../src/operations/target.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import { postgres } from '../../src/sinks/postgres/index.ts'
import { s3 } from '../../src/sinks/s3/index.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import { foreignPython, run } from './foreign.ts'
import * as v from 'valibot'

const CLUSTER = 'audit-test'
const BATCH = 10

const Reading = v.object({ id: v.string(), n: v.number() })

function definition(name: string): Pipeline {
  return define({
    name,
    source: { topic: name, cluster: CLUSTER, partitions: 1, replication: 2 },
    decode: json(Reading),
    sinks: [
      s3({ id: 'lake', compress: 'none' }),
      postgres({ id: 'sql', table: name.replaceAll('-', '_'), key: ['id'], columns: { id: 'text', n: 'numeric' } }),
      dynamodb({ id: 'kv', table: name, partitionKey: 'id' }),
    ],
  })
}

export type Reading = Omit<ProducedRecord, 'topic'>
export type Item = Record<string, AttributeValue>

export interface AuditWorld {
  readonly pipeline: Pipeline
  readonly target: Target
  readonly sql: Client
  readonly produce: (values: readonly Reading[]) => Promise<void>
  /** Delivers what there is, ten records a batch, but for the offsets to skip. */
  readonly deliver: (skip?: (offset: number) => boolean) => Promise<void>
  readonly audit: (options?: Partial<AuditOptions>) => Promise<AuditReport>
  readonly objects: {
    readonly keys: () => Promise<string[]>
    readonly get: (key: string) => Promise<{ readonly body: string; readonly metadata: Record<string, string> }>
    readonly put: (key: string, body: string | Buffer, metadata?: Record<string, string>) => Promise<void>
    readonly remove: (key: string) => Promise<void>
  }
  readonly items: {
    readonly all: (table: string) => Promise<Item[]>
    readonly put: (table: string, item: Item) => Promise<void>
    readonly remove: (table: string, key: Item) => Promise<void>
  }
  readonly close: () => Promise<void>
}

export const TABLES = { ledger: LEDGER_TABLE, letters: DEAD_LETTERS.table } as const

/** `{"id": "k3", "n": 13}` and so on: ten keys. */
export function readings(from: number, count: number): Reading[] {
  return Array.from({ length: count }, (_, i) => {
    const id = `k${(from + i) % 10}`
    return { partition: 0, key: Buffer.from(id), value: Buffer.from(JSON.stringify({ id, n: from + i })) }
  })
}

/** @param configs of the topic */
export async function openAuditWorld(
  name: string,
  configs?: Readonly<Record<string, string>>,
  pipeline = definition(name),
): Promise<AuditWorld> {
  const kafka = inject('kafka')
  const stores = inject('stores')
  if (configs) {
    const admin = openAdmin(kafka)
    await admin.createTopic({ topic: name, partitions: 1, replication: 2, configs })
    await admin.close()
  }
  await provision([pipeline], { ...stores, kafka })
  const target = targetOf(name, kafka.bootstrap)
  const sql = new Client({ ...stores.postgres })
  await sql.connect()
  const producer = openProducer(kafka)
  const lake = new S3Client({ ...clientOptions(stores.s3), forcePathStyle: true })
  const kv = new DynamoDBClient(clientOptions(stores.dynamodb))
  return {
    pipeline,
    target,
    sql,
    produce: (values) => producer.send(values.map((each) => ({ ...each, topic: name }))),
    deliver: (skip) => deliver(pipeline, skip),
    audit: (options) => audit({ target, pipeline, ...options }),
    objects: objectsIn(lake, `${name}/lake/${name}/`),
    items: {
      all: async (TableName) => (await kv.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? [],
      put: async (TableName, Item) => void (await kv.send(new PutItemCommand({ TableName, Item }))),
      remove: async (TableName, Key) => void (await kv.send(new DeleteItemCommand({ TableName, Key }))),
    },
    async close() {
      lake.destroy()
      kv.destroy()
      await Promise.all([sql.end(), producer.close()])
      vi.unstubAllEnvs()
    },
  }
}

function clientOptions({ endpoint, region, accessKeyId, secretAccessKey }: Target['s3']) {
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey } }
}

function objectsIn(client: S3Client, Prefix: string): AuditWorld['objects'] {
  const at = (Key: string) => ({ Bucket: RECORDS_BUCKET, Key })
  return {
    keys: async () => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: RECORDS_BUCKET, Prefix }))
      return Contents.map(({ Key }) => Key!)
    },
    get: async (key) => {
      const { Body, Metadata = {} } = await client.send(new GetObjectCommand(at(key)))
      return { body: await Body!.transformToString(), metadata: Metadata }
    },
    put: async (key, Body, Metadata) => void (await client.send(new PutObjectCommand({ ...at(key), Body, Metadata }))),
    remove: async (key) => void (await client.send(new DeleteObjectCommand(at(key)))),
  }
}

function targetOf(name: string, bootstrap: readonly string[]): Target {
  const stores = inject('stores')
  const { user, password, host, port, database } = stores.postgres
  return {
    state: 'running',
    stack: 'default',
    pid: process.pid,
    processes: [],
    kafka: { bootstrap: bootstrap.join(',') },
    postgres: { url: `postgresql://${user}:${password}@${host}:${port}/${database}` },
    s3: stores.s3,
    dynamodb: stores.dynamodb,
    lambda: { endpoint: 'http://127.0.0.1:1' },
    ledgerTable: LEDGER_TABLE,
    deadLetters: DEAD_LETTERS,
    logs: '',
    pipelines: [
      {
        name,
        topic: name,
        function: `weirhouse-${name}`,
        module: '',
        cluster: CLUSTER,
        mappingId: 'none',
        consumerGroup: `${name}-group`,
        bucket: RECORDS_BUCKET,
        prefix: `${name}/lake/${name}/`,
        table: `public.${name}`,
        dynamodbTable: name,
        custom: [],
      },
    ],
  }
}

async function deliver(pipeline: Pipeline, skip: (offset: number) => boolean = () => false): Promise<void> {
  const kafka = inject('kafka')
  const { topic } = pipeline.source
  for (const [variable, value] of Object.entries(functionEnvironment(pipeline, inject('stores'))))
    vi.stubEnv(variable, value)
  const handler = createHandler(pipeline, { write: () => undefined })
  const admin = openAdmin(kafka)
  const [{ start, end } = { start: 0, end: 0 }] = await admin.offsets(topic, 'read_committed')
  await admin.close()
  let batch = 0
  for await (const all of readPartition(kafka, { topic, partition: 0, from: start, to: end })) {
    const records = all.filter(({ offset }) => !skip(offset))
    for (let at = 0; at < records.length; at += BATCH) {
      const context = { awsRequestId: `batch-${batch++}`, getRemainingTimeInMillis: () => 30_000 }
      await handler(kafkaEvent({ topic, records: records.slice(at, at + BATCH) }), context)
    }
  }
}

const ADMIN = `
import json, sys, kafka, kafka.admin
order = json.load(sys.stdin)
at = kafka.TopicPartition(order["topic"], 0)
if "delete" in order:
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=order["bootstrap"])
    admin.delete_records({at: order["delete"]})
    admin.close()
if "commit" in order:
    consumer = kafka.KafkaConsumer(bootstrap_servers=order["bootstrap"], group_id=order["group"], enable_auto_commit=False)
    consumer.assign([at])
    consumer.commit({at: kafka.structs.OffsetAndMetadata(order["commit"], "", -1)})
    consumer.close()
`

/** By kafka-python: removes the records below an offset as retention does, or commits an offset as the mapping's group does. */
export async function tamperWithLog(
  { target }: AuditWorld,
  order: { readonly delete?: number; readonly commit?: number },
): Promise<void> {
  const { consumerGroup: group, topic } = target.pipelines[0]!
  const bootstrap = inject('kafka').bootstrap
  await run(await foreignPython(), ['-c', ADMIN], JSON.stringify({ bootstrap, topic, group, ...order }))
}
