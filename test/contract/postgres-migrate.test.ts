/** `migrate` on a real server, as the master user of RDS runs it. */
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WeirError } from '../../src/core/errors.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { migrateIn, pipelineOf, startRdsLike } from './migrate-world.ts'
import type { RdsLike } from './migrate-world.ts'

let rds: RdsLike
beforeAll(async () => {
  rds = await startRdsLike()
})
afterAll(() => rds.stop())

async function asMaster<T>(login: PostgresEndpoint, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ ...login })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Everything that a migration could change, as text. */
function stateOf({ database }: PostgresEndpoint): Promise<unknown[]> {
  return rds.server.asSuperuser(
    database,
    `SELECT n.nspname, n.nspacl::text, c.relname, c.relacl::text, a.attname, a.attnotnull, format_type(a.atttypid, a.atttypmod)
     FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid
     LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     UNION ALL SELECT datacl::text, NULL, NULL, NULL, NULL, NULL, NULL FROM pg_database WHERE datname = current_database()
     UNION ALL SELECT rolname, NULL, NULL, NULL, NULL, rolcanlogin, NULL FROM pg_roles ORDER BY 1, 3, 5`,
  )
}

async function refusal(work: Promise<unknown>): Promise<WeirError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof WeirError) return error
  throw new Error('nothing was refused', { cause: error })
}

let count = 0
const name = () => `quakes-${count++}`

describe('what is missing', () => {
  test('an empty database: planned, applied, and then there is nothing to do', async () => {
    const login = await rds.database()
    const pipelines = [pipelineOf(name(), { key: ['id'], schema: 'my "own"' }), pipelineOf(name())]
    const before = await stateOf(login)
    const planned = await migrateIn(login, pipelines, { dryRun: true })
    expect(await stateOf(login)).toEqual(before)
    expect(planned).toMatchObject({ applied: false })
    expect(planned.statements.length).toBeGreaterThan(10)
    expect(await migrateIn(login, pipelines)).toEqual({ statements: planned.statements, applied: true })
    const after = await stateOf(login)
    expect(await migrateIn(login, pipelines)).toEqual({ statements: [], applied: false })
    expect(await stateOf(login)).toEqual(after)
  })

  test('columns that a definition gained, and nothing else', async () => {
    const login = await rds.database()
    const own = name()
    await migrateIn(login, [pipelineOf(own)])
    await asMaster(login, (client) => client.query(`INSERT INTO "${own}" VALUES ('a', 1, NULL, 's', 0, 0, 0, 0)`))
    const grown = pipelineOf(own, { columns: { id: 'text', n: 'integer', note: 'text', at: 'timestamptz' } })
    expect((await migrateIn(login, [grown])).statements).toEqual([
      `ALTER TABLE "public"."${own}"\n  ADD COLUMN IF NOT EXISTS "at" timestamptz`,
    ])
    expect((await migrateIn(login, [grown])).statements).toEqual([])
  })

  test('rights that somebody took away', async () => {
    const login = await rds.database()
    const own = name()
    await migrateIn(login, [pipelineOf(own)])
    const role = `weirhouse_${own.replace('-', '_')}`
    await asMaster(login, (client) => client.query(`REVOKE UPDATE ON "${own}" FROM ${role}`))
    expect((await migrateIn(login, [pipelineOf(own)])).statements).toEqual([
      `GRANT UPDATE ON TABLE "public"."${own}" TO "${role}"`,
    ])
  })

  test('two at the same time: one does it all, the other finds nothing to do', async () => {
    const login = await rds.database()
    const pipelines = [pipelineOf(name())]
    const both = await Promise.all([migrateIn(login, pipelines), migrateIn(login, pipelines)])
    expect(new Set(both.map(({ applied }) => applied))).toEqual(new Set([false, true]))
  })

  test('without roles, as on a local stack, there is no word of them', async () => {
    const login = await rds.database()
    const { statements } = await migrateIn(login, [pipelineOf(name())], { roles: false })
    expect(statements.join()).not.toMatch(/ROLE|GRANT/)
  })
})

