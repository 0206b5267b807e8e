import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, type QueryResultRow } from 'pg'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { openAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import { choosePorts } from '../../src/local/ports.ts'
import { isAlive } from '../../src/local/process.ts'
import type { AwsEndpoint, KafkaEndpoint, PostgresEndpoint, Service } from '../../src/local/service.ts'
import { startDynamoDb } from '../../src/local/services/dynamodb.ts'
import { startKafka } from '../../src/local/services/kafka.ts'
import { startPostgres } from '../../src/local/services/postgres.ts'
import { startS3 } from '../../src/local/services/s3.ts'
import { randomClusterId, randomKeys } from '../support/start.ts'

const root = mkdtempSync(join(tmpdir(), 'weirhouse-services-'))
const keys = randomKeys()
const clusterId = randomClusterId()
const password = randomBytes(16).toString('hex')
const region = 'us-east-1'

const running: Service<unknown>[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((service) => service.stop()))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function options(name: string, ports = 1) {
  const names = Array.from({ length: ports }, (_, i) => `${name} ${i}`)
  return { folder: join(root, name), ports: Object.values(await choosePorts(names)), keep: true }
}

async function up<Endpoint>(starting: Promise<Service<Endpoint>>): Promise<Service<Endpoint>> {
  const service = await starting
  running.push(service)
  await service.ready()
  return service
}

/** kill -9 of a server, as a crash or an impatient user does it. */
async function kill(service: Service<unknown>): Promise<void> {
  for (const { pid } of service.processes) process.kill(pid, 'SIGKILL')
  await expect.poll(() => service.processes.some(isAlive), { timeout: 60_000 }).toBe(false)
}

/** Whether the port answers on an address of this machine that others can reach; false where it has none. */
async function isReachableFromOutside(port: number): Promise<boolean> {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.internal === false && each.family === 'IPv4')
  if (outside === undefined) return false
  return new Promise((resolve) => {
    const socket = connect({ host: outside.address, port, timeout: 2000 })
    const end = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
    socket.once('timeout', () => end(false))
  })
}

describe('PostgreSQL', () => {
  const start = async () => up(startPostgres({ ...(await options('postgres')), password }))

  async function query<Row extends QueryResultRow>(endpoint: PostgresEndpoint, sql: string): Promise<Row[]> {
    const client = new Client({ ...endpoint })
    await client.connect()
    try {
      return (await client.query<Row>(sql)).rows
    } finally {
      await client.end()
    }
  }

  test('keeps its data over a stop and over kill -9, and reset empties it', async () => {
    const first = await start()
    await query(first.endpoint, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)')
    await first.stop()
    expect(first.processes.some(isAlive)).toBe(false)

    const second = await start()
    expect(await query(second.endpoint, 'SELECT n FROM kept')).toEqual([{ n: 7 }])
    await query(second.endpoint, 'INSERT INTO kept VALUES (8)')
    await kill(second)

    const third = await start()
    expect(await query(third.endpoint, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 7 }, { n: 8 }])
    await query(third.endpoint, 'CREATE DATABASE other')
    await query(third.endpoint, 'CREATE SCHEMA weirhouse; CREATE TABLE weirhouse.watermark ()')
    await third.reset()
    const left =
      "SELECT relname AS name FROM pg_class WHERE relname IN ('kept', 'watermark') UNION SELECT datname FROM pg_database WHERE datname = 'other'"
    expect(await query(third.endpoint, left)).toEqual([])
    await query(third.endpoint, 'CREATE TABLE kept (n int)')
  })

  test('is RDS-like: loopback only, a password wanted, no superuser, no acknowledged commit lost', async () => {
    const { endpoint } = await start()
    expect(await isReachableFromOutside(endpoint.port)).toBe(false)
    await expect(query({ ...endpoint, password: 'wrong' }, 'SELECT 1')).rejects.toThrow(
      'password authentication failed',
    )
    await expect(query({ ...endpoint, user: 'postgres' }, 'SELECT 1')).rejects.toThrow('no pg_hba.conf entry')
    expect(await query(endpoint, 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).toEqual([
      { rolsuper: false },
    ])
    expect(await query(endpoint, 'SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }])
    expect(await query(endpoint, 'SHOW server_version_num')).toEqual([{ server_version_num: '170010' }])
  })
})

describe('DynamoDB Local', () => {
  const start = async () => up(startDynamoDb({ ...(await options('dynamodb')), keys, region }))
  const client = ({ endpoint, accessKeyId, secretAccessKey }: AwsEndpoint) =>
    new DynamoDBClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1 })
  const tables = async (endpoint: AwsEndpoint) => (await client(endpoint).send(new ListTablesCommand({}))).TableNames

  test('keeps its data over a stop and over kill -9, and reset empties it', async () => {
    const first = await start()
    const table = {
      TableName: 'kept',
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' as const }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' as const }],
      BillingMode: 'PAY_PER_REQUEST' as const,
    }
    await client(first.endpoint).send(new CreateTableCommand(table))
    await first.stop()
    expect(first.processes.some(isAlive)).toBe(false)

    const second = await start()
    expect(await tables(second.endpoint)).toEqual(['kept'])
    await kill(second)

    const third = await start()
    expect(await tables(third.endpoint)).toEqual(['kept'])
    // It listens on all interfaces: the random key is what keeps others from the data (SECURITY.md).
    expect(await tables({ ...third.endpoint, accessKeyId: 'STRANGER' })).toEqual([])
    await third.reset()
    expect(await tables(third.endpoint)).toEqual([])
  })
})

