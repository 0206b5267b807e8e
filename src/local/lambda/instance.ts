/**
 * An instance of a function: one process at a time, one log stream, one invocation at a time (docs/event-source.md, E32,
 * E34). A process that ends or times out ends its instance; the next invocation is another instance's, and cold.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { functionArn } from '../identity.ts'
import { exitReason, timeoutText } from './answers.ts'
import type { Guard } from './guard.ts'
import { openLogStream } from './log-stream.ts'
import type { LogStream } from './log-stream.ts'
import { errorTypeOf, judge, KILLED } from './outcome.ts'
import type { Result } from './outcome.ts'
import { endLine, initReportLine, reportLine, startLine } from './report.ts'
import type { Report } from './report.ts'
import type { RuntimeFiles } from './runtime-files.ts'
import { startRuntime } from './runtime-process.ts'
import type { Initialized, RuntimeProcess } from './runtime-process.ts'
import { functionVariables } from './variables.ts'

/** Lambda: the init phase has 10 s; after that it is tried once more, as part of the invocation. */
export const INIT_MS = 10_000
/** What a function that is debugged is told to have left: a day, which is for ever and yet fits every timer. */
const DEBUGGED_MS = 86_400_000

export interface InstanceSpec {
  readonly name: string
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly environment: Readonly<Record<string, string>>
  /** The function's code, a copy that nothing else writes to. */
  readonly taskRoot: string
  /** Where the instance may make a folder of its own, in place of /tmp. */
  readonly temporaryRoot: string
  /** Of the function's log files. */
  readonly logFolder: string
  readonly files: RuntimeFiles
  readonly guard: Guard
  readonly now: () => number
  readonly warn: (reason: unknown) => void
  /** For tests; INIT_MS where not given. */
  readonly initMs?: number
  /** Port of a debugger: nothing is limited in time, nothing is frozen. */
  readonly inspect?: number
}

export interface Outcome {
  /** Whether the payload is an error: FunctionError 'Unhandled'. */
  readonly failed: boolean
  readonly payload: Buffer
  /** The last 4 KiB of the invocation's log. */
  readonly logTail: Buffer
}

export interface Instance {
  /** False once its process is gone: it must not be used again. */
  alive(): boolean
  /** The init phase before there is an invocation. Never rejects for what the function does. */
  prepare(): Promise<void>
  /** One at a time. Never rejects for what the function does. */
  invoke(requestId: string, payload: Buffer): Promise<Outcome>
  /** Resolves when the process is gone and the log is written. */
  close(): Promise<void>
}

interface Inside {
  readonly spec: InstanceSpec
  readonly log: LogStream
  readonly start: () => Promise<RuntimeProcess>
  /** The last one that was begun. */
  starting: Promise<RuntimeProcess> | undefined
  process: RuntimeProcess | undefined
  /** An init phase ahead of its invocation. */
  prepared: Promise<Init> | undefined
  /** The invocation under way. */
  running: Promise<Outcome> | undefined
  closed: boolean
}

export function createInstance(spec: InstanceSpec): Instance {
  const id = randomBytes(16).toString('hex')
  const log = openLogStream({ folder: spec.logFolder, id, now: spec.now, warn: spec.warn })
  const inside: Inside = {
    spec,
    log,
    start: () => startProcess(spec, id, log),
    starting: undefined,
    process: undefined,
    prepared: undefined,
    running: undefined,
    closed: false,
  }
  return {
    alive: () => !inside.closed && inside.process?.ended() !== true,
    prepare: async () => {
      inside.prepared = initialize(inside)
      await inside.prepared
    },
    invoke: async (requestId, payload) => {
      try {
        inside.running = invoke(inside, requestId, payload)
        return await inside.running
      } finally {
        inside.running = undefined
        // Left running when the next event is on its way already: the turn of the loop tells.
        setImmediate(() => {
          if (!inside.running && !inside.closed && spec.inspect === undefined) inside.process?.freeze()
        })
      }
    },
    close: async () => {
      inside.closed = true
      await stop(inside)
      // Its process is gone, and it has its last lines to write.
      await inside.running?.catch(() => undefined)
      inside.log.close()
    },
  }
}

async function startProcess(spec: InstanceSpec, id: string, log: LogStream): Promise<RuntimeProcess> {
  const temporaryFolder = join(spec.temporaryRoot, id)
  mkdirSync(temporaryFolder, { recursive: true })
  return startRuntime({
    files: spec.files,
    taskRoot: spec.taskRoot,
    memoryMb: spec.memoryMb,
    log: log.write,
    guard: spec.guard,
    inspect: spec.inspect,
    variables: (runtimeApi) =>
      functionVariables({
        ...spec,
        runtimeApi,
        temporaryFolder,
        logStream: log.name,
        extraCaCerts: process.env['NODE_EXTRA_CA_CERTS'],
      }),
  })
}

async function end(inside: Inside): Promise<void> {
  inside.closed = true
  await stop(inside)
  inside.log.close()
}

/** One that still starts is waited for: it must not outlive its instance. */
async function stop({ starting }: Inside): Promise<void> {
  const runtime = await starting
  await runtime?.kill()
}

