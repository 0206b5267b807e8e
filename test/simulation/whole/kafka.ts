/** The log and the mapping of a simulation: what is produced, lost to retention, fetched, batched, committed. */
import { createBatcher } from '../../../src/event-source/batcher.ts'
import type { Batch, Batcher } from '../../../src/event-source/batcher.ts'
import { eventEncoder } from '../../../src/event-source/encode.ts'
import type { Header } from '../../../src/core/record.ts'
import { TOPIC } from '../delivery-types.ts'
import { copied, produced, sourceRecord } from './records.ts'
import type { Kind, LogRecord } from './records.ts'

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
  produce(partition: number, key: string, kind: Kind): LogRecord
  /** A record of the same bytes once more, as a replay sends it. */
  copy(original: LogRecord, headers: readonly Header[]): LogRecord
  /** A transaction marker, or records that compaction takes before anybody reads them: offsets without a record. */
  hole(partition: number, offsets: number): void
  /** Retention takes everything below. */
  expire(partition: number, start: number): void
  /** The topic is deleted and made anew. */
  recreate(): void
  /** What is still there from an offset on. */
  read(partition: number, from: number): readonly LogRecord[]
  /** Gives the batcher what a fetch brings. */
  fetch(partition: number, most: number): void
  take(waitMs: number): Batch | undefined
  recordsOf(batch: Batch): readonly LogRecord[]
  release(batch: Batch): void
  /** The group's commit moves past the batch. */
  commit(batch: Batch): void
  /** An operator moves the group, which nobody is a member of. */
  moveGroup(offsets: ReadonlyMap<number, number>): void
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
  let life = ''
  const limits = (records: number) => ({ records, bytes: 100_000, windowMs: WINDOW_MS })
  let batcher: Batcher = createBatcher(limits(batchSize), encoder)
  const visible = ({ records, start }: Partition, from: number) =>
    records.filter(({ offset }) => offset >= Math.max(from, start))
  const append = (record: LogRecord): LogRecord => {
    const partition = partitions[record.source]!
    partition.records.push(record)
    partition.end = record.offset + 1
    return record
  }
  return {
    partitions,
    produce: (source, key, kind) =>
      append(produced({ source, offset: partitions[source]!.end, key, kind, timestamp: time++ }, life)),
    copy: (original, headers) => append(copied(original, partitions[original.source]!.end, headers)),
    hole: (partition, offsets) => void (partitions[partition]!.end += offsets),
    expire: (partition, start) => void (partitions[partition]!.start = start),
    recreate: () => {
      life = 'anew '
      for (const partition of partitions) {
        partition.records.length = 0
        Object.assign(partition, { end: 0, start: 0, committed: 0, fetch: 0 })
      }
    },
    read: (source, from) => visible(partitions[source]!, from),
    fetch(source, most) {
      const partition = partitions[source]!
      const found = visible(partition, partition.fetch).slice(0, most)
      if (found.length === 0) return
      batcher.add(source, found.map(sourceRecord), now)
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
    moveGroup: (offsets) => {
      for (const [source, next] of offsets) partitions[source]!.committed = next
    },
    restart(size) {
      batcher = createBatcher(limits(size), encoder)
      for (const partition of partitions) partition.fetch = Math.max(partition.committed, partition.start)
    },
    finished: () => partitions.every((partition) => visible(partition, partition.committed).length === 0),
  }
}
