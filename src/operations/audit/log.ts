/** The log as the audit sees it: each partition from its first record to where it ended when the audit began. */
import type { SourceRecord } from '../../core/record.ts'
import { openAdmin } from '../../kafka/admin.ts'
import type { PartitionOffsets } from '../../kafka/admin.ts'
import type { KafkaConnection } from '../../kafka/connection.ts'
import { readPartition } from '../../kafka/read.ts'

export interface LogSnapshot {
  readonly topic: string
  /** [start, end) of each partition, ascending. */
  readonly partitions: readonly PartitionOffsets[]
}

export type Placed = 'expired' | 'inside' | 'later' | 'foreign'

/** Whether an offset belongs to the part of the log under audit. */
export function place({ partitions }: LogSnapshot, partition: number, offset: number): Placed {
  const found = partitions[partition]
  if (!found) return 'foreign'
  if (offset < found.start) return 'expired'
  return offset < found.end ? 'inside' : 'later'
}

/** Committed records only: the mapping delivers no others. Throws WEIR_KAFKA. */
export async function snapshot(connection: KafkaConnection, topic: string): Promise<LogSnapshot> {
  const admin = openAdmin(connection)
  try {
    return { topic, partitions: await admin.offsets(topic, 'read_committed') }
  } finally {
    await admin.close()
  }
}

/** Partition after partition, offsets ascending. Throws WEIR_KAFKA, or the signal's reason. */
export async function* readLog(
  connection: KafkaConnection,
  { topic, partitions }: LogSnapshot,
  signal: AbortSignal,
): AsyncGenerator<SourceRecord[]> {
  for (const { partition, start, end } of partitions) {
    yield* readPartition(connection, { topic, partition, from: start, to: end, signal })
    signal.throwIfAborted()
  }
}

/** `topic/1@42`: how a report names a record. */
export function positionText({
  topic,
  partition,
  offset,
}: Pick<SourceRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}@${offset}`
}
