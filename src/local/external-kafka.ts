/**
 * Brokers that somebody else runs, as a stack takes them. What it does to them: makes topics that are missing, joins one
 * group a pipeline, reads. It deletes nothing and stops nothing.
 */
import { WeirError } from '../core/errors.ts'
import { MIB } from '../core/limits.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { openAdmin, type KafkaAdmin } from '../kafka/admin.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { mustBeReadable } from '../kafka/readable.ts'
import { reachKafka, type ReachedCluster } from '../kafka/reach.ts'
import type { Service } from './service.ts'

export interface ExternalKafka {
  readonly connection: KafkaConnection
  /** Absolute path of the client.properties that it was read from. */
  readonly commandConfig?: string | undefined
}

/** As one of a stack's servers, which has no processes. */
export function externalService({ connection }: ExternalKafka): Service<KafkaConnection> {
  return {
    name: 'kafka',
    processes: [],
    nodes: [],
    endpoint: connection,
    ready: () => Promise.resolve(),
    reset: () => Promise.reject(new Error('these brokers are not ours: nothing of them is removed')),
    stop: () => Promise.resolve(),
  }
}

/**
 * Before anything is started: reaches the cluster, makes what topics are missing, and sees that this user may read them
 * and use the groups. Throws WEIR_KAFKA_UNREACHABLE, WEIR_KAFKA_TLS, WEIR_KAFKA_LOGIN, WEIR_TOPIC_MISSING with the command
 * that makes it, WEIR_KAFKA_REFUSED.
 */
export async function makeReady(
  kafka: ExternalKafka,
  pipelines: readonly Pipeline[],
  groups: Readonly<Record<string, string>>,
): Promise<ReachedCluster> {
  const cluster = await reachKafka(kafka.connection)
  const admin = openAdmin(kafka.connection)
  try {
    const present = new Set((await admin.listTopics()).map(({ topic }) => topic))
    for (const { name, source } of pipelines) {
      if (!present.has(source.topic)) await makeTopic(admin, kafka, cluster, source)
      present.add(source.topic)
      await mustBeReadable(kafka.connection, source.topic)
      await admin.groupOffsets(groups[name]!, source.topic)
    }
    return cluster
  } finally {
    await admin.close()
  }
}

type Source = Pick<Pipeline['source'], 'topic' | 'partitions' | 'replication'>

async function makeTopic(
  admin: KafkaAdmin,
  kafka: ExternalKafka,
  { brokers }: ReachedCluster,
  { topic, partitions, replication }: Source,
): Promise<void> {
  try {
    // D11: base64 of a record and its signed header bytes must fit the 6 MiB of an event.
    await admin.createTopic({ topic, partitions, replication, configs: { 'max.message.bytes': String(MIB) } })
  } catch (error) {
    const refused = error instanceof WeirError && (!error.retryable || error.details.error === 'TOPIC_ALREADY_EXISTS')
    if (!refused) throw error
    const replicas = Math.min(replication, brokers.length)
    const command = commandFor(kafka, { topic, partitions, replication: replicas })
    const details = { topic, reason: String(error.details.reason), command }
    throw new WeirError('WEIR_TOPIC_MISSING', details, { cause: error })
  }
}

/** To be copied; whoever may do it gives the file of their own login. */
function commandFor({ connection, commandConfig }: ExternalKafka, { topic, partitions, replication }: Source): string {
  const words = ['npx weirhouse topics create', `--bootstrap-server ${connection.bootstrap.join(',')}`]
  if (commandConfig !== undefined) words.push('--command-config admin.properties')
  words.push(`--topic ${topic} --partitions ${partitions} --replication-factor ${replication}`)
  return [...words, `--config max.message.bytes=${MIB}`].join(' ')
}
