/**
 * A log stream as a file: one JSON object a line, `{timestamp, message}`, appended in time order. Read by
 * operations/logs.ts. Bounded: a stream goes on in a new file when one is full, and the oldest files of a function go.
 */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { KIB, MIB } from '../../core/limits.ts'

/** CloudWatch Logs: an event has 256 KiB at most; Lambda cuts longer lines. */
export const MAX_MESSAGE_CHARACTERS = 256 * KIB
/** X-Amz-Log-Result: "the last 4 KB of the execution log". */
export const TAIL_BYTES = 4 * KIB

export interface LogLimits {
  /** A file is full at this size. */
  readonly fileBytes: number
  /** Files that a function keeps. */
  readonly files: number
}

export const defaultLogLimits: LogLimits = { fileBytes: 8 * MIB, files: 64 }

export interface LogStream {
  /** As CloudWatch names it: `2026/01/31/[$LATEST]<32 hexadecimal digits>`. */
  readonly name: string
  readonly write: (message: string) => void
  /** Begins a new tail. */
  mark(): void
  /** The last TAIL_BYTES since the mark. */
  tail(): Buffer
  /** Everything is in the file when it returns. */
  close(): void
}

export interface LogStreamOptions {
  /** Of this function. */
  readonly folder: string
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly now: () => number
  /** Told once when the file cannot be written; the function runs on. */
  readonly warn: (reason: unknown) => void
  readonly limits?: LogLimits
}

/** A file's name is the stream's with '-' for '/', and a count from its second file on. */
export function streamFile(stream: string, part: number): string {
  return `${stream.replaceAll('/', '-')}${part === 0 ? '' : `.${part}`}.log`
}

export function openLogStream({ folder, id, now, warn, limits = defaultLogLimits }: LogStreamOptions): LogStream {
  const name = `${new Date(now()).toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${id}`
  const tail = createTail()
  let pending = ''
  let scheduled: NodeJS.Immediate | undefined
  let file: { readonly fd: number; bytes: number } | undefined
  let part = 0
  let failed = false

  const next = (): { readonly fd: number; bytes: number } => {
    if (file && file.bytes < limits.fileBytes) return file
    if (file) closeSync(file.fd)
    mkdirSync(folder, { recursive: true })
    removeOldest(folder, limits.files - 1)
    file = { fd: openSync(join(folder, streamFile(name, part++)), 'a', 0o600), bytes: 0 }
    return file
  }
  const flush = (): void => {
    scheduled = undefined
    const text = pending
    pending = ''
    if (text === '' || failed) return
    try {
      const target = next()
      target.bytes += writeSync(target.fd, text)
    } catch (error) {
      failed = true
      warn(error)
    }
  }
  return {
    name,
    write: (message) => {
      for (const piece of pieces(message)) {
        pending += `${JSON.stringify({ timestamp: now(), message: piece })}\n`
        tail.add(piece)
      }
      // A busy function writes several lines at a time: one write for them.
      scheduled ??= setImmediate(flush)
    },
    mark: tail.clear,
    tail: tail.read,
    close: () => {
      if (scheduled) clearImmediate(scheduled)
      flush()
      if (file) closeSync(file.fd)
      file = undefined
    },
  }
}

function createTail() {
  let lines: string[] = []
  let characters = 0
  return {
    add: (line: string): void => {
      lines.push(line)
      characters += line.length + 1
      while (lines.length > 1 && characters - lines[0]!.length - 1 > TAIL_BYTES) characters -= lines.shift()!.length + 1
    },
    clear: (): void => {
      lines = []
      characters = 0
    },
    read: (): Buffer => {
      const all = Buffer.from(lines.map((line) => `${line}\n`).join(''))
      return all.subarray(Math.max(0, all.length - TAIL_BYTES))
    },
  }
}

function* pieces(message: string): Generator<string> {
  for (let at = 0; at === 0 || at < message.length; at += MAX_MESSAGE_CHARACTERS)
    yield message.slice(at, at + MAX_MESSAGE_CHARACTERS)
}

/** Keeps the newest. */
function removeOldest(folder: string, keep: number): void {
  const files = readdirSync(folder).filter((file) => file.endsWith('.log'))
  if (files.length <= keep) return
  const aged = files.map((file) => ({ file, time: statSync(join(folder, file)).mtimeMs }))
  aged.sort((a, b) => a.time - b.time)
  for (const { file } of aged.slice(0, files.length - keep)) rmSync(join(folder, file), { force: true })
}

/** Splits an output into lines; a line is cut where it would outgrow a message. */
export function createLineSplitter(emit: (line: string) => void) {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let rest = ''
  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop()!
    // The runtime client writes the line breaks of one console call as carriage returns, to keep it one event.
    for (const line of lines) emit(line.replaceAll('\r', '\n'))
    if (rest.length >= MAX_MESSAGE_CHARACTERS) end()
  }
  const end = (): void => {
    if (rest !== '') emit(rest.replaceAll('\r', '\n'))
    rest = ''
  }
  return { add: (chunk: Buffer): void => take(decoder.decode(chunk, { stream: true })), end }
}
