/** The partitions of one poller: taken over, read within bounds, begun anew, lost. */
import { messageOf } from '../core/errors.ts'
import { MAX_PAYLOAD_BYTES, MIB } from '../core/limits.ts'
import type { Clock, Log } from '../core/ports.ts'
import type { KafkaAdmin } from '../kafka/admin.ts'
import type { FetchedPartition } from '../kafka/fetch.ts'
import type { Assignment } from '../kafka/group.ts'
import type { Batcher } from './batcher.ts'
import type { Counters } from './counters.ts'
import { interruptible } from './delivery.ts'
import type { Offsets } from './offsets.ts'
import type { Ownership } from './ownership.ts'
import { afterOutOfRange, beginnings } from './positions.ts'
import type { MappingSettings } from './settings.ts'

/** A queue takes no more once it holds a batch or so many records, or an event's worth of bytes ... */
const QUEUE_RECORDS = 1000
/** ... and once all queues together hold so much, only empty ones do. */
const ALL_QUEUES_BYTES = 64 * MIB
const RETRY_PAUSE_MS = 250

export interface PartitionsOptions {
  readonly settings: MappingSettings
  readonly admin: KafkaAdmin
  readonly batcher: Batcher
  readonly offsets: Offsets
  readonly owned: Ownership
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  /** Aborts when the poller stops: no further try. */
  readonly stopping: AbortSignal
  readonly onLost: (partition: number) => void
  readonly onRecords: () => void
}

export interface Partitions {
  /** Takes over a new assignment; resolves when each gained partition knows where to begin, or the next one came. */
  assign(next: Assignment): Promise<void>
  /** Whether a partition has room for more records. */
  wants(partition: number): boolean
  fetched(fetched: FetchedPartition, token: number): void
  /** The log does not hold the offset wanted. */
  outOfRange(partition: number, token: number): Promise<void>
  /** What was read and not processed is read again. */
  again(partition: number): void
}

export function createPartitions(options: PartitionsOptions): Partitions {
  const { settings, batcher, offsets, owned, clock, log, counters } = options
  const { topic, batchSize } = settings
  const begin = (partition: number, start: number, committed: number | undefined) => {
    batcher.forget(partition)
    owned.renew(partition)
    offsets.assign(partition, start, committed)
  }
  return {
    async assign(next) {
      const { lost, gained } = owned.change(next)
      const { partitions, generation } = next
      log('INFO', 'Partitions assigned', { topic, partitions, generation, lost, gained })
      for (const partition of lost) {
        owned.lose(partition)
        offsets.forget(partition)
        batcher.forget(partition)
        options.onLost(partition)
      }
      const found = gained.length > 0 ? await untilFound(options, next) : undefined
      for (const partition of gained) {
        const beginning = found?.get(partition)
        if (beginning) begin(partition, beginning.start, beginning.committed)
      }
    },
    wants(partition) {
      const { records, bytes } = batcher.waiting(partition)
      if (owned.paused(partition)) return false
      if (records === 0) return true
      if (records >= Math.max(batchSize, QUEUE_RECORDS) || bytes >= MAX_PAYLOAD_BYTES) return false
      return offsets.partitions().reduce((sum, p) => sum + batcher.waiting(p).bytes, 0) < ALL_QUEUES_BYTES
    },
    fetched({ partition, records, next, highWatermark }, token) {
      // lost, or begun anew, while the request was under way
      if (owned.token(partition) !== token) return
      offsets.fetched(partition, next, highWatermark)
      if (records.length === 0) return
      counters.PolledEventCount += records.length
      batcher.add(partition, records, clock.now())
      options.onRecords()
    },
    async outOfRange(partition, token) {
      if (owned.token(partition) !== token || owned.paused(partition)) return
      owned.pause(partition)
      const position = offsets.fetchFrom(partition)
      const start = await findPosition(options, partition, position)
      if (owned.token(partition) !== token) return
      owned.resume(partition)
      // another log: what was committed of the old one says nothing about it
      if (start < position) begin(partition, start, undefined)
      else offsets.fetched(partition, start, start)
    },
    again: (partition) => begin(partition, offsets.unprocessedFrom(partition), offsets.committedAt(partition)),
  }
}

/** Tries until the cluster answers; undefined when the assignment is no longer the newest, or the poller stops. */
async function untilFound(options: PartitionsOptions, assignment: Assignment) {
  const { admin, settings, owned, clock, log, counters, stopping } = options
  while (!stopping.aborted && owned.assignment() === assignment) {
    try {
      const found = await beginnings(admin, settings)
      return owned.assignment() === assignment ? found : undefined
    } catch (error) {
      counters.PollingErrorCount++
      log('WARN', 'The offsets to begin at are not known, trying again', { reason: messageOf(error) })
      await interruptible(clock.sleep(RETRY_PAUSE_MS, stopping), stopping)
    }
  }
  return undefined
}

/** Retention took the offset, or the topic was made anew. When the cluster does not answer: the position as it was. */
async function findPosition(options: PartitionsOptions, partition: number, position: number): Promise<number> {
  const { admin, settings, clock, log, counters, stopping } = options
  const { topic } = settings
  counters.PollingErrorCount++
  try {
    const start = await afterOutOfRange(admin, settings, partition, position)
    log('WARN', 'The log does not hold the offset wanted', { topic, partition, position, start })
    return start
  } catch (error) {
    log('WARN', 'The log does not hold the offset wanted', { topic, partition, position, reason: messageOf(error) })
    await interruptible(clock.sleep(RETRY_PAUSE_MS, stopping), stopping)
    return position
  }
}
