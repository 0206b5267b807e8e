/** Kafka events as the event source mapping sends them (E1-E4), for handlers' tests and `weirhouse invoke`. */
import type { SourceRecord, TimestampType } from '../core/record.ts'
import { eventEncoder } from '../event-source/encode.ts'

/** Text stands for its UTF-8 bytes. */
export interface EventRecord {
  /** Default: the event's topic. */
  readonly topic?: string
  /** Default 0. */
  readonly partition?: number
  /** Default: one after the record before it in its partition, the first 0. */
  readonly offset?: number
  /** Milliseconds since the epoch; default 0. */
  readonly timestamp?: number
  readonly timestampType?: TimestampType
  /** Left out or null: a record without a key. */
  readonly key?: string | Buffer | null
  /** Left out or null: a tombstone. */
  readonly value?: string | Buffer | null
  /** In order, names may repeat. */
  readonly headers?: readonly { readonly name: string; readonly value: string | Buffer }[]
}

export interface EventOptions {
  /** Default `topic`. */
  readonly topic?: string
  /** Without it the event is of a self-managed cluster. */
  readonly eventSourceArn?: string | undefined
  readonly bootstrap?: readonly string[]
  /** How a record without a key is told (E2). */
  readonly missingKey?: 'absent' | 'null'
  readonly records: readonly EventRecord[]
}

/** Lambda's event as it is after JSON.parse. */
export interface KafkaEvent {
  readonly eventSource: 'aws:kafka' | 'SelfManagedKafka'
  readonly eventSourceArn?: string
  readonly bootstrapServers: string
  /** By `<topic>-<partition>`. */
  readonly records: Readonly<Record<string, readonly KafkaEventRecord[]>>
}

export interface KafkaEventRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: TimestampType
  /** base64 */
  readonly key?: string | null
  /** base64; null is a tombstone. */
  readonly value: string | null
  /** Signed bytes: 0xC3 is -61. */
  readonly headers: readonly Readonly<Record<string, readonly number[]>>[]
}

/**
 * An event of these records, by partition, in the order given. The very encoder of the mapping makes it, so that a test sees
 * what Lambda would send. More than one topic is what no mapping sends: for tests of refusing it.
 */
export function kafkaEvent(options: EventOptions): KafkaEvent {
  const { eventSourceArn, bootstrap = ['127.0.0.1:9092'], missingKey = 'absent' } = options
  const placed = place(options)
  const topics = placed.length > 0 ? [...new Set(placed.map(({ topic }) => topic))] : [options.topic ?? 'topic']
  const events = topics.map((topic): KafkaEvent => {
    const records = Map.groupBy(
      placed.filter((record) => record.topic === topic),
      ({ partition }) => partition,
    )
    const groups = [...records].map(([partition, records]) => ({ partition, records }))
    return JSON.parse(eventEncoder({ topic, eventSourceArn, bootstrap, missingKey }).encode(groups).toString('utf8'))
  })
  return { ...events[0]!, records: Object.assign({}, ...events.map(({ records }) => records)) }
}

function place({ topic = 'topic', records }: EventOptions): SourceRecord[] {
  const next = new Map<string, number>()
  return records.map((record) => {
    const label = `${record.topic ?? topic}-${record.partition ?? 0}`
    const offset = record.offset ?? next.get(label) ?? 0
    next.set(label, offset + 1)
    return {
      topic: record.topic ?? topic,
      partition: record.partition ?? 0,
      offset,
      timestamp: record.timestamp ?? 0,
      timestampType: record.timestampType ?? 'CREATE_TIME',
      key: bytes(record.key),
      value: bytes(record.value),
      headers: (record.headers ?? []).map(({ name, value }) => ({ name, value: Buffer.from(value) })),
    }
  })
}

function bytes(given: string | Buffer | null | undefined): Buffer | null {
  return given === null || given === undefined ? null : Buffer.from(given)
}