async function invoke(inside: Inside, requestId: string, payload: Buffer): Promise<Outcome> {
  const { log, spec } = inside
  log.mark()
  const cold = inside.process === undefined && inside.prepared === undefined
  const init = cold ? await initialize(inside) : await inside.prepared
  inside.prepared = undefined
  log.write(startLine(requestId))
  const start = performance.now()
  const until = spec.inspect === undefined ? start + spec.timeoutSeconds * 1000 : Infinity
  // An init phase that failed is repeated within the invocation.
  const again = init && init.result.kind !== 'ready' ? await within(initializeAgain(inside), until) : undefined
  const result = await resultOf(inside, requestId, payload, until, again)
  return settle(inside, requestId, result, {
    requestId,
    duration: performance.now() - start,
    ...(init?.result.kind === 'ready' ? { init: init.duration } : {}),
    memoryMb: spec.memoryMb,
    maxMemoryMb: inside.process?.maxMemoryMb(),
  })
}

async function resultOf(
  inside: Inside,
  requestId: string,
  payload: Buffer,
  until: number,
  again: Initialized | 'late' | undefined,
): Promise<Result> {
  if (again === 'late') return { kind: 'timeout' }
  // The runtime client ends its process after it has told of the error.
  if (again?.kind === 'error') return { ...again, end: KILLED }
  if (again?.kind === 'end') return again
  const runtime = inside.process!
  const left = until === Infinity ? DEBUGGED_MS : until - performance.now()
  const ran = await within(
    runtime.run({
      requestId,
      payload,
      functionArn: functionArn(inside.spec.name),
      deadline: Math.ceil(inside.spec.now() + left),
      traceId: traceId(inside.spec.now()),
    }),
    until,
  )
  // A caller has its answer as soon as it is given, whatever becomes of the process then.
  const answer = ran === 'late' ? runtime.answered() : ran.answer
  if (answer) return { ...answer, ...(ran === 'late' ? { end: KILLED } : ran.end ? { end: ran.end } : {}) }
  return ran === 'late' ? { kind: 'timeout' } : { kind: 'end', end: ran.end! }
}

/** Writes END and REPORT, and ends the instance where its process is gone or hangs. */
async function settle(inside: Inside, requestId: string, result: Result, report: Report): Promise<Outcome> {
  const { log, spec } = inside
  const { failed, payload, status } = judge(result, requestId, spec.timeoutSeconds)
  const over = result.kind === 'end' || result.kind === 'timeout' || result.end !== undefined
  // First, so that what the process still had to say stands before END.
  if (over) await stop(inside)
  if (result.kind === 'timeout')
    log.write(`${new Date(spec.now()).toISOString()} ${requestId} ${timeoutText(spec.timeoutSeconds)}`)
  if (result.kind === 'end') log.write(`RequestId: ${requestId} Error: ${exitReason(result.end)}`)
  log.write(endLine(requestId))
  log.write(reportLine({ ...report, ...status }))
  const logTail = log.tail()
  if (over) await end(inside)
  return { failed, payload, logTail }
}

interface Init {
  readonly result: Initialized | { readonly kind: 'late' }
  readonly duration: number
}

async function initialize(inside: Inside): Promise<Init> {
  const start = performance.now()
  const { inspect, initMs = INIT_MS } = inside.spec
  const initialized = await within(begin(inside), inspect === undefined ? start + initMs : Infinity)
  const result = initialized === 'late' ? ({ kind: 'late' } as const) : initialized
  const duration = performance.now() - start
  if (result.kind !== 'ready') {
    await stop(inside)
    inside.log.write(initReportLine(duration, 'init', result.kind === 'late' ? 'timeout' : 'error', typeOf(result)))
  }
  return { result, duration }
}

async function initializeAgain(inside: Inside): Promise<Initialized> {
  const start = performance.now()
  const result = await begin(inside)
  if (result.kind !== 'ready')
    inside.log.write(initReportLine(performance.now() - start, 'invoke', 'error', typeOf(result)))
  return result
}

async function begin(inside: Inside): Promise<Initialized> {
  if (inside.closed) return { kind: 'end', end: KILLED }
  inside.starting = inside.start()
  inside.process = await inside.starting
  return inside.process.initialized
}

function typeOf(result: Initialized | { readonly kind: 'late' }): string | undefined {
  if (result.kind === 'error') return errorTypeOf(result.payload).errorType
  return result.kind === 'end' ? 'Runtime.ExitError' : undefined
}

async function within<T>(work: Promise<T>, until: number): Promise<T | 'late'> {
  if (until === Infinity) return work
  const timer = new AbortController()
  const late = sleep(Math.max(0, until - performance.now()), 'late' as const, { signal: timer.signal })
  // Aborted below, once it is of no more use.
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}

/** Source: AWS X-Ray Developer Guide, "Tracing header": the root id begins with the time in seconds. */
function traceId(now: number): string {
  const time = Math.floor(now / 1000)
    .toString(16)
    .padStart(8, '0')
  const [root, parent] = [randomBytes(12).toString('hex'), randomBytes(8).toString('hex')]
  return `Root=1-${time}-${root};Parent=${parent};Sampled=0`
}
