/**
 * Records to the event that Lambda sends (E1-E4), straight to bytes:
 * `{"eventSource":..,"eventSourceArn":..,"bootstrapServers":"h:p,h:p","records":{"<topic>-<partition>":[record, ...]}}`.
 * Text is built as latin1, one character a byte, so that its length is its size and writing it copies only.
 */
import type { Header, SourceRecord } from '../core/record.ts'

export interface EventFrame {
  readonly topic: string
  readonly eventSourceArn?: string | undefined
  readonly bootstrap: readonly string[]
  readonly missingKey: 'absent' | 'null'
}

export interface EventGroup {
  readonly partition: number
  readonly records: readonly SourceRecord[]
}

export interface EventEncoder {
  /** Bytes of the event without any group. */
  readonly frameBytes: number
  /** Bytes of a group without records and without the comma before it. */
  groupBytes(partition: number): number
  /** Bytes of a record without the comma before it, exactly, without encoding it. */
  recordBytes(record: SourceRecord): number
  /** Groups never empty, each partition once. */
  encode(groups: readonly EventGroup[]): Buffer
}

export function eventEncoder(frame: EventFrame): EventEncoder {
  const prefix = framePrefix(frame)
  const suffix = '}}'
  const groupPrefix = (partition: number) => `"${frame.topic}-${partition}":[`
  const nullKey = frame.missingKey === 'null' ? ',"key":null' : ''
  return {
    frameBytes: prefix.length + suffix.length,
    groupBytes: (partition) => groupPrefix(partition).length + 1,
    recordBytes: (record) => recordBytes(record, nullKey.length),
    encode(groups) {
      const parts: string[] = [prefix]
      for (const [index, { partition, records }] of groups.entries()) {
        parts.push(index === 0 ? groupPrefix(partition) : `,${groupPrefix(partition)}`)
        for (const [at, record] of records.entries()) parts.push(at === 0 ? '' : ',', recordText(record, nullKey))
        parts.push(']')
      }
      parts.push(suffix)
      return Buffer.from(parts.join(''), 'latin1')
    },
  }
}

function framePrefix({ eventSourceArn, bootstrap }: EventFrame): string {
  const source = eventSourceArn === undefined ? 'SelfManagedKafka' : 'aws:kafka'
  const arn = eventSourceArn === undefined ? '' : `"eventSourceArn":${jsonText(eventSourceArn)},`
  return `{"eventSource":"${source}",${arn}"bootstrapServers":${jsonText(bootstrap.join(','))},"records":{`
}

/** The UTF-8 bytes of the JSON string, as latin1 text. */
function jsonText(text: string): string {
  return Buffer.from(JSON.stringify(text), 'utf8').toString('latin1')
}

function recordText(record: SourceRecord, nullKey: string): string {
  const { topic, partition, offset, timestamp, timestampType, key, value, headers } = record
  const keyText = key === null ? nullKey : `,"key":"${key.toString('base64')}"`
  const valueText = value === null ? 'null' : `"${value.toString('base64')}"`
  const headerText = headers.length === 0 ? '' : headers.map(headerJson).join(',')
  return `{"topic":"${topic}","partition":${partition},"offset":${offset},"timestamp":${timestamp},"timestampType":"${timestampType}"${keyText},"value":${valueText},"headers":[${headerText}]}`
}

/** Everything of a record's text but topic, numbers, timestampType, key, value and headers. */
const FIXED_BYTES = '{"topic":"","partition":,"offset":,"timestamp":,"timestampType":"","value":,"headers":[]}'.length
const KEY_BYTES = ',"key":""'.length

function recordBytes(record: SourceRecord, nullKeyBytes: number): number {
  const { topic, partition, offset, timestamp, timestampType, key, value, headers } = record
  let bytes = FIXED_BYTES + topic.length + timestampType.length + digits(partition) + digits(offset) + digits(timestamp)
  bytes += key === null ? nullKeyBytes : KEY_BYTES + base64Bytes(key.length)
  bytes += value === null ? 4 : 2 + base64Bytes(value.length)
  for (const header of headers) bytes += headerBytes(header)
  return bytes + Math.max(0, headers.length - 1)
}

function base64Bytes(bytes: number): number {
  return 4 * Math.ceil(bytes / 3)
}

function digits(value: number): number {
  if (value < 0) return 1 + digits(-value)
  let count = 1
  for (let limit = 10; value >= limit; limit *= 10) count++
  return count
}

/** E3: header bytes are signed: 0xC3 is -61. */
const SIGNED = Array.from({ length: 256 }, (_, byte) => String((byte << 24) >> 24))

function headerJson({ name, value }: Header): string {
  let bytes = ''
  for (let i = 0; i < value.length; i++) bytes += i === 0 ? SIGNED[value[i]!]! : `,${SIGNED[value[i]!]!}`
  return `{${jsonText(name)}:[${bytes}]}`
}

function headerBytes({ name, value }: Header): number {
  let bytes = '{:[]}'.length + Buffer.byteLength(JSON.stringify(name)) + Math.max(0, value.length - 1)
  for (const byte of value) bytes += SIGNED[byte]!.length
  return bytes
}
