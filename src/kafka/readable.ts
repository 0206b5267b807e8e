import { WeirError } from '../core/errors.ts'
import { attempt, kafkaError } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { openFetcher } from './fetch.ts'

/** Fetches next to nothing. Throws WEIR_KAFKA_REFUSED where this user may see the topic but not read it. */
export async function mustBeReadable(connection: KafkaConnection, topic: string): Promise<void> {
  const operation = `reading topic "${topic}"`
  const fetcher = openFetcher(connection, topic, 'read_committed')
  try {
    const { nodes, brokers, topicId } = await attempt(operation, () => fetcher.leaders())
    const [partition, node] = [...nodes][0] ?? [0, -1]
    const broker = brokers.get(node)
    if (!broker) return
    const partitions = [{ partition, offset: 0 }]
    const request = { broker, topicId, partitions, maxWaitMs: 0, maxBytes: 1, partitionMaxBytes: 1 }
    const [fetched] = await attempt(operation, () => fetcher.fetch(request))
    // any other error of the partition is the poller's to get over
    if (fetched?.error !== 'TOPIC_AUTHORIZATION_FAILED') return
    throw kafkaError(operation, Object.assign(new Error(fetched.error), { apiId: fetched.error }))
  } catch (error) {
    if (error instanceof WeirError && !error.retryable) throw error
  } finally {
    await fetcher.close()
  }
}
