/** A place in a real bucket for one test of the S3 sink: writers on it, faults between them and it, a reader that is not ours. */
import { createServer, request as forward } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { inject } from 'vitest'
import { createClients } from '../../src/aws/index.ts'
import { parseOptions } from '../../src/core/options.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import type { LedgerItem, LedgerStore } from '../../src/sinks/ledger.ts'
import { dataPrefix, s3Options } from '../../src/sinks/s3/index.ts'
import type { Partition, S3Input } from '../../src/sinks/s3/index.ts'
import { openCodec } from '../../src/sinks/s3/format.ts'
import { s3Objects } from '../../src/sinks/s3/objects.ts'
import type { ObjectStore } from '../../src/sinks/s3/objects.ts'
import { parquet } from '../../src/sinks/s3/parquet.ts'
import { openRewind } from '../../src/sinks/s3/rewind.ts'
import { openWriter } from '../../src/sinks/s3/writer.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import type { SinkWriter } from '../../src/sinks/sink.ts'
import { CLUSTER, TOPIC } from '../../src/testing/contract-world.ts'
import { memoryLedger } from '../../src/testing/memory-ledger.ts'
import { deadline, fresh } from './dynamodb-kit.ts'

export const PIPELINE = 'contract'
export const SINK = 'lake'

export interface StoredObject {
  readonly key: string
  readonly bytes: Buffer
  readonly metadata: Readonly<Record<string, string>>
  readonly contentType: string | undefined
  readonly contentEncoding: string | undefined
  readonly lines: readonly string[]
}

export interface S3World {
  readonly bucket: string
  /** Where the sink's objects of the topic are. */
  readonly folder: string
  readonly objects: ObjectStore
  readonly ledger: LedgerStore
  /** A cold writer; with its own view of the stores to put faults in. */
  open(over?: {
    readonly objects?: ObjectStore
    readonly ledger?: LedgerStore
    readonly partition?: Partition
  }): SinkWriter
  item(partition?: number): Promise<LedgerItem | undefined>
  rewind(): RewindTarget
  /** Everything under the prefix, in listing order, read by AWS's own client. */
  stored(): Promise<StoredObject[]>
  /** Every line of every object, parsed. */
  rows(): Promise<unknown[]>
  /** Puts an object that is none of ours. */
  plant(key: string, body: Buffer): Promise<void>
}

export function s3Client(endpoint = inject('stores').s3.endpoint) {
  const { s3 } = inject('stores')
  return createClients({
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    AWS_ENDPOINT_URL_S3: endpoint,
  }).s3
}

let madeBucket: Promise<string> | undefined

function bucket(): Promise<string> {
  madeBucket ??= (async () => {
    const name = fresh('s3-contract')
    await s3Client().request({ operation: 'CreateBucket', method: 'PUT', bucket: name, deadline: deadline() })
    return name
  })()
  return madeBucket
}

export interface S3WorldInput extends Omit<S3Input, 'id'> {
  readonly partition?: Partition
  readonly maxOutputs?: number
}

