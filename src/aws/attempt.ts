/** One HTTP request, sent once: what goes over the wire is settled before, what to do about a failure is settled after. */
import * as http from 'node:http'
import * as https from 'node:https'

export interface Wire {
  readonly url: URL
  readonly method: string
  /** Path and query, encoded. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly signal: AbortSignal
  readonly connectTimeoutMs: number
  /** Longest silence on the connection. */
  readonly idleTimeoutMs: number
  readonly maxResponseBytes: number
}

export interface AwsResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
}

export type Attempt =
  | { readonly response: AwsResponse }
  /** No answer: `stale` when a kept connection turned out dead before a byte of the answer came. */
  | { readonly error: Error; readonly code: string; readonly stale: boolean }

export type Agent = http.Agent | https.Agent

/** Free sockets are unreferenced by Node: they keep no process alive. */
export function createAgent(protocol: string, maxSockets: number): Agent {
  const options = { keepAlive: true, maxSockets, maxTotalSockets: maxSockets, scheduling: 'lifo' } as const
  return protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
}

/** Never rejects. */
export function attempt(wire: Wire, agent: Agent): Promise<Attempt> {
  return new Promise((resolve) => {
    const { url, method, target, headers, body, signal } = wire
    const module = url.protocol === 'https:' ? https : http
    const request = module.request({
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? undefined : Number(url.port),
      method,
      path: target,
      headers,
      agent,
    })
    const abort = () => request.destroy(timeout('no answer before the deadline of the invocation'))
    const settle = (result: Attempt) => {
      signal.removeEventListener('abort', abort)
      resolve(result)
    }
    let answered = false
    const fail = (error: NodeJS.ErrnoException) =>
      settle({ error, code: codeOf(error), stale: request.reusedSocket && !answered && isReset(error) })
    request.on('error', fail)
    request.setTimeout(wire.idleTimeoutMs, () => request.destroy(timeout('the connection went silent')))
    limitConnecting(request, url.protocol, wire.connectTimeoutMs)
    request.on('response', (response) => {
      answered = true
      collect(
        response,
        wire.maxResponseBytes,
        (bytes) => settle({ response: { status: response.statusCode!, headers: response.headers, body: bytes } }),
        (error) => {
          request.destroy()
          fail(error)
        },
      )
    })
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    request.end(body)
  })
}

function limitConnecting(request: http.ClientRequest, protocol: string, limitMs: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => request.destroy(timeout('connecting took too long')), limitMs)
    const stop = () => clearTimeout(timer)
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', stop)
    socket.once('close', stop)
  })
}

/** Events, not an iterator: that one costs a promise a chunk, and more CPU than all the rest of a small answer. */
function collect(
  response: http.IncomingMessage,
  maxBytes: number,
  done: (body: Buffer) => void,
  fail: (error: Error) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  response.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxBytes) chunks.push(chunk)
    else response.destroy(Object.assign(new Error(`the answer is over ${maxBytes} bytes`), { code: 'EMSGSIZE' }))
  })
  response.once('error', fail)
  response.once('end', () => {
    if (response.complete) done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    else fail(Object.assign(new Error('the answer was cut off'), { code: 'ECONNRESET' }))
  })
}

function timeout(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}

/** Node wraps some codes: the addresses tried in an AggregateError, TLS verdicts in `cause`. */
function codeOf(error: NodeJS.ErrnoException): string {
  if (error.code !== undefined) return error.code
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause
  return inner instanceof Error ? codeOf(inner) : 'UNKNOWN'
}
