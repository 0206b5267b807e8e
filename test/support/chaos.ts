/**
 * Faults drawn by chance, on real parts, while records flow: what is drawn follows from the seed; when a process notices does
 * not. Two at most at a time, and never both brokers.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { callLambda } from '../../src/operations/lambda-api.ts'
import { listDeadLetters } from '../../src/operations/dead-letters.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import pipeline, { POISON } from '../fixtures/chaos/pipeline.ts'
import { openFaultWorld, until } from './fault-world.ts'
import type { FaultWorld } from './fault-world.ts'

export interface ChaosOptions {
  readonly seed: number
  readonly seconds: number
  /** Of one outage, at most. */
  readonly outageSeconds: number
  /** Told what is being done. */
  readonly say: (line: string) => void
}

export interface ChaosResult {
  readonly seed: number
  /** How often each fault struck. */
  readonly faults: Readonly<Record<string, number>>
  readonly invocations: number
  /** Processes that functions ran in. */
  readonly processes: number
  readonly acknowledged: number
  readonly report: AuditReport
  /** Dead letters of records that were no poison; there must be none. */
  readonly healthyDead: number
}

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Fault {
  readonly name: string
  /** Two of one part are never there at a time. */
  readonly part: 'function' | 'kafka' | 'postgres' | 's3' | 'dynamodb' | 'mapping'
  readonly strike: (world: FaultWorld, ms: number, random: () => number) => Promise<void>
}

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(-pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // it went by itself
  }
}

/** The process of the next invocation, a random moment after it began. */
async function nextInvocation(world: FaultWorld, random: () => number): Promise<number> {
  const pid = await new Promise<number>((resolve) => world.onInvocation(resolve))
  await sleep(random() * 40)
  return pid
}

const outage =
  (server: string): Fault['strike'] =>
  async (world, ms) => {
    const node = world.node(server)
    await node.kill()
    await sleep(ms)
    await node.start()
  }

const broker =
  (id: 1 | 2): Fault['strike'] =>
  async (world, ms) => {
    await outage(`Kafka node ${id}`)(world, ms, Math.random)
    await until('both brokers have every record', async () => {
      const { layout } = await world.admin.describeTopic(pipeline.source.topic)
      return layout.every(({ inSync }) => inSync.length === 2)
    })
  }

const cut =
  (part: 's3' | 'dynamodb' | 'postgres'): Fault['strike'] =>
  async (world, ms) => {
    world[part].cut()
    await sleep(ms)
    world[part].mend()
  }

const cutAnswers =
  (part: 's3' | 'dynamodb' | 'postgres'): Fault['strike'] =>
  async (world, ms, random) => {
    world[part].cutAnswers(1 + Math.floor(random() * 6))
    await sleep(ms / 2)
    world[part].mend()
  }

async function update(world: FaultWorld, change: object): Promise<void> {
  const { lambda, pipelines } = world.stack.target
  await until('the mapping takes a change', async () => {
    try {
      await callLambda({
        endpoint: lambda.endpoint,
        operation: 'UpdateEventSourceMapping',
        method: 'PUT',
        path: `/2015-03-31/event-source-mappings/${pipelines[0]!.mappingId}`,
        body: JSON.stringify(change),
        signal: AbortSignal.timeout(10_000),
      })
      return true
    } catch (error) {
      if (String(error).includes('in use')) return false // it is on its way
      throw error
    }
  })
}

