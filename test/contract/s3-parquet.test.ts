/** Parquet objects in a real bucket, read by pyarrow, which shares no code with what wrote them. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { parseOptions } from '../../src/core/options.ts'
import { emptyObject } from '../../src/sinks/s3/codec.ts'
import { s3Options } from '../../src/sinks/s3/index.ts'
import { parquet } from '../../src/sinks/s3/parquet.ts'
import { deliverTo, range, span } from '../../src/testing/contract-world.ts'
import { foreignPython } from '../support/foreign.ts'
import { root } from '../tidy/tree.ts'
import { s3World } from './s3-world.ts'

interface Said {
  readonly types: Readonly<Record<string, string>>
  readonly physical: Readonly<Record<string, string>>
  readonly codecs: readonly string[]
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

let python = ''
beforeAll(async () => {
  python = await foreignPython('parquet-requirements.txt')
}, 300_000)

function pyarrow(bytes: Buffer): Said {
  const script = join(root, 'test/foreign/parquet.py')
  return JSON.parse(execFileSync(python, [script], { input: bytes, encoding: 'utf8', maxBuffer: 2 ** 28 })) as Said
}

const columns = {
  yes: 'boolean',
  small: 'int32',
  big: 'int64 not null',
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
} as const

const full = {
  yes: true,
  small: -(2 ** 31),
  big: 9_223_372_036_854_775_807n,
  ratio: 0.1,
  amount: '-12345678901234567890123456789.123456789',
  price: '1234567.89',
  total: -0.0001,
  name: 'é€😀\u0000',
  raw: { a: [1, 'é', null] },
  bytes: Buffer.from([0, 255, 10]),
  id: '8F9c4c3e-0000-4000-8000-0242ac120002',
  day: '2026-01-31',
  at: '2026-01-31T12:00:00.123456+01:00',
  left: 'out',
}

test.each(['gzip', 'zstd', 'snappy', 'none'] as const)('D2: every type, %s, read back exactly', async (compress) => {
  const world = await s3World({ format: 'parquet', columns, compress })
  await deliverTo(world.open(), [range([0, 1], { rows: [full, { big: '-9223372036854775808' }] })])
  const [object, ...more] = await world.stored()
  expect(more).toEqual([])
  expect(object!.key).toBe(`${world.folder}000000-0000000000000000-1.parquet`)
  expect(object!.contentType).toBe('application/vnd.apache.parquet')
  const said = pyarrow(object!.bytes)
  expect(said.codecs).toEqual([compress === 'none' ? 'UNCOMPRESSED' : compress.toUpperCase()])
  expect(said.types).toEqual({
    yes: 'bool',
    small: 'int32',
    big: 'int64 not null',
    ratio: 'double',
    amount: 'decimal128(38, 9)',
    price: 'decimal128(9, 2)',
    total: 'decimal128(18, 4)',
    name: 'string',
    raw: 'extension<arrow.json>',
    bytes: 'binary',
    id: 'extension<arrow.uuid>',
    day: 'date32[day]',
    at: 'timestamp[us, tz=UTC]',
  })
  expect(said.physical).toMatchObject({
    raw: 'BYTE_ARRAY JSON',
    id: 'FIXED_LEN_BYTE_ARRAY UUID',
    price: expect.stringMatching(/^INT32 Decimal/),
  })
  const row = {
    yes: true,
    small: { int: '-2147483648' },
    big: { int: '9223372036854775807' },
    ratio: { double: '0.1' },
    amount: { decimal: '-12345678901234567890123456789.123456789' },
    price: { decimal: '1234567.89' },
    total: { decimal: '-0.0001' },
    name: 'é€😀\u0000',
    raw: '{"a":[1,"é",null]}',
    bytes: { hex: '00ff0a' },
    id: { uuid: '8f9c4c3e-0000-4000-8000-0242ac120002' },
    day: { date: '2026-01-31' },
    at: { timestamp: '2026-01-31T11:00:00.123456+00:00' },
  }
  const none = {
    ...Object.fromEntries(Object.keys(columns).map((name) => [name, null])),
    big: { int: '-9223372036854775808' },
  }
  expect(said.rows).toEqual([row, none, row, none])
})

test('D11: 10,000 rows of values alike, of none, and of values that all differ', async () => {
  const world = await s3World({
    format: 'parquet',
    columns: { n: 'int64', same: 'string', none: 'double', some: 'string' },
  })
  const batch = range(span(0, 9_999))
  const records = batch.records.map((each, n) => ({
    ...each,
    rows: [{ n, same: 'same', some: n % 3 === 0 ? null : `note ${n}` }],
  }))
  await deliverTo(world.open(), [{ ...batch, records }])
  const [object] = await world.stored()
  expect(pyarrow(object!.bytes).rows).toEqual(
    records.map((_, n) => ({
      n: { int: String(n) },
      same: 'same',
      none: null,
      some: n % 3 === 0 ? null : `note ${n}`,
    })),
  )
})

test('void markers have no rows: with the columns of the sink, or without any where only the key is known', async () => {
  const { body } = await emptyObject('a/0-1.parquet')
  expect(pyarrow(body)).toMatchObject({ rows: [], types: {} })
  const options = parseOptions(s3Options, { id: 'lake', format: 'parquet', columns: { n: 'int64' } }, 'test')
  expect(pyarrow(await (await parquet.open(options)).object([]))).toMatchObject({ rows: [], types: { n: 'int64' } })
})

test('D12: the same range gives the same bytes, whoever writes it', async () => {
  const bytes: Buffer[] = []
  for (const world of [await s3World({ format: 'parquet', columns }), await s3World({ format: 'parquet', columns })]) {
    await deliverTo(world.open(), [range(span(0, 99), { rows: [full] })])
    bytes.push((await world.stored())[0]!.bytes)
  }
  expect(bytes[0]!.equals(bytes[1]!)).toBe(true)
})
