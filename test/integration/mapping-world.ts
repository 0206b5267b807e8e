/** What the tests of the event source mapping share: a topic of their own, a function that can be told what to do. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { systemPorts } from '../../src/aws/index.ts'
import type { InvokeResult } from '../../src/event-source/invoker.ts'
import { createMapping, type Mapping } from '../../src/event-source/mapping.ts'
import { mappingSettings, type MappingRequest } from '../../src/event-source/settings.ts'
import { openAdmin, type KafkaAdmin } from '../../src/kafka/admin.ts'
import type { KafkaConnection } from '../../src/kafka/connection.ts'
import { openProducer, type KafkaProducer, type ProducedRecord } from '../../src/kafka/produce.ts'
import { foreignPython, kafkaTool, run } from '../support/foreign.ts'
import type { KafkaEvent } from '../../src/testing/event-builder.ts'

export const OK: InvokeResult = { statusCode: 200, payload: Buffer.from('null'), requestId: 'r', executedVersion: '1' }
export const THROWN: InvokeResult = {
  ...OK,
  functionError: 'Unhandled',
  payload: Buffer.from('{"errorType":"Error","errorMessage":"no","trace":[]}'),
}

export type Handler = (event: KafkaEvent, signal?: AbortSignal) => InvokeResult | Promise<InvokeResult>
export type Produced = Omit<ProducedRecord, 'topic' | 'value'> & { readonly value?: string | Buffer | null }

export interface World {
  readonly connection: KafkaConnection
  readonly topic: string
  readonly uuid: string
  readonly admin: KafkaAdmin
  readonly producer: KafkaProducer
  /** Every event the function got, as text, in order. */
  readonly payloads: string[]
  produce(...records: Produced[]): Promise<void>
  mapping(handler: Handler, request?: Partial<MappingRequest>): Mapping
  /** `p:o` of every record delivered, in order, repeats kept. */
  delivered: () => string[]
  committed: () => Promise<(number | undefined)[]>
  /** Stops every mapping that was made, closes clients, deletes the topic. */
  end(): Promise<void>
}

/** @param create makes the topic; of two partitions, each on two brokers, where not given */
export async function openWorld(
  connection: KafkaConnection,
  create?: (topic: string) => Promise<unknown>,
): Promise<World> {
  const topic = `world-${randomUUID()}`
  const uuid = randomUUID()
  const admin = openAdmin(connection)
  const producer = openProducer(connection)
  const mappings: Mapping[] = []
  const payloads: string[] = []
  await (create?.(topic) ?? admin.createTopic({ topic, partitions: 2, replication: 2 }))
  return {
    connection,
    topic,
    uuid,
    admin,
    producer,
    payloads,
    produce: (...records) => producer.send(records.map((record) => ({ ...record, topic, value: bytes(record.value) }))),
    mapping(handler, request = {}) {
      const mapping = createMapping({
        settings: mappingSettings({ uuid, functionName: 'f', topics: [topic], windowSeconds: 0, ...request }),
        connection,
        ...systemPorts,
        log: () => undefined,
        async invoke(_, payload, signal) {
          payloads.push(payload.toString('utf8'))
          return handler(JSON.parse(payload.toString('utf8')) as KafkaEvent, signal)
        },
      })
      mappings.push(mapping)
      return mapping
    },
    delivered: () => payloads.flatMap(positions),
    async committed() {
      return [...(await admin.groupOffsets(uuid, topic)).values()]
    },
    async end() {
      await Promise.all(mappings.map((mapping) => mapping.stop()))
      await producer.close()
      await admin.deleteTopic(topic)
      await admin.close()
    },
  }
}

/** `p:o` of each record of an event. */
export function positions(event: string | KafkaEvent): string[] {
  const { records } = typeof event === 'string' ? (JSON.parse(event) as KafkaEvent) : event
  return Object.values(records).flatMap((list) => list.map(({ partition, offset }) => `${partition}:${offset}`))
}

function bytes(value: string | Buffer | null | undefined): Buffer | null {
  return value === null || value === undefined ? null : Buffer.from(value)
}

/** Makes a topic led by broker 2, which has partition 1 alone, and of partition 0 broker 1 a copy. */
export async function unevenTopic({ bootstrap }: KafkaConnection, topic: string): Promise<void> {
  const tool = (main: string, ...args: string[]) =>
    kafkaTool(`org.apache.kafka.tools.${main}`, ['--bootstrap-server', bootstrap.join(','), ...args])
  await tool('TopicCommand', '--create', '--topic', topic, '--replica-assignment', '2,2')
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-reassign-'))
  const file = join(folder, 'plan.json')
  writeFileSync(file, JSON.stringify({ version: 1, partitions: [{ topic, partition: 0, replicas: [2, 1] }] }))
  await tool('reassign.ReassignPartitionsCommand', '--execute', '--reassignment-json-file', file)
  rmSync(folder, { recursive: true })
}

const PRODUCE = `
import json, sys, kafka
order = json.load(sys.stdin)
producer = kafka.KafkaProducer(bootstrap_servers=order["bootstrap"], acks="all")
producer.send(order["topic"], partition=order["partition"], value=order["value"].encode()).get(timeout=60)
producer.close()
`
/** By kafka-python: the client used here produces to no partition of a topic while one has no leader. */
export async function produceBy({ bootstrap }: KafkaConnection, topic: string, partition: number, value: string) {
  await run(await foreignPython(), ['-c', PRODUCE], JSON.stringify({ bootstrap, topic, partition, value }))
}

/** A step is `[producer, action, values]`, by kafka-python: the client used here cannot do transactions with Kafka 4. */
export type TransactionStep = readonly [
  producer: string,
  action: 'begin' | 'send' | 'commit' | 'abort',
  ...values: string[],
]
const TRANSACTIONS = `
import json, sys, uuid, kafka
order = json.load(sys.stdin)
producers = {}
for name, action, *values in order["steps"]:
    if name not in producers:
        producers[name] = kafka.KafkaProducer(bootstrap_servers=order["bootstrap"], acks="all", transactional_id=str(uuid.uuid4()))
        producers[name].init_transactions()
    producer = producers[name]
    if action == "begin": producer.begin_transaction()
    if action == "commit": producer.commit_transaction()
    if action == "abort": producer.abort_transaction()
    for value in values: producer.send(order["topic"], partition=0, value=value.encode()).get(timeout=30)
for producer in producers.values(): producer.close()
`
export async function transact(connection: KafkaConnection, topic: string, steps: readonly TransactionStep[]) {
  const order = JSON.stringify({ bootstrap: connection.bootstrap, topic, steps })
  await run(await foreignPython(), ['-c', TRANSACTIONS], order)
}

/** Polls until `look` gives what is expected; fails with the difference after the time is up. */
export async function eventually<T>(look: () => T | Promise<T>, expected: T, timeout = 60_000): Promise<void> {
  await expect.poll(look, { timeout, interval: 50 }).toEqual(expected)
}
