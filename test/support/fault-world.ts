/** A stack with three stores under a flow of records, and what is needed to break it and to look at it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { Client } from 'pg'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { openAdmin, type KafkaAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import { startStack } from '../../src/local/stack.ts'
import type { Stack } from '../../src/local/stack.ts'
import type { ServerNode } from '../../src/local/service.ts'
import { audit } from '../../src/operations/audit/index.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import { kafkaOf } from '../../src/operations/kafka-target.ts'
import { readLogs } from '../../src/operations/logs.ts'
import { waitUntilProcessed } from '../../src/operations/samples.ts'
import type { Target } from '../../src/operations/target.ts'
import faults from '../fixtures/faults/pipeline.ts'
import { faultProxy, type FaultProxy } from './fault-proxy.ts'
import { root } from './weirhouse.ts'

const TICK_MS = 50
const KEYS = 97
const PATIENCE_MS = 60_000
const POLL_MS = 50

/** By partition. */
export type Offsets = ReadonlyMap<number, number>

export interface FaultWorldOptions {
  readonly pipeline: Pipeline
  /** Its file, from the root of the repository. */
  readonly module: string
  /** Every 50 ms. */
  readonly recordsATick: number
  /** What record number n holds. */
  readonly valueOf: (n: number) => string
}

/** The one of the named faults. */
const single: FaultWorldOptions = {
  pipeline: faults,
  module: 'test/fixtures/faults/pipeline.ts',
  recordsATick: 10,
  valueOf: String,
}

export interface FaultWorld {
  readonly stack: Stack
  readonly postgres: FaultProxy
  readonly dynamodb: FaultProxy
  readonly s3: FaultProxy
  readonly admin: KafkaAdmin
  /** Processes that were given an event, in order. */
  readonly invoked: readonly number[]
  /** Called with the process of the next invocation before that has its event, once. */
  readonly onInvocation: (act: (pid: number) => void) => void
  /** What the stack printed. */
  readonly notes: readonly string[]
  readonly node: (server: string) => ServerNode
  /** What the group has committed. */
  readonly committed: () => Promise<Offsets>
  /** Of S3 and DynamoDB, in the ledger. */
  readonly ledger: (sink: 'lake' | 'kv') => Promise<Offsets>
  readonly watermark: () => Promise<Offsets>
  readonly flow: () => void
  /** Pauses the flow, waits until the mapping has nothing left, audits. */
  readonly settle: () => Promise<{ readonly report: AuditReport; readonly acknowledged: number }>
  /** Values that the table of the named faults has: every acknowledged one has to be there. */
  readonly found: () => Promise<number>
  /** Every line of the functions, the mapping and the stack: its text, and its fields where it has some. */
  readonly lines: () => Promise<LogEntry[]>
  readonly end: () => Promise<void>
}

