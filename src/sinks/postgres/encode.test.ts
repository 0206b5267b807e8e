import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sourceRecord } from '../../testing/index.ts'
import { arena } from './arena.ts'
import { batchEncoder, sortableVersion, withEpoch } from './batch.ts'
import { encoderOf } from './encode.ts'
import { postgres } from './index.ts'
import { columnArrays, copyStream } from './wire.ts'
import { layoutOf } from './layout.ts'
import { parseColumnType } from './types.ts'

const encode = (type: string, value: unknown) => encoderOf(parseColumnType(type)!)(arena(), value)

const cycle: unknown[] = []
cycle.push(cycle)

describe('D6: what PostgreSQL cannot hold exactly is refused before it is asked', () => {
  test.each<[string, unknown, string]>([
    ['text', 'a\0b', 'NUL'],
    ['text', '\ud800', 'lone surrogate'],
    ['text', 5, 'expected text'],
    ['varchar(2)', 'abc', 'more than 2'],
    ['smallint', 32_768, 'out of the range'],
    ['integer', 2 ** 31, 'out of the range'],
    ['integer', '2147483648', 'out of the range'],
    ['integer', 1.5, 'whole number'],
    ['integer', Number.NaN, 'whole number'],
    ['integer', '1e3', 'whole number'],
    ['bigint', 2 ** 53, 'beyond 2^53'],
    ['bigint', 2n ** 63n, 'out of the range'],
    ['bigint', '9223372036854775808', 'out of the range'],
    ['double precision', '1', 'expected a number'],
    ['real', 1e39, 'out of the range'],
    ['numeric', 'abc', 'decimal'],
    ['numeric', '.', 'decimal'],
    ['numeric', '1e131073', 'more digits'],
    ['numeric', '1e-16384', 'more digits'],
    ['numeric(4,2)', '1.234', 'more than 2 digits after'],
    ['numeric(4,2)', '100', 'more than 2 digits before'],
    ['numeric(4,2)', Number.POSITIVE_INFINITY, 'holds no Infinity'],
    ['boolean', 1, 'true or false'],
    ['timestamptz', new Date(Number.NaN), 'invalid'],
    ['timestamptz', '2026-01-31T12:00:00', 'no offset'],
    ['timestamptz', '2026-02-30T12:00:00Z', 'no such date'],
    ['timestamptz', '2026-01-31T12:00:00.1234567Z', 'microsecond'],
    ['timestamptz', 1.5, 'whole milliseconds'],
    ['timestamptz', -8.64e15, '4714 BC'],
    ['timestamp', '2026-01-31T12:00:00Z', 'offset'],
    ['date', new Date('2026-01-31T01:00:00Z'), 'time of day'],
    ['date', '2026-02-30', 'no such date'],
    ['jsonb', { a: 'x\0' }, 'NUL'],
    ['jsonb', ['\udc00'], 'lone surrogate'],
    ['jsonb', { a: [Number.NaN] }, 'NaN'],
    ['jsonb', { a: 1n }, 'BigInt'],
    ['json', cycle, 'no JSON'],
    ['jsonb', () => 1, 'JSON value'],
    ['uuid', 'nope', 'expected text such as'],
    ['bytea', 'text', 'bytes'],
    ['text[]', 'a', 'an array'],
    ['integer[]', [1, 'x'], 'in the array'],
  ])('%s: %o', (type, value, reason) => expect(encode(type, value)).toContain(reason))

  test.each<[string, unknown]>([
    ['varchar(2)', '\u{1F30B}\u{1F30B}'],
    ['bigint', '-9223372036854775808'],
    ['bigint', -0],
    ['numeric(4,2)', '1.230000'],
    ['numeric(4,2)', Number.NaN],
    ['jsonb', { a: '\\u0000', b: null }],
    ['date', new Date('2026-01-31')],
  ])('takes %s: %o', (type, value) => expect(encode(type, value)).toBeUndefined())
})

const options = postgres({
  id: 'sql',
  table: 't',
  columns: { id: 'text', n: 'integer not null', note: 'text' },
  key: ['id'],
}).options
const prepare = (rows: readonly unknown[], more: object = {}) =>
  batchEncoder(
    { ...options, ...more },
    'log',
  )([{ source: { cluster: 'c', topic: 't', partition: 0 }, records: [{ record: sourceRecord(0), rows }] }])

