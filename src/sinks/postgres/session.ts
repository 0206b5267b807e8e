/** One connection to the server: opened lazily, cut when the deadline comes, dropped when it is broken. */
import type { Deadline } from '../../core/ports.ts'
import { object, oneOf, optional, parseShape, text, whole } from '../../core/shape.ts'
import type { Shape, Shaped } from '../../core/shape.ts'
import { requireTime } from '../../core/time-left.ts'
import { isLoopback, openConnection } from './client/connection.ts'
import type { Connection, Parameter, StatementResult } from './client/connection.ts'
import { iamToken, systemPorts } from './iam-token.ts'
import type { TokenPorts } from './iam-token.ts'

/** Where the database is: this sink's part of the bindings. */
const fields = object({
  host: text(),
  port: whole(1, 65_535),
  database: text(),
  user: text(),
  /** iam: a token of AWS instead of a password, made for each connection. */
  auth: optional(oneOf('password', 'iam'), 'password'),
  password: optional(text(/^/)),
  /** Where not given: verify, but with a password on loopback, where nothing travels. */
  ssl: optional(oneOf('off', 'verify')),
})

export type Binding = Shaped<typeof fields>

const bindingShape: Shape<Binding> = (value, path, fault) => {
  const binding = fields(value, path, fault)
  if (binding.auth !== 'iam') return binding
  if (binding.password !== undefined) fault(`${path}.password`, "leave it out with auth 'iam'")
  if (binding.ssl === 'off') fault(`${path}.ssl`, "auth 'iam' needs 'verify': the token is a password")
  return binding
}

/** Throws WEIR_DEFINITION_INVALID that names every fault. */
export function parseBinding(binding: unknown, sink: string): Binding {
  return parseShape(bindingShape, binding, `Binding of PostgreSQL sink "${sink}"`)
}

/** Connecting takes three round trips and a TLS handshake; past this the server is taken to be away. */
const CONNECT_TIMEOUT_MS = 10_000
/** Idle time before the first keepalive probe: under the 350 s after which AWS's load balancers forget a connection. */
const KEEPALIVE_DELAY_MS = 30_000

export interface Session {
  /** True until the connection broke or was closed. */
  usable(): boolean
  /**
   * One request. It does not start with less than MIN_REQUEST_MS left, and is cut off at the deadline (D10). One made before
   * the answer to another goes out at once, and is answered after it.
   */
  query<Row>(deadline: Deadline, text: string, values?: readonly Parameter[], name?: string): Promise<Row[]>
  /** Several statements in one request, without parameters: one result each. */
  script<Row>(deadline: Deadline, text: string, patienceMs?: number): Promise<StatementResult<Row>[]>
  /** COPY ... FROM STDIN. */
  copy(deadline: Deadline, text: string, chunks: readonly Buffer[]): Promise<void>
  /** Cuts the connection at once; the server rolls back what was open. */
  destroy(): void
  /** Ends the connection in an orderly way. */
  close(): Promise<void>
}

/** Throws what the server and the network do; WEIR_DEADLINE, WEIR_CREDENTIALS. */
export async function openSession(
  binding: Binding,
  name: string,
  deadline: Deadline,
  ports: TokenPorts = systemPorts,
): Promise<Session> {
  requireTime(deadline, 'a connection to PostgreSQL')
  const connection = await openConnection({
    host: binding.host,
    port: binding.port,
    database: binding.database,
    user: binding.user,
    password: binding.auth === 'iam' ? iamToken(binding, ports) : binding.password,
    tls: isVerified(binding),
    keepAliveMs: KEEPALIVE_DELAY_MS,
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, deadline.remaining()),
    applicationName: name,
  })
  return sessionOf(connection)
}

function sessionOf(connection: Connection): Session {
  const destroy = () => connection.destroy()
  const bounded = async <T>(deadline: Deadline, work: () => Promise<T>, patienceMs?: number): Promise<T> => {
    requireTime(deadline, 'a request to PostgreSQL')
    const { signal } = deadline
    const timer = patienceMs === undefined ? undefined : setTimeout(destroy, patienceMs)
    signal.addEventListener('abort', destroy, { once: true })
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', destroy)
    }
  }
  return {
    usable: () => connection.usable(),
    query: <Row>(deadline: Deadline, text: string, values?: readonly Parameter[], name?: string) =>
      bounded(deadline, async () => {
        if (values) return connection.query<Row>(text, values, name)
        const [result] = await connection.script<Row>(text)
        return result?.rows ?? []
      }),
    script: (deadline, text, patienceMs) => bounded(deadline, () => connection.script(text), patienceMs),
    copy: (deadline, text, chunks) => bounded(deadline, () => connection.copy(text, chunks)),
    destroy,
    close: () => connection.close(),
  }
}

function isVerified({ ssl, auth, host }: Binding): boolean {
  return ssl === undefined ? auth === 'iam' || !isLoopback(host) : ssl === 'verify'
}
