/** What a table has besides what the definition names, and values at the ends of their types, in keyed and in append tables. */
import { describe, expect, test } from 'vitest'
import { deliverTo, range, span } from '../../src/testing/contract-world.ts'
import { world } from './postgres-world.ts'

const POSITION =
  '_src text NOT NULL, _epoch bigint NOT NULL, _offset bigint NOT NULL, _index integer NOT NULL, _ts bigint NOT NULL'

describe.each([
  ['keyed', ['id']],
  ['append', undefined],
] as const)('%s table', (_, key) => {
  const keyed = key ? { key: [...key] } : {}

  test.each([
    ['one statement', 500],
    ['COPY', 0],
  ])('D2: generated columns, defaults and identities are left alone, by %s', async (_how, smallRows) => {
    await using made = await world({
      ...keyed,
      columns: { id: 'text', n: 'integer' },
      create: (table) => [
        `CREATE TABLE public."${table}" (id text ${key ? 'PRIMARY KEY' : 'NOT NULL'}, n integer, twice integer GENERATED ALWAYS AS (n * 2) STORED,
         status text NOT NULL DEFAULT 'new', number bigint GENERATED ALWAYS AS IDENTITY, ${POSITION})`,
      ],
    })
    const writer = await made.open({ smallRows })
    await deliverTo(writer, [range([0], { rows: [{ id: 'a', n: 1, twice: 99, status: 'given' }] })])
    await made.sql(`UPDATE "${made.table}" SET status = 'seen by a person'`)
    await deliverTo(writer, [range([1], { rows: [{ id: 'a', n: 5 }] })])
    const found = await made.sql(`SELECT n, twice, status FROM "${made.table}" ORDER BY _offset`)
    const after = { n: 5, twice: 10 }
    expect(found).toEqual(
      key
        ? [{ ...after, status: 'seen by a person' }]
        : [
            { n: 1, twice: 2, status: 'seen by a person' },
            { ...after, status: 'new' },
          ],
    )
  })

  test('D2: jsonb, numeric, timestamptz, arrays, bytea and integers beyond 2^53 keep every digit', async () => {
    await using made = await world({
      ...keyed,
      columns: {
        id: 'text',
        doc: 'jsonb',
        amount: 'numeric',
        at: 'timestamptz',
        tags: 'text[]',
        many: 'bigint[]',
        raw: 'bytea',
        big: 'bigint',
      },
    })
    const row = {
      id: 'a',
      doc: { deep: [1, { text: 'é "quoted"' }, null] },
      amount: '12345678901234567890.000000000000000001',
      at: '2026-01-31T12:34:56.123456+05:30',
      tags: ['x', '{y}', 'with, comma', null],
      many: [9_007_199_254_740_993n, '-9223372036854775808'],
      raw: Buffer.from([0, 1, 255]),
      big: '9007199254740993',
    }
    await deliverTo(await made.open(), [range([0], { rows: [row] })])
    const [found] = await made.sql(
      `SELECT doc, amount::text, (at AT TIME ZONE 'UTC')::text AS at, tags, many::text, raw, big::text FROM "${made.table}"`,
    )
    expect(found).toEqual({
      doc: row.doc,
      amount: row.amount,
      at: '2026-01-31 07:04:56.123456',
      tags: row.tags,
      many: '{9007199254740993,-9223372036854775808}',
      raw: row.raw,
      big: row.big,
    })
  })

  test.each<[string, object, RegExp]>([
    ['NUL in text', { note: 'a\0b' }, /column "note" \(text\): text that holds NUL/],
    ['NUL in a document', { doc: { a: ['\0'] } }, /column "doc" \(jsonb\): JSON text that holds NUL/],
    ['NUL in an array', { tags: ['a\0'] }, /column "tags" \(text\[\]\): in the array: text that holds NUL/],
    ['a number that is not exact', { big: 2 ** 53 }, /column "big" \(bigint\): a number beyond 2\^53 is not exact/],
    ['a bigint out of range', { big: 2n ** 63n }, /column "big" \(bigint\): out of the range of bigint/],
  ])('D6: %s refuses its record before writing, and its neighbours land', async (_what, bad, reason) => {
    const columns = { id: 'text', note: 'text', doc: 'jsonb', tags: 'text[]', big: 'bigint' }
    await using made = await world({ ...keyed, columns })
    const writer = await made.open()
    const ranges = span(0, 2).map((n) => range([n], { rows: [{ id: `r${n}`, ...(n === 1 ? bad : {}) }] }))
    const batch = [{ source: ranges[0]!.source, records: ranges.flatMap(({ records }) => records) }]
    expect(writer.prepare(batch).refusals.map(({ record, text }) => [record.offset, text])).toEqual([
      [1, expect.stringMatching(reason)],
    ])
    await deliverTo(writer, batch)
    expect((await made.rows()).map(({ id }) => id)).toEqual(['r0', 'r2'])
  })
})