describe('rows', () => {
  test.each<[unknown, string]>([
    [{ n: 1 }, 'column "id" must have a value'],
    [{ id: 'a', n: null }, 'column "n" must have a value'],
    [{ id: 'a', n: 'x' }, 'column "n" (integer): expected a whole number'],
    [null, 'no object'],
    [['a', 1], 'no object'],
  ])('D6: %o is refused', (row, reason) => {
    const { refusals, ranges } = prepare([row])
    expect(refusals).toMatchObject([{ stage: 'encode', code: 'WEIR_ENCODE', record: { offset: 0 } }])
    expect(refusals[0]!.text).toContain(reason)
    expect(ranges[0]!.records[0]!.rows).toEqual([])
  })

  test('D6: one refused row refuses all rows of its record', () => {
    const { refusals, ranges } = prepare([{ id: 'a', n: 1 }, { id: 'b' }])
    expect(refusals[0]!.text).toMatch(/^row 1: /)
    expect(ranges[0]!.records[0]!.rows).toEqual([])
  })

  test('D6: a row that throws when it is read refuses its record, not the batch', () => {
    const trap = Object.defineProperty({ id: 'a' }, 'n', {
      enumerable: true,
      get: () => {
        throw new Error('no n today')
      },
    })
    const { refusals } = prepare([trap])
    expect(refusals).toMatchObject([{ code: 'WEIR_ENCODE', text: 'no n today' }])
  })

  test('D6: fields that are no column are left out, or refuse the record where the definition says so', () => {
    const rows = [{ id: 'a', n: 1, more: 1 }]
    expect(prepare(rows).refusals).toEqual([])
    const [refusal] = prepare(rows, { unknownFields: 'refuse' }).refusals
    expect(refusal!.text).toContain('field "more" is no column')
  })

  test('the epoch of the watermark is put into the bytes, at its place', () => {
    const { buffer, ranges } = prepare([{ id: 'a', n: 1 }])
    const [row] = ranges[0]!.records[0]!.rows
    const before = Buffer.from(buffer)
    expect(withEpoch(buffer, row!, 3).position.epoch).toBe(3)
    const changed = [...buffer.keys()].slice(0, row!.end).filter((i) => buffer[i] !== before[i])
    expect(changed.map((i) => buffer[i])).toEqual([3])
    // field count, length and text of the source, length of the epoch, its last byte
    expect(changed[0]).toBe(row!.start + 2 + 4 + 't/000000/12345678'.length + 4 + 7)
  })

  test('slices of rows that stand side by side are joined, and arrays hold the same fields', () => {
    const { buffer, ranges } = prepare(Array.from({ length: 5 }, (_, n) => ({ id: `${n}`, n })))
    const { rows } = ranges[0]!.records[0]!
    const stream = Buffer.concat(copyStream(buffer, [rows[0]!, rows[1]!, rows[4]!]))
    const expected = [rows[0]!, rows[1]!, rows[4]!].map(({ start, end }) => buffer.subarray(start, end))
    expect(stream.subarray(19, -2).equals(Buffer.concat(expected))).toBe(true)
    const arrays = columnArrays(buffer, rows, layoutOf(options, 'log').all)
    expect(arrays.map((array) => array.readInt32BE(12))).toEqual(arrays.map(() => 5))
  })
})

test('D3: versions as text order as they do as versions', () => {
  const version = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.string({ unit: 'grapheme', maxLength: 4 }))
  fc.assert(
    fc.property(version, version, (a, b) => {
      const bytes = Buffer.compare(Buffer.from(sortableVersion(a)), Buffer.from(sortableVersion(b)))
      if (typeof a === 'number' && typeof b === 'number') expect(bytes).toBe(a > b ? 1 : a < b ? -1 : 0)
      else if (typeof a === 'string' && typeof b === 'string')
        expect(bytes).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      else expect(bytes).toBe(typeof a === 'string' ? 1 : -1)
    }),
  )
})
