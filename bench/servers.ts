/** What is measured against: PostgreSQL, s3proxy, DynamoDB Local and Kafka as the local stack starts them, and the stub. */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Stores } from '../src/local/deployment.ts'
import { choosePorts } from '../src/local/ports.ts'
import type { AwsEndpoint, KafkaEndpoint, Service } from '../src/local/service.ts'
import { startDynamoDb } from '../src/local/services/dynamodb.ts'
import { startKafka } from '../src/local/services/kafka.ts'
import { startPostgres } from '../src/local/services/postgres.ts'
import { startS3 } from '../src/local/services/s3.ts'

export interface BenchServers {
  /** For bundles; removed by `stop`. */
  readonly folder: string
  readonly stores: Stores
  /** In place of `stores.dynamodb`. */
  readonly stub: AwsEndpoint
  /** Empties all stores, the stub too. */
  reset(): Promise<void>
  stop(): Promise<void>
}

export interface BenchKafka extends BenchServers {
  readonly kafka: KafkaEndpoint
}

/** Of a function: on Lambda so much comes with one core. */
export const MEMORY_MB = 1769

const REGION = 'eu-central-1'

export function startStores(): Promise<BenchServers> {
  return start(async () => ({}))
}

export function startStoresAndKafka(): Promise<BenchKafka> {
  return start(async (folder, ready) => {
    const ports = await choosePorts(['controller', 'broker 1', 'broker 2'])
    const clusterId = `w${randomBytes(16).toString('base64url').slice(1)}`
    const options = { folder: join(folder, 'kafka'), ports: Object.values(ports), fastStart: false, clusterId }
    return { kafka: await ready(startKafka(options)) }
  })
}

type Ready = <E>(starting: Promise<Service<E>>) => Promise<E>

async function start<More>(more: (folder: string, ready: Ready) => Promise<More>): Promise<BenchServers & More> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
  const keys = {
    accessKeyId: `WEIR${randomBytes(8).toString('hex')}`,
    secretAccessKey: randomBytes(16).toString('hex'),
  }
  const ports = await choosePorts(['postgres', 's3', 'dynamodb'])
  const base = (name: 'postgres' | 's3' | 'dynamodb') => ({
    folder: join(folder, name),
    ports: [ports[name]],
    fastStart: false, // under load full compilation is worth its wait
  })
  const stub = await forkStub()
  const started: Service<unknown>[] = []
  const stop = async () => {
    await Promise.all(started.map((each) => each.stop()))
    stub.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const ready: Ready = async (starting) => {
    const service = await starting
    started.push(service)
    await service.ready()
    return service.endpoint
  }
  try {
    const [postgres, s3, dynamodb, others] = await Promise.all([
      ready(startPostgres({ ...base('postgres'), password: randomBytes(16).toString('hex') })),
      ready(startS3({ ...base('s3'), keys, region: REGION })),
      ready(startDynamoDb({ ...base('dynamodb'), keys, region: REGION })),
      more(folder, ready),
    ])
    const reset = async () => {
      const stores = started.filter(({ name }) => name !== 'kafka')
      await Promise.all([...stores.map((store) => store.reset()), fetch(`${stub.endpoint}/reset`)])
    }
    const standIn = { ...keys, region: REGION, endpoint: stub.endpoint }
    return { folder, stores: { postgres, s3, dynamodb }, stub: standIn, ...others, reset, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The stub in a process of its own, which ends with this one. */
export async function forkStub(): Promise<{ readonly endpoint: string; stop(): void }> {
  const child = fork(fileURLToPath(new URL('stub/process.ts', import.meta.url)))
  const [endpoint] = (await once(child, 'message')) as [string]
  return { endpoint, stop: () => child.disconnect() }
}

/** Where a handler writes. */
export function storesOf(stub: boolean, servers: BenchServers): Stores {
  return stub ? { ...servers.stores, dynamodb: servers.stub } : servers.stores
}