export async function s3World(
  { partition, maxOutputs, ...input }: S3WorldInput = {},
  ledger: LedgerStore = memoryLedger(),
  endpoint?: string,
): Promise<S3World> {
  const name = await bucket()
  const prefix = fresh('w')
  const options = parseOptions(s3Options, { id: SINK, ...input }, 'test')
  const codec = await openCodec(options, options.format === 'parquet' ? parquet : undefined)
  const folder = dataPrefix(prefix, PIPELINE, SINK, TOPIC)
  const objects = s3Objects(s3Client(endpoint), name)
  const context = { pipeline: PIPELINE, order: 'log', binding: {}, log: () => undefined } as const
  const world: S3World = {
    bucket: name,
    folder,
    objects,
    ledger,
    open: (over = {}) =>
      openWriter({
        options,
        binding: { bucket: name, prefix },
        context: { ...context, ledger: over.ledger ?? ledger },
        objects: over.objects ?? objects,
        codec,
        partition: over.partition ?? partition,
        ...(maxOutputs === undefined ? {} : { maxOutputs }),
      }),
    item: (partition = 0) =>
      ledger.read(ledgerKey(PIPELINE, SINK, { cluster: CLUSTER, topic: TOPIC, partition }), deadline()),
    rewind: () =>
      openRewind({
        pipeline: PIPELINE,
        options,
        binding: { bucket: name, prefix },
        ledger,
        clients: { s3: s3Client(endpoint) },
      }),
    stored: () => readAll(name, `${prefix}/`),
    rows: async () => (await world.stored()).flatMap(({ lines }) => lines.map((line) => JSON.parse(line) as unknown)),
    plant: async (key, body) => {
      const request = { operation: 'PutObject', method: 'PUT', bucket: name, key, body, deadline: deadline() } as const
      await s3Client().request(request)
    },
  }
  return world
}

async function readAll(bucket: string, prefix: string): Promise<StoredObject[]> {
  const { s3 } = inject('stores')
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
  const stored: StoredObject[] = []
  let token: string | undefined
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token ? { ContinuationToken: token } : {}) }),
    )
    for (const { Key: key } of page.Contents ?? []) {
      const object = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key! }))
      const bytes = Buffer.from(await object.Body!.transformToByteArray())
      stored.push({
        key: key!,
        bytes,
        metadata: object.Metadata ?? {},
        contentType: object.ContentType,
        contentEncoding: object.ContentEncoding,
        lines: linesOf(key!, bytes),
      })
    }
    token = page.NextContinuationToken
  } while (token !== undefined)
  client.destroy()
  return stored
}

function linesOf(key: string, bytes: Buffer): string[] {
  const text = key.endsWith('.gz') ? gunzipSync(bytes) : key.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes
  return text.toString().split('\n').slice(0, -1)
}

/** What stands for the process dying. */
export class Crash extends Error {}

export interface Cut {
  readonly objects: ObjectStore
  readonly ledger: LedgerStore
  /** Requests that were made, the cut one included. */
  made(): number
}

/** The stores of a process that dies at request `at`, before it is sent or once it took effect. */
export function cut(
  { objects, ledger }: Pick<S3World, 'objects' | 'ledger'>,
  at: number,
  when: 'before' | 'after',
): Cut {
  let made = 0
  const guard = async <T>(request: () => Promise<T>): Promise<T> => {
    const mine = made++
    if (mine > at || (mine === at && when === 'before')) throw new Crash()
    const answer = await request()
    if (mine === at) throw new Crash()
    return answer
  }
  return {
    made: () => made,
    objects: {
      head: (key, deadline) => guard(() => objects.head(key, deadline)),
      put: (object, deadline) => guard(() => objects.put(object, deadline)),
      holdsAny: (folder, partition, deadline) => guard(() => objects.holdsAny(folder, partition, deadline)),
    },
    ledger: {
      read: (key, deadline) => guard(() => ledger.read(key, deadline)),
      compareAndSet: (key, item, deadline) => guard(() => ledger.compareAndSet(key, item, deadline)),
    },
  }
}

/** A server before the bucket that lets the first PUT through and cuts the connection instead of answering it. */
export async function loseFirstPut(): Promise<{ readonly endpoint: string; puts(): number; close(): Promise<void> }> {
  const target = inject('stores').s3.endpoint
  let puts = 0
  const server = createServer((incoming, response) => {
    const lose = incoming.method === 'PUT' && puts++ === 0
    const onward = forward(
      new URL(incoming.url!, target),
      { method: incoming.method!, headers: incoming.headers },
      (answer) => {
        if (lose) answer.resume().on('end', () => incoming.socket.destroy())
        else {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        }
      },
    )
    onward.on('error', () => incoming.socket.destroy())
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    puts: () => puts,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
