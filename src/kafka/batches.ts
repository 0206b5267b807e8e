/**
 * From record batches as a broker stores them to records, pure. The rules are those of Kafka's own consumer
 * (`CompletedFetch.nextFetchedRecord`); the library's filter for aborted transactions is not used, because it keeps
 * only one aborted transaction a producer and lets one through whose marker lies beyond the response.
 */
import type { RecordsBatch } from '@platformatic/kafka'
import type { Header, SourceRecord } from '../core/record.ts'
import type { Isolation } from './client.ts'

/** Record batch attributes, Kafka protocol "Record Batch". */
const LOG_APPEND_TIME = 1 << 3
const TRANSACTIONAL = 1 << 4
const CONTROL = 1 << 5
/** Control record key: version INT16, type INT16; type 0 = abort, 1 = commit. */
const CONTROL_TYPE_AT = 2
const ABORT = 0
const NO_BYTES = Buffer.alloc(0)
const NO_HEADERS: readonly Header[] = []

/** A broker's note of an aborted transaction that touches the range served. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface PartitionBatches {
  readonly topic: string
  readonly partition: number
  /** Offset asked for: a batch may begin below it. */
  readonly from: number
  readonly isolation: Isolation
  readonly batches: readonly RecordsBatch[]
  /** The broker's list for this range. */
  readonly aborted: readonly AbortedTransaction[]
}

export interface DecodedBatches {
  /** Offsets ascending, all at or above `from`. */
  readonly records: SourceRecord[]
  /** Where to go on: past transaction markers, aborted records and what compaction took, so that none of them stalls. */
  readonly next: number
}

export function decodeBatches(input: PartitionBatches): DecodedBatches {
  const { from, batches } = input
  const aborts = abortTracker(input)
  const records: SourceRecord[] = []
  let next = from
  for (const batch of batches) {
    const first = Number(batch.firstOffset)
    const after = first + batch.lastOffsetDelta + 1
    const skip = aborts(batch) || (batch.attributes & CONTROL) !== 0
    if (!skip) appendRecords(records, batch, first, input)
    next = Math.max(next, after)
  }
  return { records, next }
}

/**
 * Tells of each batch, in order, whether it belongs to an aborted transaction. A producer's transaction is under way
 * from the first offset the broker lists to the producer's next abort marker.
 */
function abortTracker({ isolation, aborted }: PartitionBatches): (batch: RecordsBatch) => boolean {
  if (isolation === 'read_uncommitted') return () => false
  const upcoming = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const aborting = new Set<bigint>()
  return (batch) => {
    const last = batch.firstOffset + BigInt(batch.lastOffsetDelta)
    while (upcoming.length > 0 && upcoming[0]!.firstOffset <= last) aborting.add(upcoming.shift()!.producerId)
    if (isAbortMarker(batch)) {
      aborting.delete(batch.producerId)
      return true
    }
    return (
      (batch.attributes & TRANSACTIONAL) !== 0 && (batch.attributes & CONTROL) === 0 && aborting.has(batch.producerId)
    )
  }
}

function isAbortMarker({ attributes, records }: RecordsBatch): boolean {
  if ((attributes & CONTROL) === 0) return false
  const key = records[0]?.key
  return key !== null && key !== undefined && key.length >= 4 && key.readInt16BE(CONTROL_TYPE_AT) === ABORT
}

function appendRecords(
  into: SourceRecord[],
  batch: RecordsBatch,
  first: number,
  { topic, partition, from }: PartitionBatches,
) {
  const appendTime = (batch.attributes & LOG_APPEND_TIME) !== 0
  const base = Number(appendTime ? batch.maxTimestamp : batch.firstTimestamp)
  const timestampType = appendTime ? 'LOG_APPEND_TIME' : 'CREATE_TIME'
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records) {
    const offset = first + offsetDelta
    if (offset < from) continue
    into.push({
      topic,
      partition,
      offset,
      timestamp: appendTime ? base : base + Number(timestampDelta),
      timestampType,
      key,
      value,
      headers: headers.length === 0 ? NO_HEADERS : headers.map(toHeader),
    })
  }
}

/** A header without a value reads as an empty one: Lambda's event has no way to say null. */
function toHeader([name, value]: readonly [Buffer | null, Buffer | null]): Header {
  return { name: name === null ? '' : name.toString('utf8'), value: value ?? NO_BYTES }
}
