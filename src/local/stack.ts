/**
 * The local stack: real servers, the function sandbox, the event source mappings, one folder a stack.
 *
 *   .weirhouse/stacks/<name>/status.json   what the verbs read (mode 0600)
 *                            logs/         one folder a function, one file an instance
 *                            functions/    bundles, and the folders that instances run in
 *   <data folder>/kafka postgres dynamodb s3 identity.json     fresh at each start, kept with --data-dir
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { messageOf, WeirError } from '../core/errors.ts'
import type { LoadedPipeline, Project } from '../config/load.ts'
import type { Target } from '../operations/target.ts'
import { functionName } from './deployment.ts'
import type { Stores } from './deployment.ts'
import { endedError } from './ended.ts'
import { externalService, makeReady, type ExternalKafka } from './external-kafka.ts'
import { externalGroups, externalIdentity, LOCAL_REGION, loadIdentity, ownIdentity } from './identity.ts'
import type { Identity, StackIdentity } from './identity.ts'
import { startFunctions } from './functions.ts'
import type { Functions } from './functions.ts'
import { tryLock } from './jars/lock.ts'
import { createMappings } from './mappings.ts'
import type { SandboxFaults } from './lambda/instance.ts'
import { choosePorts } from './ports.ts'
import { claimFolder } from './process.ts'
import { provision } from './provision.ts'
import type { ProvisionEndpoints } from './provision.ts'
import { reloadOnSave } from './reload.ts'
import type { Reloading, Replaceable } from './reload.ts'
import type { ServerEnded, ServerNode, Servers, Service } from './service.ts'
import { startDynamoDb } from './services/dynamodb.ts'
import { startKafka } from './services/kafka.ts'
import { startPostgres } from './services/postgres.ts'
import { startS3 } from './services/s3.ts'
import { stackFolder, statusFile } from './stack-files.ts'
import { removeStatus, targetOf, writeStatus } from './status.ts'
import { openStackLog } from './stream-log.ts'

export interface StackOptions {
  readonly project: Project
  readonly name: string
  /** Keeps the servers' data between starts. */
  readonly dataDir?: string | undefined
  readonly portBase?: number | undefined
  /** Brokers that somebody else runs, instead of the stack's own: never stopped, nothing of them deleted. */
  readonly kafka?: ExternalKafka | undefined
  /** The first pipeline's function gets a debugger on this port, each further one on the next. */
  readonly inspect?: number | undefined
  readonly progress: (text: string | null) => void
  readonly signal: AbortSignal
  /** Gets a line when a server ended by itself; the log of each function has it too. */
  readonly note: (line: string) => void
  readonly faults?: StackFaults
}

/** What is done to a stack on purpose, for tests of its promises. */
export interface StackFaults {
  /** Where functions find the stores, given where they are: through something that cuts and delays, say. */
  readonly reach?: (stores: Stores) => Stores
  readonly sandbox?: SandboxFaults
}

export interface Stack {
  readonly target: Target
  /** Watches the files of all pipelines, and replaces a function when one of them is saved. Throws WEIR_WATCH. */
  reloadOnSave(): Reloading
  /** The servers' processes: Kafka's controller and brokers, PostgreSQL, DynamoDB, S3. */
  readonly nodes: readonly ServerNode[]
  /** Mappings first, so that nothing is in flight, then functions, then servers. Never throws half way: stops all it can. */
  stop(): Promise<void>
}

type Cleanup = () => Promise<void>

