/** The records of a simulation: what is produced, and the copies that replays send. */
import type { Position } from '../../../src/core/order.ts'
import { positionOf } from '../../../src/core/order.ts'
import { sourceMark } from '../../../src/core/record.ts'
import type { Header, SourceRecord } from '../../../src/core/record.ts'
import { replayOf } from '../../../src/core/replay.ts'
import type { Replay } from '../../../src/core/replay.ts'
import { kafkaEvent } from '../../../src/testing/event-builder.ts'
import type { KafkaEvent } from '../../../src/testing/event-builder.ts'
import { CLUSTER, nameOf, TOPIC } from '../delivery-types.ts'
import { REFUSED_TEXT } from '../dynamo-store.ts'

/**
 * `refused`: no keyed store takes its row. `undecodable`: poison before any sink, as `sour` is, until its cure is deployed;
 * `bitter` is refused by the stores until then. `rowless`: nothing to store.
 */
export type Kind = 'good' | 'refused' | 'undecodable' | 'rowless' | 'sour' | 'bitter'

export interface LogRecord {
  /** What its row says of itself; that of a copy is its original's. */
  readonly name: string
  readonly source: number
  readonly offset: number
  readonly key: string
  readonly timestamp: number
  readonly kind: Kind
  readonly value: string
  readonly headers: readonly Header[]
  /** Of a copy: the letter's replay that sent it. */
  readonly replay: Replay | undefined
}

export interface Value {
  readonly id: string
  readonly note: string
  /** Name of the record. */
  readonly n: string
}

const NOTES: Readonly<Record<Exclude<Kind, 'undecodable'>, string>> = {
  good: 'good',
  refused: REFUSED_TEXT,
  rowless: 'none',
  sour: 'sour',
  bitter: 'bitter',
}

/** The transform that is deployed first, and the one with the cure. */
export function transformOf(cured: boolean): (value: Value) => Value | null {
  return (value) => {
    if (value.note === 'none') return null
    if (value.note === 'bitter' && !cured) return { ...value, note: REFUSED_TEXT }
    if (value.note === 'sour' && !cured) throw new Error('sour')
    return value
  }
}

/** @param life '' for the topic's first */
export function produced(
  place: Pick<LogRecord, 'source' | 'offset' | 'key' | 'kind' | 'timestamp'>,
  life: string,
): LogRecord {
  const { key, kind } = place
  const name = `${life}${nameOf(place)}`
  const row = () => JSON.stringify({ id: key, note: NOTES[kind as keyof typeof NOTES], n: name } satisfies Value)
  return { ...place, name, value: kind === 'undecodable' ? '{' : row(), headers: [], replay: undefined }
}

/** A record that the command sent: of the same bytes as its original. */
export function copied(original: LogRecord, offset: number, headers: readonly Header[]): LogRecord {
  return { ...original, offset, headers, replay: replayOf({ headers }) }
}

export function eventOf(records: readonly LogRecord[]): KafkaEvent {
  return kafkaEvent({
    topic: TOPIC,
    records: records.map(({ source, offset, timestamp, key, value, headers }) => ({
      partition: source,
      offset,
      timestamp,
      key,
      value,
      headers,
    })),
  })
}

export function sourceRecord({ source, offset, timestamp, key, value, headers }: LogRecord): SourceRecord {
  return {
    topic: TOPIC,
    partition: source,
    offset,
    timestamp,
    timestampType: 'CREATE_TIME',
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers,
  }
}

export const sourceOf = (partition: number) => ({ cluster: CLUSTER, topic: TOPIC, partition })

/** Where keyed sinks have its row. */
export function placeIn({ source, offset, timestamp }: LogRecord, epoch: number): Position {
  return positionOf(sourceMark(sourceOf(source)), { offset, timestamp }, 0, epoch)
}
