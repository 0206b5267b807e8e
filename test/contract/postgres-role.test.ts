/** The role that `migrate` makes runs the whole sink, and needs each of its rights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { quote } from '../../src/sinks/postgres/identifiers.ts'
import { databaseRole } from '../../src/sinks/postgres/index.ts'
import { rightsOf } from '../../src/sinks/postgres/rights.ts'
import type { Right } from '../../src/sinks/postgres/rights.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { deliverTo, invocation, range, span } from '../../src/testing/contract-world.ts'
import { sinkContract } from '../../src/testing/sink-contract.ts'
import { asRole, startRdsLike } from './migrate-world.ts'
import type { RdsLike } from './migrate-world.ts'
import { contractHarness, world } from './postgres-world.ts'
import type { World, WorldOptions } from './postgres-world.ts'

let rds: RdsLike
let database: PostgresEndpoint
beforeAll(async () => {
  rds = await startRdsLike()
  database = await rds.database()
})
afterAll(() => rds.stop())

const restricted = (options: WorldOptions = {}) => world({ ...options, place: asRole(rds, database) })

describe.each([
  ['keyed, COPY', true, 0],
  ['keyed, straight', true, undefined],
] as const)('PostgreSQL sink as the role of its function, %s', (_, keyed, smallRows) => {
  for (const { name, run } of sinkContract(contractHarness(restricted, keyed, smallRows))) test(name, run)
})

/** Deletes one of two rows, which was there before. */
async function deletingToo(made: World): Promise<void> {
  const writer = await made.open({ smallRows: 0 })
  await deliverTo(writer, [range(span(0, 1))])
  await deliverTo(writer, [range([2], { deletes: [{ id: '0-0' }] })])
  await deliverTo(writer, [range([3], { deletes: [{ id: '0-0' }] })])
  expect((await made.rows()).map(({ id }) => id)).toEqual(['0-1'])
}

/** Rows that update others, one that the table refuses, and its letter out of the outbox. */
async function everything(made: World): Promise<void> {
  const writer = await made.open({ smallRows: 0 })
  await deliverTo(writer, [range(span(0, 4)), range(span(0, 4), { partition: 1 })])
  const call = invocation()
  const same = { rows: [{ id: '0-1', n: 70, note: null }] }
  await writer
    .prepare([range([5], same), range([5], { partition: 1, rows: [{ id: 'seven', n: 7, note: null }] })])
    .write(call)
  expect(call.letters).toHaveLength(1)
  expect(await made.sql('SELECT FROM weirhouse.refused WHERE pipeline = $1', [made.pipeline])).toEqual([])
}

const prepared = async (): Promise<World> => {
  const made = await restricted({ key: ['id'], schema: 'public' })
  await made.sql(`ALTER TABLE "${made.table}" ADD CHECK (n <> 7)`)
  return made
}

test('D6: it exports dead letters', async () => {
  await using made = await prepared()
  await everything(made)
})

type RightCase = readonly [privilege: string, on: string, path: string, right: Right]
const rightCases = (deletes: boolean): RightCase[] =>
  rightsOf({ schema: 'public', table: 'TABLE' }, deletes).flatMap((right) =>
    right.privileges.map((privilege) => [privilege, right.on, right.path.join('.'), right] as const),
  )

async function revoke(made: World, privilege: string, { on, path }: Right): Promise<void> {
  const name = on === 'database' ? [database.database] : path.map((part) => (part === 'TABLE' ? made.table : part))
  const what = `${privilege} ON ${on} ${name.map(quote).join('.')}`
  await made.sql(`REVOKE ${what} FROM ${databaseRole(made.pipeline)}`)
}

describe('each right is needed', () => {
  test.each(rightCases(false))('%s on %s %s', async (privilege, _on, _path, right) => {
    await using made = await prepared()
    await revoke(made, privilege, right)
    await expect(everything(made)).rejects.toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      message: expect.stringContaining('42501'),
    })
  })
})

describe('each right that deletes add is needed', () => {
  const without = rightCases(false).map(([privilege, on, path]) => `${privilege} ${on} ${path}`)
  const added = rightCases(true).filter(([privilege, on, path]) => !without.includes(`${privilege} ${on} ${path}`))

  test('with them it deletes', async () => {
    await using made = await restricted({ key: ['id'], deletes: { keepMs: 0 } })
    await deletingToo(made)
  })

  test.each(added)('%s on %s %s', async (privilege, _on, _path, right) => {
    await using made = await restricted({ key: ['id'], deletes: { keepMs: 0 } })
    await revoke(made, privilege, right)
    await expect(deletingToo(made)).rejects.toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      message: expect.stringContaining('42501'),
    })
  })
})

test('D8: a database without weirhouse.deleted halts a pipeline that deletes, and no other', async () => {
  const place = asRole(rds, await rds.database())
  await using made = await world({ key: ['id'], deletes: {}, place })
  await using other = await world({ key: ['id'], place })
  await made.sql('DROP TABLE weirhouse.deleted')
  await deliverTo(await other.open(), [range([0])])
  await expect(deliverTo(await made.open(), [range([0])])).rejects.toMatchObject({
    code: 'WEIR_STORE_MISCONFIGURED',
    message: expect.stringContaining('weirhouse.deleted'),
  })
})
