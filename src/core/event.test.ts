import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WeirError } from './errors.ts'
import { parseEvent } from './event.ts'

const ARN = 'arn:aws:kafka:eu-central-1:000000000000:cluster/c/uuid'

const raw = (changes: object = {}) => ({
  topic: 'quakes',
  partition: 0,
  offset: 7,
  timestamp: 1_700_000_000_000,
  timestampType: 'CREATE_TIME',
  key: 'a2V5',
  value: 'dmFsdWU=',
  headers: [],
  ...changes,
})

const eventOf = (records: unknown, changes: object = {}) => ({
  eventSource: 'aws:kafka',
  eventSourceArn: ARN,
  bootstrapServers: 'a:9092,b:9092',
  records,
  ...changes,
})

const one = (changes: object = {}) => eventOf({ 'quakes-0': [raw(changes)] })
const parseOne = (changes: object = {}) => parseEvent(one(changes)).ranges[0]!.records[0]!

describe('E1: the envelope', () => {
  test('E1: an MSK event names the cluster by its ARN', () => {
    expect(parseEvent(one()).ranges.map((range) => range.source)).toEqual([
      { cluster: ARN, topic: 'quakes', partition: 0 },
    ])
  })

  test('E1: a declared cluster goes before the ARN, and names a self-managed one', () => {
    const selfManaged = eventOf({ 'quakes-0': [raw()] }, { eventSource: 'SelfManagedKafka', eventSourceArn: undefined })
    expect(parseEvent(one(), 'mine').ranges[0]!.source.cluster).toBe('mine')
    expect(parseEvent(selfManaged, 'mine').ranges[0]!.source.cluster).toBe('mine')
  })

  test.each(['a-b', 'a-1', '-', 'a.b_c', '1-2-3'])('E1: topic "%s" is split from its partition', (topic) => {
    const { ranges } = parseEvent(eventOf({ [`${topic}-12`]: [raw({ topic, partition: 12 })] }))
    expect(ranges[0]!.source).toEqual({ cluster: ARN, topic, partition: 12 })
  })

  test('an event without records has no ranges', () => {
    expect(parseEvent(eventOf({})).ranges).toEqual([])
    expect(parseEvent(eventOf({ 'quakes-0': [] })).ranges).toEqual([])
  })
})

describe('E2: a record', () => {
  test('E2: every field arrives', () => {
    expect(parseOne()).toEqual({
      topic: 'quakes',
      partition: 0,
      offset: 7,
      timestamp: 1_700_000_000_000,
      timestampType: 'CREATE_TIME',
      key: Buffer.from('key'),
      value: Buffer.from('value'),
      headers: [],
    })
  })

  test('E2: a tombstone has a null value, and is not an empty one', () => {
    expect(parseOne({ value: null }).value).toBeNull()
    expect(parseOne({ value: '' }).value).toEqual(Buffer.alloc(0))
  })

  test('E2: no key is null, be it missing or null', () => {
    expect(parseOne({ key: null }).key).toBeNull()
    expect(parseOne({ key: undefined }).key).toBeNull()
    expect(parseOne({ key: '' }).key).toEqual(Buffer.alloc(0))
  })

  test('E2: both kinds of timestamp, and none', () => {
    expect(parseOne({ timestampType: 'LOG_APPEND_TIME' }).timestampType).toBe('LOG_APPEND_TIME')
    expect(parseOne({ timestamp: -1 }).timestamp).toBe(-1)
  })

  test.each([
    [1_700_000_000_000_000_000, 1_700_000_000_000_000_000],
    [2 ** 63, 2 ** 63 - 1024],
    [-(2 ** 63), -(2 ** 63)],
  ])('D6: a timestamp beyond 2^53, nanoseconds for one, does not halt the topic: %d', (sent, taken) => {
    expect(parseOne({ timestamp: sent }).timestamp).toBe(taken)
  })

  test('E2 E4: key and value are exact for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (key, value) => {
        const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
        const record = parseOne({ key: base64(key), value: base64(value) })
        expect(record.key).toEqual(Buffer.from(key))
        expect(record.value).toEqual(Buffer.from(value))
      }),
    )
  })
})

describe('E3: headers', () => {
  test('E3: bytes are signed', () => {
    expect(parseOne({ headers: [{ name: [-61, -87, 0, 127, -128] }] }).headers).toEqual([
      { name: 'name', value: Buffer.from([0xc3, 0xa9, 0, 0x7f, 0x80]) },
    ])
  })

  test('E3: order and repeats are kept, and names that objects know', () => {
    const headers: unknown = JSON.parse('[{"b":[1]},{"a":[]},{"b":[2]},{"__proto__":[3]},{"":[4]}]')
    expect(parseOne({ headers }).headers.map(({ name, value }) => [name, [...value]])).toEqual([
      ['b', [1]],
      ['a', []],
      ['b', [2]],
      ['__proto__', [3]],
      ['', [4]],
    ])
  })

  test('E3: exact for any bytes', () => {
    const header = fc.record({ name: fc.string(), bytes: fc.uint8Array({ maxLength: 40 }) })
    fc.assert(
      fc.property(fc.array(header, { maxLength: 5 }), (headers) => {
        const sent = headers.map(({ name, bytes }) => Object.fromEntries([[name, [...new Int8Array(bytes)]]]))
        const seen = parseOne({ headers: JSON.parse(JSON.stringify(sent)) as unknown }).headers
        expect(seen).toEqual(headers.map(({ name, bytes }) => ({ name, value: Buffer.from(bytes) })))
      }),
    )
  })

  test('D6: a header without a value does not halt the topic', () => {
    expect(parseOne({ headers: [{ a: null }] }).headers).toEqual([{ name: 'a', value: Buffer.alloc(0) }])
  })

  test.each([[[]], [null], [undefined]])('E3: none: %j', (headers) => {
    expect(parseOne({ headers }).headers).toEqual([])
  })
})

