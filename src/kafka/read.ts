/** Reading one partition's log between two offsets, outside any group: for audit and for `consume`. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.ts'
import type { SourceRecord } from '../core/record.ts'
import { openAdmin } from './admin.ts'
import { kafkaError, type Isolation } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { openFetcher, type Fetcher, type Leaders } from './fetch.ts'

const MAX_WAIT_MS = 250
const FETCH_BYTES = 4 * 1024 * 1024
const RETRY_PAUSE_MS = 200
/** A broker's death is over in 10 s; after this the read gives up. */
const PATIENCE_MS = 30_000

export interface ReadRange {
  readonly topic: string
  readonly partition: number
  /** First offset wanted. Below the start of the log: the read begins at the start. */
  readonly from: number
  /** First offset no longer wanted; Infinity follows the log until the signal aborts. */
  readonly to: number
  /** Default read_committed; take `to` from offsets of the same isolation, or an open transaction holds the read up. */
  readonly isolation?: Isolation
  readonly signal?: AbortSignal
}

/**
 * Yields arrays of records, never empty, offsets ascending. Transaction markers, aborted records and compacted gaps are
 * passed over, none of them stalls. Ends at `to`, or quietly when the signal aborts.
 * WEIR_KAFKA: no broker answered for 30 s, or nothing came for 30 s though `to` is further on.
 */
export async function* readPartition(connection: KafkaConnection, range: ReadRange): AsyncIterable<SourceRecord[]> {
  const { topic, from, to, isolation = 'read_committed', signal } = range
  if (from >= to) return
  const fetcher = openFetcher(connection, topic, isolation)
  try {
    let position = from
    let leaders: Leaders | undefined
    let movedAt = Date.now()
    while (position < to) {
      if (signal?.aborted === true) return
      const step = await fetchOnce(connection, fetcher, leaders, range, position)
      leaders = step.leaders
      if (step.next > position || (to === Infinity && step.problem === undefined)) movedAt = Date.now()
      if (Date.now() - movedAt > PATIENCE_MS) throw stalled(range, position, step.problem)
      if (step.problem !== undefined) await sleep(RETRY_PAUSE_MS)
      position = Math.max(position, step.next)
      const records = step.records.filter(({ offset }) => offset < to)
      if (records.length > 0) yield records
    }
  } finally {
    await fetcher.close()
  }
}

interface Step {
  readonly leaders: Leaders | undefined
  readonly records: readonly SourceRecord[]
  readonly next: number
  readonly problem?: string
}

async function fetchOnce(
  connection: KafkaConnection,
  fetcher: Fetcher,
  known: Leaders | undefined,
  range: ReadRange,
  position: number,
): Promise<Step> {
  const nothing = { leaders: undefined, records: [], next: position }
  try {
    const leaders = known ?? (await fetcher.leaders())
    const { partition, topic } = range
    if (partition >= leaders.partitions) {
      throw new WeirError('WEIR_UNKNOWN', {
        what: `partition of "${topic}"`,
        name: partition,
        known: `0..${leaders.partitions - 1}`,
      })
    }
    const broker = leaders.brokers.get(leaders.nodes.get(partition) ?? -1)
    if (!broker) return { ...nothing, problem: 'LEADER_NOT_AVAILABLE' }
    const [fetched] = await fetcher.fetch({
      broker,
      topicId: leaders.topicId,
      partitions: [{ partition, offset: position }],
      maxWaitMs: MAX_WAIT_MS,
      maxBytes: FETCH_BYTES,
      partitionMaxBytes: FETCH_BYTES,
    })
    if (!fetched) return { ...nothing, problem: 'no answer for the partition' }
    if (fetched.error === undefined) return { leaders, records: fetched.records, next: fetched.next }
    if (fetched.error === 'OFFSET_OUT_OF_RANGE') {
      // retention or deletion took the beginning: go on where the log starts
      const start = await startOf(connection, range)
      if (position < start) return { leaders, records: [], next: start }
    }
    return { ...nothing, problem: fetched.error }
  } catch (error) {
    if (error instanceof WeirError) throw error
    return { ...nothing, problem: String(kafkaError('reading', error).details.reason) }
  }
}

async function startOf(connection: KafkaConnection, { topic, partition }: ReadRange): Promise<number> {
  const admin = openAdmin(connection)
  try {
    const offsets = await admin.offsets(topic)
    return offsets[partition]?.start ?? 0
  } finally {
    await admin.close()
  }
}

function stalled({ topic, partition, to }: ReadRange, position: number, problem: string | undefined): WeirError {
  const reason = problem ?? `nothing came for ${PATIENCE_MS / 1000} s: a transaction may be open`
  return new WeirError('WEIR_KAFKA', {
    operation: `reading "${topic}" ${partition} at ${position} (up to ${to})`,
    reason,
  })
}
