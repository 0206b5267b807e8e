/** How far consumer groups are behind: committed offsets against the ends of the topics. */
import type { KafkaAdmin, PartitionOffsets } from '../kafka/admin.ts'
import type { GroupDescription, GroupMemberSummary } from '../kafka/group-admin.ts'
import type { Target, TargetPipeline } from './target.ts'

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** The next offset to read; null where nothing is committed. */
  readonly committed: number | null
  /** The offset that the next record gets; null where the topic is gone. */
  readonly end: number | null
  /**
   * Records to go; null where nobody can tell: the topic is gone, or nothing is committed and only the group itself knows
   * where it begins. A pipeline's group begins at the start of the log.
   */
  readonly lag: number | null
  /** Whose partition it is now. */
  readonly member: string | null
}

export interface GroupLag {
  readonly group: string
  readonly state: string
  /** Whose event source mapping is this group. */
  readonly pipeline: string | null
  readonly members: readonly { readonly member: string; readonly client: string; readonly host: string }[]
  readonly partitions: readonly PartitionLag[]
  /** Of all partitions that can tell. */
  readonly lag: number
}

type Ends = ReadonlyMap<string, readonly PartitionOffsets[]>

/** Throws WEIR_UNKNOWN where there is no such group, WEIR_KAFKA. */
export async function groupLag(admin: KafkaAdmin, target: Pick<Target, 'pipelines'>, group: string): Promise<GroupLag> {
  const description = await admin.describeGroup(group)
  const pipeline = target.pipelines.find(({ consumerGroup }) => consumerGroup === group)
  const topics = new Set([
    ...description.committed.keys(),
    ...description.members.flatMap(({ assigned }) => [...assigned.keys()]),
    ...(pipeline ? [pipeline.topic] : []),
  ])
  return lagOf(description, pipeline, await endsOf(admin, topics))
}

/** Every group, by name. */
export async function allGroupLags(admin: KafkaAdmin, target: Pick<Target, 'pipelines'>): Promise<GroupLag[]> {
  const lags: GroupLag[] = []
  for (const { group } of await admin.listGroups()) lags.push(await groupLag(admin, target, group))
  return lags
}

export interface TopicReader {
  readonly pipeline: string
  readonly group: string
  readonly lag: number
  readonly partitions: readonly Pick<PartitionLag, 'partition' | 'committed' | 'lag'>[]
}

/** The pipelines that read a topic whose offsets are given, each with its lag. */
export async function topicReaders(
  admin: KafkaAdmin,
  target: Pick<Target, 'pipelines'>,
  topic: string,
  offsets: readonly PartitionOffsets[],
): Promise<TopicReader[]> {
  const readers = target.pipelines.filter((pipeline) => pipeline.topic === topic)
  return Promise.all(
    readers.map(async ({ name, consumerGroup: group }) => {
      const committed = await admin.groupOffsets(group, topic)
      const partitions = offsets.map(({ partition, start, end }) => {
        const next = committed.get(partition)
        return { partition, committed: next ?? null, lag: Math.max(0, end - (next ?? start)) }
      })
      return { pipeline: name, group, lag: sum(partitions), partitions }
    }),
  )
}

async function endsOf(admin: KafkaAdmin, topics: ReadonlySet<string>): Promise<Ends> {
  const there = new Set((await admin.listTopics()).map(({ topic }) => topic))
  const asked = [...topics].filter((topic) => there.has(topic)).toSorted()
  return new Map(await Promise.all(asked.map(async (topic) => [topic, await admin.offsets(topic)] as const)))
}

/** Pure: the lag of one group, from what was asked. */
export function lagOf(
  { group, state, members, committed }: GroupDescription,
  pipeline: TargetPipeline | undefined,
  ends: Ends,
): GroupLag {
  const topics = new Set([...committed.keys(), ...ends.keys()])
  const partitions = [...topics].toSorted().flatMap((topic) => {
    const offsets = new Map((ends.get(topic) ?? []).map((each) => [each.partition, each]))
    const commits = committed.get(topic) ?? new Map<number, number>()
    const owners = ownersOf(members, topic)
    // Of a topic that a group merely touched once, the rest is nobody's business.
    const own = pipeline?.topic === topic ? [...offsets.keys()] : []
    const numbers = [...new Set([...commits.keys(), ...owners.keys(), ...own])].toSorted((a, b) => a - b)
    return numbers.map((partition): PartitionLag => {
      const found = offsets.get(partition)
      const next = commits.get(partition) ?? (pipeline?.topic === topic ? found?.start : undefined)
      return {
        topic,
        partition,
        committed: commits.get(partition) ?? null,
        end: found?.end ?? null,
        lag: found === undefined || next === undefined ? null : Math.max(0, found.end - next),
        member: owners.get(partition) ?? null,
      }
    })
  })
  return {
    group,
    state,
    pipeline: pipeline?.name ?? null,
    members: members.map(({ member, client, host }) => ({ member, client, host })),
    partitions,
    lag: sum(partitions),
  }
}

function ownersOf(members: readonly GroupMemberSummary[], topic: string): ReadonlyMap<number, string> {
  return new Map(
    members.flatMap(({ member, assigned }) => (assigned.get(topic) ?? []).map((partition) => [partition, member])),
  )
}

function sum(partitions: readonly Pick<PartitionLag, 'lag'>[]): number {
  return partitions.reduce((total, { lag }) => total + (lag ?? 0), 0)
}