/** Starts everything and resolves once records flow. What fails stops what had started, then throws. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const cleanups: Cleanup[] = []
  const release = await claimStack(options)
  // The name is given back last: whoever takes it next finds nothing running.
  const stop = () => stopAll(cleanups).finally(release)
  try {
    const started = await start(options, cleanups)
    return {
      target: started.target,
      nodes: started.nodes,
      reloadOnSave: () => {
        const reloading = reloadOnSave(started.replaceable)
        cleanups.unshift(() => reloading.close())
        return reloading
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface Started {
  readonly target: Target
  readonly nodes: readonly ServerNode[]
  readonly replaceable: Replaceable
}

async function start(options: StackOptions, cleanups: Cleanup[]): Promise<Started> {
  const { project, name, progress, signal } = options
  const folder = stackFolder(project.root, name)
  const dataFolder = options.dataDir === undefined ? join(folder, 'data') : resolve(options.dataDir)
  const keep = options.dataDir !== undefined
  await prepareFolders(folder, dataFolder, keep)
  const pipelines = project.pipelines
  const names = pipelines.map((each) => each.pipeline.name)
  const identity = await identityOn(options, loadIdentity(dataFolder, names))
  signal.throwIfAborted()
  const ports = await choosePorts([...(options.kafka ? [] : BROKER_PORTS), ...STORE_PORTS], options.portBase)
  const inspect = await debuggerPorts(options)

  progress(`starting ${options.kafka ? '' : 'Kafka, '}PostgreSQL, DynamoDB Local and S3`)
  const mappings = createMappings({ identity, logs: join(folder, 'logs') })
  // Bundling uses the core that the servers leave idle while they open their ports.
  const building = startFunctions({
    folder,
    pipelines,
    port: ports.lambda,
    mappings,
    inspect,
    faults: options.faults?.sandbox,
  })
  cleanups.push(() => closeFunctions(building))
  const { kafka } = options
  const onEnded = announcer(options, folder, keep)
  const servers = await startServers(
    { identity, dataFolder, keep, ports, kafka, progress, signal: endedBy(signal, building), onEnded },
    cleanups,
  )
  const host = await building
  signal.throwIfAborted()

  const shown = { name, folder, identity, external: kafka, servers, lambdaPort: ports.lambda, inspect }
  const look = (current: readonly LoadedPipeline[]) => targetOf({ ...shown, pipelines: current })
  const target = look(pipelines)
  const file = statusFile(project.root, name)
  writeStatus(file, { ...target, state: 'starting' })
  cleanups.push(() => removeStatus(file))
  progress('making topics, tables and buckets')
  await provision(
    pipelines.map((each) => each.pipeline),
    endpointsOf(servers),
  )
  signal.throwIfAborted()
  progress('deploying functions and event source mappings')
  const endpoints = endpointsOf(servers)
  await host.deploy(options.faults?.reach?.(endpoints) ?? endpoints)
  const flow = { kafka: endpoints.kafka, invoke: host.invoke }
  cleanups.unshift(() => mappings.stop())
  // A function at a breakpoint would hold up its mapping: with a debugger it goes first, and the batch comes again.
  if (options.inspect !== undefined) cleanups.unshift(() => host.close())
  await mappings.start(
    pipelines.map((each) => each.pipeline),
    flow,
  )
  writeStatus(file, target)
  const onDefinition = (current: readonly LoadedPipeline[]) => writeStatus(file, look(current))
  const { root } = project
  const logs = join(folder, 'logs')
  return {
    target,
    nodes: Object.values(servers).flatMap((server: Service<unknown>) => server.nodes),
    replaceable: { root, logs, pipelines, functions: host, mappings, flow, endpoints, onDefinition },
  }
}

const BROKER_PORTS = ['controller', 'broker-1', 'broker-2'] as const
const STORE_PORTS = ['postgres', 'dynamodb', 's3', 'lambda'] as const

/** What does not bundle is known long before the servers are ready: told at once, and they are not waited for. */
function endedBy(signal: AbortSignal, building: Promise<unknown>): AbortSignal {
  const broken = new AbortController()
  building.catch((error: unknown) => broken.abort(error))
  return AbortSignal.any([signal, broken.signal])
}

/** Looks at brokers that somebody else runs before anything is started: what is wrong with them is told at once. */
async function identityOn({ kafka, project, progress }: StackOptions, identity: Identity): Promise<StackIdentity> {
  if (!kafka) return ownIdentity(identity)
  progress(`reaching Kafka at ${kafka.connection.bootstrap.join(',')}`)
  const pipelines = project.pipelines.map((each) => each.pipeline)
  const { clusterId } = await makeReady(kafka, pipelines, externalGroups(identity))
  return externalIdentity(identity, clusterId)
}

/** By pipeline. Throws WEIR_PORT. */
async function debuggerPorts({ project, inspect }: StackOptions): Promise<Readonly<Record<string, number>>> {
  if (inspect === undefined) return {}
  const names = project.pipelines.map(({ pipeline }) => pipeline.name)
  const ports = await choosePorts(
    names.map((name) => `the debugger of ${name}`),
    inspect,
  )
  return Object.fromEntries(names.map((name) => [name, ports[`the debugger of ${name}`]!]))
}

