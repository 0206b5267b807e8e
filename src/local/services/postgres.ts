import { existsSync } from 'node:fs'
import { chown, mkdir, readdir, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { optionalModule } from '../../config/optional-module.ts'
import { launchNode } from '../node.ts'
import { claimFolder, processRecord, recordProcesses, releaseFolder, type Running } from '../process.ts'
import { startProcess, stopStale } from '../process.ts'
import type { PostgresEndpoint, ProcessRecord, Service, ServiceOptions } from '../service.ts'
import { onFolder } from './java-server.ts'
import { idsOf, postgresBinaries, type PostgresBinaries, runAs, type RunAs, runProgram } from './postgres-binaries.ts'
import { unprivilegedUser } from './postgres-binaries.ts'

const SERVER = 'PostgreSQL'
const READY_MS = 60_000
const HOST = '127.0.0.1'
/** Database and role: the role owns the database, may create others, and is no superuser, as on RDS. */
const NAME = 'weirhouse'
const SUPERUSER = 'postgres'
const MAX_CONNECTIONS = 200

export interface PostgresOptions extends ServiceOptions {
  /** Of the role `weirhouse`, letters and digits; the same as long as the data are kept. */
  readonly password: string
  /**
   * Whether every commit is forced to the disk. Default false: commits survive kill -9 of the server, but not a crash
   * of the machine. `synchronous_commit` stays on either way.
   */
  readonly durable?: boolean
}

/**
 * Starts PostgreSQL 17 on `ports[0]`, loopback only, with the empty database `weirhouse` where there is none yet.
 * Throws WEIR_MODULE_MISSING, WEIR_PREREQUISITE, WEIR_FOLDER, WEIR_SERVER_START.
 */
export async function startPostgres(options: PostgresOptions): Promise<Service<PostgresEndpoint>> {
  const { folder, password } = options
  const port = options.ports[0]!
  const binaries = await postgresBinaries()
  await claimFolder(folder)
  const home = join(folder, 'home')
  await makeHome(home)
  const as = await runAs(binaries, home)
  const data = join(home, 'data')
  if (!existsSync(data)) await initialise(binaries, as, home, options)
  const endpoint: PostgresEndpoint = { host: HOST, port, database: NAME, user: NAME, password }
  const server = await launchNode({
    server: SERVER,
    launch: async () => {
      await removeLeftovers(data)
      return startServer(binaries, as, data, options)
    },
    probe: () => withClient(endpoint, async (client) => (await client.query('SELECT 1')).rowCount === 1),
    readyMs: READY_MS,
    onEnded: options.onEnded,
    onLaunched: (record) => recordProcesses(folder, [record]),
  })
  return {
    name: 'postgres',
    processes: [server.record()],
    nodes: [server],
    endpoint,
    ready: () => server.ready(),
    reset: () => withClient(endpoint, empty),
    stop: async () => {
      // "Fast": open transactions are rolled back. SIGTERM would wait until every client has gone.
      await server.stop('SIGINT')
      releaseFolder(folder)
    },
  }
}

/** PostgreSQL's own part of the folder, which belongs to the user that it runs as. */
async function makeHome(home: string): Promise<void> {
  await onFolder(home, async () => {
    await mkdir(home, { recursive: true, mode: 0o700 })
    if (process.getuid?.() !== 0) return
    const { uid, gid } = await unprivilegedUser()
    await chown(home, uid, gid)
  })
}

/** Made aside and renamed: a start cut short leaves no half of a database. */
async function initialise(
  binaries: PostgresBinaries,
  as: RunAs,
  home: string,
  options: PostgresOptions,
): Promise<void> {
  const log = join(options.folder, 'server.log')
  const fresh = join(home, 'data.new')
  await onFolder(home, () => rm(fresh, { recursive: true, force: true }))
  const args = [`--pgdata=${fresh}`, `--username=${SUPERUSER}`, '--auth=reject', '--encoding=UTF8', '--no-instructions']
  // The builtin provider sorts alike on every machine, whatever its locales.
  const locale = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const sync = options.durable === true ? [] : ['--no-sync']
  await runProgram(as, log, { program: binaries.initdb, args: [...args, ...locale, ...sync], cwd: home })
  // In single-user mode each line is a command. Nobody can log in as superuser afterwards: there is no need to.
  const commands = [
    `CREATE ROLE ${NAME} LOGIN CREATEDB PASSWORD '${options.password.replaceAll("'", "''")}'`,
    `CREATE DATABASE ${NAME} OWNER ${NAME}`,
  ]
  const single = ['--single', '-D', fresh, '-c', 'fsync=off', 'postgres']
  await runProgram(as, log, { program: binaries.postgres, args: single, cwd: home, input: `${commands.join('\n')}\n` })
  await onFolder(home, async () => {
    await writeFile(join(fresh, 'pg_hba.conf'), `host all ${NAME} ${HOST}/32 scram-sha-256\n`)
    await rename(fresh, join(home, 'data'))
  })
}

function startServer(binaries: PostgresBinaries, as: RunAs, data: string, options: PostgresOptions): Promise<Running> {
  const settings = {
    listen_addresses: HOST,
    port: options.ports[0],
    unix_socket_directories: '',
    max_connections: MAX_CONNECTIONS,
    synchronous_commit: 'on',
    // The text of a failed statement is somebody's data.
    log_min_error_statement: 'panic',
    ...(options.durable === true ? {} : { fsync: 'off', full_page_writes: 'off' }),
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command, ...rest] = [...as.prefix, binaries.postgres, '-D', data, ...args] as [string, ...string[]]
  return startProcess({
    server: SERVER,
    command,
    args: rest,
    cwd: data,
    log: join(options.folder, 'server.log'),
    env: { ...(options.env ?? process.env), LC_ALL: 'C' },
    ...idsOf(as),
  })
}

/**
 * A killed server leaves postmaster.pid behind. PostgreSQL then refuses to start when that pid is anybody's, and while
 * backends of the killed one still hold its shared memory. The folder is ours (claimFolder), so all of them go.
 */
async function removeLeftovers(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return
  await stopStale(await processesIn(data))
  await onFolder(data, () => rm(file, { force: true }))
}

/** Postmaster and backends work in the data folder. Elsewhere than on Linux the record in processes.json has to do. */
async function processesIn(data: string): Promise<ProcessRecord[]> {
  if (process.platform !== 'linux') return []
  const folder = await realpath(data)
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => ((await readlink(`/proc/${pid}/cwd`).catch(() => '')) === folder ? [pid] : [])),
  )
  return found.flat().flatMap((pid) => processRecord(pid) ?? [])
}

async function withClient<Result>(
  endpoint: PostgresEndpoint,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { default: pg } = await optionalModule('pg', 'the local PostgreSQL', () => import('pg'))
  const client = new pg.Client({ ...endpoint, connectionTimeoutMillis: 5000 })
  // Without a listener a connection cut by the server ends this process; the query in flight rejects anyway.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Drops what the role owns: other databases, and every schema of this one. */
async function empty(client: Client): Promise<void> {
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()',
  )
  const databases = await client.query<{ name: string }>(
    'SELECT datname AS name FROM pg_database WHERE pg_get_userbyid(datdba) = current_user AND datname <> current_database()',
  )
  for (const { name } of databases.rows)
    await client.query(`DROP DATABASE ${client.escapeIdentifier(name)} WITH (FORCE)`)
  const schemas = await client.query<{ name: string }>(
    "SELECT nspname AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
  )
  for (const { name } of schemas.rows) await client.query(`DROP SCHEMA ${client.escapeIdentifier(name)} CASCADE`)
  await client.query('CREATE SCHEMA public')
}
