/**
 * One connection to PostgreSQL: what the write path needs of a client and no more, which is a tenth of the general one's size.
 * Requests go out as they are made, without waiting for the answer to the one before; answers come in that order.
 */
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { coded } from '../../../core/errors.ts'
import { createLogin } from './login.ts'
import * as wire from './messages.ts'
import type { Field, Parameter } from './messages.ts'

export type { Parameter } from './messages.ts'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string | undefined
  /** TLS with the server's certificate verified. */
  readonly tls: boolean
  readonly applicationName: string
  readonly connectTimeoutMs: number
  /** Idle time before the first keepalive probe. */
  readonly keepAliveMs: number
}

export interface StatementResult<Row> {
  /** `COMMIT`, `ROLLBACK`, `INSERT`, ... */
  readonly command: string
  readonly rows: Row[]
}

/** Errors carry the server's SQLSTATE, or Node's code, as `code`. Rows have booleans, numbers, JSON and bytea parsed. */
export interface Connection {
  /** True until the connection broke or was closed. */
  usable(): boolean
  /** One statement with parameters $1, $2, ... With a name it is parsed once a connection. */
  query<Row>(sql: string, values: readonly Parameter[], name?: string): Promise<Row[]>
  /** Statements without parameters, in one request. */
  script<Row>(sql: string): Promise<StatementResult<Row>[]>
  /** COPY ... FROM STDIN. What is asked for behind it waits until the server has said that it listens. */
  copy(sql: string, chunks: readonly Buffer[]): Promise<void>
  destroy(): void
  close(): Promise<void>
}

/** Where nothing travels. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** Throws what the network, TLS and the server do. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const opening = { socket: undefined as Socket | undefined }
  const late = setTimeout(
    () => opening.socket?.destroy(coded('ETIMEDOUT', 'connecting took too long')),
    options.connectTimeoutMs,
  )
  try {
    const tcp = connectTcp({
      host: options.host,
      port: options.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: options.keepAliveMs,
    })
    opening.socket = tcp
    await emitted(tcp, 'connect')
    if (options.tls) opening.socket = await secured(tcp, options)
    return await loggedIn(opening.socket, options)
  } catch (error) {
    opening.socket?.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
}

function emitted(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error)
    const ended = () => reject(terminated())
    socket.once('error', failed)
    socket.once('close', ended)
    socket.once(event, () => {
      socket.off('error', failed)
      socket.off('close', ended)
      resolve()
    })
  })
}

/** "SSL Session Encryption": asked in the clear, answered with one byte; more than that byte would be someone between us. */
async function secured(tcp: Socket, { host }: ConnectionOptions): Promise<Socket> {
  const answer = await new Promise<Buffer>((resolve, reject) => {
    tcp.once('data', resolve)
    tcp.once('error', reject)
    tcp.once('close', () => reject(terminated()))
    tcp.write(wire.sslRequest())
  })
  if (answer.toString('latin1') !== 'S') throw new Error('The server does not support SSL connections')
  tcp.removeAllListeners()
  const socket = connectTls({
    socket: tcp,
    host, // without it Node compares the certificate with "localhost"
    rejectUnauthorized: true,
    ...(isIP(host) === 0 ? { servername: host } : {}),
  })
  await emitted(socket, 'secureConnect')
  return socket
}

function terminated(): Error {
  return new Error('Connection terminated unexpectedly')
}

/** A request on its way. */
interface Exchange {
  readonly results: { command: string; rows: unknown[] }[]
  fields: readonly Field[]
  rows: unknown[]
  error: Error | undefined
  /** COPY: what to send once the server says that it listens, then what was asked for behind it. */
  chunks: readonly Buffer[]
  readonly behind: Buffer[]
  /** Called once the server has parsed the statement: it then stands, whatever comes of this run. */
  readonly parsed: () => void
  readonly resolve: (results: Exchange['results']) => void
  readonly reject: (error: Error) => void
}

/** The messages of an answer ("Message Formats"); those not here say nothing that matters. */
type Handlers = Readonly<Record<string, (body: Buffer) => void>>

