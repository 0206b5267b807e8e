/** Topics, offsets and groups: what verbs and the local stack ask of a cluster. */
import { Admin, ConfigResourceTypes, ConfigSources } from '@platformatic/kafka'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.ts'
import { attempt, brokerErrors, clientOptions, isolationLevel, kafkaError, type Isolation } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { openMetadata } from './metadata.ts'
import type { Metadata, PartitionView } from './metadata.ts'
import { describeGroup, listGroups, moveGroup } from './group-admin.ts'
import type { GroupDescription, GroupSummary } from './group-admin.ts'

/** A command should say that Kafka is away, not hang: 20 tries, 5 s. */
const ADMIN_RETRIES = 20
const LATEST = -1n
const EARLIEST = -2n
/** A topic just made has no leaders for some milliseconds, and one just deleted is still listed. */
const SETTLE_STEP_MS = 25
const SETTLE_STEPS = 400

export interface TopicSettings {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface TopicSummary {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
}

export interface TopicDescription extends TopicSummary {
  readonly id: string
  readonly layout: readonly PartitionView[]
  /** Only what was set on the topic itself; null where this user may not read it. */
  readonly configs: Readonly<Record<string, string>> | null
}

/** [start, end): the first offset still there and the one the next record gets. */
export interface PartitionOffsets {
  readonly partition: number
  readonly start: number
  readonly end: number
}

export interface KafkaAdmin {
  /** Resolves when every partition has a leader. Details.error is TOPIC_ALREADY_EXISTS where it exists. */
  createTopic(settings: TopicSettings): Promise<void>
  /** Sorted by name, without internal topics. */
  listTopics(): Promise<TopicSummary[]>
  /** Needs no right but to see the topic. Throws WEIR_UNKNOWN where there is no such one. */
  findTopic(topic: string): Promise<TopicSummary>
  /** Throws WEIR_UNKNOWN where there is no such topic. */
  describeTopic(topic: string): Promise<TopicDescription>
  /** Resolves when it is no longer listed. */
  deleteTopic(topic: string): Promise<void>
  /** Ascending by partition. With read_committed `end` is the last stable offset. */
  offsets(topic: string, isolation?: Isolation): Promise<PartitionOffsets[]>
  /** Per partition the first offset whose record is not older; the end where all are. */
  offsetsAt(topic: string, timestamp: number, isolation?: Isolation): Promise<Map<number, number>>
  /** What holds for the topic, set on it or by the brokers: `delete`, `compact`. Undefined where this user may not read it. */
  cleanupPolicy(topic: string): Promise<readonly string[] | undefined>
  /** Every partition of the topic; undefined where the group has committed nothing. */
  groupOffsets(group: string, topic: string): Promise<Map<number, number | undefined>>
  /** Sorted by name. */
  listGroups(): Promise<GroupSummary[]>
  /** Throws WEIR_UNKNOWN where there is no such group. */
  describeGroup(group: string): Promise<GroupDescription>
  /** Sets where the group goes on, by partition. Throws WEIR_KAFKA where it has members: they would commit over it. */
  moveGroup(group: string, topic: string, offsets: ReadonlyMap<number, number>): Promise<void>
  close(): Promise<void>
}

/** Opens a client; connects on first use. All errors are WEIR_KAFKA unless a method says otherwise. */
export function openAdmin(connection: KafkaConnection): KafkaAdmin {
  const admin = new Admin(clientOptions(connection, ADMIN_RETRIES))
  const cluster: Cluster = { admin, metadata: openMetadata(connection, admin, ADMIN_RETRIES) }
  return {
    createTopic: (settings) => createTopic(cluster, settings),
    listTopics: () => attempt('listing topics', () => listTopics(cluster)),
    findTopic: (topic) => findTopic(cluster, topic),
    describeTopic: (topic) => describeTopic(cluster, topic),
    deleteTopic: (topic) => deleteTopic(cluster, topic),
    offsets: (topic, isolation = 'read_uncommitted') => offsets(cluster, topic, isolation),
    offsetsAt: (topic, timestamp, isolation = 'read_uncommitted') => offsetsAt(cluster, topic, timestamp, isolation),
    cleanupPolicy: (topic) => cleanupPolicy(admin, topic),
    groupOffsets: (group, topic) => groupOffsets(cluster, group, topic),
    listGroups: () => listGroups(admin),
    describeGroup: (group) => describeGroup(admin, group),
    moveGroup: (group, topic, offsets) => moveGroup(admin, group, topic, offsets),
    close: () => attempt('closing', async () => void (await Promise.all([cluster.metadata.close(), admin.close()]))),
  }
}

interface Cluster {
  readonly admin: Admin
  readonly metadata: Metadata
}

async function createTopic(cluster: Cluster, { topic, partitions, replication, configs = {} }: TopicSettings) {
  await attempt(`creating topic "${topic}"`, async () => {
    const settings = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await cluster.admin.createTopics({ topics: [topic], partitions, replicas: replication, configs: settings })
    await settle(`topic "${topic}" has no leaders yet`, async () => {
      const layout = await layoutOf(cluster, topic)
      return layout !== undefined && layout.layout.every(({ leader }) => leader >= 0)
    })
  })
}

async function listTopics({ metadata }: Cluster): Promise<TopicSummary[]> {
  return [...(await metadata.all()).topics].map(([topic, { partitions }]) => summaryOf(topic, partitions))
}

function summaryOf(topic: string, partitions: readonly PartitionView[]): TopicSummary {
  return { topic, partitions: partitions.length, replication: partitions[0]?.replicas.length ?? 0 }
}

/** Found among all topics: asked for it by name, a broker that does not know it has an error for an answer. */
async function layoutOf({ metadata }: Cluster, topic: string): Promise<Omit<TopicDescription, 'configs'> | undefined> {
  const found = (await metadata.all()).topics.get(topic)
  return found && { ...summaryOf(topic, found.partitions), id: found.id, layout: found.partitions }
}

async function findTopic(cluster: Cluster, topic: string): Promise<Omit<TopicDescription, 'configs'>> {
  const found = await attempt(`describing topic "${topic}"`, () => layoutOf(cluster, topic))
  if (found) return found
  const topics = await attempt('listing topics', () => listTopics(cluster))
  const known = topics.map((each) => each.topic).join(', ') || 'none'
  throw new WeirError('WEIR_UNKNOWN', { what: 'topic', name: topic, known })
}

async function describeTopic(cluster: Cluster, topic: string): Promise<TopicDescription> {
  const found = await findTopic(cluster, topic)
  return attempt(`describing topic "${topic}"`, async () => ({
    ...found,
    configs: await configsOf(cluster.admin, topic),
  }))
}

async function configsOf(admin: Admin, topic: string): Promise<Record<string, string> | null> {
  const all = await allConfigsOf(admin, topic)
  const own = all?.filter((c) => c.configSource === ConfigSources.DYNAMIC_TOPIC_CONFIG)
  return own ? Object.fromEntries(own.map(({ name, value }) => [name, value ?? ''])) : null
}

function cleanupPolicy(admin: Admin, topic: string): Promise<readonly string[] | undefined> {
  return attempt(`describing topic "${topic}"`, async () => {
    const all = await allConfigsOf(admin, topic)
    return all?.find(({ name }) => name === 'cleanup.policy')?.value?.split(',')
  })
}

/** Null where this user may not read them. */
async function allConfigsOf(admin: Admin, topic: string) {
  const resources = [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }]
  try {
    return (await admin.describeConfigs({ resources })).flatMap(({ configs }) => configs)
  } catch (error) {
    // a right of its own, which whoever reads and writes a topic need not have
    if (brokerErrors(error).includes('TOPIC_AUTHORIZATION_FAILED')) return null
    throw error
  }
}