/** A server that ends is told where people look: on the stack's own output, and in the log of every function. */
function announcer({ project, note }: StackOptions, folder: string, keep: boolean): (ended: ServerEnded) => void {
  return (ended) => {
    const error = endedError(ended, keep)
    const { code, message, cure, retryable } = error
    note(error.toLine())
    for (const { pipeline } of project.pipelines)
      openStackLog(join(folder, 'logs'), functionName(pipeline))('ERROR', message, { code, retryable, cure })
  }
}

function endpointsOf({ kafka, postgres, dynamodb, s3 }: Servers): ProvisionEndpoints {
  return { kafka: kafka.endpoint, postgres: postgres.endpoint, dynamodb: dynamodb.endpoint, s3: s3.endpoint }
}

/** Two that start in the same moment would empty each other's folders. Throws WEIR_ALREADY_UP, WEIR_FOLDER. */
async function claimStack({ project, name }: StackOptions): Promise<() => void> {
  const folder = stackFolder(project.root, name)
  const lock = join(folder, 'owner.lock')
  try {
    mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw new WeirError('WEIR_FOLDER', { folder, reason: messageOf(error) }, { cause: error })
  }
  if (!(await tryLock(lock))) throw new WeirError('WEIR_ALREADY_UP', { stack: name })
  return () => rmSync(lock, { force: true })
}

async function prepareFolders(folder: string, dataFolder: string, keep: boolean): Promise<void> {
  for (const server of ['kafka', 'postgres', 'dynamodb', 's3']) await claimFolder(join(dataFolder, server))
  if (!keep) rmSync(dataFolder, { recursive: true, force: true })
  for (const fresh of ['logs', 'functions']) rmSync(join(folder, fresh), { recursive: true, force: true })
  mkdirSync(dataFolder, { recursive: true })
}

interface ServerOptions {
  readonly identity: Identity
  readonly dataFolder: string
  readonly keep: boolean
  readonly ports: Readonly<Record<(typeof BROKER_PORTS)[number] | (typeof STORE_PORTS)[number], number>>
  readonly kafka: ExternalKafka | undefined
  readonly progress: StackOptions['progress']
  readonly signal: AbortSignal
  readonly onEnded: (ended: ServerEnded) => void
}

/** What kept them from starting is told by whoever waits for them to start. */
async function closeFunctions(starting: Promise<Functions>): Promise<void> {
  const [functions] = await Promise.allSettled([starting])
  if (functions.status === 'fulfilled') await functions.value.close()
}

async function startServers(
  { identity, dataFolder, keep, ports, kafka: external, progress, signal, onEnded }: ServerOptions,
  cleanups: Cleanup[],
): Promise<Servers> {
  const { keys, kafkaClusterId: clusterId } = identity
  const base = (server: string, ...numbers: number[]) => ({
    folder: join(dataFolder, server),
    ports: numbers,
    keep,
    // Only what takes long speaks: fetching, once.
    onProgress: progress,
    onEnded,
  })
  const spawned: Promise<Service<unknown>>[] = []
  cleanups.push(() => stopServers(spawned))
  const ready = async <E>(spawning: Promise<Service<E>>): Promise<Service<E>> => {
    spawned.push(spawning)
    const service = await spawning
    await service.ready()
    return service
  }
  const all = Promise.all([
    external
      ? externalService(external)
      : ready(startKafka({ ...base('kafka', ...BROKER_PORTS.map((each) => ports[each])), clusterId })),
    ready(startPostgres({ ...base('postgres', ports.postgres), password: identity.postgresPassword })),
    ready(startDynamoDb({ ...base('dynamodb', ports.dynamodb), keys, region: LOCAL_REGION })),
    ready(startS3({ ...base('s3', ports.s3), keys, region: LOCAL_REGION })),
  ])
  const [kafka, postgres, dynamodb, s3] = await Promise.race([all, aborted(signal)])
  return { kafka, postgres, dynamodb, s3 }
}

/** Rejects when the signal aborts, so that Ctrl-C need not wait for servers to be ready. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason as Error)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

/** All at the same time, each even where another fails; one that is just being spawned is waited for. */
async function stopServers(spawned: readonly Promise<Service<unknown>>[]): Promise<void> {
  const services = (await Promise.allSettled(spawned)).filter((each) => each.status === 'fulfilled')
  const all = await Promise.allSettled(services.map(({ value }) => value.stop()))
  const failed = all.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
}

/** In order, each even where the one before failed. */
async function stopAll(cleanups: Cleanup[]): Promise<void> {
  const failures: unknown[] = []
  for (const cleanup of cleanups.splice(0)) await cleanup().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw failures[0]
}
