/** Applies DDL. Many environments may start at once: an advisory lock lets one through at a time. */

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
  await client.query('BEGIN')
  try {
    await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`)
    await client.query('SET LOCAL client_min_messages = warning')
    await client.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`)
    for (const statement of statements) await client.query(statement)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch((second: unknown) => {
      throw new AggregateError([error, second], 'migration and rollback failed', { cause: error })
    })
    throw error
  }
}
