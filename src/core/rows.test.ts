import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { memory, memoryStore } from '../sinks/memory.ts'
import { json } from './decode/json.ts'
import type { Decoder } from './decode/decoder.ts'
import { mapRanges } from './map-rows.ts'
import { pipeline } from './pipeline.ts'
import type { KeyOf, Pipeline, PipelineSpec } from './pipeline.ts'
import type { SourceRecord } from './record.ts'
import { rowsOf } from './rows.ts'

const record = (value: string | null): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: 0,
  timestamp: 0,
  timestampType: 'CREATE_TIME',
  key: null,
  value: value === null ? null : Buffer.from(value),
  headers: [],
})

type AnySpec = PipelineSpec<unknown, unknown, 'ignore' | 'keep' | 'dead-letter'>
const keyed = memory({ id: 'k', store: memoryStore(), keyOf: String })
const make = (changes: Partial<AnySpec>): Pipeline =>
  pipeline({
    name: 'p',
    source: { topic: 't' },
    decode: json(),
    sinks: [memory({ id: 'm', store: memoryStore() })],
    ...changes,
  })

const transformPoison = (reason: string) => ({
  rows: [],
  poison: { stage: 'transform', code: 'WEIR_TRANSFORM', text: reason },
})
const decodePoison = (code: string, reason: string) => ({ rows: [], poison: { stage: 'decode', code, text: reason } })

const fail = (thrown: unknown) => () => {
  throw thrown
}
/** A promise of another library: `then` is all it has. */
const thenable = (then: (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => void) =>
  Object.fromEntries(new Map([['then', then]]))
const decoder = (decode: Decoder<unknown>['decode']): Decoder<unknown> => ({ name: 'test', decode })

describe('one record', () => {
  test.each<[string, Partial<AnySpec>, string | null, object]>([
    ['without a transform the value is the row', {}, '{"a":1}', { rows: [{ a: 1 }] }],
    ['one row', { transform: () => 'x' }, '1', { rows: ['x'] }],
    ['many rows', { transform: () => ['x', 'y'] }, '1', { rows: ['x', 'y'] }],
    ['an empty list: none', { transform: () => [] }, '1', { rows: [] }],
    ['undefined: none', { transform: () => undefined }, '1', { rows: [] }],
    ['null: none', { transform: () => null }, '1', { rows: [] }],
    ['falsy rows are rows', { transform: () => [0, '', false] }, '1', { rows: [0, '', false] }],
    ['D6: a transform that throws', { transform: fail(new Error('no')) }, '1', transformPoison('no')],
    ['D6: it may throw anything', { transform: fail('text') }, '1', transformPoison('text')],
    ['D6: what does not decode', {}, 'x', decodePoison('WEIR_DECODE', 'not valid JSON')],
    ['D6: a decoder that throws', { decode: decoder(fail(new Error('odd'))) }, '1', decodePoison('WEIR_DECODE', 'odd')],
    [
      'versions, one a row',
      { order: (row) => row as number, transform: () => [3, 4] },
      '1',
      { rows: [3, 4], versions: [3, 4] },
    ],
    ['D6: an order that throws', { order: fail(new Error('no id')) }, '1', transformPoison('no id')],
    [
      'D6: an order that gives nothing to order by',
      { order: () => Number.NaN },
      '1',
      transformPoison('order gave neither text nor a finite number'),
    ],
    [
      'D6: rows that are promises',
      { transform: () => [1, Promise.reject(new Error('nobody waits'))] },
      '1',
      transformPoison('the transform gave a promise among its rows; await it there'),
    ],
    ['a list with holes has undefined there', { transform: () => new Array(2) }, '1', { rows: [undefined, undefined] }],
    ['a tombstone is ignored', {}, null, { rows: [] }],
    [
      'a tombstone goes to the transform',
      { tombstone: 'keep', transform: (value) => [typeof value] },
      null,
      { rows: ['undefined'] },
    ],
    [
      'D6: a tombstone becomes a dead letter',
      { tombstone: 'dead-letter' },
      null,
      decodePoison('WEIR_TOMBSTONE', 'no value'),
    ],
  ])('%s', (_, spec, value, expected) => {
    expect(rowsOf(make(spec), record(value))).toEqual(expected)
  })

  test.each<[string, Partial<AnySpec>, object]>([
    ['a transform that waits', { transform: (value) => Promise.resolve([value, value]) }, { rows: [1, 1] }],
    ['D6: one that rejects', { transform: () => Promise.reject(new Error('late')) }, transformPoison('late')],
    ['a transform that gives a thenable', { transform: () => thenable((resolve) => resolve(['x'])) }, { rows: ['x'] }],
    [
      'D6: a thenable that rejects',
      { transform: () => thenable((_, reject) => reject(new Error('odd'))) },
      transformPoison('odd'),
    ],
    ['a decoder that waits', { decode: decoder(() => Promise.resolve({ value: 2 })) }, { rows: [2] }],
    [
      'D6: one that rejects',
      { decode: decoder(() => Promise.reject(new Error('gone'))) },
      decodePoison('WEIR_DECODE', 'gone'),
    ],
    [
      'both wait',
      { decode: decoder(() => Promise.resolve({ value: 2 })), transform: (value) => Promise.resolve([value, 3]) },
      { rows: [2, 3] },
    ],
  ])('asynchronous: %s', async (_, spec, expected) => {
    const result = rowsOf(make(spec), record('1'))
    expect(result).toBeInstanceOf(Promise)
    await expect(result).resolves.toEqual(expected)
  })

  test('a list that the transform fills anew for each record stays what it was', () => {
    const reused: unknown[] = []
    const spec = make({
      transform: (value) => {
        reused.length = 0
        reused.push(value)
        return reused
      },
    })
    const results = ['1', '2'].map((value) => rowsOf(spec, record(value)))
    expect(results).toEqual([{ rows: [1] }, { rows: [2] }])
  })

  test('the transform sees the record, and the order only the row', () => {
    const seen: unknown[][] = []
    const spec = make({
      transform: (...args: unknown[]) => (seen.push(args), 'row'),
      order: (...args: unknown[]) => (seen.push(args), 1),
    })
    const sent = record('1')
    void rowsOf(spec, sent)
    expect(seen).toEqual([[1, sent], ['row']])
  })
})

test('D6: whatever a transform throws is poison, never an error of the batch', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (thrown) => {
      expect(rowsOf(make({ transform: fail(thrown) }), record('1'))).toMatchObject({
        rows: [],
        poison: { code: 'WEIR_TRANSFORM' },
      })
    }),
  )
})

