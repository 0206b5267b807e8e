/** Applies DDL. Many may start at once: an advisory lock lets one through at a time. */
import { messageOf, WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { readDatabase } from './catalog.ts'
import { faultOf, isLoginRefused, tellable } from './faults.ts'
import type { Fault } from './faults.ts'
import { planMigration } from './plan.ts'
import type { Held, WantedSink } from './plan.ts'
import { openSession } from './session.ts'
import type { Session } from './session.ts'

export type { WantedSink } from './plan.ts'

/** Any client that runs SQL text one statement at a time on one connection, such as `pg`'s Client. */
export interface StatementRunner {
  query(text: string): Promise<unknown>
}

/** "weirhous" in ASCII: the key of the advisory lock. */
const MIGRATION_LOCK = '8603398603260523891'
/** A migration waits for running writers, not for ever. */
const LOCK_TIMEOUT_MS = 15_000

/** Runs the statements of `ddl(...)` in one transaction; all of them take effect or none. Errors are the client's own. */
export async function migrate(client: StatementRunner, statements: readonly string[]): Promise<void> {
  await transaction(client, () => Promise.resolve(statements))
}

/** Who migrates, and where: an owner of the tables, who may create roles where roles are wanted. */
export interface Login {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  /** As in a sink's binding. */
  readonly ssl?: 'off' | 'verify'
}

export interface MigrationRequest {
  readonly login: Login
  readonly sinks: readonly WantedSink[]
  /** Nothing changes. */
  readonly dryRun: boolean
  readonly deadline: Deadline
}

/**
 * Brings a database to what the sinks need, and gives the statements that were missing: planned by what is there, in the
 * transaction that runs them. Throws WEIR_MIGRATION_BREAKS before any of them runs, WEIR_MIGRATION_FAILED, WEIR_DEADLINE,
 * WEIR_MODULE_MISSING.
 */
export async function migrateDatabase({
  login,
  sinks,
  dryRun,
  deadline,
}: MigrationRequest): Promise<readonly string[]> {
  let session: Session | undefined
  try {
    session = await openSession({ ...login, auth: 'password' }, 'weirhouse migrate', deadline)
    const open = session
    const plan = async () => {
      const { statements, held } = planMigration(sinks, await readDatabase(open, deadline, sinks))
      if (held.length > 0) throw breaks(held)
      return statements
    }
    const client = { query: (text: string) => open.query(deadline, text) }
    return await (dryRun ? looking(client, plan) : transaction(client, plan))
  } catch (error) {
    if (error instanceof WeirError) throw error
    throw failed(faultOf(error), login, error)
  } finally {
    if (session?.usable()) await session.close()
  }
}

/** The statements come from within, so that nobody changes what they were planned by. */
async function transaction(
  client: StatementRunner,
  plan: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await client.query('SET LOCAL client_min_messages = warning')
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    const statements = await plan()
    for (const statement of statements) await client.query(statement)
    await client.query('COMMIT')
    return statements
  } catch (error) {
    await client.query('ROLLBACK').catch((second: unknown) => {
      throw new AggregateError([error, second], `${messageOf(error)}; so did the rollback`, { cause: error })
    })
    throw error
  }
}

async function looking(client: StatementRunner, plan: () => Promise<readonly string[]>): Promise<readonly string[]> {
  await client.query('BEGIN READ ONLY')
  const statements = await plan()
  await client.query('ROLLBACK')
  return statements
}

function breaks(held: readonly Held[]): WeirError {
  return new WeirError('WEIR_MIGRATION_BREAKS', {
    reason: held.map(({ reason }) => reason).join('; '),
    statements: held.flatMap(({ statements }) => statements).join('; ') || 'there is none, name another table',
  })
}

/** Where a migration needs more or other than a sink does. */
const advices: readonly (readonly [code: string, advice: string])[] = [
  ['28P01', 'Correct the password, or wait until its rotation is over.'],
  ['42501', 'Run it as owner of the schemas and tables, who may create roles: on Amazon RDS, the master user.'],
  ['42704', 'Roles that log in by IAM are for Amazon RDS: its own role rds_iam is not in this database.'],
  ['55P03', 'A function held a table for longer than a migration waits: run it again.'],
]

function failed(fault: Fault, { host, database }: Login, cause: unknown): WeirError {
  const advice = advices.find(([code]) => code === fault.code)?.[1] ?? fault.advice
  const details = { database, host, reason: tellable(fault), advice, loginRefused: isLoginRefused(fault) }
  return new WeirError('WEIR_MIGRATION_FAILED', details, { cause })
}
