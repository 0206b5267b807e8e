/**
 * What the brokers store, as the audit reads it: records, and of every offset without one why there is none. Written after
 * the protocol's own description, not after what feeds the functions (src/kafka/batches.ts). Pure.
 */
import type { RecordsBatch } from '@platformatic/kafka'
import type { SourceRecord } from '../../core/record.ts'
import type { GapCause, LogGap } from './report.ts'

/** Record batch attributes. Source: Kafka documentation, "Record Batch". */
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
/** A control record's key: INT16 version, INT16 type, of which 0 is an abort. */
const TYPE_AT = 2
const ABORT = 0

export interface StoredBatches {
  readonly topic: string
  readonly partition: number
  /** First offset wanted; a batch may begin below it. */
  readonly from: number
  /** First offset not wanted. */
  readonly to: number
  readonly batches: readonly RecordsBatch[]
  /** The broker's list of aborted transactions that touch these batches. */
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: bigint }[]
  /** `compaction`: the topic is compacted; `unknown`: nobody may know; `unexplained`: it is not. Of holes between batches. */
  readonly between: Extract<GapCause, 'compaction' | 'unknown' | 'unexplained'>
}

export interface LogPart {
  /** Committed records, offsets ascending. */
  readonly records: SourceRecord[]
  /** Ascending, adjacent ones of one cause together. */
  readonly gaps: LogGap[]
  /** Every offset below it is a record's or a gap's. */
  readonly next: number
}

export function readBatches(input: StoredBatches): LogPart {
  const { partition, from, to, batches, between } = input
  const records: SourceRecord[] = []
  const gaps: LogGap[] = []
  const isAborted = abortedBatches(input)
  let next = from
  const gapUpTo = (end: number, why: GapCause) => {
    const stop = Math.min(end, to)
    if (next < stop) addGap(gaps, { partition, first: next, last: stop - 1, why })
    next = Math.max(next, stop)
  }
  for (const batch of batches) {
    const first = Number(batch.firstOffset)
    const end = first + batch.lastOffsetDelta + 1
    const aborted = isAborted(batch)
    gapUpTo(first, between)
    if ((batch.attributes & CONTROL) !== 0) gapUpTo(end, 'marker')
    else if (aborted) gapUpTo(end, 'aborted')
    else {
      for (const { offset, ...rest } of recordsIn(batch)) {
        if (offset < next || offset >= to) continue
        // a batch keeps its bounds for ever: only compaction takes records out of one
        gapUpTo(offset, 'compaction')
        records.push({ topic: input.topic, partition, offset, ...rest })
        next = offset + 1
      }
      gapUpTo(end, 'compaction')
    }
  }
  return { records, gaps, next }
}

/** Adds a gap behind the others, joined with the last where they touch and have one cause. */
export function addGap(gaps: LogGap[], gap: LogGap): void {
  const last = gaps.at(-1)
  if (last?.partition === gap.partition && last.why === gap.why && last.last + 1 === gap.first)
    gaps[gaps.length - 1] = { ...last, last: gap.last }
  else gaps.push(gap)
}

/**
 * Tells of batch after batch whether its transaction was aborted: from the first offset that the broker names to that
 * producer's next abort marker, whatever else lies between.
 */
function abortedBatches({ aborted }: StoredBatches): (batch: RecordsBatch) => boolean {
  const waiting = new Map<bigint, bigint[]>()
  for (const { producerId, firstOffset } of aborted)
    waiting.set(
      producerId,
      [...(waiting.get(producerId) ?? []), firstOffset].sort((a, b) => (a < b ? -1 : 1)),
    )
  const within = new Set<bigint>()
  return (batch) => {
    const { producerId, firstOffset, attributes } = batch
    const last = firstOffset + BigInt(batch.lastOffsetDelta)
    const firsts = waiting.get(producerId) ?? []
    const begun = firsts.filter((first) => first <= last).length
    if (begun > 0) {
      firsts.splice(0, begun)
      within.add(producerId)
    }
    if ((attributes & CONTROL) !== 0) {
      if (batch.records[0]?.key?.readInt16BE(TYPE_AT) === ABORT) within.delete(producerId)
      return false
    }
    return (attributes & TRANSACTIONAL) !== 0 && within.has(producerId)
  }
}

function* recordsIn(batch: RecordsBatch): Generator<Omit<SourceRecord, 'topic' | 'partition'>> {
  const atBroker = (batch.attributes & LOG_APPEND_TIME) !== 0
  for (const { offsetDelta, timestampDelta, key, value, headers } of batch.records)
    yield {
      offset: Number(batch.firstOffset) + offsetDelta,
      timestamp: Number(atBroker ? batch.maxTimestamp : batch.firstTimestamp + timestampDelta),
      timestampType: atBroker ? 'LOG_APPEND_TIME' : 'CREATE_TIME',
      key,
      value,
      headers: headers.map(([name, content]) => ({
        name: name?.toString('utf8') ?? '',
        value: content ?? Buffer.alloc(0),
      })),
    }
}
