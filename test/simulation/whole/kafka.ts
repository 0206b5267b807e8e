/** The log and the mapping of a simulation: what is produced, lost to retention, fetched, batched, committed. */
import { createBatcher } from '../../../src/event-source/batcher.ts'
import type { Batch, Batcher } from '../../../src/event-source/batcher.ts'
import { eventEncoder } from '../../../src/event-source/encode.ts'
import type { SourceRecord } from '../../../src/core/record.ts'
import { TOPIC } from '../delivery-types.ts'
import type { LogRecord } from '../delivery-types.ts'

export interface Partition {
  readonly records: LogRecord[]
  /** Offset that the next record gets. */
  end: number
  /** Records below are gone. */
  start: number
  committed: number
  fetch: number
}

export interface Kafka {
  readonly partitions: readonly Partition[]
  produce(partition: number, key: string, kind: LogRecord['kind']): void
  /** A transaction marker, or records that compaction takes before anybody reads them: offsets without a record. */
  hole(partition: number, offsets: number): void
  /** Retention takes everything below. */
  expire(partition: number, start: number): void
  /** The topic is deleted and made anew. */
  recreate(partition: number): void
  /** Gives the batcher what a fetch brings. */
  fetch(partition: number, most: number): void
  take(waitMs: number): Batch | undefined
  recordsOf(batch: Batch): readonly LogRecord[]
  release(batch: Batch): void
  /** The group's commit moves past the batch. */
  commit(batch: Batch): void
  /** Rebalance, restart: what is queued is dropped, and reading begins at the commits. `batchSize` from now on. */
  restart(batchSize: number): void
  /** Everything is read, delivered and committed. */
  finished(): boolean
}

const encoder = eventEncoder({ topic: TOPIC, bootstrap: ['h:1'], missingKey: 'absent' })
const WINDOW_MS = 10

export function createKafka(count: number, batchSize: number): Kafka {
  const partitions: Partition[] = Array.from({ length: count }, () => ({
    records: [],
    end: 0,
    start: 0,
    committed: 0,
    fetch: 0,
  }))
  let now = 0
  let time = 0
  const limits = (records: number) => ({ records, bytes: 100_000, windowMs: WINDOW_MS })
  let batcher: Batcher = createBatcher(limits(batchSize), encoder)
  const visible = ({ records, start }: Partition, from: number) =>
    records.filter(({ offset }) => offset >= Math.max(from, start))
  return {
    partitions,
    produce(source, key, kind) {
      const partition = partitions[source]!
      partition.records.push({ source, offset: partition.end++, key, kind, timestamp: time++ })
    },
    hole: (partition, offsets) => void (partitions[partition]!.end += offsets),
    expire: (partition, start) => void (partitions[partition]!.start = start),
    recreate: (source) => {
      const partition = partitions[source]!
      partition.records.length = 0
      Object.assign(partition, { end: 0, start: 0, committed: 0, fetch: 0 })
    },
    fetch(source, most) {
      const partition = partitions[source]!
      const found = visible(partition, partition.fetch).slice(0, most)
      if (found.length === 0) return
      batcher.add(source, found.map(raw), now)
      partition.fetch = found.at(-1)!.offset + 1
    },
    take(waitMs) {
      now += waitMs
      return batcher.take(now)
    },
    recordsOf: ({ groups }) =>
      groups.flatMap(({ partition, records }) =>
        records.map(({ offset }) => partitions[partition]!.records.find((record) => record.offset === offset)!),
      ),
    release: ({ commits }) => batcher.release(commits.keys(), now),
    commit: ({ commits }) => {
      for (const [source, next] of commits)
        partitions[source]!.committed = Math.max(partitions[source]!.committed, next)
    },
    restart(size) {
      batcher = createBatcher(limits(size), encoder)
      for (const partition of partitions) partition.fetch = Math.max(partition.committed, partition.start)
    },
    finished: () => partitions.every((partition) => visible(partition, partition.committed).length === 0),
  }
}

/** The batcher looks at positions and sizes alone. */
function raw({ source, offset, timestamp, key }: LogRecord): SourceRecord {
  return {
    topic: TOPIC,
    partition: source,
    offset,
    timestamp,
    timestampType: 'CREATE_TIME',
    key: Buffer.from(key),
    value: null,
    headers: [],
  }
}
