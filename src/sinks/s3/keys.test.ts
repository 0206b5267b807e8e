import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dataPrefix, objectKey, parseKey, s3 } from './index.ts'
import type { KeyParts } from './index.ts'
import { range } from '../../testing/contract-world.ts'
import { parquet } from './parquet.ts'

const folder = dataPrefix('lake/raw', 'quakes', 's', 'topic.x')
const at = (over: Partial<KeyParts> = {}): KeyParts => ({
  partition: 3,
  first: 42,
  last: 99,
  timestamp: Date.UTC(2024, 1, 29, 23, 59, 59, 999),
  epoch: 0,
  generation: 0,
  ...over,
})
const gzip = { format: 'jsonl', compress: 'gzip', date: false } as const

describe('D12: keys', () => {
  test.each([
    [at(), gzip, '000003-0000000000000042-99.jsonl.gz'],
    [at({ epoch: 2, generation: 1 }), gzip, '000003-0000000000000042-99.e2~1.jsonl.gz'],
    [at(), { ...gzip, compress: 'zstd', date: true } as const, 'date=2024-02-29/000003-0000000000000042-99.jsonl.zst'],
    [
      at({ timestamp: -1 }),
      { ...gzip, date: true },
      'date=__HIVE_DEFAULT_PARTITION__/000003-0000000000000042-99.jsonl.gz',
    ],
    [
      at({ timestamp: 8.7e15 }),
      { ...gzip, date: true },
      'date=__HIVE_DEFAULT_PARTITION__/000003-0000000000000042-99.jsonl.gz',
    ],
    [at(), { ...gzip, compress: 'none' } as const, '000003-0000000000000042-99.jsonl'],
    [at(), { ...gzip, format: 'raw' } as const, '000003-0000000000000042-99.raw.gz'],
    [at(), { ...gzip, format: 'raw-base64', compress: 'none' } as const, '000003-0000000000000042-99.raw-base64'],
    [at({ epoch: 1 }), { ...gzip, format: 'parquet' } as const, '000003-0000000000000042-99.e1.parquet'],
  ])('%#', (parts, options, name) => {
    expect(objectKey(folder, parts, options)).toBe(`lake/raw/quakes/s/topic.x/${name}`)
  })

  test('an empty prefix leaves no slash at the beginning', () => {
    expect(dataPrefix('', 'p', 's', 't')).toBe('p/s/t/')
  })

  const offset = fc.maxSafeNat()
  const parts = fc
    .record({
      partition: fc.nat(9_999),
      first: offset,
      length: fc.nat(10_000),
      timestamp: fc.integer({ min: -1, max: 4e12 }),
      epoch: fc.nat(5),
      generation: fc.nat(5),
    })
    .map(({ length, ...rest }) => ({ ...rest, last: Math.min(rest.first + length, Number.MAX_SAFE_INTEGER) }))
  const options = fc.record({
    format: fc.constantFrom('jsonl', 'raw', 'raw-base64', 'raw-length', 'parquet'),
    compress: fc.constantFrom('gzip' as const, 'zstd' as const, 'none' as const),
    date: fc.boolean(),
  })

  test('parseKey reads every key back', () => {
    fc.assert(
      fc.property(parts, options, (key, how) => {
        const { partition, first, last, epoch, generation } = key
        const parsed = parseKey(folder, objectKey(folder, key, how))
        expect(parsed).toMatchObject({
          partition,
          first,
          last,
          epoch,
          generation,
          format: how.format,
          compress: how.format === 'parquet' ? 'none' : how.compress,
        })
        expect(parsed!.date === undefined).toBe(!how.date)
      }),
    )
  })

  test('in a folder the order of keys is the order of partition and first offset', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [x, y] = [objectKey(folder, a, gzip), objectKey(folder, b, gzip)]
        if (a.partition !== b.partition) expect(x < y).toBe(a.partition < b.partition)
        else if (a.first !== b.first) expect(x < y).toBe(a.first < b.first)
      }),
    )
  })

  test.each(['x', 'other/000003-0000000000000042-99.jsonl.gz', `${folder}000003-42-99.jsonl.gz`, `${folder}notes.txt`])(
    'parseKey refuses %s',
    (key) => {
      expect(parseKey(folder, key)).toBeUndefined()
    },
  )

  test('parseKey refuses a range that ends before it begins', () => {
    expect(parseKey(folder, `${folder}000003-0000000000000042-41.jsonl.gz`)).toBeUndefined()
  })
})

describe('definition', () => {
  test('of Parquet: the door gives the format, the options the columns', () => {
    expect(s3({ id: 'lake', format: parquet, columns: { id: 'int64' } }).options).toMatchObject({
      format: 'parquet',
      columns: { id: 'int64' },
    })
  })

  test('refusals are to be had without a store, of each format', async () => {
    const at = range([0], { rows: [{ id: 1n }] })
    for (const [definition, why] of [
      [s3({ id: 'lake' }), /JSON does not hold a bigint/],
      [s3({ id: 'lake', format: parquet, columns: { id: 'string' } }), /column "id": expected text/],
    ] as const)
      expect((await definition.refusals!('log'))([at])).toMatchObject([{ text: expect.stringMatching(why) }])
    expect((await s3({ id: 'lake', format: 'raw' }).refusals!('log'))([at])).toEqual([])
  })

  test('fills in defaults and is data', () => {
    const definition = s3({ id: 'lake' })
    expect(typeof definition.open).toBe('function')
    expect(definition).toMatchObject({
      kind: 's3',
      id: 'lake',
      options: { id: 'lake', prefix: '', format: 'jsonl', compress: 'gzip', date: false },
    })
  })

  test.each([
    [{ id: 'Lake' }, /id: use a-z/],
    [{ id: 'lake', prefix: '/x' }, /prefix/],
    [{ id: 'lake', prefix: 'a//b' }, /prefix/],
    [{ id: 'lake', prefix: 'a/../b' }, /prefix/],
    [{ id: 'lake', compression: 'gzip' }, /compression: there is no such option/],
    [{ id: 'lake', format: 'parquet', columns: { id: 'int64' } }, /import \{ parquet \} from/],
    [{ id: 'lake', format: 'raw', row: (row: unknown) => row }, /row: format raw stores the record's own bytes/],
    [{ id: 'lake', format: parquet }, /format parquet needs columns/],
  ])('%j is refused', (options, why) => {
    expect(() => s3(options as Parameters<typeof s3>[0])).toThrow(why)
  })
})
