import { mkdtempSync, rmSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { choosePorts } from '../../src/local/ports.ts'
import type { AwsEndpoint, KafkaEndpoint, PostgresEndpoint, Service } from '../../src/local/service.ts'
import { startDynamoDb } from '../../src/local/services/dynamodb.ts'
import { startKafka } from '../../src/local/services/kafka.ts'
import { startPostgres } from '../../src/local/services/postgres.ts'
import { startS3 } from '../../src/local/services/s3.ts'

/** The stores' endpoints, as `inject('stores')` gives them to a test. */
export interface Stores {
  readonly postgres: PostgresEndpoint
  readonly dynamodb: AwsEndpoint
  readonly s3: AwsEndpoint
}

declare module 'vitest' {
  export interface ProvidedContext {
    stores: Stores
    kafka: KafkaEndpoint
  }
}

export interface TestServers {
  readonly stores: Stores
  /** Undefined where it was not asked for. */
  readonly kafka: KafkaEndpoint | undefined
  /** Stops all servers and deletes their folder. */
  readonly stop: () => Promise<void>
}

const REGION = 'us-east-1'

/** Random ones: DynamoDB Local keeps the data of each access key id apart, and wants letters and digits. */
export function randomKeys() {
  const accessKeyId = `WEIR${randomBytes(8).toString('hex').toUpperCase()}`
  return { accessKeyId, secretAccessKey: randomBytes(20).toString('hex') }
}

/** 22 characters of base64url; Kafka's own ids never begin with '-'. */
export function randomClusterId(): string {
  return `w${randomBytes(16).toString('base64url').slice(1)}`
}

/** Starts PostgreSQL, DynamoDB Local, s3proxy and, if wanted, Kafka in a temporary folder, and waits until all are ready. */
export async function startForTests(withKafka: boolean): Promise<TestServers> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-test-'))
  const ports = await choosePorts(['postgres', 'dynamodb', 's3', 'controller', 'broker 1', 'broker 2'])
  const keys = randomKeys()
  const options = (name: string, ...of: (keyof typeof ports)[]) => ({
    folder: join(folder, name),
    ports: of.map((each) => ports[each]),
    onProgress: (line: string) => void process.stderr.write(`${line}\n`),
  })
  const services: Service<unknown>[] = []
  const up = async <Endpoint>(starting: Promise<Service<Endpoint>>): Promise<Endpoint> => {
    const service = await starting
    services.push(service)
    await service.ready()
    return service.endpoint
  }
  const stop = async () => {
    await Promise.all(services.map((service) => service.stop()))
    rmSync(folder, { recursive: true, force: true })
  }
  const kafkaOptions = { ...options('kafka', 'controller', 'broker 1', 'broker 2'), clusterId: randomClusterId() }
  const endpoints = [
    up(startPostgres({ ...options('postgres', 'postgres'), password: randomBytes(16).toString('hex') })),
    up(startDynamoDb({ ...options('dynamodb', 'dynamodb'), keys, region: REGION })),
    up(startS3({ ...options('s3', 's3'), keys, region: REGION })),
    withKafka ? up(startKafka(kafkaOptions)) : Promise.resolve(undefined),
  ] as const
  // All must have come to an end before the started ones can be stopped.
  const outcomes = await Promise.allSettled(endpoints)
  if (outcomes.some(({ status }) => status === 'rejected')) await stop()
  const [postgres, dynamodb, s3, kafka] = await Promise.all(endpoints)
  return { stores: { postgres, dynamodb, s3 }, kafka, stop }
}
