/** Keyed rows that go straight into their table, and what sends them through an upsert after all. */
import { expect, test } from 'vitest'
import { WeirError } from '../../src/core/errors.ts'
import { deliverTo, invocation, range, span } from '../../src/testing/index.ts'
import { someoneWaits, watermarkOf, world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

/** Statements that reached the table, by kind. */
async function counted(made: World): Promise<void> {
  await made.sql(`CREATE TABLE public."${made.table}_seen" (how text)`)
  await made.sql(`CREATE FUNCTION "f${made.table}"() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public."${made.table}_seen" SELECT CASE WHEN current_query() LIKE '%ON CONFLICT%' THEN 'upsert' ELSE 'straight' END; RETURN NULL; END $$`)
  await made.sql(`CREATE TRIGGER seen AFTER INSERT ON "${made.table}" EXECUTE FUNCTION "f${made.table}"()`)
}

const seen = async (made: World) =>
  (await made.sql<{ how: string }>(`SELECT how FROM public."${made.table}_seen"`)).map(({ how }) => how)

const notes = async (made: World) => (await made.rows()).map(({ id, note }) => [id, note])
const at = (offset: number, id: string, note: string, partition = 0, timestamp?: number) => {
  const made = range([offset], { partition, rows: [{ id, n: offset, note }] })
  if (timestamp === undefined) return made
  return { ...made, records: made.records.map((each) => ({ ...each, record: { ...each.record, timestamp } })) }
}

test('D2 D3: new keys go straight in; one that is there sends its batch through an upsert, where the newer row stays', async () => {
  await using made = await world({ key: ['id'], order: 'timestamp' })
  await counted(made)
  const writer = await made.open()
  await deliverTo(writer, [at(0, 'a', 'newest', 0, 9_000)])
  expect(await seen(made)).toEqual(['straight'])
  const older = at(0, 'a', 'older', 1, 5_000)
  const more = at(1, 'b', 'new', 1, 6_000)
  const both = { ...older, records: [...older.records, ...more.records] }
  const report = await deliverTo(writer, [both])
  expect(report.ranges[0]).toMatchObject({ rows: 1, duplicates: 0, refused: 0 })
  expect(await notes(made)).toEqual([
    ['a', 'newest'],
    ['b', 'new'],
  ])
  expect(await watermarkOf(made, 1)).toMatchObject({ next_offset: '2' })
  await deliverTo(writer, [at(1, 'c', 'after a wait')])
  await deliverTo(writer, [at(2, 'd', 'straight again')])
  expect(await seen(made)).toEqual(['straight', 'upsert', 'upsert', 'straight'])
})

test('D2 D8: a unique index dropped under a warm writer halts it; no key is there twice', async () => {
  await using made = await world({ key: ['id'] })
  const writer = await made.open()
  await deliverTo(writer, [range(span(0, 4))])
  await made.sql(`ALTER TABLE "${made.table}" DROP CONSTRAINT "${made.table}_pkey"`)
  const again = range([5], { rows: [{ id: '0-1', n: 70, note: null }] })
  const failed = await deliverTo(writer, [again]).catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(WeirError)
  expect(failed).toMatchObject({ code: 'WEIR_STORE_MISCONFIGURED', retryable: false })
  expect(await made.rows()).toHaveLength(5)
  await made.sql(`ALTER TABLE "${made.table}" ADD PRIMARY KEY (id)`)
  await deliverTo(writer, [again])
  expect((await made.rows()).map(({ n }) => n)).toEqual([0, 2, 3, 4, 70])
})

test('D4: two writers that meet on new keys in opposite order both finish', async () => {
  await using made = await world({ key: ['id'] })
  const rows = (partition: number, ids: readonly string[]) => ({
    ...range(span(0, ids.length - 1), { partition }),
    records: range(span(0, ids.length - 1), { partition }).records.map((each, i) => ({
      ...each,
      rows: [{ id: ids[i]!, n: i, note: `${partition}` }],
    })),
  })
  const writers = [await made.open(), await made.open()]
  await Promise.all(
    writers.map((writer, partition) => deliverTo(writer, [at(0, `warm ${partition}`, '', partition + 2)])),
  )
  await made.sql(`BEGIN; LOCK TABLE "${made.table}" IN EXCLUSIVE MODE`)
  const ids = span(0, 400).map((n) => `k${String(n).padStart(3, '0')}`)
  const both = [deliverTo(writers[0]!, [rows(0, ids)]), deliverTo(writers[1]!, [rows(1, ids.toReversed())])]
  await someoneWaits(made)
  await made.sql('COMMIT')
  await Promise.all(both)
  expect(await made.rows()).toHaveLength(ids.length + 2)
})

test('D8: a table under row-level security, which COPY does not fill, is upserted', async () => {
  await using made = await world({ key: ['id'] })
  const [me] = await made.sql<{ name: string }>('SELECT current_user AS name')
  await made.sql(`ALTER TABLE "${made.table}" ENABLE ROW LEVEL SECURITY`)
  await made.sql(`ALTER TABLE "${made.table}" FORCE ROW LEVEL SECURITY`)
  await made.sql(`CREATE POLICY everything ON "${made.table}" TO "${me!.name}" USING (true)`)
  const call = invocation()
  const writer = await made.open()
  await writer.prepare([range(span(0, 599))]).write(call)
  expect(call.letters).toEqual([])
  expect(await made.rows()).toHaveLength(600)
})
