import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compact } from '../../src/core/compact.ts'
import { isNewer, positionOf } from '../../src/core/order.ts'
import type { OrderKind, Position } from '../../src/core/order.ts'
import { sourceMark } from '../../src/core/record.ts'
import type { SinkRange } from '../../src/sinks/sink.ts'
import { CLUSTER, deliverTo, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

const RUNS = 12
const ROWS = 60

/** Text that PostgreSQL holds: no NUL, no lone surrogate. */
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((value) => value.replaceAll('\0', '0').toWellFormed())
const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
const big = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger())
const decimal = fc
  .tuple(fc.constantFrom('', '-'), fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.option(fc.stringMatching(/^\d{1,30}$/)))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`)
const ms = fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 11, 31) })
const day = ms.map((value) => new Date(value).toISOString().slice(0, 10))

/** Type, values, and the SQL that is true where column `c` holds the value given as text `$1`. */
const types: Record<string, { values: fc.Arbitrary<unknown>; shown?: (value: never) => string }> = {
  text: { values: text },
  'varchar(40)': { values: text },
  smallint: { values: int(16) },
  integer: { values: int(32) },
  bigint: { values: fc.oneof(big, big.map(String)) },
  'double precision': { values: fc.double() },
  real: { values: fc.float(), shown: (value) => String(Math.fround(value)) },
  numeric: { values: fc.oneof(decimal, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.bigInt()) },
  'numeric(12,3)': { values: fc.integer({ min: -999_999_999, max: 999_999_999 }).map((n) => String(n / 1000)) },
  boolean: { values: fc.boolean() },
  timestamptz: {
    values: fc.oneof(
      ms,
      ms.map((value) => new Date(value)),
    ),
    shown: (value) => new Date(value).toISOString(),
  },
  timestamp: { values: ms, shown: (value) => new Date(value).toISOString().slice(0, -1) },
  date: { values: day },
  jsonb: { values: json(), shown: (value) => JSON.stringify(value) },
  json: { values: json(), shown: (value) => JSON.stringify(value) },
  uuid: { values: fc.uuid() },
  bytea: { values: fc.uint8Array({ maxLength: 40 }), shown: (value) => `\\x${Buffer.from(value).toString('hex')}` },
}

function json(): fc.Arbitrary<unknown> {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, text, fc.integer(), fc.boolean(), fc.constant(null), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 4 }),
    object: fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  }))
  return value.filter((each) => each !== null)
}

const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }

/** Delivers one row a record from `next` on. */
function rangeOf(next: number, rows: readonly unknown[]): SinkRange {
  return { source, records: rows.map((row, i) => ({ record: sourceRecord(next + i), rows: [row] })) }
}

/** The server compares each value with what its own text input makes of the expected text. */
async function expectStored(made: World, first: number, expected: readonly (string | null)[], type: string) {
  const cast = type === 'json' ? 'c::text = e.v' : `c IS NOT DISTINCT FROM e.v::${type}`
  const wrong = await made.sql(
    `SELECT t._offset, c::text AS stored, e.v AS expected FROM unnest($1::text[]) WITH ORDINALITY AS e(v, i)
     LEFT JOIN "${made.table}" t ON t._offset = $2 + e.i - 1 WHERE t._offset IS NULL OR NOT coalesce(${cast}, c IS NULL AND e.v IS NULL)`,
    [expected, first],
  )
  expect(wrong).toEqual([])
}

describe.each(Object.entries(types))('D2: type %s', (type, { values, shown = String }) => {
  test.each([
    ['COPY', undefined],
    ['an upsert in one statement', 500],
    ['an upsert by COPY', 0],
  ])('what is read back is what was given, by %s', async (_, smallRows) => {
    await using made = await world({ columns: { n: 'bigint', c: type }, key: ['n'] })
    const writer = await made.open(smallRows === undefined ? {} : { smallRows })
    let next = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(values, { freq: 8 }), { minLength: 1, maxLength: ROWS }), async (given) => {
        const first = next
        next += given.length
        const prepared = writer.prepare([
          rangeOf(
            first,
            given.map((c, i) => ({ n: first + i, c })),
          ),
        ])
        expect(prepared.refusals).toEqual([])
        await deliverTo(writer, [
          rangeOf(
            first,
            given.map((c, i) => ({ n: first + i, c })),
          ),
        ])
        await expectStored(
          made,
          first,
          given.map((value) => (value === null ? null : shown(value as never))),
          type,
        )
      }),
      { numRuns: RUNS },
    )
  })

  test('arrays of it, with nulls and without elements', async () => {
    await using made = await world({ columns: { c: `${type}[]` } })
    const writer = await made.open()
    const [list] = fc.sample(fc.array(fc.option(values), { minLength: 3, maxLength: 20 }), { numRuns: 1, seed: 7 })
    await deliverTo(writer, [rangeOf(0, [{ c: list }, { c: [] }, { c: null }, { c: [null] }])])
    expect(await made.sql(`SELECT cardinality(c) AS n FROM "${made.table}" ORDER BY _offset`)).toEqual(
      [list!.length, 0, null, 1].map((n) => ({ n })),
    )
    const expected = list!.map((value) => (value === null ? null : shown(value as never)))
    const cast = type === 'json' ? 'e.c::text = x.v' : `e.c IS NOT DISTINCT FROM x.v::${type}`
    const wrong = await made.sql(
      `SELECT e.c::text, x.v FROM "${made.table}" t, unnest(t.c) WITH ORDINALITY AS e(c, i)
       JOIN unnest($1::text[]) WITH ORDINALITY AS x(v, i) USING (i) WHERE t._offset = 0 AND NOT coalesce(${cast}, e.c IS NULL AND x.v IS NULL)`,
      [expected],
    )
    expect(wrong).toEqual([])
  })
})

describe('times to the microsecond, at the ends of the calendar and with offsets', () => {
  test.each([
    ['timestamptz', '2026-01-31T12:34:56.123456+05:30', '2026-01-31 07:04:56.123456+00'],
    ['timestamptz', '1969-12-31T23:59:59.999999Z', '1969-12-31 23:59:59.999999+00'],
    ['timestamptz', '0001-01-01T00:00:00.000001Z', '0001-01-01 00:00:00.000001+00'],
    ['timestamptz', '9999-12-31T23:59:59.999999-08', '10000-01-01 07:59:59.999999+00'],
    ['timestamptz', '2026-01-31 12:34Z', '2026-01-31 12:34:00+00'],
    ['timestamptz', '-000044-03-15T00:00:00Z', '0045-03-15 00:00:00+00 BC'],
    ['timestamp', '1700-02-28T23:59:59.5', '1700-02-28 23:59:59.5'],
    ['date', '0001-01-01', '0001-01-01'],
    ['date', '2024-02-29', '2024-02-29'],
    ['numeric', '1.500', '1.500'],
    ['numeric', '-12e-7', '-0.0000012'],
    ['numeric', '1e20', '100000000000000000000'],
    ['numeric', '0.000', '0.000'],
    ['numeric', 'NaN', 'NaN'],
    ['numeric', '-Infinity', '-Infinity'],
  ])('D2: %s %s', async (type, given, shown) => {
    await using made = await world({ columns: { c: type } })
    await made.sql(`SET TIME ZONE 'UTC'`)
    await deliverTo(await made.open(), [rangeOf(0, [{ c: given }])])
    expect(await made.sql(`SELECT c::text FROM "${made.table}"`)).toEqual([{ c: shown }])
  })
})

test('D3: keys that PostgreSQL holds equal are one key in a batch: 1, 1.0 and 1e0; a uuid in either case', async () => {
  const uuid = '8F9C4C3E-0000-4000-8000-0242AC120002'
  await using made = await world({ columns: { a: 'numeric', b: 'uuid', n: 'integer' }, key: ['a', 'b'] })
  const keys = [
    ['1', uuid],
    ['1.0', uuid.toLowerCase()],
    ['1e0', uuid],
    [1, uuid],
  ]
  await deliverTo(await made.open({ smallRows: 0 }), [
    rangeOf(
      0,
      keys.map(([a, b], n) => ({ a, b, n })),
    ),
  ])
  expect((await made.rows()).map(({ n }) => n)).toEqual([3])
})

test('D2: names that need quoting, a schema of its own, named position columns, another order of columns', async () => {
  const positionColumns = { src: 'from "where"', epoch: 'e', offset: 'o', index: 'i', ts: 't', version: 'v' }
  await using made = await world({
    schema: `Sch"ema ${String(process.pid)}`,
    columns: { 'sel"ect': 'text', 'ünïcode ": $1 ?': 'integer', c0: 'text' },
    key: ['ünïcode ": $1 ?'],
    positionColumns,
    order: 'version',
  })
  const record = { record: sourceRecord(0), rows: [{ 'sel"ect': 'a', 'ünïcode ": $1 ?': 1, c0: 'c' }], versions: [1] }
  for (const smallRows of [0, 500]) await deliverTo(await made.open({ smallRows }), [{ source, records: [record] }])
  const table = `"Sch""ema ${String(process.pid)}"."${made.table}"`
  expect(await made.sql(`SELECT "sel""ect" AS a, "from ""where""" AS src, o::integer FROM ${table}`)).toEqual([
    { a: 'a', src: 'contract-topic/000000/6005383b', o: 0 },
  ])
  await made.sql(`DROP SCHEMA "Sch""ema ${String(process.pid)}" CASCADE`)
})

