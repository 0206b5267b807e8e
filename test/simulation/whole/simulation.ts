/**
 * The whole pipeline under faults that a seed draws: the shipped engine, sinks, ledger, flood gate and dead letters over stores
 * in memory, fed by the pure part of the mapping. One request is answered at a time, so that a seed is one history: it
 * prints itself and can be run again.
 *
 * First a storm: batches are cut anew, answers get lost, requests fail, stores go down, processes die or live on as zombies
 * behind their successors, the mapping gives up, retention takes unread records, the topic is made anew. Then calm: what is left
 * must come through without a fault.
 */
import type { Deadline } from '../../../src/core/ports.ts'
import type { Batch } from '../../../src/event-source/batcher.ts'
import { seededRandom } from '../../../src/testing/explorer/sample.ts'
import { told } from '../delivery-types.ts'
import type { LogRecord, Result } from '../delivery-types.ts'
import { createKafka } from './kafka.ts'
import type { Kafka } from './kafka.ts'
import { openProcess } from './process.ts'
import type { Invoke, Wrap } from './process.ts'
import { keyedOf, progressOf, SINKS, wentBack, wrongAtEnd } from './promises.ts'
import { downAnswer, emptyStores, ITEMS, outcomesOf, ownSteps, withoutProcess } from './stores.ts'
import type { Ask, Part, Stores } from './stores.ts'

export interface Simulated {
  readonly seed: number
  readonly steps: number
  readonly invocations: number
  /** How often each kind of trouble struck. */
  readonly troubles: Readonly<Record<string, number>>
  readonly wrong?: string
  /** Of a failing seed: what happened. */
  readonly trace: readonly string[]
}

export interface SimulateOptions {
  readonly wrap?: Wrap
  /** @default false: kept for the failing one */
  readonly trace?: boolean
}

interface Parked {
  readonly ask: Ask
  readonly answer: (value: unknown) => void
  flight: unknown
}

interface Process {
  readonly id: number
  readonly invoke: Invoke
  parked: Parked[]
  flight: Flight | undefined
  gone: boolean
}

/** A batch on its way; `live` until the mapping hears of it, or gives it up. */
interface Flight {
  readonly batch: Batch
  readonly records: readonly LogRecord[]
  live: boolean
}

interface World {
  readonly random: () => number
  readonly kafka: Kafka
  readonly processes: Process[]
  readonly log: LogRecord[]
  readonly troubles: Record<string, number>
  readonly trace: string[]
  readonly bases: Map<string, number>
  readonly down: Map<Part, number>
  readonly wrap: Wrap
  stores: Stores
  /** Batches that failed and are to be sent again as they are. */
  again: Batch[]
  calm: boolean
  anew: boolean
  invocations: number
  steps: number
  wrong: string | undefined
}

const PARTITIONS = 2
const KEYS = ['a', 'b', 'c']
const STORM_STEPS = 160
/** More steps than any calm needs. */
const MANY_STEPS = 6_000
const MOST_PROCESSES = 4

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Simulated> {
  const random = seededRandom(seed)
  const world: World = {
    random,
    kafka: createKafka(PARTITIONS, 1 + below(random, 6)),
    ...{ processes: [], log: [], troubles: {}, trace: [], again: [] },
    ...{ bases: new Map(), down: new Map(), wrap: options.wrap ?? ((_, writer) => writer) },
    ...{ stores: emptyStores, calm: false, anew: false, invocations: 0, steps: 0, wrong: undefined },
  }
  for (; world.steps < STORM_STEPS && world.wrong === undefined && !world.anew; world.steps++) await storm(world)
  if (world.wrong === undefined) await calmDown(world)
  const { steps, invocations, troubles, wrong, trace } = world
  return {
    ...{ seed, steps, invocations, troubles, trace: wrong !== undefined || options.trace ? trace : [] },
    ...(wrong === undefined ? {} : { wrong }),
  }
}

const below = (random: () => number, bound: number) => Math.floor(random() * bound)

