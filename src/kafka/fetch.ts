/**
 * Fetching, one request at a time, from the broker that leads. Requests are sessionless (KIP-227's "full fetch"):
 * each names all it wants, so that no broken session can outlive a broker. The library's own `fetch` is not used: it
 * rejects the whole call for one partition's error, and its filter for aborted records leaks (batches.ts).
 */
import {
  Admin,
  ConnectionPool,
  fetchV12,
  fetchV13,
  fetchV15,
  fetchV16,
  fetchV17,
  type Broker,
  type RecordsBatch,
} from '@platformatic/kafka'
import type { SourceRecord } from '../core/record.ts'
import { decodeBatches } from './batches.ts'
import type { AbortedTransaction } from './batches.ts'
import { clientOptions, errorName, isolationLevel, type Isolation } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { openMetadata } from './metadata.ts'
import { answerWithin, newestOf } from './versions.ts'

const NO_SESSION = 0
const NO_SESSION_EPOCH = -1
const UNKNOWN_EPOCH = -1
const METADATA_RETRIES = 2

export interface Leaders {
  /** Node id by partition; -1 while there is no leader. */
  readonly nodes: ReadonlyMap<number, number>
  readonly brokers: ReadonlyMap<number, Broker>
  readonly topicId: string
  readonly partitions: number
}

export interface FetchRequest {
  readonly broker: Broker
  readonly topicId: string
  /** Served in this order: rotate it, because only the first may exceed the byte limits. */
  readonly partitions: readonly { readonly partition: number; readonly offset: number }[]
  /** How long the broker may wait for the first byte. */
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
}

export interface FetchedPartition {
  readonly partition: number
  readonly records: SourceRecord[]
  /** Where to go on; equal to the offset asked for when nothing came. */
  readonly next: number
  readonly highWatermark: number
  /** Last stable offset: with read_committed nothing at or above it is served. */
  readonly stable: number
  /** The broker's error name for this partition alone. */
  readonly error?: string
}

/** What a broker sent of one partition, as it stores it. */
export interface FetchedBatches extends Omit<FetchedPartition, 'records' | 'next'> {
  readonly batches: readonly RecordsBatch[]
  readonly aborted: readonly AbortedTransaction[]
}

export interface Fetcher {
  /** Asks the cluster anew. */
  leaders(): Promise<Leaders>
  /** Rejects with the client's own error when the broker is away; errors of one partition are in its result. */
  fetch(request: FetchRequest): Promise<FetchedPartition[]>
  /** The same before anything is made of it: transaction markers and aborted records are among it. */
  fetchBatches(request: FetchRequest): Promise<FetchedBatches[]>
  close(): Promise<void>
}

export function openFetcher(connection: KafkaConnection, topic: string, isolation: Isolation): Fetcher {
  const options = clientOptions(connection, METADATA_RETRIES)
  const admin = new Admin(options)
  // its own connections: a broker answers one request a connection after the other, and a fetch waits
  const pool = new ConnectionPool(options.clientId, options)
  const metadata = openMetadata(connection, admin, METADATA_RETRIES)
  const api = newestOf(admin, 'Fetch', VERSIONS)
  const fetchBatches = async (request: FetchRequest): Promise<FetchedBatches[]> => {
    const response = await send(pool, await api(), { ...request, topic }, isolation)
    return response.responses
      .flatMap(({ partitions }) => partitions)
      .map((fetched) => ({
        partition: fetched.partitionIndex,
        batches: fetched.records ?? [],
        aborted: fetched.abortedTransactions ?? [],
        highWatermark: Number(fetched.highWatermark),
        stable: Number(fetched.lastStableOffset),
        ...(fetched.errorCode === 0 ? {} : { error: errorName(fetched.errorCode) }),
      }))
  }
  return {
    fetchBatches,
    async leaders() {
      const { brokers, topics } = await metadata.of(topic)
      const { id, partitions } = topics.get(topic)!
      const nodes = new Map(partitions.map(({ partition, leader }) => [partition, leader]))
      return { nodes, brokers, topicId: id, partitions: partitions.length }
    },
    async fetch(request) {
      const from = new Map(request.partitions.map(({ partition, offset }) => [partition, offset]))
      return (await fetchBatches(request)).map(({ batches, aborted, ...fetched }) => ({
        ...fetched,
        ...decodeBatches({
          topic,
          partition: fetched.partition,
          from: from.get(fetched.partition)!,
          isolation,
          batches,
          aborted,
        }),
      }))
    },
    async close() {
      await Promise.all([pool.close(), metadata.close(), admin.close()])
    },
  }
}

type FetchApi = typeof fetchV17.api

/** Newest first; 12 is that of Kafka 2.7. What they differ in is not used here, but for how they name the topic. */
const VERSIONS = [fetchV17.api, fetchV16.api, fetchV15.api, fetchV13.api, fetchV12.api] as readonly FetchApi[]
/** Before it a topic goes by its name. */
const FIRST_WITH_IDS = 13

async function send(
  pool: ConnectionPool,
  api: FetchApi,
  request: FetchRequest & { readonly topic: string },
  isolation: Isolation,
): Promise<fetchV17.FetchResponse> {
  const { broker, maxWaitMs, maxBytes, partitionMaxBytes } = request
  const topicId = api.version < FIRST_WITH_IDS ? request.topic : request.topicId
  const partitions = request.partitions.map(({ partition, offset }) => ({
    partition,
    currentLeaderEpoch: UNKNOWN_EPOCH,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: UNKNOWN_EPOCH,
    partitionMaxBytes,
  }))
  const connection = await pool.get(broker)
  const level = isolationLevel(isolation)
  const topics = [{ topicId, partitions }]
  try {
    return await api.async(connection, maxWaitMs, 1, maxBytes, level, NO_SESSION, NO_SESSION_EPOCH, topics, [], '')
  } catch (error) {
    const partial = answerWithin<fetchV17.FetchResponse>(error, isWhole)
    if (partial) return partial
    throw error
  }
}

function isWhole({ errorCode, responses }: Partial<fetchV17.FetchResponse>): boolean {
  return errorCode === 0 && Array.isArray(responses)
}
