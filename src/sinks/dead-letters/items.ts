/** Dead letter <-> DynamoDB item. Pure. */
import { bytesOf, itemOf, numberOf, textOf } from '../../aws/attribute.ts'
import type { Item } from '../../aws/attribute.ts'
import { recordChecksum } from '../../core/checksum.ts'
import type { DeadLetter, Stage } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import { MAX_INLINE_PAYLOAD_BYTES } from '../../core/limits.ts'
import type { SourceRecord, TimestampType } from '../../core/record.ts'
import { idOf, positionKey } from './index.ts'
import type { DeadLetterState, DeadLetterSummary } from './index.ts'

/** Characters of the reason that are kept: one from a validator can quote the whole record. */
export const MAX_TEXT = 4_000

export interface PayloadPlace {
  readonly bucket: string
  readonly key: string
}

export const SUMMARY_ATTRIBUTES = [
  'pipeline',
  'position',
  'sink',
  'state',
  'cluster',
  'topic',
  'partition',
  'epoch',
  'offset',
  'timestamp',
  'timestampType',
  'stage',
  'code',
  'text',
  'payloadBytes',
  'attempts',
  'takenAt',
  'scanFrom',
  'version',
] as const

export function payloadBytesOf({ key, value, headers }: SourceRecord): number {
  let bytes = base64Length(key) + base64Length(value)
  for (const header of headers) bytes += Buffer.byteLength(header.name) + base64Length(header.value)
  return bytes
}

/** DynamoDB, "Item sizes and formats": each header is a map in a list, 3 bytes and 1, with two names and 1 for each. */
const HEADER_BYTES = 3 + 1 + 'name'.length + 1 + 'value'.length + 1

/** Whether the payload is too large for the item: a record can have a hundred thousand headers of next to nothing. */
export function needsObject(record: SourceRecord): boolean {
  return payloadBytesOf(record) + record.headers.length * HEADER_BYTES > MAX_INLINE_PAYLOAD_BYTES
}

/**
 * Whether the item that stands at the letter's position is of another record. A payload in an object is told by its
 * length and the record's timestamp alone.
 */
export function isOfAnother(item: Item, { record }: DeadLetter): boolean {
  if (numberIn(item, 'timestamp') !== record.timestamp) return true
  if (numberIn(item, 'payloadBytes') !== payloadBytesOf(record)) return true
  return !payloadPlace(item) && recordChecksum(recordOf(item, inlinePayload(item))) !== recordChecksum(record)
}

/** @param place where the payload is, when not in the item. */
export function toItem(letter: DeadLetter, place: PayloadPlace | undefined): Item {
  const { pipeline, sink, source, epoch, record, stage, code } = letter
  const state: DeadLetterState = 'new'
  const { cluster, topic, partition } = source
  const { offset, timestamp, timestampType } = record
  return {
    ...itemOf({
      pipeline,
      position: positionKey(letter),
      sink,
      state,
      /** For the compare-and-set that moves the state. */
      version: 1,
      cluster,
      topic,
      partition,
      epoch,
      offset,
      timestamp,
      timestampType,
      stage,
      code,
      text: letter.text.slice(0, MAX_TEXT).toWellFormed(),
      payloadBytes: payloadBytesOf(record),
    }),
    ...(place ? { payload: { M: itemOf({ ...place }) } } : payloadAttributes(record)),
  }
}

function payloadAttributes({ key, value, headers }: SourceRecord): Item {
  return { ...itemOf({ key, value }), headers: { L: headers.map((header) => ({ M: itemOf({ ...header }) })) } }
}

export function fromSummary(item: Item): DeadLetterSummary {
  const text = (name: string) => textIn(item, name)
  const number = (name: string) => numberIn(item, name)
  const pipeline = text('pipeline')
  return {
    id: idOf(pipeline, text('position')),
    pipeline,
    sink: text('sink'),
    state: text('state') as DeadLetterState,
    cluster: text('cluster'),
    topic: text('topic'),
    partition: number('partition'),
    epoch: number('epoch'),
    offset: number('offset'),
    timestamp: number('timestamp'),
    stage: text('stage') as Stage,
    code: text('code'),
    text: text('text'),
    payloadBytes: number('payloadBytes'),
    attempts: numberOf(item, 'attempts') ?? 0,
    takenAt: numberOf(item, 'takenAt') ?? null,
    scanFrom: numberOf(item, 'scanFrom') ?? null,
    version: number('version'),
  }
}

export type Payload = Pick<SourceRecord, 'key' | 'value' | 'headers'>

export function recordOf(item: Item, { key, value, headers }: Payload): SourceRecord {
  return {
    topic: textIn(item, 'topic'),
    partition: numberIn(item, 'partition'),
    offset: numberIn(item, 'offset'),
    timestamp: numberIn(item, 'timestamp'),
    timestampType: textIn(item, 'timestampType') as TimestampType,
    key,
    value,
    headers,
  }
}

function textIn(item: Item, name: string): string {
  return textOf(item, name) ?? damaged(item, name)
}

function numberIn(item: Item, name: string): number {
  return numberOf(item, name) ?? damaged(item, name)
}

export function inlinePayload(item: Item): Payload {
  const headers = item.headers && 'L' in item.headers ? item.headers.L : damaged(item, 'headers')
  return {
    key: bytesOf(item, 'key'),
    value: bytesOf(item, 'value'),
    headers: headers.map((header) => {
      const fields = 'M' in header ? header.M : damaged(item, 'headers')
      return { name: textOf(fields, 'name') ?? '', value: bytesOf(fields, 'value') ?? Buffer.alloc(0) }
    }),
  }
}

export function payloadPlace(item: Item): PayloadPlace | undefined {
  if (!item.payload || !('M' in item.payload)) return undefined
  const [bucket, key] = [textOf(item.payload.M, 'bucket'), textOf(item.payload.M, 'key')]
  return bucket !== undefined && key !== undefined ? { bucket, key } : damaged(item, 'payload')
}

/** The object beside the item: `{"key": base64 | null, "value": base64 | null, "headers": [[name, base64], ...]}`. */
export function payloadDocument({ key, value, headers }: SourceRecord): string {
  return JSON.stringify({
    key: key?.toString('base64') ?? null,
    value: value?.toString('base64') ?? null,
    headers: headers.map((header) => [header.name, header.value.toString('base64')]),
  })
}

export function parsePayload(document: Buffer): Payload {
  const { key, value, headers } = JSON.parse(document.toString('utf8')) as {
    key: string | null
    value: string | null
    headers: [string, string][]
  }
  const bytes = (text: string | null) => (text === null ? null : Buffer.from(text, 'base64'))
  return {
    key: bytes(key),
    value: bytes(value),
    headers: headers.map(([name, text]) => ({ name, value: Buffer.from(text, 'base64') })),
  }
}

function base64Length(bytes: Buffer | null): number {
  return bytes === null ? 0 : Math.ceil(bytes.length / 3) * 4
}

function damaged(item: Item, name: string): never {
  const position = textOf(item, 'position') ?? 'without position'
  throw new WeirError('WEIR_FOREIGN_TARGET', {
    what: 'The dead-letter table',
    reason: `item ${position} has no ${name}`,
  })
}