describe('what adding does not mend is refused before anything is applied; with the statements of a person it fits', () => {
  const breaks: Record<string, { change: (t: string) => string; reason: string }> = {
    'another type': { change: (t) => `ALTER TABLE ${t} ALTER n TYPE bigint`, reason: 'the definition says integer' },
    'a key column that may be null': {
      change: (t) => `ALTER TABLE ${t} DROP CONSTRAINT KEY, ALTER id DROP NOT NULL, ADD UNIQUE (id)`,
      reason: 'may be null',
    },
    'another key': {
      change: (t) => `ALTER TABLE ${t} DROP CONSTRAINT KEY, ADD PRIMARY KEY (id, n)`,
      reason: 'unique index on exactly (id)',
    },
    'a column that wants a value': { change: (t) => `ALTER TABLE ${t} ADD more integer NOT NULL`, reason: '"more"' },
    'a generated column': {
      change: (t) => `ALTER TABLE ${t} DROP n, ADD n integer GENERATED ALWAYS AS (1) STORED`,
      reason: 'is generated',
    },
    'a position column of another type': {
      change: (t) => `ALTER TABLE ${t} ALTER _src TYPE varchar(90)`,
      reason: '"_src"',
    },
  }

  test.each(Object.entries(breaks))('%s', async (_, { change, reason }) => {
    const login = await rds.database()
    const own = name()
    const definition = pipelineOf(own, { key: ['id'] })
    await migrateIn(login, [definition])
    const sql = change(`"${own}"`).replace('KEY', `"${own}_pkey"`)
    await asMaster(login, (client) => client.query(sql))
    const before = await stateOf(login)
    for (const dryRun of [false, true]) {
      const error = await refusal(migrateIn(login, [pipelineOf(name()), definition], { dryRun }))
      expect(error).toMatchObject({ code: 'WEIR_MIGRATION_BREAKS', retryable: false })
      expect(error.message).toContain(reason)
      expect(await stateOf(login)).toEqual(before)
      if (dryRun) await asMaster(login, (client) => client.query(String(error.details.statements)))
    }
    expect(await migrateIn(login, [definition])).toEqual({ statements: [], applied: false })
  })

  test('a column that rows need, in a table with rows', async () => {
    const login = await rds.database()
    const own = name()
    await migrateIn(login, [pipelineOf(own)])
    await asMaster(login, (client) => client.query(`INSERT INTO "${own}" VALUES ('a', 1, NULL, 's', 0, 0, 0, 0)`))
    const wanting = pipelineOf(own, { columns: { id: 'text', n: 'integer', note: 'text', more: 'integer not null' } })
    const error = await refusal(migrateIn(login, [wanting]))
    expect(error.message).toContain('"more", which must have a value')
    const [add, notNull] = String(error.details.statements).split('; ')
    await asMaster(login, async (client) => {
      await client.query(add!)
      await client.query(`UPDATE "${own}" SET more = 0`)
      await client.query(notNull!)
    })
    expect((await migrateIn(login, [wanting])).statements).toEqual([])
  })

  test('a view in its place', async () => {
    const login = await rds.database()
    const own = name()
    await asMaster(login, (client) => client.query(`CREATE VIEW "${own}" AS SELECT 1 AS id`))
    expect((await refusal(migrateIn(login, [pipelineOf(own)]))).message).toContain('is no table')
  })
})

describe('what keeps it from working has a code and a cure', () => {
  test.each<[string, (login: PostgresEndpoint) => PostgresEndpoint, string, string]>([
    ['a wrong password', (login) => ({ ...login, password: 'wrong' }), '28P01', 'rotation'],
    ['no such database', (login) => ({ ...login, database: 'nowhere' }), '3D000', 'database'],
    ['nobody there', (login) => ({ ...login, port: 1 }), 'ECONNREFUSED', 'server is up'],
    ['a user who may create no roles', ({ database }) => ({ ...rds.server.endpoint, database }), '42501', 'owner'],
  ])('%s', async (_, change, reason, cure) => {
    const login = await rds.database()
    await rds.server.asSuperuser(login.database, `GRANT ALL ON DATABASE ${login.database} TO PUBLIC`)
    const error = await refusal(migrateIn(change(login), [pipelineOf(name())]))
    expect(error).toMatchObject({ code: 'WEIR_MIGRATION_FAILED', details: { loginRefused: reason === '28P01' } })
    expect(error.message).toContain(reason)
    expect(error.cure).toContain(cure)
    expect(error.message + error.cure).not.toContain('wrong')
  })

  test('roles for IAM where there is no RDS', async () => {
    const login = await rds.database()
    await rds.server.asSuperuser('postgres', 'ALTER ROLE rds_iam RENAME TO gone')
    try {
      const before = await stateOf(login)
      const error = await refusal(migrateIn(login, [pipelineOf(name())]))
      expect(error.cure).toContain('Amazon RDS')
      expect(await stateOf(login)).toEqual(before)
    } finally {
      await rds.server.asSuperuser('postgres', 'ALTER ROLE gone RENAME TO rds_iam')
    }
  })
})
