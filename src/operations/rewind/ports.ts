/** The ports of a rewind on a running stack: its brokers, stores, mapping and function. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClients } from '../../aws/index.ts'
import type { AwsClients } from '../../aws/index.ts'
import { recordChecksum } from '../../core/checksum.ts'
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import type { Deadline } from '../../core/ports.ts'
import type { Source } from '../../core/record.ts'
import type { Checkpoint } from '../../core/watermark.ts'
import type { KafkaAdmin } from '../../kafka/admin.ts'
import type { KafkaConnection } from '../../kafka/connection.ts'
import { readPartition } from '../../kafka/read.ts'
import type { DynamoDbOptions } from '../../sinks/dynamodb/index.ts'
import { openRewind as openDynamoDb } from '../../sinks/dynamodb/rewind.ts'
import type { LedgerStore } from '../../sinks/ledger.ts'
import { openDynamoLedger } from '../../sinks/ledger-dynamodb.ts'
import type { PostgresOptions } from '../../sinks/postgres/index.ts'
import { openRewind as openPostgres } from '../../sinks/postgres/rewind.ts'
import type { RewindTarget } from '../../sinks/rewind.ts'
import type { S3Options } from '../../sinks/s3/index.ts'
import { openRewind as openS3 } from '../../sinks/s3/rewind.ts'
import type { SinkDefinition } from '../../sinks/sink.ts'
import { callLambda } from '../lambda-api.ts'
import { mappingStatus, switchMapping } from '../mappings.ts'
import { loginOf } from '../migrate.ts'
import type { Target, TargetPipeline } from '../target.ts'
import { letterPorts } from './letters.ts'
import type { PlanPorts } from './plan.ts'
import type { PipelineSink, RewindPorts } from './protocol.ts'

/** Where to rewind to: the log's start, one offset for all partitions, or a time in milliseconds since the epoch. */
export type RewindTo = 'earliest' | { readonly offset: number } | { readonly time: number }

export interface Opened {
  readonly ports: RewindPorts & PlanPorts & { readonly isPaused: () => Promise<boolean> }
  readonly sinks: readonly PipelineSink[]
  close(): Promise<void>
}

export interface OpenOptions {
  readonly target: Target
  readonly pipeline: Pipeline
  readonly place: TargetPipeline
  readonly connection: KafkaConnection
  readonly admin: KafkaAdmin
  /** Ids; undefined: all. */
  readonly chosen: readonly string[] | undefined
  readonly to: RewindTo
  readonly deadline: Deadline
}

const POLL_MS = 200

/** Throws WEIR_UNKNOWN for a sink that there is not, WEIR_USAGE for one that cannot be rewound. */
export function openPorts(options: OpenOptions): Opened {
  const { target, pipeline, place, admin, to, deadline } = options
  const { topic, cluster } = place
  const clients = clientsOf(target)
  const ledger = openDynamoLedger({ table: target.ledgerTable, client: clients.dynamodb })
  const mapping = { endpoint: target.lambda.endpoint, uuid: place.mappingId, signal: deadline.signal }
  const sinks = sinksOf(options, { clients, ledger })
  return {
    sinks,
    ports: {
      deadline,
      topic,
      sourceOf: (partition): Source => ({ cluster, topic, partition }),
      offsets: () => admin.offsets(topic, 'read_committed'),
      asked: () => askedOf(admin, topic, to),
      committed: () => admin.groupOffsets(place.consumerGroup, topic),
      firstRecord: (partition, from, end) => firstRecord(options, partition, from, end),
      pause: () => pause(options, mapping),
      isPaused: async () => ['Disabled', 'Disabling'].includes((await mappingStatus(mapping)).state),
      resume: async () => void (await switchMapping(mapping, true)),
      moveGroup: (offsets) => admin.moveGroup(place.consumerGroup, topic, offsets),
      ...letterPorts({ table: target.deadLetters.table, clients }, pipeline.name, deadline),
    },
    close: async () => {
      await Promise.all(sinks.map(({ target: each }) => each.close()))
      clients.close()
    },
  }
}

function clientsOf({ dynamodb, s3 }: Target): AwsClients {
  return createClients({
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  })
}

interface Stores {
  readonly clients: AwsClients
  readonly ledger: LedgerStore
}

function sinksOf({ target, pipeline, place, chosen }: OpenOptions, stores: Stores): readonly PipelineSink[] {
  const known = pipeline.sinks.map(({ id }) => id)
  const unknown = chosen?.find((id) => !known.includes(id))
  if (unknown !== undefined)
    throw new WeirError('WEIR_UNKNOWN', { what: 'sink', name: unknown, known: `${known.join(', ')}, all` })
  return pipeline.sinks.map((sink) => ({
    id: sink.id,
    chosen: chosen?.includes(sink.id) ?? true,
    target: targetOf(target, pipeline.name, place, sink, stores),
  }))
}

function targetOf(
  target: Target,
  pipeline: string,
  { bucket }: TargetPipeline,
  sink: SinkDefinition,
  stores: Stores,
): RewindTarget {
  if (sink.kind === 's3') {
    const options = sink.options as S3Options
    return openS3({ pipeline, options, binding: { bucket, prefix: options.prefix }, ...stores })
  }
  if (sink.kind === 'postgres')
    return openPostgres({
      pipeline,
      options: sink.options as PostgresOptions,
      binding: { ...loginOf(target), ssl: 'off' },
    })
  if (sink.kind === 'dynamodb') {
    const options = sink.options as DynamoDbOptions
    return openDynamoDb({ pipeline, options, binding: { table: options.table }, ...stores })
  }
  throw new WeirError('WEIR_USAGE', {
    reason: `sink "${sink.id}" is none of Weirhouse's own, and takes a log that is read again for one that was made anew`,
    advice: 'A pipeline with such a sink is not rewound by this verb.',
  })
}

async function askedOf(admin: KafkaAdmin, topic: string, to: RewindTo): Promise<ReadonlyMap<number, number>> {
  if (to !== 'earliest' && 'time' in to) return admin.offsetsAt(topic, to.time, 'read_committed')
  const offsets = await admin.offsets(topic, 'read_committed')
  return new Map(offsets.map(({ partition, start }) => [partition, to === 'earliest' ? start : to.offset]))
}

async function firstRecord(
  { connection, place, deadline }: OpenOptions,
  partition: number,
  from: number,
  to: number,
): Promise<Checkpoint | undefined> {
  const range = { topic: place.topic, partition, from, to, signal: deadline.signal }
  for await (const [record] of readPartition(connection, range))
    return { offset: record!.offset, checksum: recordChecksum(record!) }
  deadline.signal.throwIfAborted()
  return undefined
}

/** What the mapping gave up waiting for may still run: until it ends, or until its time is over. */
async function pause(
  { pipeline, place, target, deadline }: OpenOptions,
  mapping: Parameters<typeof switchMapping>[0],
): Promise<void> {
  const began = performance.now()
  await switchMapping(mapping, false)
  const path = `/weirhouse/functions/${encodeURIComponent(place.function)}/running`
  for (;;) {
    const call = { endpoint: target.lambda.endpoint, operation: 'Running', method: 'GET', path } as const
    const { body } = await callLambda({ ...call, signal: deadline.signal })
    if ((JSON.parse(body) as { running: number }).running === 0) return
    if (performance.now() - began > pipeline.function.timeoutSeconds * 1000) return
    await sleep(POLL_MS, undefined, { signal: deadline.signal })
  }
}