/** Lets the code run until it waits for a store. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

function say(world: World, line: string): void {
  world.trace.push(`${world.steps} ${line}`)
}

function trouble(world: World, kind: string, more = ''): void {
  world.troubles[kind] = (world.troubles[kind] ?? 0) + 1
  say(world, `${kind} ${more}`)
}

/** Likely first; the numbers are shares. */
async function storm(world: World): Promise<void> {
  const { random, kafka } = world
  const draw = random() * 100
  if (draw < 18) produce(world)
  else if (draw < 30) kafka.fetch(below(random, PARTITIONS), 1 + below(random, 5))
  else if (draw < 46) await launch(world, random() < 0.7 ? 20 : 0)
  else if (draw < 90) await answer(world)
  else if (draw < 92) crash(world)
  else if (draw < 94) timeOut(world)
  else if (draw < 95.5) outage(world)
  else if (draw < 97) restart(world)
  else if (draw < 98) ownStep(world)
  else if (draw < 98.7) expire(world)
  else if (draw < 99.1) giveUp(world)
  else if (draw < 99.2) recreate(world)
  await settle()
}

function produce(world: World): void {
  const { random, kafka, log } = world
  const partition = below(random, PARTITIONS)
  if (random() < 0.06) kafka.hole(partition, 1 + below(random, 3))
  for (let i = 1 + below(random, 3); i > 0; i--) {
    const draw = random()
    const kind = draw < 0.85 ? 'good' : draw < 0.9 ? 'rowless' : draw < 0.95 ? 'undecodable' : 'refused'
    kafka.produce(partition, KEYS[below(random, KEYS.length)]!, kind)
    log.push(kafka.partitions[partition]!.records.at(-1)!)
  }
}

/** Sends a batch that failed, or the next that is due, to an idle process or a new one. */
async function launch(world: World, waitMs: number): Promise<void> {
  const { kafka, random } = world
  const batch = world.again.shift() ?? kafka.take(waitMs)
  if (!batch) return
  const records = kafka.recordsOf(batch)
  const idle = world.processes.filter(({ flight, gone }) => !flight && !gone)
  const warm = idle[below(random, idle.length + 1)]
  const busy = world.processes.filter(({ flight, gone }) => flight && !gone).length
  if (!warm && busy >= MOST_PROCESSES) {
    world.again.unshift(batch)
    return
  }
  const process = warm ?? (await open(world))
  const flight: Flight = { batch, records, live: true }
  process.flight = flight
  world.invocations++
  say(world, `deliver ${toldOf(records)} to #${process.id}`)
  void process.invoke(records, patient).then((result) => land(world, process, flight, result))
}

/** Zombies have as much time as anybody: clocks may stand still with them. */
const patient: Deadline = { remaining: () => 60_000, signal: new AbortController().signal }

function toldOf(records: readonly LogRecord[]): string {
  const offsets = Array.from({ length: PARTITIONS }, (_, source) =>
    records.filter((record) => record.source === source).map(({ offset }) => offset),
  )
  return told(offsets)
}

async function open(world: World): Promise<Process> {
  const process: Process = {
    id: world.processes.length,
    invoke: await openProcess((ask) => park(process, ask), world.wrap),
    ...{ parked: [], flight: undefined, gone: false },
  }
  world.processes.push(process)
  return process
}

function park(process: Process, ask: Ask): Promise<unknown> {
  return new Promise((resolve) => {
    if (!process.gone) process.parked.push({ ask, answer: resolve, flight: undefined })
  })
}