const faults: readonly Fault[] = [
  {
    name: 'function killed in mid-batch',
    part: 'function',
    strike: async (world, _, random) => signal(await nextInvocation(world, random), 'SIGKILL'),
  },
  {
    name: 'invocation frozen past its timeout, then thawed',
    part: 'function',
    strike: async (world, ms, random) => {
      const pid = await nextInvocation(world, random)
      signal(pid, 'SIGSTOP')
      await sleep(pipeline.function.timeoutSeconds * 1000 + ms)
      signal(pid, 'SIGCONT')
    },
  },
  { name: 'broker 1 killed', part: 'kafka', strike: broker(1) },
  { name: 'broker 2 killed', part: 'kafka', strike: broker(2) },
  { name: 'PostgreSQL killed', part: 'postgres', strike: outage('PostgreSQL') },
  { name: 'PostgreSQL cut off', part: 'postgres', strike: cut('postgres') },
  { name: 'PostgreSQL cut in mid-answer', part: 'postgres', strike: cutAnswers('postgres') },
  { name: 'S3 killed', part: 's3', strike: outage('S3Proxy') },
  { name: 'S3 cut in mid-answer', part: 's3', strike: cutAnswers('s3') },
  { name: 'DynamoDB cut off', part: 'dynamodb', strike: cut('dynamodb') },
  { name: 'DynamoDB cut in mid-answer', part: 'dynamodb', strike: cutAnswers('dynamodb') },
  {
    name: 'writes kept back, then let go',
    part: 'dynamodb',
    strike: async (world, ms) => {
      world.dynamodb.keepBack(/BatchExecuteStatement|PutItem/)
      await sleep(ms)
      world.dynamodb.mend()
    },
  },
  {
    name: 'batch size and window changed',
    part: 'mapping',
    strike: (world, _, random) =>
      update(world, {
        BatchSize: 10 + Math.floor(random() ** 2 * 1000),
        MaximumBatchingWindowInSeconds: Math.floor(random() * 2),
      }),
  },
  {
    name: 'mapping disabled and enabled',
    part: 'mapping',
    strike: async (world, ms) => {
      await update(world, { Enabled: false })
      await sleep(ms / 2)
      await update(world, { Enabled: true })
    },
  },
]

/** Two together strike often enough that one's recovery meets the other. */
const AT_A_TIME = 2
const POISON_EVERY = 250

export async function chaos({ seed, seconds, outageSeconds, say }: ChaosOptions): Promise<ChaosResult> {
  const random = randomOf(seed)
  const valueOf = (n: number) => (n % POISON_EVERY === 0 ? `${POISON}-${n}` : `value-${n}`)
  const module = 'test/fixtures/chaos/pipeline.ts'
  const world = await openFaultWorld({ pipeline, module, recordsATick: 25, valueOf })
  const struck: Record<string, number> = {}
  const running = new Map<string, Promise<void>>()
  try {
    world.flow()
    const end = performance.now() + seconds * 1000
    while (performance.now() < end) {
      const free = faults.filter(({ part }) => !running.has(part))
      const fault = free[Math.floor(random() * free.length)]!
      const ms = 200 + random() * (outageSeconds * 1000 - 200)
      struck[fault.name] = (struck[fault.name] ?? 0) + 1
      say(`${fault.name} (${(ms / 1000).toFixed(1)} s)`)
      const strike = fault.strike(world, ms, random).finally(() => running.delete(fault.part))
      running.set(fault.part, strike)
      if (running.size >= AT_A_TIME) await Promise.race(running.values())
      await sleep(random() * 500)
    }
    await Promise.all(running.values())
    for (const proxy of [world.s3, world.dynamodb, world.postgres]) proxy.mend()
    say('no more faults; waiting for the rest')
    await update(world, { BatchSize: pipeline.source.batch.records, MaximumBatchingWindowInSeconds: 0 })
    const settled = await world.settle()
    return {
      seed,
      faults: struck,
      invocations: world.invoked.length,
      processes: new Set(world.invoked).size,
      ...settled,
      healthyDead: await healthyDead(world),
    }
  } catch (error) {
    await tellLast(world, say)
    throw error
  } finally {
    await world.end()
  }
}

const LAST_LINES = 40

/** The logs go with the stack: what the functions and the mapping said in the end. */
async function tellLast(world: FaultWorld, say: ChaosOptions['say']): Promise<void> {
  const told = (await world.lines()).filter(({ message }) => message !== '') // metrics have none
  for (const { stream, message, fields } of told.slice(-LAST_LINES))
    say(`${stream}: ${message} ${JSON.stringify(fields).slice(0, 600)}`)
}

async function healthyDead({ stack: { target } }: FaultWorld): Promise<number> {
  const signal = new AbortController().signal
  const { letters } = await listDeadLetters(target, { pipelines: [pipeline.name], limit: 1_000_000 }, signal)
  return letters.filter(({ stage, text }) => stage !== 'transform' || text !== 'planted').length
}
