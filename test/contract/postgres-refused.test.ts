import { describe, expect, test } from 'vitest'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import {
  CLUSTER,
  contractRow,
  deliverTo,
  invocation,
  range,
  sourceRecord,
  span,
  TOPIC,
} from '../../src/testing/index.ts'
import type { SinkRange } from '../../src/sinks/sink.ts'
import { watermarkOf, world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }

/** One record an entry: its rows. */
function batch(first: number, ...records: (readonly Record<string, unknown>[])[]): SinkRange {
  return { source, records: records.map((rows, i) => ({ record: sourceRecord(first + i), rows })) }
}

const row = (id: string, n: number, note: string | null = null) => ({ id, n, note })
const offsets = (letters: readonly DeadLetter[]) => letters.map(({ record }) => record.offset)

async function outboxSize(made: World): Promise<number> {
  const rows = await made.sql('SELECT FROM weirhouse.refused WHERE pipeline = $1', [made.pipeline])
  return rows.length
}

/** What a table can hold against a row, and the SQLSTATE of it. */
const causes: Record<string, { sql: (table: string) => string[]; code: string }> = {
  'a check constraint': { sql: (table) => [`ALTER TABLE "${table}" ADD CHECK (n <> 7)`], code: '23514' },
  'a constraint checked only at COMMIT': {
    sql: (table) => [
      `ALTER TABLE "${table}" ADD COLUMN odd integer GENERATED ALWAYS AS (CASE WHEN n IN (6, 7) THEN 1 ELSE n + 100 END) STORED`,
      `ALTER TABLE "${table}" ADD UNIQUE (odd) DEFERRABLE INITIALLY DEFERRED`,
    ],
    code: '23505',
  },
  'a unique index on another column': {
    sql: (table) => [`CREATE UNIQUE INDEX ON "${table}" ((CASE WHEN n IN (6, 7) THEN 1 ELSE n + 100 END))`],
    code: '23505',
  },
  'an exception in a trigger': { sql: (table) => trigger(table, `RAISE EXCEPTION 'no sevens'`), code: 'P0001' },
  'an exception with a code of its own': {
    sql: (table) => trigger(table, `RAISE EXCEPTION 'no sevens' USING ERRCODE = 'ZZ007'`),
    code: 'ZZ007',
  },
  'a value too long for a trigger': {
    sql: (table) => trigger(table, `NEW.note := repeat('x', 9)::varchar(9); PERFORM ('x' || NEW.n)::integer`),
    code: '22P02',
  },
}

function trigger(table: string, body: string): string[] {
  return [
    `CREATE FUNCTION "f${table}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n = 7 THEN ${body}; END IF; RETURN NEW; END $$`,
    `CREATE TRIGGER refuse BEFORE INSERT ON "${table}" FOR EACH ROW EXECUTE FUNCTION "f${table}"()`,
  ]
}

describe.each(Object.entries(causes))('refused by %s', (_, { sql, code }) => {
  test.each([
    ['keyed, straight', ['id'], undefined],
    ['keyed, one statement', ['id'], 500],
    ['keyed, COPY', ['id'], 0],
    ['append', undefined, undefined],
  ])('D6 D8: %s: one dead letter, neighbours land, once', async (_, key, smallRows) => {
    await using made = await world(key ? { key } : {})
    for (const statement of sql(made.table)) await made.sql(statement)
    const writer = await made.open(smallRows === undefined ? {} : { smallRows })
    const call = invocation()
    const report = await writer.prepare([range(span(0, 19))]).write(call)
    expect(report.ranges[0]).toMatchObject({ rows: 19, refused: 1, duplicates: 0 })
    expect(offsets(call.letters)).toEqual([7])
    expect(call.letters[0]).toMatchObject({
      pipeline: made.pipeline,
      sink: 'sql',
      source,
      epoch: 0,
      stage: 'store',
      code: 'WEIR_REFUSED',
      record: sourceRecord(7),
    })
    expect(call.letters[0]!.text).toContain(code)
    const again = invocation()
    await writer.prepare([range(span(0, 19))]).write(again)
    expect(again.letters).toEqual([])
    expect((await made.rows()).map(({ n }) => n)).toEqual(span(0, 19).filter((n) => n !== 7))
    expect(await outboxSize(made)).toBe(0)
  })
})

