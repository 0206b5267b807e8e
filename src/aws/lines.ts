/** Kept connections: bounded in number, the last used first, one request on each at a time. */
import { connect as connectTcp, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { coded } from '../core/errors.ts'
import { createAnswerReader } from './answer.ts'
import type { Answer, AnswerReader } from './answer.ts'

export interface Place {
  readonly secure: boolean
  readonly host: string
  readonly port: number
}

export interface Limits {
  readonly connectTimeoutMs: number
  /** Longest silence while an answer is waited for. */
  readonly idleTimeoutMs: number
  readonly maxResponseBytes: number
}

export type Outcome =
  | { readonly answer: Answer }
  /** `stale`: a kept connection turned out dead before a byte of the answer came. */
  | { readonly error: Error; readonly stale: boolean }

interface Task {
  readonly place: Place
  readonly method: string
  readonly head: string
  readonly body: Buffer | undefined
  readonly settle: (outcome: Outcome) => void
}

/** Idle time before the first keepalive probe of TCP. */
const KEEP_ALIVE_MS = 1_000

/** A connection with the request that is on it. */
interface Line {
  readonly socket: Socket
  readonly name: string
  task: Task | undefined
  reader: AnswerReader | undefined
  heard: boolean
  used: boolean
  error: Error | undefined
}

export interface Lines {
  /** Gives a way to break the request off with an error; `settle` is called once, with that one at the latest. */
  send(task: Task): (error: Error) => void
  close(): void
}

interface Pool {
  readonly maxLines: number
  readonly limits: Limits
  readonly idle: Line[]
  readonly queue: Task[]
  readonly open: Set<Line>
  /** To resume TLS sessions, by place. */
  readonly sessions: Map<string, Buffer>
}

export function createLines(maxLines: number, limits: Limits): Lines {
  const pool: Pool = { maxLines, limits, idle: [], queue: [], open: new Set(), sessions: new Map() }
  return {
    send: (task) => {
      pool.queue.push(task)
      next(pool)
      return (error) => breakOff(pool, task, error)
    },
    close: () => {
      for (const line of pool.idle.splice(0)) discard(pool, line)
    },
  }
}

/** Takes the requests that wait, as long as there is room. */
function next(pool: Pool): void {
  const { queue, idle, open, maxLines } = pool
  while (queue.length > 0) {
    const task = queue[0]!
    const name = nameOf(task.place)
    const kept = idle.findLastIndex((line) => line.name === name)
    if (kept < 0 && open.size >= maxLines) {
      if (idle.length === 0) return
      discard(pool, idle.shift()!) // of another place, and so in the way
    }
    queue.shift()
    start(pool, kept < 0 ? dial(pool, task.place) : idle.splice(kept, 1)[0]!, task)
  }
}

function start({ limits }: Pool, line: Line, task: Task): void {
  const { socket } = line
  line.task = task
  line.reader = createAnswerReader(task.method, limits.maxResponseBytes)
  line.heard = false
  socket.ref()
  socket.cork()
  socket.write(task.head, 'latin1')
  if (task.body) socket.write(task.body)
  socket.uncork()
}

function discard({ open }: Pool, line: Line): void {
  open.delete(line)
  line.socket.destroy()
}

function finish(pool: Pool, line: Line, outcome: Outcome): void {
  const { settle } = line.task!
  line.task = undefined
  line.used = true
  if ('answer' in outcome && outcome.answer.reusable && pool.open.has(line)) {
    pool.idle.push(line)
    line.socket.unref() // keeps no process alive
  } else discard(pool, line)
  settle(outcome)
  next(pool)
}

function dial(pool: Pool, place: Place): Line {
  const { limits, sessions } = pool
  const { secure, host, port } = place
  const name = nameOf(place)
  const servername = isIP(host) === 0 ? { servername: host } : {}
  const session = sessions.get(name)
  const socket = secure
    ? connectTls({ host, port, ...servername, ...(session ? { session } : {}) })
    : connectTcp({ host, port })
  const line: Line = { socket, name, task: undefined, reader: undefined, heard: false, used: false, error: undefined }
  pool.open.add(line)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  const late = setTimeout(() => socket.destroy(timedOut('connecting took too long')), limits.connectTimeoutMs)
  socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(late))
  socket.on('session', (ticket: Buffer) => sessions.set(name, ticket))
  socket.setTimeout(limits.idleTimeoutMs)
  socket.on('timeout', () => {
    if (line.task) socket.destroy(timedOut('the connection went silent'))
  })
  socket.on('data', (chunk) => hear(pool, line, chunk))
  socket.on('error', (error) => {
    line.error = error
  })
  socket.on('close', () => {
    clearTimeout(late)
    lost(pool, line)
  })
  return line
}

function hear(pool: Pool, line: Line, chunk: Buffer): void {
  if (!line.task) {
    line.socket.destroy() // nobody asked
    return
  }
  line.heard = true
  try {
    const answer = line.reader!.read(chunk)
    if (answer) finish(pool, line, { answer })
  } catch (error) {
    line.socket.destroy(error as Error)
  }
}

function lost(pool: Pool, line: Line): void {
  pool.open.delete(line)
  const kept = pool.idle.indexOf(line)
  if (kept >= 0) pool.idle.splice(kept, 1)
  if (!line.task) {
    next(pool)
    return
  }
  const answer = line.error ? undefined : line.reader!.end()
  const error = line.error ?? coded('ECONNRESET', line.heard ? 'the answer was cut off' : 'the connection was closed')
  finish(pool, line, answer ? { answer } : { error, stale: line.used && !line.heard && isReset(error) })
}

function breakOff({ queue, open }: Pool, task: Task, error: Error): void {
  const waits = queue.indexOf(task)
  if (waits >= 0) {
    queue.splice(waits, 1)
    task.settle({ error, stale: false })
    return
  }
  for (const line of open) if (line.task === task) line.socket.destroy(error)
}

function nameOf({ secure, host, port }: Place): string {
  return `${secure ? 'tls' : 'tcp'} ${host} ${port}`
}

export function timedOut(message: string): Error {
  return coded('ETIMEDOUT', message)
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}
