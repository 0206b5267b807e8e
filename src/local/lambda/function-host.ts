/**
 * Runs functions as Lambda does: one invocation an instance, as many instances as are asked for at a time up to the
 * reserved concurrency, idle ones used again, last in first out.
 */
import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { messageOf } from '../../core/errors.ts'
import { MAX_PAYLOAD_BYTES } from '../../core/limits.ts'
import type { Clock } from '../../core/ports.ts'
import type { InvokeResult } from '../../event-source/invoker.ts'
import { functionArn } from '../identity.ts'
import { refusals } from './answers.ts'
import type { Refusal } from './answers.ts'
import { startGuard } from './guard.ts'
import { debuggerAddress } from './inspector.ts'
import { createInstance } from './instance.ts'
import type { Instance, SandboxFaults } from './instance.ts'
import { VERSION } from './report.ts'
import { writeRuntimeFiles } from './runtime-files.ts'

/** A laptop's; on AWS an account has 1,000. */
export const DEFAULT_CONCURRENCY = 10

export interface FunctionSpec {
  readonly name: string
  /** The bundle. It is copied: what changes in it later takes effect with the next deployment. */
  readonly codeFolder: string
  /** `file.export` */
  readonly handler: string
  readonly timeoutSeconds: number
  readonly memoryMb: number
  readonly environment: Readonly<Record<string, string>>
  /** Invocations at a time at most; 0 throttles all. DEFAULT_CONCURRENCY where not given. */
  readonly reservedConcurrency?: number
  /**
   * Port on loopback for a debugger. The function then has one instance, which is there before the first invocation, is never
   * frozen, and has no limit of time; invocations wait for their turn.
   */
  readonly inspect?: number
}

export interface DeployHooks {
  /** With the first invocation that this version runs. */
  readonly onFirst?: (requestId: string) => void
  /** With each new instance that a debugger can be attached to: `ws://127.0.0.1:9229/<id>`. */
  readonly onDebugger?: (address: string) => void
}

export interface InvocationResult extends InvokeResult {
  /** The last 4 KiB of the invocation's log. */
  readonly logTail: Buffer
  /** The error of the Lambda API, where the function did not run. */
  readonly refusal?: Refusal
}

export interface FunctionHost {
  /** Replaces a function of that name; invocations that run finish on the old version. */
  deploy(spec: FunctionSpec, hooks?: DeployHooks): Promise<void>
  /**
   * Runs a function (an Invoke of event-source/invoker.ts). A function that fails is a result, and so is one that did not
   * run: 404, 413, 429, 500. Rejects only with the signal's reason; the invocation then goes on by itself.
   */
  readonly invoke: (functionName: string, payload: Buffer, signal?: AbortSignal) => Promise<InvocationResult>
  /** Of the functions that are deployed. */
  list(): readonly FunctionSpec[]
  /** Invocations that run now, on any version of the function. */
  running(functionName: string): number
  /** Kills what runs; resolves when every process is gone. */
  close(): Promise<void>
}

export interface FunctionHostOptions {
  /** Gets a folder for each function, in it a file for each instance. */
  readonly logsFolder: string
  readonly clock?: Pick<Clock, 'now'>
  /** For tests: how long an init phase may take. */
  readonly initMs?: number
  readonly faults?: SandboxFaults | undefined
}

interface Version {
  readonly spec: FunctionSpec
  readonly hooks: DeployHooks
  readonly folder: string
  readonly idle: Instance[]
  readonly busy: Set<Instance>
  used: boolean
  retired: boolean
}

interface Host {
  readonly create: (version: Version) => Instance
  readonly versions: Map<string, Version>
  /** Replaced, with invocations that still run. */
  readonly retiring: Set<Version>
  /** By name of a function that is debugged: when its last turn ends. */
  readonly turns: Map<string, Promise<unknown>>
  readonly zombies: Set<Instance>
  closed: boolean
}

/**
 * The functions' code and temporary files lie in a folder of the system's temporary one, with no repository around: a
 * package that the bundle forgot must not be found (E33).
 */
