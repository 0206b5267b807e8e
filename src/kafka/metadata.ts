/**
 * What a broker says of the cluster, in one request. The library's own calls throw away all of an answer in which one topic or
 * partition has an error, one that has no leader now say, and take names and partitions from two answers, between which a
 * topic may be deleted.
 */
import { ConnectionPool, metadataV10, metadataV11, metadataV12, metadataV9 } from '@platformatic/kafka'
import type { Admin, Broker, Connection } from '@platformatic/kafka'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokerAt, clientOptions, RETRY_DELAY_MS } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { nested } from './faults.ts'
import { answerWithin, newestOf } from './versions.ts'

export interface PartitionView {
  readonly partition: number
  /** Node id; -1 while there is none. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface TopicView {
  /** A UUID; the name where a broker of before Kafka 2.8 has none. */
  readonly id: string
  /** Ascending by partition. */
  readonly partitions: readonly PartitionView[]
}

export interface ClusterView {
  /** By node id: those that are there. */
  readonly brokers: ReadonlyMap<number, Broker>
  /** Sorted by name. */
  readonly topics: ReadonlyMap<string, TopicView>
}

export interface Metadata {
  /** All topics but internal ones. Rejects with the client's own error where no broker answers. */
  all(): Promise<ClusterView>
  /** Of one topic. Rejects as well where the broker has an error for it: it does not know it, or this user may not see it. */
  of(topic: string): Promise<ClusterView>
  close(): Promise<void>
}

type Api = typeof metadataV12.api
type Response = metadataV12.MetadataResponse

/** Newest first; 9 is that of Kafka 2.7. What they differ in is not used here, but for the topic's id. */
const VERSIONS = [metadataV12.api, metadataV11.api, metadataV10.api, metadataV9.api] as readonly Api[]

/** @param retries how often another broker is asked, or the same again, where one does not answer */
export function openMetadata(connection: KafkaConnection, admin: Admin, retries: number): Metadata {
  const options = clientOptions(connection, retries)
  const pool = new ConnectionPool(options.clientId, options)
  const api = newestOf(admin, 'Metadata', VERSIONS)
  const bootstrap = connection.bootstrap.map(brokerAt)
  let known: readonly Broker[] = []
  const view = async (topics: string[] | null): Promise<ClusterView> => {
    const request = await api()
    for (let attempt = 0; ; attempt++)
      try {
        const brokers = [...bootstrap, ...known]
        const at = attempt % brokers.length
        const connection = await pool.getFirstAvailable([...brokers.slice(at), ...brokers.slice(0, at)])
        const found = viewOf(await ask(request, connection, topics), topics !== null)
        known = [...found.brokers.values()]
        return found
      } catch (error) {
        if (attempt === retries || !mayPass(error)) throw error
        await sleep(RETRY_DELAY_MS)
      }
  }
  return { all: () => view(null), of: (topic) => view([topic]), close: () => pool.close() }
}

async function ask(api: Api, connection: Connection, topics: string[] | null): Promise<Response> {
  try {
    return await api.async(connection, topics, false)
  } catch (error) {
    const answer = answerWithin<Response>(error, (found) => Array.isArray(found.topics))
    const isRefused = topics !== null && answer?.topics.some(({ errorCode }) => errorCode !== 0)
    if (!answer || isRefused) throw error
    return answer
  }
}

function mayPass(error: unknown): boolean {
  return !nested(error).some((each) => 'canRetry' in each && each.canRetry === false)
}

function viewOf({ brokers, topics }: Response, withInternals: boolean): ClusterView {
  const seen = topics.filter(({ isInternal, errorCode }) => (withInternals || !isInternal) && errorCode === 0)
  const views = seen.map(({ name, topicId, partitions }): [string, TopicView] => [
    name!,
    {
      id: topicId ?? name,
      partitions: partitions
        .map(({ partitionIndex, leaderId, replicaNodes, isrNodes }) => ({
          partition: partitionIndex,
          leader: leaderId,
          replicas: replicaNodes,
          inSync: isrNodes,
        }))
        .toSorted((a, b) => a.partition - b.partition),
    },
  ])
  return {
    brokers: new Map(brokers.map(({ nodeId, host, port }) => [nodeId, { host, port }])),
    topics: new Map(views.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}
