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
  ['append, one statement', false, 500],
] as const)('PostgreSQL sink as the role of its function, %s', (_, keyed, smallRows) => {
  for (const { name, run } of sinkContract(contractHarness(restricted, keyed, smallRows))) test(name, run)
})

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

describe('each right is needed', () => {
  const each = rightsOf({ schema: 'public', table: 'TABLE' }).flatMap((right) =>
    right.privileges.map((privilege) => [privilege, right.on, right.path.join('.'), right] as const),
  )

  test.each(each)('%s on %s %s', async (privilege, _on, _path, right: Right) => {
    await using made = await prepared()
    const name =
      right.on === 'database' ? [database.database] : right.path.map((part) => (part === 'TABLE' ? made.table : part))
    const on = `${privilege} ON ${right.on} ${name.map(quote).join('.')}`
    await made.sql(`REVOKE ${on} FROM ${databaseRole(made.pipeline)}`)
    await expect(everything(made)).rejects.toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      message: expect.stringContaining('42501'),
    })
  })
})
