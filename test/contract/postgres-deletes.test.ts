/** What PostgreSQL alone has of deletes: the table that remembers them, and deletes that a table refuses. */
import { describe, expect, test } from 'vitest'
import type { KeyFields, SinkRange } from '../../src/sinks/sink.ts'
import { deliverTo, invocation, range } from '../../src/testing/contract-world.ts'
import { world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

const DAY_MS = 86_400_000

const put = (offset: number, row: object, partition = 0): SinkRange => range([offset], { partition, rows: [row] })
const del = (offset: number, keys: readonly KeyFields[], partition = 0): SinkRange =>
  range([offset], { partition, deletes: keys })
const joined = (...ranges: readonly SinkRange[]): SinkRange => ({
  source: ranges[0]!.source,
  records: ranges.flatMap(({ records }) => records),
})

async function deliver(made: World, ...batches: readonly (readonly SinkRange[])[]): Promise<void> {
  const writer = await made.open()
  for (const ranges of batches) await deliverTo(writer, ranges)
}

const remembered = (made: World) =>
  made.sql<{ src: string; at: number }>(
    'SELECT src, record_offset::integer AS at FROM weirhouse.deleted WHERE pipeline = $1 ORDER BY at',
    [made.pipeline],
  )

describe('weirhouse.deleted', () => {
  test('D4: remembers position and owner of each delete; a redelivery adds nothing', async () => {
    await using made = await world({ key: ['id'], deletes: {} })
    await deliver(made, [joined(put(0, { id: 'a' }), del(1, [{ id: 'a' }]))], [del(2, [{ id: 'b' }])])
    await deliver(made, [joined(put(0, { id: 'a' }), del(1, [{ id: 'a' }]))])
    expect(await remembered(made)).toEqual([
      { src: 'contract-topic/000000/6005383b', at: 1 },
      { src: 'contract-topic/000000/6005383b', at: 2 },
    ])
  })

  test.each([
    ['pruned once older than that', 2, [3]],
    ['kept where not', 9, [1, 3]],
  ])('with a time to keep them: %s', async (_, days, expected) => {
    await using made = await world({ key: ['id'], deletes: { keepMs: days * DAY_MS } })
    await deliver(made, [del(1, [{ id: 'a' }])])
    await made.sql(`UPDATE weirhouse.deleted SET deleted_at = now() - interval '3 days' WHERE pipeline = $1`, [
      made.pipeline,
    ])
    await deliver(made, [put(2, { id: 'b' })], [del(3, [{ id: 'c' }])])
    expect((await remembered(made)).map(({ at }) => at)).toEqual(expected)
  })

  test('a time to keep them is no matter where none is given', async () => {
    await using made = await world({ key: ['id'], deletes: {} })
    await deliver(made, [del(1, [{ id: 'a' }])])
    await made.sql(`UPDATE weirhouse.deleted SET deleted_at = '-infinity' WHERE pipeline = $1`, [made.pipeline])
    await deliver(made, [del(2, [{ id: 'b' }])])
    expect(await remembered(made)).toHaveLength(2)
  })
})

test('D3: keys that PostgreSQL holds equal are one key for deletes as well: 1, 1.0; a uuid in either case', async () => {
  const uuid = '8F9C4C3E-0000-4000-8000-0242AC120002'
  await using made = await world({ columns: { a: 'numeric', b: 'uuid' }, key: ['a', 'b'], deletes: {} })
  await deliver(made, [put(0, { a: '1', b: uuid })], [del(1, [{ a: '1.00', b: uuid.toLowerCase() }])])
  expect(await made.rows()).toEqual([])
  await deliver(made, [put(2, { a: '1e0', b: uuid })])
  expect(await made.rows()).toHaveLength(1)
})

test('D2: a key of several columns, named fields beside it, array columns: by COPY', async () => {
  const columns = { id: 'text', n: 'integer', tags: 'text[]' }
  await using made = await world({ columns, key: ['n', 'id'], deletes: {}, unknownFields: 'refuse' })
  await deliver(made, [joined(put(0, { id: 'a', n: 1, tags: ['x'] }), put(1, { id: 'a', n: 2, tags: null }))])
  await deliver(made, [del(2, [{ id: 'a', n: 1, elsewhere: 'pk' }])])
  expect(await made.rows()).toEqual([{ id: 'a', n: 2, tags: null }])
})

describe('a delete that the table refuses', () => {
  const referenced = async () => {
    const made = await world({ key: ['id'], deletes: {} })
    await made.sql(`CREATE TABLE "${made.table}_child" (id text REFERENCES "${made.table}" (id))`)
    await deliver(made, [joined(put(0, { id: 'a' }), put(1, { id: 'b' }))])
    await made.sql(`INSERT INTO "${made.table}_child" VALUES ('a')`)
    return made
  }

  test('D6: is a dead letter once; its neighbours take effect, the other keys of its record do not', async () => {
    await using made = await referenced()
    const writer = await made.open()
    const call = invocation()
    const batch = [
      joined(put(2, { id: 'c' }), del(3, [{ id: 'b' }, { id: 'a' }]), put(4, { id: 'd' }), del(5, [{ id: 'd' }])),
    ]
    await writer.prepare(batch).write(call)
    expect(call.letters.map(({ record, text, stage }) => [record.offset, stage, text.slice(0, 5)])).toEqual([
      [3, 'store', '23503'],
    ])
    expect((await made.rows()).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    expect((await remembered(made)).map(({ at }) => at)).toEqual([5])
    await made.sql(`DROP TABLE "${made.table}_child"`)
  })

  test('D3: an older put of the same batch is not lost with it', async () => {
    await using made = await referenced()
    const writer = await made.open()
    const call = invocation()
    await writer.prepare([joined(put(2, { id: 'a', n: 7 }), del(3, [{ id: 'a' }]))]).write(call)
    expect(call.letters).toHaveLength(1)
    expect((await made.rows()).find(({ id }) => id === 'a')).toMatchObject({ n: 7 })
    await made.sql(`DROP TABLE "${made.table}_child"`)
  })
})

test('an append table stores nothing of a delete, and asks for no more than before', async () => {
  await using made = await world({ deletes: {} })
  await deliver(made, [joined(put(0, { id: 'a' }), del(1, [{ id: 'a' }]))])
  expect((await made.rows()).map(({ id }) => id)).toEqual(['a'])
  expect(await remembered(made)).toEqual([])
})