async function deleteTopic({ admin, metadata }: Cluster, topic: string): Promise<void> {
  await attempt(`deleting topic "${topic}"`, async () => {
    await admin.deleteTopics({ topics: [topic] })
    await settle(`topic "${topic}" is still there`, async () => !(await metadata.all()).topics.has(topic))
  })
}

async function settle(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let step = 0; step < SETTLE_STEPS; step++) {
    if (await done()) return
    await sleep(SETTLE_STEP_MS)
  }
  throw new Error(what)
}

async function partitionsOf(cluster: Cluster, topic: string): Promise<number[]> {
  const found = await layoutOf(cluster, topic)
  if (found) return found.layout.map(({ partition }) => partition)
  throw new WeirError('WEIR_KAFKA', {
    operation: `looking up topic "${topic}"`,
    reason: 'UNKNOWN_TOPIC_OR_PARTITION',
    error: 'UNKNOWN_TOPIC_OR_PARTITION',
  })
}

async function listOffsets(
  admin: Admin,
  topic: string,
  partitions: readonly number[],
  at: bigint,
  isolation: Isolation,
) {
  const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp: at }))
  const listed = await admin.listOffsets({
    topics: [{ name: topic, partitions: asked }],
    isolationLevel: isolationLevel(isolation),
  })
  return new Map(listed.flatMap((t) => t.partitions).map((p) => [p.partitionIndex, Number(p.offset)]))
}

function offsets(cluster: Cluster, topic: string, isolation: Isolation): Promise<PartitionOffsets[]> {
  return attempt(`listing offsets of "${topic}"`, async () => {
    const partitions = await partitionsOf(cluster, topic)
    const starts = await listOffsets(cluster.admin, topic, partitions, EARLIEST, isolation)
    const ends = await listOffsets(cluster.admin, topic, partitions, LATEST, isolation)
    return partitions.map((partition) => ({
      partition,
      start: starts.get(partition)!,
      end: ends.get(partition)!,
    }))
  })
}

function offsetsAt(
  cluster: Cluster,
  topic: string,
  timestamp: number,
  isolation: Isolation,
): Promise<Map<number, number>> {
  return attempt(`listing offsets of "${topic}"`, async () => {
    const partitions = await partitionsOf(cluster, topic)
    const ends = await listOffsets(cluster.admin, topic, partitions, LATEST, isolation)
    const found = await listOffsets(cluster.admin, topic, partitions, BigInt(timestamp), isolation)
    // -1 = no record is that young
    return new Map(partitions.map((p) => [p, (found.get(p) ?? -1) < 0 ? ends.get(p)! : found.get(p)!]))
  })
}

async function groupOffsets(cluster: Cluster, group: string, topic: string): Promise<Map<number, number | undefined>> {
  const operation = `reading the offsets of group "${group}"`
  const partitions = await attempt(operation, () => partitionsOf(cluster, topic))
  const committed = new Map<number, number | undefined>(partitions.map((partition) => [partition, undefined]))
  try {
    const topics = [{ name: topic, partitionIndexes: partitions }]
    for (const listed of await cluster.admin.listConsumerGroupOffsets({ groups: [{ groupId: group, topics }] })) {
      for (const { partitionIndex, committedOffset } of listed.topics.flatMap((t) => t.partitions)) {
        if (committedOffset >= 0n) committed.set(partitionIndex, Number(committedOffset))
      }
    }
    return committed
  } catch (error) {
    if (brokerErrors(error).includes('GROUP_ID_NOT_FOUND')) return committed
    throw kafkaError(operation, error)
  }
}