describe('a tombstone that deletes', () => {
  const deletes = (keyOf: (record: SourceRecord) => unknown, value: string | null = null) =>
    rowsOf(
      pipeline({
        name: 'p',
        source: { topic: 't' },
        decode: json(),
        tombstone: 'delete',
        keyOf: keyOf as KeyOf,
        transform: () => 'row',
        sinks: [keyed],
      }),
      record(value),
    )

  test.each<[string, (record: SourceRecord) => unknown, object]>([
    ['one key', () => ({ id: 1 }), { rows: [], deletes: [{ id: 1 }] }],
    ['several', () => [{ id: 1 }, { id: 2 }], { rows: [], deletes: [{ id: 1 }, { id: 2 }] }],
    ['none', () => null, { rows: [], deletes: [] }],
    ['of the record', ({ partition }) => ({ id: partition }), { rows: [], deletes: [{ id: 0 }] }],
    ['D6: one that throws', fail(new Error('no key')), transformPoison('no key')],
    ['D6: no object', () => 'a', transformPoison('keyOf gave no object of key columns')],
    ['D6: a list of none', () => [null], transformPoison('keyOf gave no object of key columns')],
    ['D6: a promise', () => Promise.resolve({}), transformPoison('keyOf gave a promise; only the transform may wait')],
  ])('%s', (_, keyOf, expected) => {
    expect(deletes(keyOf)).toEqual(expected)
  })

  test('a record with a value goes to the transform', () => {
    expect(deletes(() => ({ id: 1 }), '{}')).toEqual({ rows: ['row'] })
  })

  test("a sink's row(...) is not asked: key columns are the sink's already", () => {
    const range = { source: { cluster: 'c', topic: 't', partition: 0 }, records: [record(null)] }
    const { ranges, refusals } = mapRanges(
      { id: 'a', row: fail(new Error('asked')) },
      [range],
      [[{ rows: [], deletes: [{ id: 1 }] }]],
    )
    expect(refusals).toEqual([])
    expect(ranges[0]!.records).toEqual([{ record: record(null), rows: [], deletes: [{ id: 1 }] }])
  })
})
