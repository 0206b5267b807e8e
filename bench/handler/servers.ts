/** The stores that handlers write: PostgreSQL, s3proxy and DynamoDB Local as the local stack starts them, and the stub. */
import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Stores } from '../../src/local/deployment.ts'
import { choosePorts } from '../../src/local/ports.ts'
import type { AwsEndpoint, Service } from '../../src/local/service.ts'
import { startDynamoDb } from '../../src/local/services/dynamodb.ts'
import { startPostgres } from '../../src/local/services/postgres.ts'
import { startS3 } from '../../src/local/services/s3.ts'

export interface BenchServers {
  /** For bundles; removed by `stop`. */
  readonly folder: string
  readonly stores: Stores
  /** In place of `stores.dynamodb`. */
  readonly stub: AwsEndpoint
  stop(): Promise<void>
}

const REGION = 'eu-central-1'

export async function startServers(): Promise<BenchServers> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
  const keys = { accessKeyId: randomBytes(8).toString('hex'), secretAccessKey: randomBytes(16).toString('hex') }
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
  const ready = async <E>(starting: Promise<Service<E>>): Promise<E> => {
    const service = await starting
    started.push(service)
    await service.ready()
    return service.endpoint
  }
  try {
    const [postgres, s3, dynamodb] = await Promise.all([
      ready(startPostgres({ ...base('postgres'), password: randomBytes(16).toString('hex') })),
      ready(startS3({ ...base('s3'), keys, region: REGION })),
      ready(startDynamoDb({ ...base('dynamodb'), keys, region: REGION })),
    ])
    return {
      folder,
      stores: { postgres, s3, dynamodb },
      stub: { ...keys, region: REGION, endpoint: stub.endpoint },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The stub in a process of its own, which ends with this one. */
export async function forkStub(): Promise<{ readonly endpoint: string; stop(): void }> {
  const child = fork(fileURLToPath(new URL('../stub/process.ts', import.meta.url)))
  const [endpoint] = (await once(child, 'message')) as [string]
  return { endpoint, stop: () => child.disconnect() }
}
