/** Consumer groups as an administrator sees them: who is in one, and what it has committed. */
import { Admin } from '@platformatic/kafka'
import { WeirError } from '../core/errors.ts'
import { attempt, brokerErrors, kafkaError } from './client.ts'

export interface GroupSummary {
  readonly group: string
  /** Kafka's word: Stable, Empty, PreparingRebalance ... */
  readonly state: string
}

export interface GroupMemberSummary {
  readonly member: string
  readonly client: string
  readonly host: string
  /** By topic: the partitions it was given. */
  readonly assigned: ReadonlyMap<string, readonly number[]>
}

export interface GroupDescription extends GroupSummary {
  readonly members: readonly GroupMemberSummary[]
  /** By topic and partition: the next offset to read. */
  readonly committed: ReadonlyMap<string, ReadonlyMap<number, number>>
}

/** What of the members is told in the shape that consumers agreed on; Kafka Connect, for one, has its own. */
const CONSUMERS = 'consumer'

/** Sorted by name. */
export async function listGroups(admin: Admin): Promise<GroupSummary[]> {
  const groups = await attempt('listing groups', () => admin.listGroups({}))
  return [...groups.values()]
    .map(({ id, state }) => ({ group: id, state }))
    .toSorted((a, b) => (a.group < b.group ? -1 : 1))
}

/** Throws WEIR_UNKNOWN where there is no such group, WEIR_KAFKA. */
export async function describeGroup(admin: Admin, group: string): Promise<GroupDescription> {
  const operation = `describing group "${group}"`
  const listed = await attempt('listing groups', () => admin.listGroups({}))
  const found = listed.get(group)
  if (!found) {
    const known = [...listed.keys()].toSorted().join(', ') || 'none'
    throw new WeirError('WEIR_UNKNOWN', { what: 'consumer group', name: group, known })
  }
  const members = found.protocolType === CONSUMERS ? await membersOf(admin, group, operation) : []
  return { group, state: found.state, members, committed: await committedBy(admin, group, operation) }
}

async function membersOf(admin: Admin, group: string, operation: string): Promise<GroupMemberSummary[]> {
  try {
    const described = (await admin.describeGroups({ groups: [group] })).get(group)
    return [...(described?.members.values() ?? [])].map(({ id, clientId, clientHost, assignments }) => ({
      member: id,
      client: clientId,
      host: clientHost.replace(/^\//, ''),
      assigned: new Map([...(assignments ?? [])].map(([topic, { partitions }]) => [topic, partitions])),
    }))
  } catch (error) {
    // Of the newer protocol (KIP-848), which this request does not know: its offsets are told all the same.
    if (brokerErrors(error).includes('GROUP_ID_NOT_FOUND')) return []
    throw kafkaError(operation, error)
  }
}

async function committedBy(admin: Admin, group: string, operation: string) {
  const listed = await attempt(operation, () => admin.listConsumerGroupOffsets({ groups: [group] }))
  const topics = listed.flatMap((each) => each.topics)
  return new Map(
    topics.map(({ name, partitions }) => [
      name,
      new Map(
        partitions.flatMap(({ partitionIndex, committedOffset }) =>
          committedOffset >= 0n ? [[partitionIndex, Number(committedOffset)] as const] : [],
        ),
      ),
    ]),
  )
}

export async function moveGroup(
  admin: Admin,
  group: string,
  topic: string,
  offsets: ReadonlyMap<number, number>,
): Promise<void> {
  if (offsets.size === 0) return
  const partitionOffsets = [...offsets].map(([partition, offset]) => ({ partition, offset: BigInt(offset) }))
  await attempt(`moving group "${group}"`, () =>
    admin.alterConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionOffsets }] }),
  )
}