/** A store takes one request, in one of the ways in which it may. */
async function answer(world: World): Promise<void> {
  const { random, calm } = world
  const waiting = world.processes.flatMap((process) =>
    process.gone ? [] : process.parked.map((parked) => ({ process, parked })),
  )
  while (waiting.length > 0) {
    const [{ process, parked }] = waiting.splice(below(random, waiting.length), 1) as [(typeof waiting)[number]]
    const until = world.down.get(parked.ask.part)
    if (until !== undefined && world.steps < until) {
      done(process, parked, downAnswer(parked.ask.part))
      world.stores = parked.ask.part === 'postgres' ? withoutProcess(world.stores, process.id) : world.stores
      say(world, `#${process.id} finds ${parked.ask.part} down`)
      return
    }
    const all = outcomesOf(world.stores, process.id, parked.ask, parked.flight)
    const outcomes = calm ? all.filter(({ fault }) => !fault).slice(0, 1) : all
    if (outcomes.length === 0) continue // it waits for a lock
    const outcome = random() < 0.85 ? outcomes[0]! : outcomes[below(random, outcomes.length)]!
    if (outcome !== outcomes[0]) trouble(world, outcome.fault ? 'a request fails' : 'an answer is lost')
    say(world, `#${process.id} ${outcome.label}`)
    put(world, outcome.store)
    parked.flight = outcome.flight
    if (outcome.answer !== undefined) done(process, parked, outcome.answer)
    return
  }
  if (calm) ownStep(world)
}

function done(process: Process, parked: Parked, value: unknown): void {
  process.parked = process.parked.filter((each) => each !== parked)
  parked.answer(value)
}

/** D3, and where watermarks begin. */
function put(world: World, stores: Stores): void {
  if (stores === world.stores) return
  const { tables, database } = world.stores
  if (stores.database.rows !== database.rows || stores.tables[ITEMS] !== tables[ITEMS]) {
    const [before, after] = [keyedOf(world.stores), keyedOf(stores)]
    for (const sink of ['sql', 'kv'] as const) {
      const key = wentBack(before[sink], after[sink])
      if (key !== undefined) world.wrong ??= `D3: key ${key} of ${sink} went back`
    }
  }
  world.stores = stores
  if (world.bases.size === SINKS.length * PARTITIONS) return
  for (const sink of SINKS)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const name = `${sink}/${partition}`
      const progress = world.bases.has(name) ? undefined : progressOf(stores, sink, partition)
      if (progress) world.bases.set(name, progress.head)
    }
}

/** The mapping hears of an invocation: it commits, or sends the batch again. */
function land(world: World, process: Process, flight: Flight, result: Result): void {
  if (process.gone) return
  process.flight = undefined
  say(world, `#${process.id} -> ${'done' in result ? 'done' : result.failed}${flight.live ? '' : ', unheard'}`)
  if (!flight.live) return
  flight.live = false
  if ('failed' in result && !result.retryable) world.wrong ??= `D1: #${process.id} halted with ${result.failed}`
  if ('done' in result) {
    const early = unfinished(world, flight)
    if (early !== undefined) world.wrong ??= early
    world.kafka.commit(flight.batch)
    world.kafka.release(flight.batch)
  } else world.again.push(flight.batch)
}

/** N1: acknowledged, and a watermark is not past it. */
function unfinished({ stores }: World, { records }: Flight): string | undefined {
  for (const { source, offset } of records)
    for (const sink of SINKS)
      if ((progressOf(stores, sink, source)?.next ?? 0) <= offset)
        return `N1: ${source}/${offset} is acknowledged, and ${sink} is not past it`
  return undefined
}

function pick<T>({ random }: World, all: readonly T[]): T | undefined {
  return all[below(random, all.length)]
}

const flying = ({ processes }: World) => processes.filter(({ flight, gone }) => !gone && flight)

function crash(world: World): void {
  const process = pick(world, flying(world))
  if (!process) return
  trouble(world, 'a process dies', `#${process.id}`)
  process.gone = true
  put(world, withoutProcess(world.stores, process.id))
  const flight = process.flight!
  if (flight.live) world.again.push(flight.batch)
}

/** The mapping does not wait any longer; the process lives on. */
function timeOut(world: World): void {
  const process = pick(
    world,
    flying(world).filter(({ flight }) => flight!.live),
  )
  if (!process) return
  trouble(world, 'an invocation times out, and lives on', `#${process.id}`)
  process.flight!.live = false
  world.again.push(process.flight!.batch)
}

