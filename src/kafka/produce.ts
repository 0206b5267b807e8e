/** Producing from the control plane: verbs, tests, the sample data of `npm start`. Every record is acknowledged by all replicas in sync. */
import { murmur2, ProduceAcks, Producer } from '@platformatic/kafka'
import { WeirError } from '../core/errors.ts'
import type { Header } from '../core/record.ts'
import { attempt, clientOptions } from './client.ts'
import type { KafkaConnection } from './connection.ts'

/** While a leader moves (a broker died) a send waits: 120 tries, 30 s, then it fails. */
const PRODUCE_RETRIES = 120
/** Kafka: message.max.bytes is 1 MiB a batch by default; a batch stays well below it unless one record is bigger. */
const MAX_BATCH_BYTES = 512 * 1024
const MAX_BATCH_RECORDS = 10_000
/**
 * The client's 64-bit varint is only right below 2^31: a timestamp further from the first of its batch is written as
 * another one. Such a record begins a batch of its own.
 */
const MAX_TIMESTAMP_DELTA_MS = 2 ** 30
/** Upper bound of what a record adds to key, value and headers on the wire. */
const RECORD_OVERHEAD_BYTES = 64
/** Records without a key stay on one partition for this many, then move on: fuller batches (Kafka's "sticky"). */
const STICKY_RECORDS = 100

export interface ProducedRecord {
  readonly topic: string
  /** Left out: by key as Kafka's own producer does, without a key in turns. */
  readonly partition?: number | undefined
  readonly key?: Buffer | null | undefined
  /** null or left out: a tombstone. */
  readonly value?: Buffer | null | undefined
  readonly headers?: readonly Header[] | undefined
  /** Milliseconds since the epoch; left out: now. */
  readonly timestamp?: number | undefined
}

export interface KafkaProducer {
  /** Resolves when all are acknowledged; order within a partition is the order given. WEIR_KAFKA: some may be written. */
  send(records: readonly ProducedRecord[]): Promise<void>
  close(): Promise<void>
}

interface Placed extends ProducedRecord {
  readonly partition: number
  readonly timestamp: number
}

/**
 * Idempotent: no send is written twice, whatever is retried. Sends are made one after the other, because two at once
 * for one partition would break the sequence.
 */
export function openProducer(connection: KafkaConnection): KafkaProducer {
  const producer = new Producer({ ...clientOptions(connection, PRODUCE_RETRIES), idempotent: true })
  const sticky = new Map<string, number>()
  let last: Promise<unknown> = Promise.resolve()
  const sendAll = async (records: readonly ProducedRecord[]) => {
    const placed = await place(producer, records, sticky)
    for (const messages of rounds(placed)) {
      await producer.send({ messages: messages.map(toMessage), acks: ProduceAcks.ALL })
    }
  }
  return {
    send(records) {
      const operation = `producing to "${records[0]?.topic ?? ''}"`
      const done = last.then(() => attempt(operation, () => sendAll(records)))
      last = done.catch(() => 'told to its own caller')
      return done
    },
    async close() {
      await last
      await attempt('closing', () => producer.close())
    },
  }
}

async function place(producer: Producer, records: readonly ProducedRecord[], sticky: Map<string, number>) {
  const topics = [...new Set(records.map(({ topic }) => topic))]
  if (topics.length === 0) return []
  const metadata = await producer.metadata({ topics })
  const now = Date.now()
  return records.map((record): Placed => {
    const count = metadata.topics.get(record.topic)!.partitionsCount
    const partition = record.partition ?? partitionFor(record, count, sticky)
    // the client would take it modulo the number of partitions, silently
    if (partition >= count || partition < 0) {
      throw new WeirError('WEIR_UNKNOWN', {
        what: 'partition',
        name: partition,
        known: `0 to ${count - 1} of "${record.topic}"`,
      })
    }
    return { ...record, partition, timestamp: record.timestamp ?? now }
  })
}

function partitionFor({ topic, key }: ProducedRecord, count: number, sticky: Map<string, number>): number {
  if (key) return partitionOfKey(key, count)
  const turn = sticky.get(topic) ?? 0
  sticky.set(topic, turn + 1)
  return Math.floor(turn / STICKY_RECORDS) % count
}

/** Kafka's DefaultPartitioner: the hash as a positive number (sign bit off, not its absolute value) modulo the count. */
export function partitionOfKey(key: Buffer, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count
}

interface Filling {
  readonly round: number
  readonly bytes: number
  readonly records: number
  /** Timestamp of the batch's first record. */
  readonly first: number
}

/** Cuts records so that no round holds more than one batch's worth for any partition; order within each is kept. */
export function rounds<R extends Placed>(records: readonly R[]): R[][] {
  const cut: R[][] = []
  const filled = new Map<string, Filling>()
  for (const record of records) {
    const name = `${record.topic}-${record.partition}`
    const next = fill(filled.get(name), record)
    filled.set(name, next)
    const round = (cut[next.round] ??= [])
    round.push(record)
  }
  return cut
}

function fill(batch: Filling | undefined, record: Placed): Filling {
  const bytes = sizeOf(record)
  const { timestamp } = record
  if (!batch) return { round: 0, bytes, records: 1, first: timestamp }
  const fits =
    batch.bytes + bytes <= MAX_BATCH_BYTES &&
    batch.records < MAX_BATCH_RECORDS &&
    Math.abs(timestamp - batch.first) < MAX_TIMESTAMP_DELTA_MS
  if (!fits) return { round: batch.round + 1, bytes, records: 1, first: timestamp }
  return { ...batch, bytes: batch.bytes + bytes, records: batch.records + 1 }
}

function sizeOf({ key, value, headers = [] }: ProducedRecord): number {
  const parts = headers.reduce((sum, h) => sum + Buffer.byteLength(h.name) + h.value.length + 8, 0)
  return RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + parts
}

function toMessage({ topic, partition, key, value, headers, timestamp }: Placed) {
  return {
    topic,
    partition,
    // the library's types know no null; on the wire undefined and null are the same
    ...(key ? { key } : {}),
    ...(value ? { value } : {}),
    // keyed by Buffer identity, so that a name may come again
    headers: new Map((headers ?? []).map((h) => [Buffer.from(h.name), h.value])),
    timestamp: BigInt(timestamp),
  }
}
