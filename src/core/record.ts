/**
 * A record as Kafka holds it, and the words used for where it stands.
 * Source of the vocabulary: docs/delivery.md, "Words".
 */
import { hash } from 'node:crypto'
import { PARTITION_DIGITS } from './limits.ts'

/** Enough to tell the clusters apart that one table ever sees. */
const CLUSTER_DIGITS = 8

export interface Header {
  readonly name: string
  readonly value: Buffer
}

export type TimestampType = 'CREATE_TIME' | 'LOG_APPEND_TIME'

/** One Kafka record, decoded from the event: bytes exactly as produced. A null value is a tombstone. */
export interface SourceRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch; -1 where the producer gave none. */
  readonly timestamp: number
  readonly timestampType: TimestampType
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly Header[]
}

/** A partition of a topic of a cluster. `cluster` is declared or the event's ARN; never a bootstrap address. */
export interface Source {
  readonly cluster: string
  readonly topic: string
  readonly partition: number
}

/** One source's records in one event: never empty, offsets ascending, holes possible. */
export interface RecordRange {
  readonly source: Source
  readonly records: readonly SourceRecord[]
}

/** `topic/000001`: names a source to people. */
export function sourceLabel(source: Pick<Source, 'topic' | 'partition'>): string {
  return `${source.topic}/${String(source.partition).padStart(PARTITION_DIGITS, '0')}`
}

/**
 * `topic/000001/5d41402a`: what keyed rows carry as `_src`. Pads, so that text order is partition order; ends in the first 8
 * hexadecimal digits of the SHA-256 of the cluster's name, so that offsets of another cluster are never compared.
 */
export function sourceMark(source: Source): string {
  const cluster = hash('sha256', source.cluster).slice(0, CLUSTER_DIGITS)
  return `${sourceLabel(source)}/${cluster}`
}

/** Stable text for map keys and ledger keys: cluster, topic, partition. */
export function sourceKey(source: Source): string {
  return `${source.cluster}#${source.topic}#${source.partition}`
}
