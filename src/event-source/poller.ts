/**
 * One poller of a mapping: a member of the group that reads its partitions, sends events and commits. This file only
 * wires: group and fetch loops bring assignments and records to the partitions, those fill the batcher, the dispatch
 * empties it into the function, the commits follow.
 */
import { MAX_PAYLOAD_BYTES } from '../core/limits.ts'
import type { Clock, Log, Random } from '../core/ports.ts'
import { openAdmin } from '../kafka/admin.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { openFetcher } from '../kafka/fetch.ts'
import { openGroup, type Assignment } from '../kafka/group.ts'
import { createBatcher } from './batcher.ts'
import { createCommits } from './commits.ts'
import type { Counters } from './counters.ts'
import { createDispatch } from './dispatch.ts'
import { eventEncoder } from './encode.ts'
import { createFetchLoops } from './fetch-loops.ts'
import type { Invoke } from './invoker.ts'
import { trackOffsets } from './offsets.ts'
import { createOwnership } from './ownership.ts'
import { createPartitions } from './partitions.ts'
import type { MappingSettings } from './settings.ts'

export interface PollerOptions {
  readonly settings: MappingSettings
  readonly connection: KafkaConnection
  readonly invoke: Invoke
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly counters: Counters
  readonly report: (lastProcessingResult: string) => void
}

export interface Poller {
  /** Resolves once the group gave it its partitions. Keeps trying while Kafka is away; throws where it may not join. */
  start(): Promise<void>
  /** Lets invocations under way end, commits, leaves the group. */
  stop(): Promise<void>
  /** By partition: records between what is processed and the end of the log. */
  lag(): Map<number, number>
}

export function createPoller(options: PollerOptions): Poller {
  const { settings, connection, clock, log, counters } = options
  const { topic, batchSize, windowMs, functionName, consumerGroupId } = settings
  const encoder = eventEncoder({ ...settings, bootstrap: connection.bootstrap })
  const batcher = createBatcher({ records: batchSize, bytes: MAX_PAYLOAD_BYTES, windowMs }, encoder)
  const offsets = trackOffsets()
  const owned = createOwnership()
  const admin = openAdmin(connection)
  const stopping = new AbortController()
  const shared = { settings, topic, functionName, batcher, encoder, offsets, owned, admin, clock, log, counters }

  const partitions = createPartitions({
    ...shared,
    stopping: stopping.signal,
    onLost: (partition) => dispatch.abandon(partition),
    onRecords: () => dispatch.pump(),
  })
  let assigning = Promise.resolve()
  const takeOver = async (before: Promise<void>, next: Assignment) => {
    await before
    await partitions.assign(next)
    loops.wake()
    commits.poke()
  }
  const onAssigned = (next: Assignment) => void (assigning = takeOver(assigning, next))
  const group = openGroup(connection, { group: consumerGroupId, topic, log, onAssigned })
  const commits = createCommits({ ...shared, group, assignment: () => owned.assignment() })
  const dispatch = createDispatch({
    ...options,
    ...shared,
    token: (partition) => owned.token(partition),
    onTaken: () => loops.wake(),
    onProcessed: (partition, next, records) => commits.processed(partition, next, records),
    onAbandoned: (partition) => void (stopping.signal.aborted || partitions.again(partition)),
    onLanded: () => commits.poke(),
  })
  const loops = createFetchLoops({
    ...shared,
    fetcher: openFetcher(connection, topic, settings.isolation),
    assigned: () => offsets.partitions(),
    wants: (partition) => partitions.wants(partition),
    position: (partition) => ({ offset: offsets.fetchFrom(partition), token: owned.token(partition)! }),
    onFetched: (fetched, token) => partitions.fetched(fetched, token),
    onOutOfRange: (partition, token) => partitions.outOfRange(partition, token),
  })
  return {
    async start() {
      loops.start()
      await group.join()
      await assigning
    },
    async stop() {
      stopping.abort()
      const unread = loops.stop()
      await dispatch.stop()
      await commits.finish()
      await group.leave()
      await Promise.all([unread, assigning])
      await admin.close()
    },
    lag: () => offsets.lag(),
  }
}
