import { describe, expect, test } from 'vitest'
import type { OrderKind } from '../../core/order.ts'
import { CLUSTER, sourceRecord, TOPIC } from '../../testing/index.ts'
import { batchEncoder } from './encode.ts'
import { dynamodb, tableDescription } from './index.ts'
import type { DynamoDbSpec } from './index.ts'

function encode(
  rows: readonly unknown[],
  spec: Partial<DynamoDbSpec<unknown>> = {},
  order: OrderKind = 'log',
  versions?: (string | number)[],
) {
  const { options } = dynamodb<unknown>({ id: 'kv', table: 'items', partitionKey: 'id', ...spec })
  const records = [{ record: sourceRecord(0), rows, ...(versions ? { versions } : {}) }]
  return batchEncoder(options, 'items', order)([{ source: { cluster: CLUSTER, topic: TOPIC, partition: 0 }, records }])
}

const textOf = (rows: readonly unknown[], spec?: Partial<DynamoDbSpec<unknown>>) => encode(rows, spec).refusals[0]?.text

describe('rows', () => {
  test('are attributes, a key, and a statement that rows of the same names share', () => {
    const [one, two] = encode([
      { id: 'a', n: 1, none: undefined },
      { id: 'b', n: 2 },
    ]).ranges[0]!.records[0]!.rows
    expect(one).toMatchObject({ values: ['{"S":"a"}', '{"N":"1"}'], index: 0 })
    expect(two!.shape).toBe(one!.shape)
    const mark = /^"_shape":\{"S":"([\w-]{22})"\}$/.exec(one!.shape.mark!)![1]
    expect(JSON.parse(one!.shape.insert!)).toBe(
      `INSERT INTO "items" VALUE {'id': ?,'n': ?,'_src': ?,'_epoch': ?,'_offset': ?,'_index': ?,'_ts': ?,'_shape': '${mark}'}`,
    )
  })

  test.each<[string, Record<string, unknown>]>([
    ['a quote in a name', { id: 'a', "it's": 1 }],
    ['a name of another alphabet', { id: 'a', größe: 1 }],
    [
      'more names than a statement holds',
      Object.fromEntries([['id', 'a'], ...Array.from({ length: 900 }, (_, i) => [`name-${i}`, i])]),
    ],
  ])('%s: no statement, so it is put', (_, row) => {
    expect(encode([row]).ranges[0]!.records[0]!.rows[0]!.shape.insert).toBeUndefined()
  })

  test('keys that DynamoDB holds equal have one text, others never', () => {
    const spec = { partitionKey: { name: 'p', type: 'N' }, sortKey: 's' } as const
    const keys = [
      { p: 1, s: 'x' },
      { p: 1n, s: 'x' },
      { p: '1.0', s: 'x' },
      { p: 1, s: 'x1' },
      { p: 11, s: 'x' },
    ]
    const texts = encode(keys, spec).ranges[0]!.records[0]!.rows.map(({ keyText }) => keyText)
    expect(new Set(texts.slice(0, 3)).size).toBe(1)
    expect(new Set(texts).size).toBe(3)
  })
})

describe('D6: a record is refused whose row', () => {
  test.each<[string, unknown, RegExp, Partial<DynamoDbSpec<unknown>>?]>([
    ['is no object', 'text', /no object/],
    ['is a list', [1], /no object/],
    ['is null', null, /no object/],
    ['is a class', new Date(), /instance of Date/],
    ['has no key', { n: 1 }, /id: the key is missing/],
    ['has an empty key', { id: '' }, /id: the key is empty/],
    ['has a key of null', { id: null }, /id: the key is not text/],
    ['has a key of another type', { id: 1 }, /id: the key is not text/],
    ['has a long key', { id: 'é'.repeat(1_025) }, /2050 bytes, over 2048/],
    ['has a long sort key', { id: 'a', s: 'x'.repeat(1_025) }, /over 1024/, { sortKey: 's' }],
    ['has text as a numeric key', { id: 'x1' }, /id: no decimal/, { partitionKey: { name: 'id', type: 'N' } }],
    ['has an empty index key', { id: 'a', r: '' }, /r: the key is empty/, { indexes: { byR: { partitionKey: 'r' } } }],
    [
      'has an index key of another type',
      { id: 'a', r: 5 },
      /r: the key is not text/,
      { indexes: { byR: { partitionKey: 'r' } } },
    ],
    ['takes a position attribute', { id: 'a', _src: 1 }, /_src: the name of a position/],
    ['is over 400 KB', { id: 'a', v: 'x'.repeat(409_600) }, /over 409600/],
    [
      'throws',
      {
        id: 'a',
        get v() {
          throw new Error('getter')
        },
      },
      /getter/,
    ],
  ])('%s', (_, row, text, spec) => {
    const { refusals, ranges } = encode([{ id: 'fine', s: 's' }, row], spec?.partitionKey ? { ...spec } : spec)
    if (!spec?.partitionKey) expect(refusals).toMatchObject([{ stage: 'encode', code: 'WEIR_ENCODE' }])
    expect(spec?.partitionKey ? textOf([row], spec) : refusals[0]!.text).toMatch(text)
    expect(ranges[0]!.records[0]!.rows).toEqual([])
  })

  test('has a version with a lone surrogate', () => {
    expect(encode([{ id: 'a' }], {}, 'version', ['\ud800']).refusals[0]!.text).toMatch(/version: text with a lone/)
  })

  test('and not one whose index key is left out', () => {
    expect(textOf([{ id: 'a' }], { indexes: { byR: { partitionKey: 'r' } } })).toBeUndefined()
  })
})

describe('the definition', () => {
  test('gives the table', () => {
    const definition = dynamodb({
      id: 'kv',
      table: 'quakes',
      partitionKey: 'id',
      sortKey: { name: 'at', type: 'N' },
      indexes: { byRegion: { partitionKey: 'region', sortKey: { name: 'at', type: 'N' } } },
    })
    expect(tableDescription(definition)).toEqual({
      TableName: 'quakes',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'at', AttributeType: 'N' },
        { AttributeName: 'region', AttributeType: 'S' },
      ],
      KeySchema: [
        { AttributeName: 'id', KeyType: 'HASH' },
        { AttributeName: 'at', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byRegion',
          KeySchema: [
            { AttributeName: 'region', KeyType: 'HASH' },
            { AttributeName: 'at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    })
  })

  test.each<[string, object, RegExp]>([
    ['an unknown option', { colour: 1 }, /colour: there is no such option/],
    ['a table name', { table: 'a b' }, /table/],
    ['one attribute as both keys', { sortKey: 'id' }, /partition key and sort key/],
    ['a key of two types', { indexes: { byId: { partitionKey: { name: 'id', type: 'N' } } } }, /two types/],
    ['a position as key', { sortKey: '_ts' }, /position attribute/],
    ['a position name twice', { positionAttributes: { src: 'x', ts: 'x' } }, /twice/],
  ])('faults: %s', (_, more, message) => {
    expect(() => dynamodb({ id: 'kv', table: 'items', partitionKey: 'id', ...more })).toThrow(message)
  })
})

test('names that only read alike in one line are names of their own', () => {
  const rows = encode([
    { id: 'a', 'b\nc': 1, d: 2 },
    { id: 'a', b: 1, 'c\nd': 2 },
  ]).ranges[0]!.records[0]!.rows
  expect(rows.map(({ shape }) => shape.names)).toEqual([
    ['id', 'b\nc', 'd'],
    ['id', 'b', 'c\nd'],
  ])
})
