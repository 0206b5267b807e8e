/** What Parquet columns hold, and that nothing gets in that would not come back. Foreign readers: test/contract/s3-parquet.test.ts. */
import { describe, expect, test } from 'vitest'
import type { SinkRecord } from '../sink.ts'
import { sourceRecord } from '../../testing/contract-world.ts'
import { parseOptions } from '../../core/options.ts'
import { s3Options } from './options.ts'
import { parquet } from './parquet.ts'

const record = (...rows: unknown[]): SinkRecord => ({ record: sourceRecord(0), rows })

function encode(type: string, value: unknown): unknown {
  const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns: { a: type } }, 'test')
  const made = parquet.encode(options)(record({ a: value }))
  return 'fault' in made ? made.fault : made.part[0]![0]
}

describe('D6: what a column cannot hold exactly is refused, with column and reason', () => {
  test.each([
    ['boolean', 1, /true or false, got 1/],
    ['int32', 2 ** 31, /out of the range of int32/],
    ['int32', -(2 ** 31) - 1, /out of the range of int32/],
    ['int32', 1.5, /a whole number, got 1.5/],
    ['int64', 2 ** 53, /beyond 2\^53/],
    ['int64', 2n ** 63n, /out of the range of int64/],
    ['int64', '9223372036854775808', /out of the range of int64/],
    ['int64', '1e3', /a whole number/],
    ['int64', Number.NaN, /a whole number, got NaN/],
    ['double', '1.5', /a number/],
    ['double', 1n, /a number/],
    ['decimal(5,2)', '1000.00', /more than 3 digits before the point/],
    ['decimal(5,2)', '0.001', /more than 2 digits after the point/],
    ['decimal(38,0)', 2 ** 60, /beyond 2\^53/],
    ['decimal(5,2)', 'NaN', /a decimal number/],
    ['decimal(5,2)', Number.POSITIVE_INFINITY, /beyond 2\^53/],
    ['decimal(5,2)', true, /decimal text/],
    ['string', 1, /text/],
    ['string', '\ud800', /lone surrogate/],
    ['json', { a: [1n] }, /bigint/],
    ['json', Number.NaN, /NaN/],
    ['binary', 'x', /bytes/],
    ['uuid', 'x', /text such as/],
    ['date', new Date(1), /time of day/],
    ['date', new Date(Number.NaN), /invalid/],
    ['date', '2026-02-30', /no such date/],
    ['timestamp', '2026-01-01T00:00:00', /no offset/],
    ['timestamp', '2026-01-01T00:00:00.0000001Z', /finer than a microsecond/],
    ['timestamp', '2026-13-01T00:00:00Z', /no such date/],
    ['timestamp', '2026-01-01T24:00:00Z', /no such date/],
    ['timestamp', 1.5, /whole milliseconds/],
    ['timestamp', 9e15, /range of a Date/],
    ['timestamp', new Date(Number.NaN), /invalid/],
    ['int64 not null', null, /no value/],
    ['string not null', undefined, /no value/],
  ])('%s of %s', (type, value, why) => {
    expect(encode(type, value)).toMatch(why)
    expect(encode(type, value)).toMatch(/^column "a": /)
  })

  test.each([[1], ['text'], [null], [undefined]])('a row that is %j and no object', (row) => {
    const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns: { a: 'int64' } }, 'test')
    expect(parquet.encode(options)(record({ a: 1 }, row))).toEqual({ fault: expect.stringMatching(/no object/) })
  })

  test('a field that the row only inherits is none', () => {
    expect(encode('string', undefined)).toBeNull()
    const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns: { toString: 'string' } }, 'test')
    expect(parquet.encode(options)(record({}))).toEqual({ part: [[null]], rows: 1 })
  })

  test('a getter that throws', () => {
    const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns: { a: 'int64' } }, 'test')
    const row = {
      get a() {
        throw new Error('a getter')
      },
    }
    expect(parquet.encode(options)(record(row))).toEqual({ fault: 'a getter' })
  })
})

describe('what a column holds', () => {
  test.each([
    ['int64', Number.MAX_SAFE_INTEGER, 9_007_199_254_740_991n],
    ['int64', '-9223372036854775808', -(2n ** 63n)],
    ['int32', '7', 7],
    ['double', Number.NaN, Number.NaN],
    ['decimal(38,9)', '12345678901234567890123456789.123456789', 12_345_678_901_234_567_890_123_456_789_123_456_789n],
    ['decimal(5,2)', '-1.5', -150n],
    ['decimal(5,2)', '1.500', 150n],
    ['decimal(5,2)', 0.1, 10n],
    ['decimal(5,2)', 1e-2, 1n],
    ['decimal(5,0)', '1.2e3', 1200n],
    ['decimal(5,0)', '-0', 0n],
    ['timestamp', '1969-12-31T23:59:59.999999Z', -1n],
    ['timestamp', '2026-01-01T02:00:00.5+02:00', 1_767_225_600_500_000n],
    ['timestamp', -1, -1000n],
    ['timestamp', new Date(1), 1000n],
    ['date', '1969-12-31', -1],
    ['date', new Date(86_400_000), 1],
    ['boolean', undefined, null],
  ])('%s of %s', (type, value, held) => {
    expect(encode(type, value)).toEqual(held)
  })
})

describe('definitions', () => {
  test.each([
    [{ format: 'parquet' }, /needs columns/],
    [{ format: 'parquet', columns: {} }, /one column at least/],
    [{ columns: { a: 'int64' } }, /columns are for format parquet alone/],
    [{ compress: 'snappy' }, /snappy is for format parquet alone/],
    [{ format: 'parquet', columns: { a: 'bigint' } }, /no such type; those known are boolean/],
    [{ format: 'parquet', columns: { a: 'decimal(39,0)' } }, /no such type/],
    [{ format: 'parquet', columns: { a: 'decimal(3,4)' } }, /no such type/],
    [{ format: 'parquet', columns: { 'a b': 'int64' } }, /no name of a column/],
  ])('%j is refused', (input, why) => {
    expect(() => parseOptions(s3Options, { id: 'lake', ...input }, 'test')).toThrow(why)
  })
})