/** Rows of few keys over three partitions, timestamps running backwards now and then. */
const history = fc.array(
  fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    partition: fc.nat(2),
    ts: fc.nat(4),
    version: fc.oneof(fc.nat(3), fc.double({ noNaN: true }), fc.constantFrom('a', 'b', '\uFF61', '\u{1F30B}', '')),
  }),
  { minLength: 20, maxLength: 40 },
)

describe.each<OrderKind>(['log', 'timestamp', 'version'])('order %s', (order) => {
  test('D3: the server decides as core/order.ts does, row by row and in batches', async () => {
    await using made = await world({ columns: { id: 'text', n: 'integer' }, key: ['id'], order })
    const writer = await made.open()
    const next = [0, 0, 0]
    const newest = new Map<string, { n: number; position: Position }>()
    let n = 0
    let run = 0
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 1, max: 8 }), async (rows, size) => {
        const prefix = run++ // keys of its own: the newest of an earlier run would hide what this one does
        for (let at = 0; at < rows.length; at += size) {
          const ranges = [0, 1, 2].map((partition) => ({
            source: { ...source, partition },
            records: rows.slice(at, at + size).flatMap((row) => {
              if (row.partition !== partition) return []
              const record = { ...sourceRecord(next[partition]!++, { partition }), timestamp: row.ts }
              return [{ record, rows: [{ id: `${prefix}${row.key}`, n: n++ }], versions: [row.version] }]
            }),
          }))
          const batch = ranges.filter(({ records }) => records.length > 0)
          await deliverTo(writer, batch)
          const given = batch.flatMap(({ records }) =>
            records.map(({ record, rows, versions }) => ({
              ...rows[0]!,
              position: positionOf(
                sourceMark({ cluster: CLUSTER, topic: TOPIC, partition: record.partition }),
                record,
                0,
                0,
                order === 'version' ? versions[0] : undefined,
              ),
            })),
          )
          for (const { id, n, position } of compact(given, ({ id }) => id, order)) {
            const old = newest.get(id)
            if (!old || isNewer(order, position, old.position)) newest.set(id, { n, position })
          }
        }
        const stored = await made.sql<{ id: string; n: number }>(`SELECT id, n FROM "${made.table}" ORDER BY n`)
        expect(stored).toEqual([...newest].map(([id, { n }]) => ({ id, n })).sort((a, b) => a.n - b.n))
      }),
      { numRuns: 8 },
    )
  })
})