test('E4: several partitions come in order, offsets ascending with holes', () => {
  const list = (partition: number, ...offsets: number[]) => offsets.map((offset) => raw({ partition, offset }))
  const event = eventOf({ 'quakes-10': list(10, 0), 'quakes-2': list(2, 3, 4, 9), 'quakes-0': list(0, 1) })
  expect(
    parseEvent(event).ranges.map(({ source, records }) => [source.partition, records.map((each) => each.offset)]),
  ).toEqual([
    [0, [1]],
    [2, [3, 4, 9]],
    [10, [0]],
  ])
})

describe('what cannot be placed is refused whole', () => {
  const offsets = (...each: number[]) => eventOf({ 'quakes-0': each.map((offset) => raw({ offset })) })
  test.each<[string, unknown, reason: string]>([
    ['no object', 'x', 'it is no object'],
    ['null', null, 'it is no object'],
    ['an array', [], 'it is no object'],
    ['no eventSource', {}, 'eventSource is missing'],
    ['another eventSource', eventOf({}, { eventSource: 'aws:sqs' }), 'eventSource is "aws:sqs"'],
    ['no records', eventOf(undefined), 'records is no object'],
    ['records as a list', eventOf([]), 'records is no object'],
    ['no name for the cluster', eventOf({}, { eventSourceArn: undefined }), 'it has no eventSourceArn'],
    ['a partition that is no list', eventOf({ 'quakes-0': {} }), 'records["quakes-0"] is no array'],
    ['a record that is no object', eventOf({ 'quakes-0': [1] }), 'a record of quakes-0 is no object'],
    ['under another topic', eventOf({ 'other-0': [raw()] }), 'a record of quakes-0 stands under other-0'],
    ['under another partition', eventOf({ 'quakes-1': [raw()] }), 'a record of quakes-0 stands under quakes-1'],
    ['no topic', one({ topic: undefined }), 'has no position'],
    ['partition as text', one({ partition: '0' }), 'has no position'],
    ['offset as text', one({ offset: '7' }), 'has no position'],
    ['offset below 0', one({ offset: -1 }), 'has no position'],
    ['half an offset', one({ offset: 1.5 }), 'has no position'],
    ['an offset beyond what a double holds', one({ offset: 2 ** 53 }), 'has no position'],
    ['the same offset twice', offsets(3, 3), 'do not ascend: 3 after 3'],
    ['offsets running backwards', offsets(3, 2), 'do not ascend: 2 after 3'],
    ['a timestamp as text', one({ timestamp: '1' }), 'the timestamp of quakes-0 offset 7'],
    ['half a timestamp', one({ timestamp: 1.5 }), 'the timestamp of quakes-0 offset 7'],
    ['an infinite timestamp', one({ timestamp: Infinity }), 'the timestamp of quakes-0 offset 7'],
    ['another kind of timestamp', one({ timestampType: 'SOMETIME' }), 'timestampType of quakes-0 offset 7'],
    ['a value that is a number', one({ value: 1 }), 'key or value of quakes-0 offset 7'],
    ['a value that is no base64', one({ value: 'dmF$dWU=' }), 'key or value of quakes-0 offset 7'],
    ['a value cut short', one({ value: 'dmFsd' }), 'key or value of quakes-0 offset 7'],
    ['a key that is an object', one({ key: {} }), 'key or value of quakes-0 offset 7'],
    ['headers as an object', one({ headers: { a: [1] } }), 'headers is no array'],
    ['a header as text', one({ headers: ['a'] }), 'a header is no object'],
    ['a header of text', one({ headers: [{ a: 'b' }] }), 'header "a" is no array of bytes'],
    ['a header of numbers that are no bytes', one({ headers: [{ a: [256] }] }), 'header "a" is no array of bytes'],
    ['a header of halves', one({ headers: [{ a: [0.5] }] }), 'header "a" is no array of bytes'],
    ['a header of texts', one({ headers: [{ a: ['1'] }] }), 'header "a" is no array of bytes'],
  ])('%s', (_, event, reason) => {
    let thrown: unknown
    try {
      parseEvent(event)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(WeirError)
    expect((thrown as WeirError).code).toBe('WEIR_EVENT_MALFORMED')
    expect((thrown as WeirError).message).toContain(reason)
  })
})
