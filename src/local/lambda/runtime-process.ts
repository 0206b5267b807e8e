/** One process with AWS's runtime client in it, and the Runtime API that it talks to. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { ProcessEnd } from './answers.ts'
import type { Guard } from './guard.ts'
import { createLineSplitter } from './log-stream.ts'
import { startRuntimeApi } from './runtime-api.ts'
import type { Answer, RuntimeApi, RuntimeEvent } from './runtime-api.ts'
import type { RuntimeFiles } from './runtime-files.ts'
import { memoryArguments } from './variables.ts'

export interface ProcessSpec {
  readonly files: RuntimeFiles
  readonly taskRoot: string
  readonly memoryMb: number
  /** Given the Runtime API's address. */
  readonly variables: (runtimeApi: string) => Record<string, string>
  readonly log: (line: string) => void
  readonly guard: Guard
  /** Port of a debugger on loopback. */
  readonly inspect?: number | undefined
}

/** Ready for events, or why not. */
export type Initialized =
  | { readonly kind: 'ready' }
  | { readonly kind: 'error'; readonly payload: Buffer }
  | { readonly kind: 'end'; readonly end: ProcessEnd }

/** `end`: the process is gone. It can have answered before. */
export interface Ran {
  readonly answer?: Answer
  readonly end?: ProcessEnd
}

export interface RuntimeProcess {
  readonly initialized: Promise<Initialized>
  /** Resolves when the runtime has answered and asks for more, or is gone. */
  run(event: RuntimeEvent): Promise<Ran>
  /** What it has answered so far to the event it holds. */
  answered(): Answer | undefined
  ended(): boolean
  freeze(): void
  /** Highest resident size so far; undefined where the platform does not tell. */
  maxMemoryMb(): number | undefined
  /** Resolves when it is gone. */
  kill(): Promise<void>
}

const CAN_FREEZE = process.platform !== 'win32'

export async function startRuntime(spec: ProcessSpec): Promise<RuntimeProcess> {
  const initialized = Promise.withResolvers<Initialized>()
  let answer: Answer | undefined
  let ran: PromiseWithResolvers<Ran> | undefined
  let ended: ProcessEnd | undefined
  let frozen = false

  const api = await startRuntimeApi({
    onNext: () => {
      // What the process wrote before it asked is in the pipe; one turn of the loop reads it.
      setImmediate(() => {
        initialized.resolve({ kind: 'ready' })
        ran?.resolve(answer ? { answer } : {})
      })
    },
    onAnswer: (given) => (answer = given),
    onInitError: (payload) => initialized.resolve({ kind: 'error', payload }),
  })
  const child = spawnClient(spec, api)
  const settled = (end: ProcessEnd): void => {
    ended = end
    api.close()
    initialized.resolve({ kind: 'end', end })
    ran?.resolve({ ...(answer ? { answer } : {}), end })
  }
  const gone = ending(child, spec).then(settled)
  const signal = (name: NodeJS.Signals): boolean => ended === undefined && signalGroup(child, name)

  return {
    initialized: initialized.promise,
    run: (event) => {
      answer = undefined
      ran = Promise.withResolvers<Ran>()
      if (ended) return Promise.resolve({ end: ended })
      if (frozen) frozen = !signal('SIGCONT')
      api.send(event)
      return ran.promise
    },
    answered: () => answer,
    ended: () => ended !== undefined,
    freeze: () => {
      if (CAN_FREEZE && !frozen) frozen = signal('SIGSTOP')
    },
    maxMemoryMb: () => readMaxMemory(child.pid),
    kill: async () => {
      signal('SIGKILL')
      await gone
    },
  }
}

function spawnClient(spec: ProcessSpec, api: RuntimeApi): ChildProcess {
  const { files, taskRoot, memoryMb, variables, guard, inspect } = spec
  const child = spawn(
    process.execPath,
    [
      '--expose-gc',
      ...memoryArguments(memoryMb),
      ...inspectArguments(inspect),
      '--import',
      files.preload,
      files.client,
    ],
    // A session of its own: Ctrl-C in the terminal is the host's to handle.
    { cwd: taskRoot, env: variables(api.address), stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  )
  if (child.pid !== undefined) guard.add(child.pid)
  return child
}

/** The address is asked for by HTTP (inspector.ts): told on standard error, it would stand in the function's log. */
function inspectArguments(port: number | undefined): string[] {
  return port === undefined ? [] : [`--inspect=127.0.0.1:${port}`, '--inspect-publish-uid=http']
}

/** When the process is gone and everything that it wrote is in the log. */
async function ending(child: ChildProcess, { log, guard }: ProcessSpec): Promise<ProcessEnd> {
  for (const stream of [child.stdout!, child.stderr!]) {
    const lines = createLineSplitter(log)
    stream.on('data', lines.add)
    stream.on('end', lines.end)
  }
  try {
    // What the function itself started may hold the pipes open for longer than it lives.
    child.once('exit', () => signalGroup(child, 'SIGKILL'))
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { code, signal }
  } catch (error) {
    log(`The process could not be started: ${String(error)}`)
    return { code: null, signal: null }
  } finally {
    if (child.pid !== undefined) guard.remove(child.pid)
  }
}

/** False where nothing was left to be told. */
function signalGroup(child: ChildProcess, name: NodeJS.Signals): boolean {
  try {
    if (!CAN_FREEZE) return child.kill(name)
    return process.kill(-child.pid!, name)
  } catch (error) {
    // EPERM: on macOS, a group whose last member has ended.
    if (['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** proc(5): VmHWM, the peak resident set size, in KiB. */
function readMaxMemory(pid: number | undefined): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const kib = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Math.ceil(Number(kib) / 1024)
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