describe('S3Proxy', () => {
  const start = async () => up(startS3({ ...(await options('s3')), keys, region }))
  const client = ({ endpoint, accessKeyId, secretAccessKey }: AwsEndpoint) =>
    new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    })
  const read = async (endpoint: AwsEndpoint) => {
    const { Body, Metadata } = await client(endpoint).send(new GetObjectCommand({ Bucket: 'kept', Key: 'a/b' }))
    return { text: await Body?.transformToString(), metadata: Metadata }
  }

  test('keeps objects with their metadata over a stop and over kill -9, and reset empties it', async () => {
    const kept = { text: 'one', metadata: { range: '0-9' } }
    const first = await start()
    await client(first.endpoint).send(new CreateBucketCommand({ Bucket: 'kept' }))
    const object = { Bucket: 'kept', Key: 'a/b', Body: kept.text, Metadata: kept.metadata }
    await client(first.endpoint).send(new PutObjectCommand(object))
    await first.stop()
    expect(first.processes.some(isAlive)).toBe(false)

    const second = await start()
    expect(await read(second.endpoint)).toEqual(kept)
    await kill(second)

    const third = await start()
    expect(await read(third.endpoint)).toEqual(kept)
    const again = client(third.endpoint).send(new PutObjectCommand({ ...object, IfNoneMatch: '*' }))
    await expect(again).rejects.toMatchObject({ $metadata: { httpStatusCode: 412 } })
    await third.reset()
    expect((await client(third.endpoint).send(new ListBucketsCommand({}))).Buckets ?? []).toEqual([])
  })

  test('is on loopback only, checks signatures, and tells a taken port with the log', async () => {
    const { endpoint } = await start()
    const port = Number(new URL(endpoint.endpoint).port)
    expect(await isReachableFromOutside(port)).toBe(false)
    const forged = client({ ...endpoint, secretAccessKey: 'wrong' }).send(new ListBucketsCommand({}))
    await expect(forged).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })

    const folder = join(root, 's3-taken')
    const second = await startS3({ folder, ports: [port], keys: randomKeys(), region })
    running.push(second)
    await expect(second.ready()).rejects.toMatchObject({
      code: 'WEIR_SERVER_START',
      message: expect.stringContaining('Failed to bind') as string,
      cure: `Its log: ${join(folder, 'server.log')}`,
    })
  })
})

describe('Kafka', () => {
  const start = async () => up(startKafka({ ...(await options('kafka', 3)), clusterId }))
  const topic = 'kept'

  async function produce(endpoint: KafkaEndpoint): Promise<void> {
    const producer = openProducer(endpoint)
    await producer.send([{ topic, partition: 0, value: Buffer.from('one') }])
    await producer.close()
  }

  async function ends(endpoint: KafkaEndpoint): Promise<number[]> {
    const admin = openAdmin(endpoint)
    const offsets = await admin.offsets(topic)
    await admin.close()
    return offsets.map(({ end }) => end)
  }

  test('keeps its log over a stop and over kill -9 of all nodes, and reset empties it', async () => {
    const first = await start()
    for (const address of first.endpoint.bootstrap)
      expect(await isReachableFromOutside(Number(address.split(':')[1]))).toBe(false)
    const admin = openAdmin(first.endpoint)
    await admin.createTopic({ topic, partitions: 2, replication: 2 })
    const { layout } = await admin.describeTopic(topic)
    expect(layout.map(({ inSync }) => inSync.toSorted((a, b) => a - b))).toEqual([
      [1, 2],
      [1, 2],
    ])
    await admin.close()
    await produce(first.endpoint)
    await first.stop()
    expect(first.processes.some(isAlive)).toBe(false)

    const second = await start()
    expect(await ends(second.endpoint)).toEqual([1, 0])
    await produce(second.endpoint)
    await kill(second)

    const third = await start()
    expect(await ends(third.endpoint)).toEqual([2, 0])
    await third.reset()
    const after = openAdmin(third.endpoint)
    expect(await after.listTopics()).toEqual([])
    await after.close()
  })
})