export function createFunctionHost(options: FunctionHostOptions): FunctionHost {
  const { logsFolder, clock = Date, initMs, faults } = options
  const root = mkdtempSync(join(tmpdir(), 'weirhouse-functions-'))
  const files = writeRuntimeFiles(root)
  const guard = startGuard(root)
  let deployments = 0
  const host: Host = {
    versions: new Map(),
    retiring: new Set(),
    turns: new Map(),
    zombies: new Set(),
    closed: false,
    create: ({ spec, folder }) =>
      createInstance({
        ...spec,
        files,
        guard,
        taskRoot: join(folder, 'task'),
        temporaryRoot: join(folder, 'tmp'),
        logFolder: join(logsFolder, spec.name),
        now: () => clock.now(),
        warn: warnOf(spec.name),
        ...(initMs === undefined ? {} : { initMs }),
        ...(faults === undefined ? {} : { faults }),
      }),
  }
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    host.closed = true
    const all = [...host.versions.values(), ...host.retiring]
    const instances = [...all.flatMap(({ idle, busy }) => [...idle, ...busy]), ...host.zombies]
    await Promise.all(instances.map((instance) => instance.close()))
    rmSync(root, { recursive: true, force: true })
    guard.close()
  }
  return {
    deploy: async (spec, hooks = {}) => {
      const folder = join(root, `${spec.name}-${++deployments}`)
      mkdirSync(folder)
      cpSync(spec.codeFolder, join(folder, 'task'), { recursive: true })
      const old = host.versions.get(spec.name)
      const version = { spec, hooks, folder, idle: [], busy: new Set<Instance>(), used: false, retired: false }
      host.versions.set(spec.name, version)
      // A debugged function may stand at a breakpoint for as long as it likes: nobody waits for it here.
      if (spec.inspect !== undefined) void inTurn(host, spec.name, () => takeOver(host, version, old))
      else if (old) await retire(host, old)
    },
    invoke: (name, payload, signal) =>
      abortable(
        host.versions.get(name)?.spec.inspect === undefined
          ? invoke(host, name, payload)
          : inTurn(host, name, () => invoke(host, name, payload)),
        signal,
      ),
    list: () => [...host.versions.values()].map(({ spec }) => spec),
    running: (name) => running(host, name),
    close: () => (closing ??= close()),
  }
}

function warnOf(name: string): (reason: unknown) => void {
  return (reason) => process.emitWarning(`The log of function ${name} cannot be written: ${String(reason)}`)
}

/** Debugged: one thing after the other, so that never two processes want its port. */
function inTurn<T>(host: Host, name: string, work: () => Promise<T>): Promise<T> {
  const before = host.turns.get(name) ?? Promise.resolve()
  const turn = before.then(work)
  host.turns.set(
    name,
    turn.catch(() => undefined),
  )
  return turn
}

/** Debugged: the instance of the new version in place of the old one's. */
async function takeOver(host: Host, version: Version, old: Version | undefined): Promise<void> {
  if (old) await retire(host, old)
  if (host.closed || version.retired) return
  const instance = create(host, version)
  version.idle.push(instance)
  await instance.prepare()
}

function create(host: Host, version: Version): Instance {
  const { spec, hooks } = version
  const instance = host.create(version)
  if (spec.inspect !== undefined) void announce(instance, spec.inspect, hooks)
  return instance
}

async function announce(instance: Instance, port: number, { onDebugger }: DeployHooks): Promise<void> {
  const address = await debuggerAddress(port, () => instance.alive())
  if (address !== undefined) onDebugger?.(address)
}

async function retire(host: Host, version: Version): Promise<void> {
  version.retired = true
  host.retiring.add(version)
  await Promise.all(version.idle.splice(0).map((instance) => instance.close()))
  forget(host, version)
}

function forget(host: Host, version: Version): void {
  if (version.busy.size > 0 || !host.retiring.delete(version)) return
  rmSync(version.folder, { recursive: true, force: true })
}

async function invoke(host: Host, name: string, payload: Buffer): Promise<InvocationResult> {
  const requestId = randomUUID()
  const version = host.versions.get(name)
  if (host.closed) return refused(requestId, refusals.service('The sandbox is stopping'))
  if (!version) return refused(requestId, refusals.noFunction(functionArn(name)))
  if (payload.length > MAX_PAYLOAD_BYTES) return refused(requestId, refusals.tooLarge(payload.length))
  if (running(host, name) >= (version.spec.reservedConcurrency ?? DEFAULT_CONCURRENCY))
    return refused(requestId, refusals.throttled())

  const instance = takeIdle(version) ?? create(host, version)
  version.busy.add(instance)
  if (!version.used) version.hooks.onFirst?.(requestId)
  version.used = true
  try {
    const { failed, payload: answer, logTail } = await instance.invoke(requestId, payload)
    return {
      statusCode: 200,
      ...(failed ? { functionError: 'Unhandled' } : {}),
      payload: answer,
      requestId,
      executedVersion: VERSION,
      logTail,
    }
  } catch (error) {
    // The machine has no process or port left: as far as the function goes, the service's fault.
    await instance.close()
    return refused(requestId, refusals.service(messageOf(error)))
  } finally {
    version.busy.delete(instance)
    if (version.retired || host.closed) {
      await instance.close()
      forget(host, version)
    } else if (instance.alive()) version.idle.push(instance)
    else if (instance.isZombie()) host.zombies.add(instance)
  }
}

/** Of all versions: the limit is the function's. */
function running(host: Host, name: string): number {
  const versions = [host.versions.get(name), ...host.retiring]
  return versions.reduce((sum, version) => sum + (version?.spec.name === name ? version.busy.size : 0), 0)
}

/** One whose process ended while it was idle is of no use. */
function takeIdle({ idle }: Version): Instance | undefined {
  let instance = idle.pop()
  while (instance && !instance.alive()) {
    void instance.close()
    instance = idle.pop()
  }
  return instance
}

function refused(requestId: string, refusal: Refusal): InvocationResult {
  return {
    statusCode: refusal.status,
    payload: Buffer.from(JSON.stringify(refusal.body)),
    requestId,
    executedVersion: VERSION,
    logTail: Buffer.alloc(0),
    refusal,
  }
}

function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