describe('what a refusal must not take with it', () => {
  const refusesSeven = async (made: World) => made.sql(`ALTER TABLE "${made.table}" ADD CHECK (n <> 7)`)

  test("D3 D6: a key's last row refused: its valid predecessor stands", async () => {
    await using made = await world({ key: ['id'] })
    await refusesSeven(made)
    const writer = await made.open()
    const call = invocation()
    await writer.prepare([batch(0, [row('a', 1)], [row('a', 2)], [row('b', 3)], [row('a', 7)])]).write(call)
    expect(await made.rows()).toEqual([row('a', 2), row('b', 3)])
    expect(offsets(call.letters)).toEqual([3])
  })

  test('D6: one refused row refuses all rows of its record, and restores what they had replaced', async () => {
    await using made = await world({ key: ['id'] })
    await refusesSeven(made)
    const call = invocation()
    const records = batch(0, [row('a', 1)], [row('a', 2), row('b', 7)], [row('c', 3)])
    const report = await (await made.open()).prepare([records]).write(call)
    expect(await made.rows()).toEqual([row('a', 1), row('c', 3)])
    expect(offsets(call.letters)).toEqual([1])
    expect(report.ranges[0]).toMatchObject({ rows: 2, refused: 1 })
  })

  test('D8: a row that only clashes with one that moves away is not refused', async () => {
    await using made = await world({ key: ['id'] })
    await made.sql(`CREATE UNIQUE INDEX ON "${made.table}" (n)`)
    const writer = await made.open()
    await deliverTo(writer, [batch(0, [row('b', 1)])])
    const call = invocation()
    await writer.prepare([batch(1, [row('a', 1)], [row('b', 2)])]).write(call)
    expect(call.letters).toEqual([])
    expect(await made.rows()).toEqual([row('a', 1), row('b', 2)])
  })

  test('D6: everything refused: every record a dead letter, the watermark moves', async () => {
    await using made = await world()
    await made.sql(`ALTER TABLE "${made.table}" ADD CHECK (n < 0)`)
    const call = invocation()
    await (await made.open()).prepare([range(span(0, 49))]).write(call)
    expect(offsets(call.letters)).toEqual(span(0, 49))
    expect(await watermarkOf(made)).toMatchObject({ next_offset: '50' })
  })

  test('D6: a dead letter carries bytes, headers and position as they were', async () => {
    await using made = await world()
    await refusesSeven(made)
    const record = {
      ...sourceRecord(5),
      key: null,
      value: Buffer.from([0, 255, 128]),
      headers: [
        { name: 'é\0', value: Buffer.from([0, 1]) },
        { name: 'é\0', value: Buffer.alloc(0) },
      ],
    }
    const call = invocation()
    await (await made.open()).prepare([{ source, records: [{ record, rows: [row('a', 7)] }] }]).write(call)
    expect(call.letters.map((letter) => letter.record)).toEqual([record])
  })

  test.each([500, 0])('D6: a timestamp of 64 bits goes into rows and dead letters (%i)', async (smallRows) => {
    await using made = await world({ key: ['id'], order: 'timestamp' })
    await refusesSeven(made)
    const call = invocation()
    const stamped = [2 ** 63 - 1024, -(2 ** 63), 1_700_000_000_000_000_000].map((timestamp, i) => ({
      record: { ...sourceRecord(i), timestamp },
      rows: [row(`k${i}`, i === 0 ? 7 : i)],
    }))
    await (await made.open({ smallRows })).prepare([{ source, records: stamped }]).write(call)
    expect(await made.sql(`SELECT _ts FROM "${made.table}" ORDER BY id`)).toEqual([
      { _ts: '-9223372036854775808' },
      { _ts: '1700000000000000000' },
    ])
    expect(call.letters.map(({ record }) => record)).toEqual([stamped[0]!.record])
  })

  test('D1 D6: dead letters that could not be exported stay in the outbox until a later invocation has them out', async () => {
    await using made = await world()
    await refusesSeven(made)
    const down = { ...invocation(), putDeadLetters: () => Promise.reject(new Error('dead-letter store is down')) }
    const first = await made.open()
    await expect(first.prepare([range(span(0, 9))]).write(down)).rejects.toThrow('dead-letter store is down')
    expect(await outboxSize(made)).toBe(1)
    const warm = invocation()
    await first.prepare([range(span(0, 9))]).write(warm)
    expect(offsets(warm.letters)).toEqual([7])
    expect(await outboxSize(made)).toBe(0)
  })

  test('D1 D6: letters of an environment that died between commit and export go out with another one, warm or cold', async () => {
    await using made = await world()
    await refusesSeven(made)
    const warm = await made.open()
    await deliverTo(warm, [range(span(0, 3))])
    const dying = { ...invocation(), putDeadLetters: () => new Promise<void>(() => undefined) }
    void (await made.open()).prepare([range(span(4, 9))]).write(dying)
    await expect.poll(() => outboxSize(made)).toBe(1)
    const call = invocation()
    await warm.prepare([range(span(10, 12))]).write(call)
    expect(offsets(call.letters)).toEqual([7])
    expect(await outboxSize(made)).toBe(0)
    expect((await made.rows()).length).toBe(12)
    expect(contractRow(1)).toEqual((await made.rows())[1])
  })
})
