/** A stack with four stores of one topic, and all that a reader can see of them, to compare before and after a rewind. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { DynamoDBClient, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { openAdmin, type KafkaAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import { startStack } from '../../src/local/stack.ts'
import type { Stack } from '../../src/local/stack.ts'
import { audit } from '../../src/operations/audit/index.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import { kafkaOf } from '../../src/operations/kafka-target.ts'
import { mappingStatus } from '../../src/operations/mappings.ts'
import { waitUntilProcessed } from '../../src/operations/samples.ts'
import type { Target } from '../../src/operations/target.ts'
import pipeline from '../fixtures/rewind/pipeline.ts'
import { root, weirhouse } from './weirhouse.ts'
import type { CommandResult } from './weirhouse.ts'

export type SinkName = 'lake' | 'log' | 'sql' | 'kv'

export interface Seen {
  /** Byte for byte, positions included. */
  readonly exact: readonly string[]
  /** Rows alone, without epochs and without what they are kept in. */
  readonly rows: readonly string[]
}

export type Sight = Readonly<Record<SinkName, Seen>>

export interface RewindWorld {
  readonly stack: Stack
  readonly admin: KafkaAdmin
  readonly project: string
  /** Values by partition and key. Resolves when all are processed. */
  produce(records: readonly (readonly [partition: number, key: string, value: string])[]): Promise<void>
  processed(): Promise<void>
  see(): Promise<Sight>
  audit(): Promise<AuditReport>
  weirhouse(...args: string[]): Promise<CommandResult>
  mappingState(): Promise<string>
  /** Whether a rewind of the sink, DynamoDB's, is not finished. */
  isRewinding(sink: 'kv'): Promise<boolean>
  /** By hand: somebody dealt with every dead letter. */
  discardLetters(): Promise<void>
  /** Called with the process of the next invocation before that has its event, once. */
  onInvocation(act: (pid: number) => void): void
  end(): Promise<void>
}

export async function openRewindWorld(): Promise<RewindWorld> {
  const project = mkdtempSync(join(tmpdir(), 'weirhouse-rewind-'))
  writeFileSync(join(project, 'weirhouse.config.ts'), '')
  const acts: ((pid: number) => void)[] = []
  const stack = await startStack({
    project: {
      root: project,
      pipelines: [{ pipeline, module: join(root, 'test/fixtures/rewind/pipeline.ts') }],
      environments: {},
    },
    name: 'default',
    progress: () => undefined,
    signal: new AbortController().signal,
    note: () => undefined,
    faults: { sandbox: { zombies: true, onInvoke: ({ pid }) => acts.splice(0).forEach((act) => act(pid)) } },
  })
  const { target } = stack
  const admin = openAdmin(kafkaOf(target))
  const processed = () =>
    waitUntilProcessed({ target, signal: new AbortController().signal, onProgress: () => undefined })
  return {
    stack,
    admin,
    project,
    processed,
    async produce(records) {
      const producer = openProducer(kafkaOf(target))
      try {
        await producer.send(
          records.map(([partition, key, value]) => ({
            topic: pipeline.source.topic,
            partition,
            key: Buffer.from(key),
            value: Buffer.from(value),
            headers: undefined,
          })),
        )
      } finally {
        await producer.close()
      }
      await processed()
    },
    see: () => see(target),
    audit: () => audit({ target, pipeline }),
    weirhouse: (...args) => weirhouse([...args, '--project', project]),
    mappingState: async () => {
      const { endpoint } = target.lambda
      const uuid = target.pipelines[0]!.mappingId
      return (await mappingStatus({ endpoint, uuid, signal: AbortSignal.timeout(5000) })).state
    },
    isRewinding: async (sink) => {
      const { endpoint, region, ...credentials } = target.dynamodb
      const client = new DynamoDBClient({ endpoint, region, credentials })
      const { Items = [] } = await client.send(new ScanCommand({ TableName: target.ledgerTable, ConsistentRead: true }))
      client.destroy()
      return Items.some(({ id, rewind }) => id!.S!.startsWith(`${pipeline.name}#${sink}#`) && rewind !== undefined)
    },
    discardLetters: () => discardLetters(target),
    onInvocation: (act) => void acts.push(act),
    async end() {
      await admin.close()
      await stack.stop()
      rmSync(project, { recursive: true, force: true })
    },
  }
}

async function see(target: Target): Promise<Sight> {
  const [lake, log, sql, kv] = await Promise.all([
    objects(target),
    table(target, 'rewound_log'),
    table(target, 'rewound'),
    items(target),
  ])
  return { lake, log, sql, kv }
}

async function objects({ s3, pipelines }: Target): Promise<Seen> {
  const { endpoint, region, ...credentials } = s3
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  const { bucket, prefix } = pipelines[0]!
  const exact: string[] = []
  const rows: string[] = []
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket!, Prefix: prefix! }))
  for (const { Key: key } of Contents) {
    const object = await client.send(new GetObjectCommand({ Bucket: bucket!, Key: key! }))
    const bytes = Buffer.from(await object.Body!.transformToByteArray())
    exact.push(`${key} ${bytes.toString('base64')}`)
    rows.push(...gunzipSync(bytes).toString().split('\n').slice(0, -1))
  }
  client.destroy()
  return { exact, rows: rows.sort() }
}

async function table({ postgres }: Target, name: string): Promise<Seen> {
  const client = new Client({ connectionString: postgres.url })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${name} ORDER BY _src, _offset, _index`)
    return {
      exact: rows.map((row) => JSON.stringify(row)),
      rows: rows.map(({ _epoch, ...row }) => JSON.stringify(row)).sort(),
    }
  } finally {
    await client.end()
  }
}

async function items({ dynamodb }: Target): Promise<Seen> {
  const { endpoint, region, ...credentials } = dynamodb
  const client = new DynamoDBClient({ endpoint, region, credentials })
  const { Items = [] } = await client.send(new ScanCommand({ TableName: 'rewound', ConsistentRead: true }))
  client.destroy()
  const sorted = (item: object) =>
    JSON.stringify(Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))))
  return { exact: Items.map(sorted).sort(), rows: Items.map(({ _epoch, ...item }) => sorted(item)).sort() }
}

async function discardLetters({ dynamodb, deadLetters: { table } }: Target): Promise<void> {
  const { endpoint, region, ...credentials } = dynamodb
  const client = new DynamoDBClient({ endpoint, region, credentials })
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }))
  for (const { pipeline, position } of Items)
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: { pipeline: pipeline!, position: position! },
        UpdateExpression: 'SET #state = :discarded',
        ExpressionAttributeNames: { '#state': 'state' },
        ExpressionAttributeValues: { ':discarded': { S: 'discarded' } },
      }),
    )
  client.destroy()
}

/** Polls until it is so; the message says what did not come about. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`not within a minute: ${what}`)
    await sleep(50)
  }
}
