/** Makes what the pipelines need in a fresh or a kept stack: topics, tables, buckets. What is there stays as it is. */
import { createClients, isFault } from '../aws/index.ts'
import type { AwsClients, Dynamo } from '../aws/index.ts'
import { MIB } from '../core/limits.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Deadline } from '../core/ports.ts'
import { openAdmin } from '../kafka/admin.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { migrate } from '../operations/migrate.ts'
import { deadLetterTable } from '../sinks/dead-letters/index.ts'
import { expiryAttribute, tableDescription } from '../sinks/dynamodb/index.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import { ledgerTable } from '../sinks/ledger-dynamodb.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { DEAD_LETTERS, LEDGER_TABLE, RECORDS_BUCKET } from './deployment.ts'
import type { PostgresEndpoint } from './service.ts'
import type { Stores } from './deployment.ts'

/** Generous: everything is on this machine, and may just have started. */
const TIMEOUT_MS = 30_000

export interface ProvisionEndpoints extends Stores {
  readonly kafka: KafkaConnection
}

/** Throws WEIR_KAFKA, WEIR_REQUEST_FAILED; WEIR_MIGRATION_BREAKS where kept tables do not fit the definition. */
export async function provision(pipelines: readonly Pipeline[], endpoints: ProvisionEndpoints): Promise<void> {
  await Promise.all([makeTopics(pipelines, endpoints.kafka), provisionStores(pipelines, endpoints)])
}

/** What is no topic. */
export async function provisionStores(pipelines: readonly Pipeline[], stores: Stores): Promise<void> {
  const clients = createClients(awsEnvironment(stores))
  try {
    await Promise.all([
      makePostgresTables(pipelines, stores.postgres),
      makeDynamoTables(pipelines, clients),
      makeBuckets(clients),
    ])
  } finally {
    clients.close()
  }
}

function awsEnvironment({ dynamodb, s3 }: Stores): Record<string, string> {
  return {
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  }
}

async function makeTopics(pipelines: readonly Pipeline[], kafka: KafkaConnection): Promise<void> {
  const admin = openAdmin(kafka)
  try {
    const present = new Set((await admin.listTopics()).map(({ topic }) => topic))
    for (const { topic, partitions, replication } of pipelines.map(({ source }) => source)) {
      if (present.has(topic)) continue
      present.add(topic)
      // D11: base64 of a record and its signed header bytes must fit the 6 MiB of an event.
      await admin.createTopic({ topic, partitions, replication, configs: { 'max.message.bytes': String(MIB) } })
    }
  } finally {
    await admin.close()
  }
}

async function makePostgresTables(pipelines: readonly Pipeline[], postgres: PostgresEndpoint): Promise<void> {
  await migrate({ pipelines, login: postgres, roles: false, dryRun: false, deadline: deadline() })
}

async function makeDynamoTables(pipelines: readonly Pipeline[], { dynamodb }: AwsClients): Promise<void> {
  const sinks = pipelines.flatMap((pipeline) => pipeline.sinks).filter(({ kind }) => kind === 'dynamodb')
  const own = sinks.map((sink) => tableDescription(sink as SinkDefinition<DynamoDbOptions>))
  for (const description of [ledgerTable(LEDGER_TABLE), deadLetterTable(DEAD_LETTERS.table), ...own])
    await unlessThere('ResourceInUseException', dynamodb.call('CreateTable', description, deadline()))
  for (const pipeline of pipelines)
    for (const sink of pipeline.sinks.filter(({ kind }) => kind === 'dynamodb')) {
      const definition = sink as SinkDefinition<DynamoDbOptions>
      const attribute = expiryAttribute(definition, pipeline)
      if (attribute !== undefined) await letExpire(dynamodb, definition.options.table, attribute)
    }
}

/** Switched on twice it would be refused. */
async function letExpire(dynamodb: Dynamo, table: string, attribute: string): Promise<void> {
  const { TimeToLiveDescription: found } = await dynamodb.call<{
    TimeToLiveDescription?: { readonly AttributeName?: string; readonly TimeToLiveStatus: string }
  }>('DescribeTimeToLive', { TableName: table }, deadline())
  if (found?.AttributeName === attribute && found.TimeToLiveStatus.startsWith('ENABL')) return
  const specification = { AttributeName: attribute, Enabled: true }
  await dynamodb.call('UpdateTimeToLive', { TableName: table, TimeToLiveSpecification: specification }, deadline())
}

async function makeBuckets({ s3 }: AwsClients): Promise<void> {
  for (const bucket of [RECORDS_BUCKET, DEAD_LETTERS.bucket])
    await unlessThere(
      'BucketAlreadyOwnedByYou',
      s3.request({ operation: 'CreateBucket', method: 'PUT', bucket, deadline: deadline() }),
    )
}

async function unlessThere(name: string, creating: Promise<unknown>): Promise<void> {
  try {
    await creating
  } catch (error) {
    if (!isFault(error, name)) throw error
  }
}

function deadline(): Deadline {
  const until = performance.now() + TIMEOUT_MS
  return { remaining: () => Math.max(0, until - performance.now()), signal: AbortSignal.timeout(TIMEOUT_MS) }
}
