/**
 * A server as RDS sets it up: a master user who is no superuser, a role `rds_iam` of which he may make others members, and
 * databases in which nobody may anything that was not granted.
 */
import { randomUUID } from 'node:crypto'
import { any, pipeline } from '../../src/index.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { migrate } from '../../src/operations/migrate.ts'
import type { MigrateOptions } from '../../src/operations/migrate.ts'
import { databaseRole, postgres } from '../../src/sinks/postgres/index.ts'
import type { PostgresSpec } from '../../src/sinks/postgres/index.ts'
import { invocation } from '../../src/testing/contract-world.ts'
import { startOwnPostgres } from '../support/own-postgres.ts'
import type { OwnPostgres } from '../support/own-postgres.ts'
import type { Place } from './postgres-world.ts'

export const columns = { id: 'text', n: 'integer', note: 'text' } as const
const ROLE_PASSWORD = 'of-the-function'

export interface RdsLike {
  readonly server: OwnPostgres
  /** A database of its own; the login is the master's. */
  database(): Promise<PostgresEndpoint>
  stop(): Promise<void>
}

export async function startRdsLike(): Promise<RdsLike> {
  const server = await startOwnPostgres({ hba: ['host all all 127.0.0.1/32 scram-sha-256'] })
  await server.asSuperuser(
    'postgres',
    "CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master'",
    'CREATE ROLE rds_iam',
    'GRANT rds_iam TO master WITH ADMIN TRUE, INHERIT FALSE, SET FALSE',
  )
  return {
    server,
    database: async () => {
      const database = `d${randomUUID().replaceAll('-', '')}`
      await server.asSuperuser(
        'postgres',
        `CREATE DATABASE ${database} OWNER master`,
        `REVOKE ALL ON DATABASE ${database} FROM PUBLIC`,
      )
      await server.asSuperuser(database, 'REVOKE ALL ON SCHEMA public FROM PUBLIC')
      return { ...server.endpoint, database, user: 'master', password: 'master' }
    },
    stop: () => server.stop(),
  }
}

export function pipelineOf(
  name: string,
  spec: Partial<PostgresSpec<unknown>> = {},
  order: 'log' | 'timestamp' = 'log',
) {
  return pipeline({
    name,
    source: { topic: name },
    decode: any(),
    order,
    sinks: [postgres({ id: 'sql', table: name, columns, ...spec })],
  })
}

export function migrateIn(
  login: PostgresEndpoint,
  pipelines: readonly Pipeline[],
  more: Partial<MigrateOptions> = {},
): ReturnType<typeof migrate> {
  return migrate({ login, pipelines, roles: true, dryRun: false, deadline: invocation().deadline, ...more })
}

/** Tables are made by the migration, and the writer is the role that it made, with a password for want of IAM. */
export function asRole(rds: RdsLike, owner: PostgresEndpoint): Place {
  return {
    owner,
    prepare: async (name, definition, order, deletes) => {
      const orders = order === 'version' ? () => 0 : order
      const common = { name, source: { topic: name }, decode: any(), order: orders, sinks: [definition] }
      const made = deletes ? pipeline({ ...common, tombstone: 'delete', keyOf: () => null }) : pipeline(common)
      await migrateIn(owner, [made])
      const user = databaseRole(name)
      await rds.server.asSuperuser('postgres', `ALTER ROLE ${user} PASSWORD '${ROLE_PASSWORD}'`)
      return { ...owner, user, password: ROLE_PASSWORD }
    },
  }
}
