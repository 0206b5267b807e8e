/**
 * Reads the functions' log as CloudWatch would have it: one folder a function, in it one stream an instance (`*.log`), in it
 * one JSON object a line, `{timestamp, message}`, appended in time order.
 */
import { createReadStream } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { linesOf } from './lines.ts'

export interface LogLine {
  readonly function: string
  /** Name of the stream: the file without `.log`. */
  readonly stream: string
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly message: string
}

export interface LogQuery {
  /** Folder of the functions' folders: Target.logs. */
  readonly folder: string
  readonly functions: readonly string[]
  /** Leaves out what is older; milliseconds since the epoch. */
  readonly since?: number | undefined
  /** Goes on with what is appended until `signal` aborts. */
  readonly follow?: boolean
  readonly signal?: AbortSignal
}

/** How often a follower looks for more. */
const POLL_MS = 200

interface StreamFile {
  readonly function: string
  readonly stream: string
  readonly path: string
}

/** All streams merged by time; equal times keep the order of their stream. Ends quietly when `signal` aborts. */
export async function* readLogs(query: LogQuery): AsyncGenerator<LogLine> {
  const since = query.since ?? Number.NEGATIVE_INFINITY
  /** How far each file was read, in bytes. */
  const read = new Map<string, number>()
  const streams = (await listStreams(query)).map((file) => readStream(file, read))
  for await (const line of mergeByTime(streams)) {
    if (query.signal?.aborted) return
    if (line.timestamp >= since) yield line
  }
  if (!query.follow) return
  while (!query.signal?.aborted) {
    const more = await Promise.all((await listStreams(query)).map((file) => readMore(file, read)))
    for (const line of more.flat().sort((a, b) => a.timestamp - b.timestamp)) if (line.timestamp >= since) yield line
    await sleep(POLL_MS, undefined, query.signal ? { signal: query.signal } : {}).catch(endOfWait)
  }
}

/** The loop looks at the signal itself. */
function endOfWait(error: Error): void {
  if (error.name !== 'AbortError') throw error
}

async function listStreams({ folder, functions }: LogQuery): Promise<StreamFile[]> {
  const found = await Promise.all(
    functions.map(async (name) => {
      const files = await namesIn(join(folder, name))
      return files
        .filter((file) => file.endsWith('.log'))
        .sort()
        .map((file) => ({ function: name, stream: file.slice(0, -'.log'.length), path: join(folder, name, file) }))
    }),
  )
  return found.flat()
}

/** A function that never ran has no folder yet. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function* readStream(file: StreamFile, read: Map<string, number>): AsyncGenerator<LogLine> {
  read.set(file.path, 0)
  for await (const { bytes, complete } of linesOf(createReadStream(file.path))) {
    // A line without its newline is still being written: a follower reads it later.
    if (!complete) return
    read.set(file.path, read.get(file.path)! + bytes.length + 1)
    if (bytes.length > 0) yield parseLine(file, bytes.toString('utf8'))
  }
}

async function readMore(file: StreamFile, read: Map<string, number>): Promise<LogLine[]> {
  const handle = await open(file.path)
  try {
    const from = read.get(file.path) ?? 0
    const { size } = await handle.stat()
    if (size <= from) return []
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from)
    const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
    read.set(file.path, from + end)
    const lines = buffer.subarray(0, end).toString('utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => parseLine(file, line))
  } finally {
    await handle.close()
  }
}

/** A line that is no such JSON is shown as it is, at time 0: nothing written to a log gets lost. */
function parseLine(file: StreamFile, line: string): LogLine {
  const base = { function: file.function, stream: file.stream }
  const { timestamp, message } = parseOrEmpty(line)
  if (typeof message !== 'string') return { ...base, timestamp: 0, message: line }
  const time = typeof timestamp === 'number' ? timestamp : Date.parse(String(timestamp))
  return { ...base, timestamp: Number.isNaN(time) ? 0 : time, message }
}

function parseOrEmpty(line: string): { timestamp?: unknown; message?: unknown } {
  try {
    return (JSON.parse(line) ?? {}) as { timestamp?: unknown; message?: unknown }
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

async function* mergeByTime(streams: readonly AsyncGenerator<LogLine>[]): AsyncGenerator<LogLine> {
  const heads: { line: LogLine; rest: AsyncGenerator<LogLine> }[] = []
  for (const rest of streams) {
    const { value, done } = await rest.next()
    if (!done) heads.push({ line: value, rest })
  }
  while (heads.length > 0) {
    let first = 0
    for (let i = 1; i < heads.length; i++) if (heads[i]!.line.timestamp < heads[first]!.line.timestamp) first = i
    const head = heads[first]!
    yield head.line
    const { value, done } = await head.rest.next()
    if (done) heads.splice(first, 1)
    else head.line = value
  }
}
