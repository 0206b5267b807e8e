/** When a sampled record becomes visible in a store, seen by a client of its own that asks again and again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, S3Client } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import type { AwsTarget, Target } from '../../src/operations/target.ts'

/** BatchGetItem takes as many. */
const MAX_KEYS = 100

export interface Watcher {
  readonly store: string
  readonly pollMs: number
  /** A record that is about to be produced. */
  expect(id: string): void
  /** Milliseconds from `expect` to seen, of all seen so far. */
  readonly latencies: readonly number[]
  pending(): number
  stop(): Promise<void>
}

interface Look {
  /** Which of the ids are there. */
  readonly look: (ids: readonly string[]) => Promise<Iterable<string>>
  readonly close: () => Promise<unknown>
}

function watch(store: string, pollMs: number, { look, close }: Look): Watcher {
  const since = new Map<string, number>()
  const latencies: number[] = []
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      const ids = [...since.keys()].slice(0, MAX_KEYS)
      if (ids.length > 0)
        for (const id of await look(ids)) {
          const begun = since.get(id)
          if (begun !== undefined && since.delete(id)) latencies.push(performance.now() - begun)
        }
      await sleep(pollMs)
    }
  }
  // A watcher that fails is told by `stop`: the load goes on, and the stack is taken down.
  const running = Promise.allSettled([run()])
  return {
    store,
    pollMs,
    latencies,
    expect: (id) => void since.set(id, performance.now()),
    pending: () => since.size,
    async stop() {
      stopping.abort()
      const [ended] = await running
      await close()
      if (ended.status === 'rejected') throw ended.reason
    },
  }
}

export async function watchAll(target: Target): Promise<Watcher[]> {
  return [
    watch('S3', 100, lookS3(target)),
    watch('PostgreSQL', 50, await lookPostgres(target)),
    watch('DynamoDB', 50, lookDynamodb(target)),
  ]
}

async function lookPostgres({ postgres, pipelines }: Target): Promise<Look> {
  const client = new Client({ connectionString: postgres.url })
  await client.connect()
  const query = { name: 'seen', text: `SELECT id FROM ${pipelines[0]!.table} WHERE id = ANY($1)` }
  return {
    look: async (ids) => (await client.query<{ id: string }>({ ...query, values: [ids] })).rows.map(({ id }) => id),
    close: () => client.end(),
  }
}

function options({ endpoint, region, ...credentials }: AwsTarget) {
  return { endpoint, region, credentials }
}

function lookDynamodb({ dynamodb, pipelines }: Target): Look {
  const client = new DynamoDBClient(options(dynamodb))
  const table = pipelines[0]!.dynamodbTable!
  return {
    async look(ids) {
      const Keys = ids.map((id) => ({ id: { S: id } }))
      const asked = { [table]: { Keys, ConsistentRead: true, ProjectionExpression: 'id' } }
      const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems: asked }))
      return (Responses?.[table] ?? []).map(({ id }) => id!.S!)
    },
    close: () => Promise.resolve(client.destroy()),
  }
}

/** Lists what is new in each partition and reads it: an object counts once it can be read. */
function lookS3({ s3, pipelines }: Target): Look {
  const client = new S3Client({ ...options(s3), forcePathStyle: true })
  const Bucket = pipelines[0]!.bucket!
  const last = new Map(['000000', '000001'].map((partition) => [`${pipelines[0]!.prefix}${partition}-`, '']))
  const idsIn = async (Key: string) => {
    const got = await client.send(new GetObjectCommand({ Bucket, Key })).catch(unlessAbsent)
    if (!got) return undefined
    const text = gunzipSync(await got.Body!.transformToByteArray()).toString('utf8')
    return text.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { id: string }).id]))
  }
  return {
    async look() {
      const seen: string[] = []
      for (const [Prefix, StartAfter] of last) {
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket, Prefix, StartAfter }))
        for (const { Key } of Contents) {
          const ids = await idsIn(Key!)
          if (!ids) break
          seen.push(...ids)
          last.set(Prefix, Key!)
        }
      }
      return seen
    },
    close: () => Promise.resolve(client.destroy()),
  }
}

/** s3proxy can list an object a moment before it can be read: it is asked for again. */
function unlessAbsent(error: unknown): undefined {
  if (!(error instanceof NoSuchKey)) throw error
}
