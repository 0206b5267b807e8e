import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SourceRecord } from '../core/record.ts'
import { eventEncoder, type EventFrame, type EventGroup } from './encode.ts'

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const nullableBytes = fc.option(bytes, { nil: null })
const header = fc.record({ name: fc.string({ unit: 'binary', maxLength: 6 }), value: bytes })
const topicName = fc.stringMatching(/^[a-zA-Z0-9._-]{1,12}$/)

function recordOf(topic: string, partition: number): fc.Arbitrary<SourceRecord> {
  return fc.record({
    topic: fc.constant(topic),
    partition: fc.constant(partition),
    offset: fc.maxSafeNat(),
    timestamp: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
    timestampType: fc.constantFrom('CREATE_TIME' as const, 'LOG_APPEND_TIME' as const),
    key: nullableBytes,
    value: nullableBytes,
    headers: fc.array(header, { maxLength: 4 }),
  })
}

const event: fc.Arbitrary<{ frame: EventFrame; groups: EventGroup[] }> = topicName.chain((topic) =>
  fc.record({
    frame: fc.record({
      topic: fc.constant(topic),
      eventSourceArn: fc.option(fc.constant('arn:aws:kafka:eu-west-1:123456789012:cluster/c/1'), { nil: undefined }),
      bootstrap: fc.array(fc.constantFrom('b-1.example:9092', '127.0.0.1:1'), { minLength: 1, maxLength: 3 }),
      missingKey: fc.constantFrom('absent' as const, 'null' as const),
    }),
    groups: fc
      .uniqueArray(fc.nat(1200), { minLength: 1, maxLength: 4 })
      .chain((partitions) =>
        fc.tuple(
          ...partitions.map((partition) =>
            fc
              .array(recordOf(topic, partition), { minLength: 1, maxLength: 4 })
              .map((records) => ({ partition, records })),
          ),
        ),
      ),
  }),
)

/** What the event must say of a record, by the words of E2 and E3. */
function expected(record: SourceRecord, missingKey: 'absent' | 'null'): unknown {
  const key =
    record.key === null ? (missingKey === 'null' ? { key: null } : {}) : { key: record.key.toString('base64') }
  return {
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    timestampType: record.timestampType,
    ...key,
    value: record.value === null ? null : record.value.toString('base64'),
    // own properties, so that a header named __proto__ is compared as one
    headers: record.headers.map((h) => Object.fromEntries([[h.name.toWellFormed(), [...new Int8Array(h.value)]]])),
  }
}

describe('event', () => {
  test('E1, E2, E3, E4: says each record, byte for byte, whatever is in it', () => {
    fc.assert(
      fc.property(event, ({ frame, groups }) => {
        const parsed: unknown = JSON.parse(eventEncoder(frame).encode(groups).toString('utf8'))
        expect(parsed).toEqual({
          eventSource: frame.eventSourceArn === undefined ? 'SelfManagedKafka' : 'aws:kafka',
          ...(frame.eventSourceArn === undefined ? {} : { eventSourceArn: frame.eventSourceArn }),
          bootstrapServers: frame.bootstrap.join(','),
          records: Object.fromEntries(
            groups.map((g) => [`${frame.topic}-${g.partition}`, g.records.map((r) => expected(r, frame.missingKey))]),
          ),
        })
      }),
    )
  })

  test('E6: the size told beforehand is the size in bytes, exactly', () => {
    fc.assert(
      fc.property(event, ({ frame, groups }) => {
        const encoder = eventEncoder(frame)
        const told = groups.map(
          ({ partition, records }) =>
            encoder.groupBytes(partition) +
            records.reduce((sum, record) => sum + encoder.recordBytes(record), records.length - 1),
        )
        const whole = encoder.frameBytes + told.reduce((sum, size) => sum + size, groups.length - 1)
        expect(whole).toBe(encoder.encode(groups).length)
      }),
    )
  })

  test('E1: partitions of a topic with dashes are told apart by the last one', () => {
    const encoder = eventEncoder({ topic: 'a-1', bootstrap: ['h:1'], missingKey: 'absent' })
    const record: SourceRecord = {
      topic: 'a-1',
      partition: 12,
      offset: 0,
      timestamp: 0,
      timestampType: 'CREATE_TIME',
      key: null,
      value: null,
      headers: [],
    }
    expect(encoder.encode([{ partition: 12, records: [record] }]).toString()).toBe(
      '{"eventSource":"SelfManagedKafka","bootstrapServers":"h:1","records":{"a-1-12":[{"topic":"a-1","partition":12,"offset":0,"timestamp":0,"timestampType":"CREATE_TIME","value":null,"headers":[]}]}}',
    )
  })

  test('E3: header bytes are signed, in order, repeats kept', () => {
    const encoder = eventEncoder({ topic: 't', bootstrap: ['h:1'], missingKey: 'absent' })
    const headers = [
      { name: 'a', value: Buffer.from([0xc3, 0x00, 0x7f, 0x80, 0xff]) },
      { name: 'b', value: Buffer.alloc(0) },
      { name: 'a', value: Buffer.from([1]) },
    ]
    const record: SourceRecord = {
      topic: 't',
      partition: 0,
      offset: 0,
      timestamp: 0,
      timestampType: 'CREATE_TIME',
      key: null,
      value: null,
      headers,
    }
    expect(encoder.encode([{ partition: 0, records: [record] }]).toString()).toContain(
      '"headers":[{"a":[-61,0,127,-128,-1]},{"b":[]},{"a":[1]}]',
    )
  })
})
