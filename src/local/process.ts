import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../core/errors.ts'
import type { ProcessRecord } from './service.ts'

/** How long a server may take to stop gently before it is killed. */
const STOP_MS = 10_000
/** How long a killed process may stay in the process table. */
const KILL_MS = 5_000
const POLL_MS = 25
/** What waiting does not cure: a package that is not installed, a file system that keeps no metadata. */
const FINAL: ReadonlySet<string> = new Set(['WEIR_MODULE_MISSING', 'WEIR_FOLDER'])
const PROCESSES_FILE = 'processes.json'

export interface SpawnSpec {
  /** What to call it in errors: "Kafka", "PostgreSQL". */
  readonly server: string
  readonly command: string
  readonly args: readonly string[]
  /** Both outputs are appended to it. */
  readonly log: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly uid?: number
  readonly gid?: number
}

export interface Running {
  readonly server: string
  readonly log: string
  readonly record: ProcessRecord
  /** How it ended, or undefined while it runs. */
  ended(): string | undefined
  /** Resolves when it has ended. */
  readonly gone: Promise<void>
  /** Sends the signal, waits, kills; resolves when the process is gone. Harmless when it is gone already. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<void>
}

/**
 * Starts a server in a session of its own, so that Ctrl-C in the terminal reaches only Weirhouse, which then stops
 * the servers in order. Throws WEIR_SERVER_START when the program cannot be run.
 */
export async function startProcess(spec: SpawnSpec): Promise<Running> {
  const output = openSync(spec.log, 'a', 0o600)
  let child: ChildProcess
  try {
    child = spawn(spec.command, spec.args, {
      detached: true,
      stdio: ['ignore', output, output],
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.env === undefined ? {} : { env: spec.env }),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    })
    await spawned(child)
  } catch (error) {
    throw new WeirError(
      'WEIR_SERVER_START',
      { server: spec.server, reason: messageOf(error), log: spec.log },
      { cause: error },
    )
  } finally {
    closeSync(output)
  }
  return running(spec, child)
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', () => resolve())
    child.once('error', reject)
  })
}

