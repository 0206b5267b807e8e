/**
 * Records to the event that Lambda sends (E1-E4), straight to bytes:
 * `{"eventSource":..,"eventSourceArn":..,"bootstrapServers":"h:p,h:p","records":{"<topic>-<partition>":[record, ...]}}`.
 * Text is latin1, one character a byte, so that its length is its size.
 */
import { asciiWriter, digits } from './ascii-writer.ts'
import type { AsciiWriter } from './ascii-writer.ts'
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
  const bytesOf = ({ partition, records }: EventGroup) => {
    let bytes = groupPrefix(partition).length + 1 + records.length // with a comma for each
    for (const record of records) bytes += recordBytes(record, nullKey.length)
    return bytes
  }
  return {
    frameBytes: prefix.length + suffix.length,
    groupBytes: (partition) => groupPrefix(partition).length + 1,
    recordBytes: (record) => recordBytes(record, nullKey.length),
    encode(groups) {
      const out = asciiWriter(prefix.length + suffix.length + groups.reduce((sum, group) => sum + bytesOf(group), 0))
      out.text(prefix)
      for (const [index, { partition, records }] of groups.entries()) {
        if (index > 0) out.text(',')
        out.text(groupPrefix(partition))
        const head = `{"topic":"${frame.topic}","partition":${partition},"offset":`
        for (let at = 0; at < records.length; at++) {
          if (at > 0) out.text(',')
          writeRecord(out, head, records[at]!, nullKey)
        }
        out.text(']')
      }
      out.text(suffix)
      return out.bytes()
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

/** @param head what the records of a partition begin with, up to the offset */
function writeRecord(out: AsciiWriter, head: string, record: SourceRecord, nullKey: string): void {
  const { offset, timestamp, timestampType, key, value, headers } = record
  out.text(head)
  out.number(offset)
  out.text(',"timestamp":')
  out.number(timestamp)
  out.text(',"timestampType":"')
  out.text(timestampType)
  if (key === null) out.text(`"${nullKey}`)
  else {
    out.text('","key":"')
    out.base64(key)
    out.text('"')
  }
  if (value === null) out.text(',"value":null')
  else {
    out.text(',"value":"')
    out.base64(value)
    out.text('"')
  }
  out.text(headers.length === 0 ? ',"headers":[]}' : `,"headers":[${headers.map(headerJson).join(',')}]}`)
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
