/** One connection to the server: opened lazily, cut when the deadline comes, dropped when it is broken. */
import * as v from 'valibot'
import type { Client, QueryResult, QueryResultRow } from 'pg'
import { messageOf, WeirError } from '../../core/errors.ts'
import { MIN_REQUEST_MS } from '../../core/limits.ts'
import { parseOptions } from '../../core/options.ts'
import type { Deadline } from '../../core/ports.ts'
import { iamToken, systemPorts } from './iam-token.ts'
import type { TokenPorts } from './iam-token.ts'

/** Where the database is: this sink's part of the bindings. */
const bindingSchema = v.pipe(
  v.strictObject({
    host: v.pipe(v.string(), v.minLength(1)),
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
    database: v.pipe(v.string(), v.minLength(1)),
    user: v.pipe(v.string(), v.minLength(1)),
    /** iam: a token of AWS instead of a password, made for each connection. */
    auth: v.optional(v.picklist(['password', 'iam']), 'password'),
    password: v.optional(v.string()),
    /** Where not given: verify, but with a password on loopback, where nothing travels. */
    ssl: v.optional(v.picklist(['off', 'verify'])),
  }),
  v.forward(
    v.check(({ auth, password }) => auth !== 'iam' || password === undefined, "leave it out with auth 'iam'"),
    ['password'],
  ),
  v.forward(
    v.check(({ auth, ssl }) => auth !== 'iam' || ssl !== 'off', "auth 'iam' needs 'verify': the token is a password"),
    ['ssl'],
  ),
)

export type Binding = v.InferOutput<typeof bindingSchema>

/** Throws WEIR_DEFINITION_INVALID that names every fault. */
export function parseBinding(binding: unknown, sink: string): Binding {
  return parseOptions(bindingSchema, binding, `Binding of PostgreSQL sink "${sink}"`)
}

/** Connecting takes three round trips and a TLS handshake; past this the server is taken to be away. */
const CONNECT_TIMEOUT_MS = 10_000
/** Idle time before the first keepalive probe: under the 350 s after which AWS's load balancers forget a connection. */
const KEEPALIVE_DELAY_MS = 30_000

export interface Session {
  /** True until the connection broke or was closed. */
  usable(): boolean
  /** One request. It does not start with less than MIN_REQUEST_MS left, and is cut off at the deadline (D10). */
  query<R extends QueryResultRow>(deadline: Deadline, text: string, values?: unknown[], name?: string): Promise<R[]>
  /** Several statements in one request, without parameters: one result each. */
  script<R extends QueryResultRow>(deadline: Deadline, text: string, patienceMs?: number): Promise<QueryResult<R>[]>
  /** COPY ... FROM STDIN. */
  copy(deadline: Deadline, text: string, chunks: readonly Buffer[]): Promise<void>
  /** Cuts the connection at once; the server rolls back what was open. */
  destroy(): void
  /** Ends the connection in an orderly way. */
  close(): Promise<void>
}

/** Throws what pg and the network do; WEIR_DEADLINE, WEIR_CREDENTIALS, WEIR_MODULE_MISSING. */
export async function openSession(
  binding: Binding,
  name: string,
  deadline: Deadline,
  ports: TokenPorts = systemPorts,
): Promise<Session> {
  const [{ default: pg }, { default: streams }] = await loadClient()
  assertTime(deadline, 'a connection to PostgreSQL')
  const client = new pg.Client({
    host: binding.host,
    port: binding.port,
    database: binding.database,
    user: binding.user,
    ...passwordOf(binding, ports),
    ssl: isVerified(binding) ? { rejectUnauthorized: true } : false,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, deadline.remaining()),
    application_name: name,
  })
  const session = sessionOf(client, streams.from)
  try {
    await client.connect()
  } catch (error) {
    session.destroy()
    throw error
  }
  return session
}

type CopyFrom = (text: string) => NodeJS.WritableStream & { destroy(error?: Error): unknown; end(): unknown }

function sessionOf(client: Client, copyFrom: unknown): Session {
  let usable = true
  // Without a listener an error between requests would end the process; the next request finds the session unusable.
  const broken = () => {
    usable = false
  }
  client.on('error', broken)
  client.on('end', broken)
  const destroy = () => {
    usable = false
    client.connection.stream.destroy()
  }
  const bounded = async <T>(deadline: Deadline, work: () => Promise<T>, patienceMs?: number): Promise<T> => {
    assertTime(deadline, 'a request to PostgreSQL')
    const signal =
      patienceMs === undefined ? deadline.signal : AbortSignal.any([deadline.signal, AbortSignal.timeout(patienceMs)])
    signal.addEventListener('abort', destroy, { once: true })
    try {
      return await work()
    } finally {
      signal.removeEventListener('abort', destroy)
    }
  }
  return {
    usable: () => usable,
    query: (deadline, text, values = [], name) =>
      bounded(deadline, async () => {
        const { rows } = await client.query(name === undefined ? { text, values } : { text, values, name })
        return rows as never[]
      }),
    script: (deadline, text, patienceMs) =>
      bounded(
        deadline,
        async () => {
          const results = (await client.query(text)) as QueryResult | QueryResult[]
          return (Array.isArray(results) ? results : [results]) as never[]
        },
        patienceMs,
      ),
    copy: (deadline, text, chunks) => bounded(deadline, () => sendCopy(client, copyFrom as CopyFrom, text, chunks)),
    destroy,
    close: async () => {
      usable = false
      await client.end()
    },
  }
}

function sendCopy(client: Client, copyFrom: CopyFrom, text: string, chunks: readonly Buffer[]): Promise<void> {
  const stream = client.query(copyFrom(text) as never) as unknown as NodeJS.WritableStream
  return new Promise((resolve, reject) => {
    stream.once('error', reject)
    stream.once('finish', resolve)
    for (const chunk of chunks) stream.write(chunk)
    stream.end()
  })
}

/** Throws WEIR_DEADLINE when a request should not be started any more. */
export function assertTime(deadline: Deadline, what: string): void {
  if (deadline.remaining() < MIN_REQUEST_MS) throw new WeirError('WEIR_DEADLINE', { what })
}

function passwordOf(binding: Binding, ports: TokenPorts): { readonly password?: string } {
  if (binding.auth === 'iam') return { password: iamToken(binding, ports) }
  return binding.password === undefined ? {} : { password: binding.password }
}

function isVerified({ ssl, auth, host }: Binding): boolean {
  return ssl === undefined ? auth === 'iam' || !isLoopback(host) : ssl === 'verify'
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** The client loads here and nowhere else: a definition stays data, and a pipeline without this sink ships no pg. */
async function loadClient() {
  try {
    return await Promise.all([import('pg'), import('pg-copy-streams')])
  } catch (error) {
    throw new WeirError(
      'WEIR_MODULE_MISSING',
      { module: 'pg', what: `the PostgreSQL sink (${messageOf(error)})`, install: 'pg@8 pg-copy-streams@7' },
      { cause: error },
    )
  }
}
