/** What is measured with: records `{"id","category","value","ts"}` of 66 bytes or 1 KB, in events as MSK sends them. */
import { createHash } from 'node:crypto'
import { eventEncoder } from '../../src/event-source/encode.ts'
import type { KafkaEvent } from '../../src/testing/index.ts'

export const TOPIC = 'bench'
export const ARN = 'arn:aws:kafka:eu-central-1:000000000000:cluster/bench/0'
/** Values of records, in bytes. */
export const SMALL = 66
export const LARGE = 1024

export interface BenchRow {
  readonly id: string
  readonly category: string
  readonly value: number
  readonly ts: number
}

/** Which records: every cell has a partition of its own, so that no watermark of another cell stands in its way. */
export interface Workload {
  readonly bytes: number
  /** Records an event. */
  readonly size: number
  readonly partition: number
  /** Ids are drawn from so many; where not given, no id comes twice. */
  readonly keys?: number | undefined
}

/** A number coprime to every `keys` in use: ids come in no order, and none twice within `keys` records. */
const STRIDE = 7919
const ID_DIGITS = 8
/** Ids of one partition, so that no two partitions share one. */
const IDS_A_PARTITION = 36 ** 5
const FIRST_TS = 1_700_000_000_000

function idOf(n: number, { partition, keys }: Workload): string {
  const number = partition * IDS_A_PARTITION + (keys === undefined ? n : (n * STRIDE) % keys)
  return number.toString(36).padStart(ID_DIGITS, '0')
}

/** Text that a compressor makes about as much of as of words. */
const FILLER_BYTES = 64 * 1024
const words = Array.from({ length: 400 }, (_, i) =>
  createHash('sha256')
    .update(String(i))
    .digest('hex')
    .slice(0, 4 + (i % 9)),
)
const filler = Array.from({ length: FILLER_BYTES / 4 }, (_, i) => words[(i * STRIDE + ((i * i) % 397)) % words.length])
  .join(' ')
  .slice(0, FILLER_BYTES)

/** The JSON text of a record's value: exactly `bytes` long. */
export function valueText(n: number, workload: Workload): string {
  const value = (10 + ((n * STRIDE) % 8_999) / 100).toFixed(2)
  const frame = `{"id":"${idOf(n, workload)}","category":"c${n % 10}","value":${value},"ts":${FIRST_TS + n}}`
  const missing = workload.bytes - frame.length
  if (missing === 0) return frame
  const from = (n * 131) % (FILLER_BYTES - missing)
  return frame.replace('","value"', `${filler.slice(from, from + missing)}","value"`)
}

const encoder = eventEncoder({ topic: TOPIC, eventSourceArn: ARN, bootstrap: ['127.0.0.1:9092'], missingKey: 'absent' })

/** An event whose first record has offset `first`, as the runtime hands it to a handler: parsed from JSON. */
export function eventAt(first: number, workload: Workload): KafkaEvent {
  const { partition, size } = workload
  const records = Array.from({ length: size }, (_, i) => {
    const offset = first + i
    return {
      topic: TOPIC,
      partition,
      offset,
      timestamp: FIRST_TS + offset,
      timestampType: 'CREATE_TIME' as const,
      key: Buffer.from(idOf(offset, workload)),
      value: Buffer.from(valueText(offset, workload)),
      headers: [],
    }
  })
  return JSON.parse(encoder.encode([{ partition, records }]).toString('utf8')) as KafkaEvent
}

/** The rows of an event, for those that write what is prepared. */
export function rowsIn(event: KafkaEvent): { readonly row: BenchRow; readonly offset: number; readonly ts: number }[] {
  return Object.values(event.records).flatMap((records) =>
    records.map(({ value, offset, timestamp }) => ({
      row: JSON.parse(Buffer.from(value!, 'base64').toString()) as BenchRow,
      offset,
      ts: timestamp,
    })),
  )
}
