/** Kept connections: bounded in number, the last used first, one request on each at a time. */
import { connect as connectTcp, isIP } from 'node:net'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
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

export function createLines(maxLines: number, limits: Limits): Lines {
  const idle: Line[] = []
  const queue: Task[] = []
  const open = new Set<Line>()
  /** To resume TLS sessions, by place. */
  const sessions = new Map<string, Buffer>()

  function start(line: Line, task: Task): void {
    line.task = task
    line.reader = createAnswerReader(task.method, limits.maxResponseBytes)
    line.heard = false
    line.socket.ref()
    line.socket.cork()
    line.socket.write(task.head, 'latin1')
    if (task.body) line.socket.write(task.body)
    line.socket.uncork()
  }

  /** Takes the next request that waits, once there is room for it. */
  function next(): void {
    while (queue.length > 0) {
      const task = queue[0]!
      const name = nameOf(task.place)
      const kept = idle.findLastIndex((line) => line.name === name)
      if (kept < 0 && open.size >= maxLines) {
        if (idle.length === 0) return
        discard(idle.shift()!) // of another place, and so in the way
      }
      queue.shift()
      start(kept < 0 ? dial(task.place) : idle.splice(kept, 1)[0]!, task)
    }
  }

  function discard(line: Line): void {
    open.delete(line)
    line.socket.destroy()
  }

  function finish(line: Line, outcome: Outcome): void {
    const { settle } = line.task!
    line.task = undefined
    line.used = true
    if ('answer' in outcome && outcome.answer.reusable && open.has(line)) {
      idle.push(line)
      line.socket.unref() // keeps no process alive
    } else discard(line)
    settle(outcome)
    next()
  }

  function dial(place: Place): Line {
    const name = nameOf(place)
    const { secure, host, port } = place
    const servername = isIP(host) === 0 ? { servername: host } : {}
    const socket = secure
      ? connectTls({ host, port, ...servername, ...(sessions.has(name) ? { session: sessions.get(name)! } : {}) })
      : connectTcp({ host, port })
    const line: Line = { socket, name, task: undefined, reader: undefined, heard: false, used: false, error: undefined }
    open.add(line)
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 1_000)
    const late = setTimeout(() => socket.destroy(timedOut('connecting took too long')), limits.connectTimeoutMs)
    socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(late))
    socket.on('session', (session: Buffer) => sessions.set(name, session))
    socket.setTimeout(limits.idleTimeoutMs)
    socket.on('timeout', () => {
      if (line.task) socket.destroy(timedOut('the connection went silent'))
    })
    socket.on('data', (chunk) => hear(line, chunk))
    socket.on('error', (error) => {
      line.error = error
    })
    socket.on('close', () => {
      clearTimeout(late)
      lost(line)
    })
    return line
  }

  function hear(line: Line, chunk: Buffer): void {
    if (!line.task) {
      line.socket.destroy() // nobody asked
      return
    }
    line.heard = true
    try {
      const answer = line.reader!.read(chunk)
      if (answer) finish(line, { answer })
    } catch (error) {
      line.socket.destroy(error as Error)
    }
  }

  function lost(line: Line): void {
    open.delete(line)
    const kept = idle.indexOf(line)
    if (kept >= 0) idle.splice(kept, 1)
    if (!line.task) {
      next()
      return
    }
    const answer = line.error ? undefined : line.reader!.end()
    const error = line.error ?? reset(line.heard ? 'the answer was cut off' : 'the connection was closed')
    finish(line, answer ? { answer } : { error, stale: line.used && !line.heard && isReset(error) })
  }

  return {
    send: (task) => {
      queue.push(task)
      next()
      return (error) => {
        const waits = queue.indexOf(task)
        if (waits >= 0) {
          queue.splice(waits, 1)
          task.settle({ error, stale: false })
          return
        }
        for (const line of open) if (line.task === task) line.socket.destroy(error)
      }
    },
    close: () => {
      for (const line of idle.splice(0)) discard(line)
    },
  }
}

function nameOf({ secure, host, port }: Place): string {
  return `${secure ? 'tls' : 'tcp'} ${host} ${port}`
}

export function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' })
}

function reset(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' })
}

function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET' || error.code === 'EPIPE'
}
