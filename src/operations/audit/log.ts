/** The log as the audit sees it: each partition from its first record to where it ended when the audit began. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../../core/errors.ts'
import { KIB } from '../../core/limits.ts'
import type { SourceRecord } from '../../core/record.ts'
import { openAdmin } from '../../kafka/admin.ts'
import type { KafkaAdmin } from '../../kafka/admin.ts'
import { kafkaError } from '../../kafka/client.ts'
import type { KafkaConnection } from '../../kafka/connection.ts'
import { openFetcher } from '../../kafka/fetch.ts'
import type { Fetcher, Leaders } from '../../kafka/fetch.ts'
import { readBatches } from './log-batches.ts'
import type { LogPart, StoredBatches } from './log-batches.ts'

/** One answer of a broker, decoded: what the log takes of memory. A single larger batch comes all the same. */
const FETCH_BYTES = 256 * KIB
const MAX_WAIT_MS = 250
const RETRY_PAUSE_MS = 200
/** A broker's death is over in 10 s; after this the audit gives up. */
const PATIENCE_MS = 30_000

/** [start, end) of a partition under audit, in a log that begins at `first`. */
export interface PartitionWindow {
  readonly partition: number
  /** Moves when retention takes records while the audit runs. */
  first: number
  start: number
  readonly end: number
}

export interface LogSnapshot {
  readonly topic: string
  readonly partitions: readonly PartitionWindow[]
  readonly between: StoredBatches['between']
}

/** An offset, or a time in milliseconds since the epoch. */
export type Bound = { readonly offset: number } | { readonly time: number }

export interface Bounds {
  /** The first record to look at, in every partition. */
  readonly from?: Bound | undefined
  /** The first record not to look at. */
  readonly to?: Bound | undefined
}

/** `expired`: the log begins later. `before`: not asked for by the bounds. `later`: at or beyond the audited end. */
export type Placed = 'expired' | 'before' | 'inside' | 'later' | 'foreign'

export function place({ partitions }: Pick<LogSnapshot, 'partitions'>, partition: number, offset: number): Placed {
  const found = partitions[partition]
  if (!found) return 'foreign'
  if (offset >= found.end) return 'later'
  if (offset < found.first) return 'expired'
  return offset < found.start ? 'before' : 'inside'
}

/** Committed records only: the mapping delivers no others. Throws WEIR_KAFKA. */
export async function snapshot(connection: KafkaConnection, topic: string, bounds: Bounds = {}): Promise<LogSnapshot> {
  const admin = openAdmin(connection)
  try {
    const found = await admin.offsets(topic, 'read_committed')
    const [from, to] = await Promise.all([offsetsOf(admin, topic, bounds.from), offsetsOf(admin, topic, bounds.to)])
    const policy = await admin.cleanupPolicy(topic)
    return {
      topic,
      partitions: found.map(({ partition, start: first, end }) => {
        const stop = Math.min(end, to(partition) ?? end)
        return { partition, first, start: Math.min(Math.max(first, from(partition) ?? first), stop), end: stop }
      }),
      between: policy === undefined ? 'unknown' : policy.includes('compact') ? 'compaction' : 'unexplained',
    }
  } finally {
    await admin.close()
  }
}

async function offsetsOf(admin: KafkaAdmin, topic: string, bound: Bound | undefined) {
  if (bound === undefined) return () => undefined
  if ('offset' in bound) return () => bound.offset
  const offsets = await admin.offsetsAt(topic, bound.time, 'read_committed')
  return (partition: number) => offsets.get(partition)
}

/** Where each partition ends now, committed. Throws WEIR_KAFKA. */
export async function endsOf(connection: KafkaConnection, topic: string): Promise<ReadonlyMap<number, number>> {
  const admin = openAdmin(connection)
  try {
    return new Map((await admin.offsets(topic, 'read_committed')).map(({ partition, end }) => [partition, end]))
  } finally {
    await admin.close()
  }
}

