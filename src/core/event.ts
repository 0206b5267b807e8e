/**
 * The event that Lambda's Kafka trigger sends (docs/event-source.md, E1-E4):
 *
 *   { eventSource: "aws:kafka" | "SelfManagedKafka", eventSourceArn?: string, bootstrapServers: "h:p,h:p",
 *     records: { "<topic>-<partition>": [ { topic, partition, offset, timestamp, timestampType,
 *       key?: base64 | null, value: base64 | null, headers: [ { name: [signed bytes] } ] } ] } }
 */
import { WeirError } from './errors.ts'
import { isObject } from './object.ts'
import type { Header, RecordRange, SourceRecord, TimestampType } from './record.ts'

interface ParsedEvent {
  /** In partition order. */
  readonly ranges: readonly RecordRange[]
}

/**
 * Reads an event. `cluster` is the declared name; where undefined, the event's ARN names the cluster.
 * Throws WEIR_EVENT_MALFORMED; nothing is skipped: what cannot be placed must not be acknowledged.
 */
export function parseEvent(event: unknown, cluster?: string): ParsedEvent {
  if (!isObject(event)) throw malformed('it is no object')
  if (event.eventSource !== 'aws:kafka' && event.eventSource !== 'SelfManagedKafka')
    throw malformed(`eventSource is ${JSON.stringify(event.eventSource) ?? 'missing'}`)
  if (!isObject(event.records)) throw malformed('records is no object')
  const named = cluster ?? (typeof event.eventSourceArn === 'string' ? event.eventSourceArn : undefined)
  if (named === undefined)
    throw malformed('it has no eventSourceArn, and the pipeline declares no source.cluster to name the cluster by')
  const ranges: RecordRange[] = []
  for (const [label, list] of Object.entries(event.records)) {
    if (!Array.isArray(list)) throw malformed(`records["${label}"] is no array`)
    if (list.length > 0) ranges.push(parseRange(label, list, named))
  }
  ranges.sort((a, b) => compare(a.source.topic, b.source.topic) || a.source.partition - b.source.partition)
  return { ranges }
}

function parseRange(label: string, list: readonly unknown[], cluster: string): RecordRange {
  const records = new Array<SourceRecord>(list.length)
  let previous = -1
  for (let i = 0; i < list.length; i++) {
    const record = parseRecord(list[i], label)
    if (record.offset <= previous)
      throw malformed(`offsets of ${label} do not ascend: ${record.offset} after ${previous}`)
    previous = record.offset
    records[i] = record
  }
  const { topic, partition } = records[0]!
  return { source: { cluster, topic, partition }, records }
}

/**
 * Kafka takes any 64 bits from a producer for a timestamp, nanoseconds for one. Beyond 2^53 JSON has rounded them, the
 * same way each time, which keeps their order; halting here would let one record block its partition (D6).
 */
const MIN_INT64 = -(2 ** 63)
/** The greatest double below 2^63. */
const MAX_INT64 = 2 ** 63 - 1024

function parseRecord(raw: unknown, label: string): SourceRecord {
  if (!isObject(raw)) throw malformed(`a record of ${label} is no object`)
  const { topic, partition, offset, timestamp, timestampType, key, value, headers } = raw
  if (typeof topic !== 'string' || !isWhole(partition) || !isWhole(offset))
    throw malformed(`a record of ${label} has no position`)
  if (label !== `${topic}-${partition}`) throw malformed(`a record of ${topic}-${partition} stands under ${label}`)
  if (!Number.isInteger(timestamp)) throw malformed(`the timestamp of ${label} offset ${offset} is no whole number`)
  return {
    topic,
    partition,
    offset,
    timestamp: Math.max(MIN_INT64, Math.min(timestamp as number, MAX_INT64)),
    timestampType: timestampTypeOf(timestampType, label, offset),
    key: bytesOf(key, label, offset),
    value: bytesOf(value, label, offset),
    headers: headersOf(headers),
  }
}

function timestampTypeOf(type: unknown, label: string, offset: number): TimestampType {
  if (type === undefined) return 'CREATE_TIME'
  if (type === 'CREATE_TIME' || type === 'LOG_APPEND_TIME') return type
  throw malformed(`the timestampType of ${label} offset ${offset} is neither CREATE_TIME nor LOG_APPEND_TIME`)
}

/** Buffer.from passes over what is no base64; the length tells, so that no altered bytes are taken for the record's. */
function bytesOf(text: unknown, label: string, offset: number): Buffer | null {
  if (text === null || text === undefined) return null
  if (typeof text === 'string') {
    const bytes = Buffer.from(text, 'base64')
    const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
    if (bytes.length === (text.length / 4) * 3 - padding) return bytes
  }
  throw malformed(`key or value of ${label} offset ${offset} is neither base64 nor null`)
}

const noHeaders: readonly Header[] = []

/** E3: [{name: [bytes]}], order and repeats kept, bytes signed: Buffer.from folds -61 back to 0xC3. */
function headersOf(raw: unknown): readonly Header[] {
  if (raw === undefined || raw === null || (Array.isArray(raw) && raw.length === 0)) return noHeaders
  if (!Array.isArray(raw)) throw malformed('headers is no array')
  return raw.flatMap((entry) => {
    if (!isObject(entry)) throw malformed('a header is no object')
    return Object.entries(entry).map(([name, value]) => {
      if (value === null) return { name, value: Buffer.alloc(0) } // Kafka allows it; nothing says how Lambda tells
      if (!Array.isArray(value) || !value.every(isByte)) throw malformed(`header "${name}" is no array of bytes`)
      return { name, value: Buffer.from(value) }
    })
  })
}

function malformed(reason: string): WeirError {
  return new WeirError('WEIR_EVENT_MALFORMED', { reason })
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Signed as Lambda sends them, or unsigned as other tools write them. */
function isByte(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= -128 && (value as number) <= 255
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
