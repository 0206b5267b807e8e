/** Brings a PostgreSQL to what the pipelines that write it need. The same on a local stack and on AWS. */
import type { Pipeline } from '../core/pipeline.ts'
import type { Deadline } from '../core/ports.ts'
import { databaseRole } from '../sinks/postgres/index.ts'
import type { PostgresOptions } from '../sinks/postgres/index.ts'
import { migrateDatabase } from '../sinks/postgres/migrate.ts'
import type { Login, WantedSink } from '../sinks/postgres/migrate.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import type { Target } from './target.ts'

export interface MigrateOptions {
  readonly pipelines: readonly Pipeline[]
  readonly login: Login
  /** Whether each pipeline's function has a database user of its own, which logs in by IAM: so on AWS. */
  readonly roles: boolean
  readonly dryRun: boolean
  readonly deadline: Deadline
}

export interface Migration {
  /** What was missing, in order; none where the database fits. */
  readonly statements: readonly string[]
  readonly applied: boolean
}

/** The owner of a stack's database. */
export function loginOf({ postgres }: Pick<Target, 'postgres'>): Login {
  const { hostname: host, port, pathname, username, password } = new URL(postgres.url)
  const [database, user, secret] = [pathname.slice(1), username, password].map(decodeURIComponent) as [
    string,
    string,
    string,
  ]
  return { host, port: Number(port), database, user, password: secret }
}

/** Every PostgreSQL sink of these pipelines. Pure. */
export function postgresSinks(pipelines: readonly Pipeline[], roles: boolean): WantedSink[] {
  return pipelines.flatMap(({ name, sinks, order, tombstone }) =>
    sinks
      .filter(({ kind }) => kind === 'postgres')
      .map((sink) => ({
        sink: sink as SinkDefinition<PostgresOptions>,
        order: typeof order === 'function' ? 'version' : order,
        deletes: tombstone === 'delete',
        role: roles ? databaseRole(name) : undefined,
      })),
  )
}

/** Without a PostgreSQL sink nothing is connected to. Throws what `migrateDatabase` does. */
export async function migrate({ pipelines, login, roles, dryRun, deadline }: MigrateOptions): Promise<Migration> {
  const sinks = postgresSinks(pipelines, roles)
  if (sinks.length === 0) return { statements: [], applied: false }
  const statements = await migrateDatabase({ login, sinks, dryRun, deadline })
  return { statements, applied: !dryRun && statements.length > 0 }
}
