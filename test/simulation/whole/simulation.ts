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
import { seededRandom } from '../../../src/testing/explorer/sample.ts'
import { told } from '../delivery-types.ts'
import type { LogRecord, Result } from '../delivery-types.ts'
import { createKafka } from './kafka.ts'
import { openProcess } from './process.ts'
import type { Wrap } from './process.ts'
import { keyedOf, progressOf, SINKS, wrongAtEnd } from './promises.ts'
import { downAnswer, emptyStores, outcomesOf, withoutProcess } from './stores.ts'
import type { Ask } from './stores.ts'
import { crash, expire, giveUp, outage, ownStep, recreate, restart, timeOut } from './troubles.ts'
import { below, flying, KEYS, PARTITIONS, pick, put, say, trouble } from './world.ts'
import type { Flight, Parked, Process, World } from './world.ts'

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

const STORM_STEPS = 160
/** More steps than any calm needs. */
const MANY_STEPS = 6_000
const MOST_PROCESSES = 4

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Simulated> {
  const random = seededRandom(seed)
  const world: World = {
    random,
    kafka: createKafka(PARTITIONS, 1 + below(random, 6)),
    processes: [],
    log: [],
    troubles: {},
    trace: [],
    bases: new Map(),
    down: new Map(),
    wrap: options.wrap ?? ((_, writer) => writer),
    stores: emptyStores,
    again: [],
    calm: false,
    anew: false,
    invocations: 0,
    steps: 0,
    wrong: undefined,
  }
  for (; world.steps < STORM_STEPS && world.wrong === undefined && !world.anew; world.steps++) await storm(world)
  if (world.wrong === undefined) await calmDown(world)
  const { steps, invocations, troubles, wrong, trace } = world
  return {
    seed,
    steps,
    invocations,
    troubles,
    trace: wrong !== undefined || options.trace ? trace : [],
    ...(wrong === undefined ? {} : { wrong }),
  }
}

/** Lets the code run until it waits for a store. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

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
    parked: [],
    flight: undefined,
    gone: false,
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
  const heard: { result?: Result } = {}
  void process.invoke(kafka.partitions[source]!.records, patient).then((result) => Object.assign(heard, { result }))
  for (let steps = 0; steps < MANY_STEPS && !heard.result; steps++) {
    await settle()
    await answer(world)
  }
  const { result } = heard
  if (!result || 'done' in result) return 'D9: a topic made anew was taken for the old one'
  if (result.failed !== 'WEIR_TOPIC_RESTARTED') return `D9: a topic made anew gave ${result.failed}`
  return JSON.stringify([keyedOf(world.stores), world.stores.bucket]) === before
    ? undefined
    : 'D9: a topic made anew changed a store'
}
