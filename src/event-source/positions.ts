/** Where a partition begins (E25): the group's commit, else the starting position of the mapping. */
import type { KafkaAdmin, PartitionOffsets } from '../kafka/admin.ts'
import type { MappingSettings } from './settings.ts'

export interface Beginning {
  readonly start: number
  /** What the group has committed, if anything. */
  readonly committed: number | undefined
}

/** WEIR_KAFKA when the cluster does not answer. */
export async function beginnings(admin: KafkaAdmin, settings: MappingSettings): Promise<Map<number, Beginning>> {
  const { consumerGroupId, topic } = settings
  const committed = await admin.groupOffsets(consumerGroupId, topic)
  const starts = await startingOffsets(admin, settings)
  return new Map(
    [...starts].map(([partition, start]) => {
      const commit = committed.get(partition)
      return [partition, { start: commit ?? start, committed: commit }]
    }),
  )
}

/**
 * Where to go on when the log does not hold the offset wanted. Below its start retention took the rest: at its start.
 * Beyond its end the log is another one: at the starting position.
 */
export async function afterOutOfRange(
  admin: KafkaAdmin,
  settings: MappingSettings,
  partition: number,
  position: number,
): Promise<number> {
  const log = (await admin.offsets(settings.topic)).find((offsets) => offsets.partition === partition)
  if (log === undefined || (position >= log.start && position <= log.end)) return position
  if (position < log.start) return log.start
  return (await startingOffsets(admin, settings)).get(partition) ?? log.start
}

async function startingOffsets(admin: KafkaAdmin, settings: MappingSettings): Promise<Map<number, number>> {
  const { topic, startingPosition, timestamp, isolation } = settings
  if (startingPosition === 'AT_TIMESTAMP') return admin.offsetsAt(topic, timestamp!, isolation)
  const which = (offsets: PartitionOffsets) => (startingPosition === 'LATEST' ? offsets.end : offsets.start)
  return new Map((await admin.offsets(topic, isolation)).map((offsets) => [offsets.partition, which(offsets)]))
}
