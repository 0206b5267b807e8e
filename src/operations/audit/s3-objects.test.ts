/** What the sink writes, the audit's own readers read back as it was expected; what was tampered with, they do not. */
import { describe, expect, test } from 'vitest'
import { parseOptions } from '../../core/options.ts'
import { parquet } from '../../sinks/s3/parquet.ts'
import { s3Options } from '../../sinks/s3/index.ts'
import { raw } from '../../sinks/s3/raw.ts'
import { sourceRecord } from '../../testing/contract-world.ts'
import { expectedParquet, parquetRows } from './s3-parquet.ts'
import { expectedRaw, rawRows } from './s3-raw.ts'

/** In pieces, as from a socket. */
async function* body(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function all(rows: AsyncIterable<string | undefined>): Promise<(string | undefined)[]> {
  const read: (string | undefined)[] = []
  for await (const row of rows) read.push(row)
  return read
}

describe('D14: raw objects', () => {
  const values = ['', 'a', 'é€', '{"a":1}'].map((text) => Buffer.from(text))

  test.each(
    (['raw', 'raw-base64', 'raw-length'] as const).flatMap((framing) =>
      [1, 3, 1000].map((size) => [framing, size] as const),
    ),
  )('%s in pieces of %i bytes', async (framing, size) => {
    const bytes = await raw(framing, 'none').object(values)
    const read = await all(rawRows[framing](body(bytes, size)))
    expect(read).toEqual(values.map((value) => expectedRaw({ value })))
  })

  test.each([
    ['raw', 'x\ny'],
    ['raw-base64', 'eA==\ne*A=\n'],
    ['raw-length', '\0\0\0\u0001x\0\0\0\u0002y'],
  ] as const)('D14: planted: %s that is damaged at its end', async (framing, text) => {
    const read = await all(rawRows[framing](body(Buffer.from(text), 2)))
    expect(read).toEqual([expectedRaw({ value: Buffer.from('x') }), undefined])
  })
})

describe('D14: Parquet objects', () => {
  const columns = {
    yes: 'boolean',
    small: 'int32 not null',
    big: 'int64',
    ratio: 'double',
    amount: 'decimal(38,9)',
    price: 'decimal(9,2)',
    total: 'decimal(18,4)',
    name: 'string',
    raw: 'json',
    bytes: 'binary',
    id: 'uuid',
    day: 'date',
    at: 'timestamp',
  }
  const rows = [
    {
      yes: true,
      small: -1,
      big: 2n ** 63n - 1n,
      ratio: -0,
      amount: '-12345678901234567890123456789.123456789',
      price: 0.1,
      total: '-3.5000',
      name: 'é€😀\u0000',
      raw: { b: 1, a: [12.5, null] },
      bytes: Buffer.from([0, 255]),
      id: '8F9c4c3e-0000-4000-8000-0242ac120002',
      day: '1969-12-31',
      at: '2026-01-31 12:00:00.123456+0130',
    },
    { small: 0, at: -1, ratio: Number.NaN, day: new Date(0), other: 1 },
    { small: 7, at: new Date(5), big: '-9223372036854775808', name: '' },
  ]

  async function written(compress: 'gzip' | 'zstd' | 'snappy' | 'none'): Promise<Buffer> {
    const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns, compress }, 'test')
    const codec = await parquet.open(options)
    const made = codec.encode({ record: sourceRecord(0), rows })
    if ('fault' in made) throw new Error(made.fault)
    return codec.object([made.part])
  }

  test.each(['gzip', 'zstd', 'snappy', 'none'] as const)('%s', async (compress) => {
    const read = await all(parquetRows(body(await written(compress), 100)))
    expect(read).toEqual(rows.map((row) => expectedParquet(row, columns)))
    expect(new Set(read).size).toBe(rows.length)
  })

  test('a void marker has no rows', async () => {
    const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns }, 'test')
    const empty = await (await parquet.open(options)).object([])
    expect(await all(parquetRows(body(empty, 1000)))).toEqual([])
  })

  test.each(
    Object.entries({
      amount: '-12345678901234567890123456789.123456788',
      big: 2n ** 63n - 2n,
      at: '2026-01-31 12:00:00.123457+0130',
      name: 'é€😀',
      ratio: 0,
      raw: { b: 1, a: [12.5] },
    }),
  )('D14: planted: another %s is seen', async (name, value) => {
    const [read] = await all(parquetRows(body(await written('none'), 1000)))
    expect(read).toBe(expectedParquet(rows[0], columns))
    expect(read).not.toBe(expectedParquet({ ...rows[0], [name]: value }, columns))
  })

  test('D14: planted: bytes that are no Parquet, or cut off', async () => {
    const whole = await written('gzip')
    for (const bytes of [Buffer.from('{"a":1}\n'), whole.subarray(0, whole.length - 9), Buffer.alloc(0)])
      expect(await all(parquetRows(body(bytes, 1000)))).toEqual([undefined])
  })
})