function loggedIn(socket: Socket, options: ConnectionOptions): Promise<Connection> {
  const { host, tls, user, password, database, applicationName } = options
  return new Promise((resolve, reject) => {
    const queue: Exchange[] = []
    const state = { usable: true, handlers: {} as Handlers }
    const lost = (error: Error) => {
      state.usable = false
      reject(error)
      for (const exchange of queue.splice(0)) exchange.reject(exchange.error ?? error)
    }
    socket.on('error', lost)
    socket.on('close', () => lost(terminated()))
    const read = wire.createReader((type, body) => state.handlers[type]?.(body))
    socket.on('data', (chunk) => {
      try {
        read(chunk)
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
    const answer = createLogin({
      user,
      password,
      nonce: randomBytes(18).toString('base64'),
      isPrivate: tls || isLoopback(host),
    })
    state.handlers = {
      R: (body) => {
        const next = answer(body)
        if (next instanceof Buffer) socket.write(next)
      },
      E: (body) => {
        reject(wire.errorOf(body))
        socket.destroy()
      },
      Z: () => {
        state.handlers = answers(socket, queue)
        resolve(connectionOf(socket, state, queue))
      },
    }
    socket.write(wire.startup({ user, database, client_encoding: 'UTF8', application_name: applicationName }))
  })
}

/** What the first request of the queue hears. */
function answers(socket: Socket, queue: Exchange[]): Handlers {
  return {
    1: () => queue[0]!.parsed(),
    T: (body) => {
      queue[0]!.fields = wire.fieldsOf(body)
    },
    D: (body) => void queue[0]!.rows.push(wire.rowOf(body, queue[0]!.fields)),
    C: (body) => {
      const head = queue[0]!
      head.results.push({ command: wire.commandOf(body), rows: head.rows })
      head.rows = []
    },
    G: () => {
      const head = queue[0]!
      const rows = head.chunks.flatMap((chunk) => [wire.copyHead(chunk.length), chunk])
      sendTogether(socket, [...rows, wire.copyDone(), ...head.behind.splice(0)])
      head.chunks = []
    },
    E: (body) => {
      const error = wire.errorOf(body)
      const head = queue[0]
      if (head) head.error ??= error
      else socket.destroy(error) // it answers no request: the server goes down
    },
    Z: () => {
      const { error, results, behind, resolve, reject } = queue.shift()!
      sendTogether(socket, behind) // the COPY failed before it began
      if (error) reject(error)
      else resolve(results)
    },
  }
}

function sendTogether(socket: Socket, requests: readonly Buffer[]): void {
  if (requests.length === 0) return
  socket.cork()
  for (const request of requests) socket.write(request)
  socket.uncork()
}

function connectionOf(socket: Socket, state: { usable: boolean }, queue: Exchange[]): Connection {
  /** SQL by name. */
  const parsed = new Map<string, string>()
  const send = (request: Buffer, more: Partial<Pick<Exchange, 'chunks' | 'parsed'>> = {}) =>
    new Promise<Exchange['results']>((resolve, reject) => {
      if (!state.usable) {
        reject(new Error('the connection was closed'))
        return
      }
      const copying = queue.findLast(({ chunks }) => chunks.length > 0)
      const fresh = { results: [], fields: [], rows: [], error: undefined, chunks: [], parsed: () => undefined }
      queue.push({ ...fresh, ...more, behind: [], resolve, reject })
      if (copying) {
        copying.behind.push(request)
        return
      }
      socket.cork() // what is sent in one turn goes out as one packet
      socket.write(request)
      process.nextTick(() => socket.uncork())
    })
  return {
    usable: () => state.usable,
    async query<Row>(sql: string, values: readonly Parameter[], name = '') {
      const known = parsed.get(name)
      if (known !== undefined && known !== sql) throw new Error(`two statements have the name "${name}"`)
      const run = wire.run(name, values)
      const request = known === undefined ? Buffer.concat([wire.parse(name, sql), run]) : run
      const results = await send(request, name === '' ? {} : { parsed: () => void parsed.set(name, sql) })
      return (results[0]?.rows ?? []) as Row[]
    },
    script: <Row>(sql: string) => send(wire.query(sql)) as Promise<StatementResult<Row>[]>,
    async copy(sql, chunks) {
      await send(wire.query(sql), { chunks })
    },
    destroy: () => {
      state.usable = false
      socket.destroy()
    },
    close: async () => {
      state.usable = false
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.end(wire.terminate())
      await closed
    },
  }
}