function running(spec: SpawnSpec, child: ChildProcess): Running {
  const pid = child.pid!
  // A child that ends at once is a zombie until the event loop turns, so its start time can still be read.
  const record = { pid, started: startTime(pid) ?? 'ended' }
  let end: string | undefined
  takeAlong(pid)
  const exit = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ours.delete(pid)
      end = signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`
      resolve()
    })
  })
  return {
    server: spec.server,
    log: spec.log,
    record,
    ended: () => end,
    gone: exit,
    stop: async (signal = 'SIGTERM', timeoutMs = STOP_MS) => {
      if (end !== undefined) return
      child.kill(signal)
      if (await within(exit, timeoutMs)) return
      killGroup(pid)
      await within(exit, KILL_MS)
    },
  }
}

const ours = new Set<number>()
let listening = false

/** Servers still there when this process ends, for whatever reason but kill -9, end with it. */
function takeAlong(pid: number): void {
  ours.add(pid)
  if (listening) return
  listening = true
  process.once('exit', () => ours.forEach(killGroup))
}

/** True when `done` resolved in time. */
async function within(done: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController()
  try {
    return await Promise.race([done.then(() => true), sleep(ms, false, { signal: timer.signal })])
  } finally {
    timer.abort()
  }
}

/** Servers lead a process group of their own: their helpers go with them. */
function killGroup(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL')
    } catch (error) {
      if (!isCode(error, 'ESRCH')) throw error
    }
  }
}

/**
 * Asks `probe` until it returns true. A probe that throws is asked again; the last reason is told when time is up.
 * Throws WEIR_SERVER_START with the log's path when the process ends or the time is up.
 */
export async function waitReady(process: Running, probe: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const until = Date.now() + timeoutMs
  let reason = `it did not answer within ${Math.round(timeoutMs / 1000)} s`
  while (Date.now() < until) {
    const ended = process.ended()
    if (ended !== undefined) throw notStarted(process, `${ended}${lastLine(process.log)}`)
    try {
      if (await probe()) return
    } catch (error) {
      if (error instanceof WeirError && FINAL.has(error.code)) throw error
      reason = `it did not answer within ${Math.round(timeoutMs / 1000)} s (${messageOf(error)})`
    }
    await sleep(POLL_MS)
  }
  throw notStarted(process, reason)
}

function notStarted(process: Running, reason: string): WeirError {
  return new WeirError('WEIR_SERVER_START', { server: process.server, reason, log: process.log })
}

/** The last line that speaks of a fault, so that most readers need not open the log. */
function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').split('\n').slice(-200)
  const line = lines.findLast((each) => /error|exception|fatal|panic/i.test(each) && !/^\s+at /.test(each))
  return line === undefined ? '' : `: ${line.trim().slice(0, 300)}`
}

/** What a folder's servers are, and whose they are. */
interface Claim {
  readonly owner: ProcessRecord
  readonly processes: readonly ProcessRecord[]
}

/**
 * Makes the folder this process's own: servers left behind by a killed owner are stopped.
 * Throws WEIR_FOLDER when the owner is alive, or when the folder cannot be written.
 */
export async function claimFolder(folder: string): Promise<void> {
  const file = join(folder, PROCESSES_FILE)
  const claim = readClaim(file)
  if (claim !== undefined) {
    if (claim.owner.pid !== process.pid && isAlive(claim.owner) && claim.processes.some(isAlive))
      throw new WeirError('WEIR_FOLDER', { folder, reason: `process ${claim.owner.pid} has its servers there` })
    await stopStale(claim.processes)
  }
  recordProcesses(folder, [])
}

/** Writes down the folder's servers, for a later claimFolder. Call it as soon as one is started. */
export function recordProcesses(folder: string, processes: readonly ProcessRecord[]): void {
  const owner = { pid: process.pid, started: startTime(process.pid) ?? '' }
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, PROCESSES_FILE), JSON.stringify({ owner, processes } satisfies Claim), { mode: 0o600 })
  } catch (error) {
    throw new WeirError('WEIR_FOLDER', { folder, reason: messageOf(error) }, { cause: error })
  }
}

/** Forgets the folder's servers once they are stopped. */
export function releaseFolder(folder: string): void {
  rmSync(join(folder, PROCESSES_FILE), { force: true })
}

function readClaim(file: string): Claim | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Claim
  } catch (error) {
    // Absent, or cut short by a full disk or a power cut: nothing is known of earlier servers.
    if (isCode(error, 'ENOENT') || error instanceof SyntaxError) return undefined
    throw new WeirError('WEIR_FOLDER', { folder: dirname(file), reason: messageOf(error) }, { cause: error })
  }
}

/** Stops those of the processes that still run, and no other that was given one of their pids since. */
export async function stopStale(processes: readonly ProcessRecord[]): Promise<void> {
  const left = processes.filter(isAlive)
  for (const { pid } of left) killGroup(pid)
  const until = Date.now() + KILL_MS
  while (left.some(isAlive) && Date.now() < until) await sleep(POLL_MS)
}

/** Whether that very process runs. */
export function isAlive(record: ProcessRecord): boolean {
  return startTime(record.pid) === record.started
}

/** The record of a process, or undefined when there is none with that pid. */
export function processRecord(pid: number): ProcessRecord | undefined {
  const started = startTime(pid)
  return started === undefined ? undefined : { pid, started }
}

/** When a process started, in whatever form the system tells it; undefined when it is gone. */
function startTime(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // proc(5): field 22 is the start time in ticks since boot. Field 2, the name, may hold spaces and parentheses.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      // State Z: dead, waiting for its parent to look.
      return fields[0] === 'Z' ? undefined : `${bootId()}/${fields[19]}`
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return started === '' ? undefined : started
  } catch {
    // No such process: no file under /proc, exit code 1 of ps.
    return undefined
  }
}

let boot: string | undefined
/** Ticks since boot come again after the next boot. */
function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return boot
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