export interface LogEntry {
  readonly stream: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** Polls until it is so; the message says what did not come about. */
export async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await look())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`)
    await sleep(POLL_MS)
  }
}

export async function openFaultWorld(options: FaultWorldOptions = single): Promise<FaultWorld> {
  const { pipeline, module } = options
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-faults-'))
  const invoked: number[] = []
  const acts: ((pid: number) => void)[] = []
  const notes: string[] = []
  const [s3, dynamodb, postgres] = [await faultProxy(), await faultProxy(), await faultProxy()]
  const stack = await startStack({
    project: {
      root: folder,
      pipelines: [{ pipeline, module: join(root, module) }],
      environments: {},
    },
    name: pipeline.name,
    progress: () => undefined,
    signal: new AbortController().signal,
    note: (line) => notes.push(line),
    faults: {
      reach: (stores) => ({
        ...stores,
        s3: { ...stores.s3, endpoint: s3.to(stores.s3.endpoint) },
        dynamodb: { ...stores.dynamodb, endpoint: dynamodb.to(stores.dynamodb.endpoint) },
        postgres: {
          ...stores.postgres,
          port: portOf(postgres.to(`http://${stores.postgres.host}:${stores.postgres.port}`)),
        },
      }),
      sandbox: { zombies: true, onInvoke: ({ pid }) => (invoked.push(pid), acts.splice(0).forEach((act) => act(pid))) },
    },
  })
  const sight = openSight(stack.target)
  const flow = openFlow(kafkaOf(stack.target), options)
  return {
    ...sight,
    stack,
    s3,
    dynamodb,
    postgres,
    invoked,
    notes,
    onInvocation: (act) => acts.push(act),
    node: (server) => stack.nodes.find((node) => node.server === server)!,
    flow: () => flow.go(),
    async settle() {
      await flow.pause()
      const { target } = stack
      await waitUntilProcessed({ target, signal: new AbortController().signal, onProgress: () => undefined })
      return {
        report: await audit({ target, pipeline }),
        acknowledged: flow.acknowledged(),
      }
    },
    async end() {
      await flow.end()
      await sight.close()
      await stack.stop()
      await Promise.all([s3, dynamodb, postgres].map((proxy) => proxy.close()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function portOf(address: string): number {
  return Number(new URL(address).port)
}

/** Looks at a running stack with clients of its own, none of them through a proxy. */
function openSight(target: Target) {
  const { name, consumerGroup, topic, function: functionName } = target.pipelines[0]!
  const admin = openAdmin(kafkaOf(target))
  const { endpoint, region, ...credentials } = target.dynamodb
  const kv = new DynamoDBClient({ endpoint, region, credentials })
  const sql = async <Row>(statement: string): Promise<Row[]> => {
    const client = new Client({ connectionString: target.postgres.url })
    await client.connect()
    try {
      return (await client.query(statement)).rows as Row[]
    } finally {
      await client.end()
    }
  }
  return {
    admin,
    async committed(): Promise<Offsets> {
      const offsets = await admin.groupOffsets(consumerGroup, topic)
      return new Map([...offsets].map(([partition, offset]) => [partition, offset ?? 0]))
    },
    async ledger(sink: 'lake' | 'kv'): Promise<Offsets> {
      const { Items = [] } = await kv.send(new ScanCommand({ TableName: target.ledgerTable, ConsistentRead: true }))
      const mine = Items.filter(({ id }) => id!.S!.startsWith(`${name}#${sink}#`))
      return new Map(mine.map(({ id, next }) => [Number(id!.S!.split('#').at(-1)), Number(next!.N)]))
    },
    async watermark(): Promise<Offsets> {
      const rows = await sql<{ partition: number; next_offset: string }>(
        'SELECT partition, next_offset FROM weirhouse.watermark',
      )
      return new Map(rows.map((row) => [row.partition, Number(row.next_offset)]))
    },
    async found(): Promise<number> {
      const [row] = await sql<{ found: string }>('SELECT count(DISTINCT value) AS found FROM faults')
      return Number(row!.found)
    },
    async lines(): Promise<LogEntry[]> {
      const found: LogEntry[] = []
      for await (const { stream, message } of readLogs({ folder: target.logs, functions: [functionName] }))
        found.push(entryOf(stream, message))
      return found
    },
    async close() {
      await admin.close()
      kv.destroy()
    },
  }
}

function entryOf(stream: string, text: string): LogEntry {
  if (!text.startsWith('{')) return { stream, message: text, fields: {} }
  const { message, ...fields } = JSON.parse(text) as Record<string, unknown>
  return { stream, message: typeof message === 'string' ? message : '', fields }
}

/** Numbered values under keys that come again, in the background; what was not acknowledged is sent again. */
function openFlow(
  kafka: { readonly bootstrap: readonly string[] },
  { pipeline, recordsATick, valueOf }: FaultWorldOptions,
) {
  const { topic } = pipeline.source
  const producer = openProducer(kafka)
  let flowing: Promise<void> | undefined
  let going = new AbortController()
  let next = 0
  const run = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      const numbers = Array.from({ length: recordsATick }, (_, i) => next + i)
      const records = numbers.map((n) => ({
        topic,
        key: Buffer.from(`key-${n % KEYS}`),
        value: Buffer.from(valueOf(n)),
      }))
      try {
        await producer.send(records)
        next += recordsATick
      } catch {
        // Perhaps some are there: the same numbers again, and the audit compares with the log as it is.
      }
      await sleep(TICK_MS)
    }
  }
  const pause = async () => {
    going.abort()
    await flowing
    flowing = undefined
  }
  return {
    go() {
      if (flowing) return
      going = new AbortController()
      flowing = run(going.signal)
    },
    pause,
    acknowledged: () => next,
    async end() {
      await pause()
      await producer.close()
    },
  }
}
