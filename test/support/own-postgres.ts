/**
 * A PostgreSQL of a test's own, for what the shared one does not allow: a superuser, TLS, who may come in from where. Settings
 * take a second start; the first makes the data.
 */
import { appendFileSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { choosePorts } from '../../src/local/ports.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { startPostgres } from '../../src/local/services/postgres.ts'

export interface OwnPostgres {
  readonly endpoint: PostgresEndpoint
  /** Runs statements as superuser, in the database given. */
  asSuperuser<Row>(database: string, ...statements: readonly string[]): Promise<Row[]>
  /** Stops the server and deletes its folder. */
  stop(): Promise<void>
}

export interface OwnPostgresOptions {
  /** Turns TLS on. */
  readonly tls?: { readonly certificate: string; readonly key: string }
  /** Lines of pg_hba.conf, after the superuser's: the first that fits counts. */
  readonly hba: readonly string[]
}

const SUPERUSER = 'postgres'

export async function startOwnPostgres({ tls, hba }: OwnPostgresOptions): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-own-postgres-'))
  const { postgres: port } = await choosePorts(['postgres'])
  const start = () => startPostgres({ folder, ports: [port], password: 'owner' })
  const first = await start()
  await first.ready()
  await first.stop()
  const data = join(folder, 'home', 'data')
  const own = (name: string, text: string) => {
    const file = join(data, name)
    writeFileSync(file, text, { mode: 0o600 })
    const { uid, gid } = statSync(data)
    chownSync(file, uid, gid)
  }
  own('pg_hba.conf', `${[`host all ${SUPERUSER} 127.0.0.1/32 trust`, ...hba].join('\n')}\n`)
  if (tls) {
    own('server.crt', tls.certificate)
    own('server.key', tls.key)
    appendFileSync(join(data, 'postgresql.conf'), 'ssl = on\n')
  }
  const server = await start()
  const { endpoint } = server
  const asSuperuser = async <Row>(database: string, ...statements: readonly string[]): Promise<Row[]> => {
    const client = new Client({ host: endpoint.host, port, database, user: SUPERUSER })
    try {
      await client.connect()
      let rows: Row[] = []
      for (const statement of statements) rows = (await client.query(statement)).rows as Row[]
      return rows
    } finally {
      await client.end()
    }
  }
  await untilAnswers(() => asSuperuser('postgres', 'SELECT 1'))
  return {
    endpoint,
    asSuperuser,
    stop: async () => {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const ANSWER_MS = 20_000

async function untilAnswers(ask: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + ANSWER_MS
  for (;;) {
    try {
      await ask()
      return
    } catch (error) {
      if (performance.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }
}