/**
 * One partition, part after part, never more than an answer of the broker at once. What retention takes meanwhile is a gap,
 * and the window begins after it. Throws WEIR_KAFKA (no broker answered for 30 s, or nothing came), or the signal's reason.
 */
export async function* readWindow(
  connection: KafkaConnection,
  log: LogSnapshot,
  window: PartitionWindow,
  signal: AbortSignal,
): AsyncGenerator<LogPart> {
  const fetcher = openFetcher(connection, log.topic, 'read_committed')
  let leaders: Leaders | undefined
  let next = window.start
  let movedAt = Date.now()
  try {
    while (next < window.end) {
      signal.throwIfAborted()
      const step = await fetchOnce(fetcher, leaders, log, window, next)
      leaders = step.leaders
      let part = step.part
      if (step.problem === 'OFFSET_OUT_OF_RANGE') part = await expired(connection, log, window, next)
      if (part && part.next > next) {
        movedAt = Date.now()
        next = part.next
        yield part
      } else if (Date.now() - movedAt > PATIENCE_MS) throw stalled(log, window, next, step.problem)
      else if (step.problem !== undefined) await sleep(RETRY_PAUSE_MS, undefined, { signal })
    }
  } finally {
    await fetcher.close()
  }
}

interface Step {
  readonly leaders: Leaders | undefined
  readonly part?: LogPart
  readonly problem?: string
}

async function fetchOnce(
  fetcher: Fetcher,
  known: Leaders | undefined,
  { topic, between }: LogSnapshot,
  { partition, end }: PartitionWindow,
  from: number,
): Promise<Step> {
  try {
    const leaders = known ?? (await fetcher.leaders())
    const broker = leaders.brokers.get(leaders.nodes.get(partition) ?? -1)
    if (!broker) return { leaders: undefined, problem: 'LEADER_NOT_AVAILABLE' }
    const [fetched] = await fetcher.fetchBatches({
      broker,
      topicId: leaders.topicId,
      partitions: [{ partition, offset: from }],
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: FETCH_BYTES,
      partitionMaxBytes: FETCH_BYTES,
    })
    if (!fetched) return { leaders: undefined, problem: 'no answer for the partition' }
    if (fetched.error !== undefined) return { leaders: undefined, problem: fetched.error }
    const { batches, aborted } = fetched
    const part = readBatches({ topic, partition, from, to: end, batches, aborted, between })
    if (batches.length > 0 || fetched.stable < end) return { leaders, part }
    // Compaction can take the very last batches: the broker then has nothing to send, up to its end.
    const rest = [{ partition, first: from, last: end - 1, why: between }]
    return { leaders, part: { records: [], gaps: rest, next: end } }
  } catch (error) {
    if (error instanceof WeirError) throw error
    return { leaders: undefined, problem: String(kafkaError('reading', error).details.reason) }
  }
}

async function expired(
  connection: KafkaConnection,
  { topic }: LogSnapshot,
  window: PartitionWindow,
  from: number,
): Promise<LogPart | undefined> {
  const admin = openAdmin(connection)
  try {
    const start = (await admin.offsets(topic, 'read_committed'))[window.partition]?.start ?? 0
    if (start <= from) return undefined
    window.first = start
    window.start = Math.min(start, window.end)
    const last = window.start - 1
    return {
      records: [],
      gaps: [{ partition: window.partition, first: from, last, why: 'expired' }],
      next: window.start,
    }
  } finally {
    await admin.close()
  }
}

function stalled(
  { topic }: LogSnapshot,
  { partition, end }: PartitionWindow,
  next: number,
  problem: string | undefined,
): WeirError {
  const reason = problem ?? `nothing came for ${PATIENCE_MS / 1000} s`
  return new WeirError('WEIR_KAFKA', { operation: `reading "${topic}" ${partition} at ${next} (up to ${end})`, reason })
}

/** `topic/1@42`: how a report names a record. */
export function positionText({
  topic,
  partition,
  offset,
}: Pick<SourceRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}@${offset}`
}