function outage(world: World): void {
  const part = pick(world, ['dynamodb', 'postgres', 's3'] as const)!
  trouble(world, 'a store is down', part)
  world.down.set(part, world.steps + 5 + below(world.random, 25))
}

/** A rebalance: whatever is under way is nobody's any more, and everything after the commits comes again, cut anew. */
function restart(world: World): void {
  trouble(world, 'the mapping begins anew')
  for (const { flight } of world.processes) if (flight) flight.live = false
  world.again = []
  world.kafka.restart(1 + below(world.random, 8))
}

function ownStep(world: World): void {
  const next = pick(world, ownSteps(world.stores))
  if (next) {
    say(world, 'what was on its way to PostgreSQL arrives, or is dropped')
    put(world, next)
  }
}

function expire(world: World): void {
  const source = below(world.random, PARTITIONS)
  const { start, end } = world.kafka.partitions[source]!
  const to = start + below(world.random, end - start + 1)
  trouble(world, 'retention takes records', `${source} below ${to}`)
  world.kafka.expire(source, to)
  restart(world)
}

function giveUp(world: World): void {
  const batch = world.again.shift()
  if (!batch) return
  trouble(world, 'the mapping gives a batch up')
  world.kafka.commit(batch)
  world.kafka.release(batch)
}

/** The end of the storm: from here on nothing of the old log may change, and sinks that know it must halt. */
function recreate(world: World): void {
  const source = pick(
    world,
    world.kafka.partitions.flatMap(({ end }, i) => (end > 0 ? [i] : [])),
  )
  if (source === undefined) return
  trouble(world, 'the topic is made anew', `partition ${source}`)
  world.anew = true
}

/** No more trouble: everything is delivered; then every record is looked for. */
async function calmDown(world: World): Promise<void> {
  say(world, 'calm')
  world.calm = true
  world.down.clear()
  // What retention took at the end of the log shows once something comes after it.
  for (let source = 0; source < PARTITIONS; source++) {
    world.kafka.produce(source, KEYS[source]!, 'good')
    world.log.push(world.kafka.partitions[source]!.records.at(-1)!)
  }
  const end = world.steps + MANY_STEPS
  const { kafka } = world
  for (; world.wrong === undefined && world.steps < end; world.steps++) {
    await settle()
    for (let source = 0; source < PARTITIONS; source++) kafka.fetch(source, 100)
    await launch(world, 20)
    await settle()
    await answer(world)
    if (kafka.finished() && flying(world).length === 0) break
  }
  if (world.wrong !== undefined) return
  if (!kafka.finished()) world.wrong = 'no progress in the calm'
  else
    world.wrong = wrongAtEnd(world.stores, world.log, world.bases) ?? (world.anew ? await madeAnew(world) : undefined)
}

/** D9: another log under the same name. Every sink that knew the old one halts, and not one row changes. */
async function madeAnew(world: World): Promise<string | undefined> {
  const { kafka, random } = world
  const source = pick(
    world,
    kafka.partitions.flatMap(({ end }, i) => (end > 0 ? [i] : [])),
  )!
  if (!world.bases.has(`lake/${source}`)) return undefined
  kafka.recreate(source)
  for (let i = 0; i < 3; i++) kafka.produce(source, KEYS[below(random, KEYS.length)]!, 'good')
  kafka.restart(10)
  kafka.fetch(source, 3)
  const before = JSON.stringify([keyedOf(world.stores), world.stores.bucket])
  const process = await open(world)
  let result: Result | undefined
  void process.invoke(kafka.partitions[source]!.records, patient).then((heard) => (result = heard))
  for (let steps = 0; steps < MANY_STEPS && !result; steps++) {
    await settle()
    await answer(world)
  }
  if (!result || 'done' in result) return 'D9: a topic made anew was taken for the old one'
  if (result.failed !== 'WEIR_TOPIC_RESTARTED') return `D9: a topic made anew gave ${result.failed}`
  return JSON.stringify([keyedOf(world.stores), world.stores.bucket]) === before
    ? undefined
    : 'D9: a topic made anew changed a store'
}
