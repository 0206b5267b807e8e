/**
 * The whole pipeline under faults that a seed draws: the shipped engine, sinks, ledger, flood gate and dead letters over stores
 * in memory, fed by the pure part of the mapping, and the shipped commands of operators. One request is answered at a time, so
 * that a seed is one history: it prints itself and can be run again.
 *
 * First a storm: batches are cut anew, answers get lost, requests fail, stores go down, processes die or live on as zombies
 * behind their successors, the mapping gives up, retention takes unread records, sinks are rewound, dead letters replayed and
 * discarded, before and after a cure is deployed, the topic is made anew. Then calm: what is left must come through without a
 * fault.
 */
import { seededRandom } from '../../../src/testing/explorer/sample.ts'
import { told } from '../delivery-types.ts'
import type { Outcome, Result } from '../delivery-types.ts'
import { changed, wrongOfNew } from './anew.ts'
import { brokersAnswer, comeIn } from './brokers.ts'
import { progressOf, SINKS } from './effects.ts'
import { createKafka } from './kafka.ts'
import { nothingSeen, put } from './observe.ts'
import { accept, discard, finish, operate, replay, rewind } from './operators.ts'
import { openProcess } from './process.ts'
import type { Plant } from './process.ts'
import { wrongAtEnd } from './promises.ts'
import type { Kind, LogRecord } from './records.ts'
import { downAnswer, emptyStores, outcomesOf, withoutActor } from './stores.ts'
import type { Ask, Stores } from './stores.ts'
import { crash, deploy, expire, giveUp, interrupt, outage, ownStep, recreate, restart, timeOut } from './troubles.ts'
import { below, busy, flying, KEYS, park, PARTITIONS, patient, say, trouble } from './world.ts'
import type { Actor, Flight, Parked, Process, World } from './world.ts'

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
  readonly plant?: Plant
  /** @default false: kept for the failing one */
  readonly trace?: boolean
}

const STORM_STEPS = 240
/** More steps than any calm needs. */
const MANY_STEPS = 8_000
const MOST_PROCESSES = 4

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Simulated> {
  const random = seededRandom(seed)
  const world: World = {
    random,
    kafka: createKafka(PARTITIONS, 1 + below(random, 6)),
    processes: [],
    operators: [],
    log: [],
    copies: [],
    late: [],
    troubles: {},
    trace: [],
    seen: nothingSeen(),
    down: new Map(),
    plant: options.plant ?? {},
    version: { cured: false, keyed: random() < 0.7 },
    stores: emptyStores,
    again: [],
    paused: false,
    rewind: undefined,
    excuse: false,
    finished: 0,
    calm: false,
    last: false,
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
    trace: wrong !== undefined || options.trace ? [...trace] : [],
    ...(wrong === undefined ? {} : { wrong }),
  }
}

/** Lets the code run until it waits for a store. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Shares of a hundred. */
const storms: readonly (readonly [share: number, happens: (world: World) => void | Promise<void>])[] = [
  [14, produce],
  [10, ({ kafka, random, paused }) => void (paused || kafka.fetch(below(random, PARTITIONS), 1 + below(random, 5)))],
  [12.5, (world) => launch(world, world.random() < 0.7 ? 20 : 0)],
  [49.2, answer],
  [1.6, crash],
  [1.6, timeOut],
  [1.2, outage],
  [1.2, restart],
  [0.8, ownStep],
  [0.8, comeIn],
  [0.6, expire],
  [0.4, giveUp],
  [0.1, recreate],
  [0.8, deploy],
  [1.5, interrupt],
  [2.5, operate],
]

async function storm(world: World): Promise<void> {
  let draw = world.random() * 100
  for (const [share, happens] of storms) {
    draw -= share
    if (draw >= 0) continue
    await happens(world)
    break
  }
  await settle()
}

/** Up to each share, out of a hundred. */
const kinds: readonly (readonly [number, Kind])[] = [
  [78, 'good'],
  [83, 'rowless'],
  [86, 'undecodable'],
  [89, 'refused'],
  [95, 'sour'],
  [100, 'bitter'],
]

function produce(world: World): void {
  const { random, kafka, log } = world
  const partition = below(random, PARTITIONS)
  if (random() < 0.06) kafka.hole(partition, 1 + below(random, 3))
  for (let i = 1 + below(random, 3); i > 0; i--) {
    const draw = random() * 100
    const [, kind] = kinds.find(([share]) => draw < share)!
    log.push(kafka.produce(partition, KEYS[below(random, KEYS.length)]!, kind))
  }
}

/** Sends a batch that failed, or the next that is due, to an idle process or a new one. */
async function launch(world: World, waitMs: number): Promise<void> {
  const { kafka, random } = world
  if (world.paused) return
  const batch = world.again.shift() ?? kafka.take(waitMs)
  if (!batch) return
  const records = kafka.recordsOf(batch)
  const idle = world.processes.filter(({ flight, gone }) => !flight && !gone)
  const warm = idle[below(random, idle.length + 1)]
  if (!warm && flying(world).length >= MOST_PROCESSES) {
    world.again.unshift(batch)
    return
  }
  const process = warm ?? (await open(world))
  const flight: Flight = { batch, records, began: world.steps, live: true }
  process.flight = flight
  world.invocations++
  say(world, `deliver ${toldOf(records)} to #${process.id}`)
  void process.invoke(records, patient).then((result) => land(world, process, flight, result))
}

function toldOf(records: readonly LogRecord[]): string {
  const offsets = Array.from({ length: PARTITIONS }, (_, source) =>
    records.filter((record) => record.source === source).map(({ offset }) => offset),
  )
  return told(offsets)
}

async function open(world: World): Promise<Process> {
  const { version, plant, processes } = world
  const actor: Actor = { id: processes.length, parked: [], gone: false }
  const invoke = await openProcess((ask) => park(actor, ask), version, plant)
  const process: Process = Object.assign(actor, { invoke, version, flight: undefined })
  processes.push(process)
  return process
}

/** A store or the brokers take one request, in one of the ways in which they may. */
async function answer(world: World): Promise<void> {
  const { random } = world
  // Who polls comes now and then, and whenever nobody else does.
  const polls = random() < 0.05
  const all = [...world.processes, ...world.operators].flatMap((actor) =>
    actor.gone ? [] : actor.parked.map((parked) => ({ actor, parked })),
  )
  const others = polls ? all : all.filter(({ parked }) => !isPoll(parked))
  const waiting = others.length > 0 ? others : all
  while (waiting.length > 0) {
    const [{ actor, parked }] = waiting.splice(below(random, waiting.length), 1) as [(typeof waiting)[number]]
    if (parked.ask.part === 'kafka' ? byBrokers(world, actor, parked) : byStores(world, actor, parked, parked.ask))
      return
  }
}

const isPoll = ({ ask }: Parked) => ask.part === 'kafka' && ask.request.do === 'wait'

function byBrokers(world: World, actor: Actor, parked: Parked): boolean {
  if (parked.ask.part !== 'kafka') return false
  const heard = brokersAnswer(world, parked.ask.request)
  if (!heard) return false
  if (parked.ask.request.do !== 'wait') say(world, `#${actor.id} brokers: ${parked.ask.request.do}`)
  done(actor, parked, heard)
  return true
}

/** False where it waits for a lock. */
function byStores(world: World, actor: Actor, parked: Parked, ask: Ask): boolean {
  const { random, calm } = world
  const until = world.down.get(ask.part)
  if (until !== undefined && world.steps < until) {
    done(actor, parked, downAnswer(ask.part))
    if (ask.part === 'postgres') put(world, withoutActor(world.stores, actor.id))
    say(world, `#${actor.id} finds ${ask.part} down`)
    return true
  }
  const all = outcomesOf(world.stores, actor.id, ask, parked.flight, world.version.keyed)
  const outcomes = calm ? all.filter(({ fault }) => !fault).slice(0, 1) : all
  if (outcomes.length === 0) return false
  const outcome = random() < 0.85 ? outcomes[0]! : outcomes[below(random, outcomes.length)]!
  if (outcome !== outcomes[0]) trouble(world, troubleOf(outcome))
  say(world, `#${actor.id} ${outcome.label}`)
  put(world, outcome.store, actor)
  parked.flight = outcome.flight
  if (outcome.answer !== undefined) done(actor, parked, outcome.answer)
  return true
}

function troubleOf({ fault, answer }: Outcome<Stores>): string {
  if (fault) return 'a request fails'
  return answer === undefined ? 'an answer is lost' : 'a listing comes in pages'
}

function done(actor: Actor, parked: Parked, value: unknown): void {
  actor.parked = actor.parked.filter((each) => each !== parked)
  parked.answer(value)
}

/** The mapping hears of an invocation: it commits, or sends the batch again. */
function land(world: World, process: Process, flight: Flight, result: Result): void {
  if (process.gone) return
  process.flight = undefined
  process.gone = process.version !== world.version
  say(world, `#${process.id} -> ${'done' in result ? 'done' : result.failed}${flight.live ? '' : ', unheard'}`)
  if (!flight.live) return
  flight.live = false
  if ('failed' in result && !result.retryable) halted(world, process, flight, result.failed)
  if ('done' in result) {
    const early = unfinished(world, flight)
    if (early !== undefined) world.wrong ??= early
    world.kafka.commit(flight.batch)
    world.kafka.release(flight.batch)
  } else if (!world.paused) world.again.push(flight.batch)
}

/**
 * A range from before a rewind may have come in between, or retention; one may have begun a source that another sink had not met,
 * above where the log is read again: rewinding again settles it.
 */
function halted(world: World, process: Process, { began }: Flight, code: string): void {
  const ofRewind = code === 'WEIR_REWOUND' || (code === 'WEIR_TOPIC_RESTARTED' && world.rewind !== undefined)
  if (ofRewind && began <= world.finished) return // it comes again, and finds the rewind over
  if (!ofRewind || !world.excuse) world.wrong ??= `D1: #${process.id} halted with ${code}`
  else if (!world.rewind) world.wrong ??= `D13: #${process.id} halted with ${code}, and no rewind is under way`
  else {
    trouble(world, 'a rewind has to be run again')
    for (const operator of busy(world)) if (operator.verb === 'rewind') operator.gone = true
    world.paused = true // the next to come runs it again
  }
}

/** N1: acknowledged, and a watermark is not past it. */
function unfinished({ stores }: World, { records }: Flight): string | undefined {
  for (const { source, offset } of records)
    for (const sink of SINKS)
      if ((progressOf(stores, sink, source)?.next ?? 0) <= offset)
        return `N1: ${source}/${offset} is acknowledged, and ${sink} is not past it`
  return undefined
}

/** No more trouble: everything is delivered, every command comes to its end; then every record is looked for. */
async function calmDown(world: World): Promise<void> {
  say(world, 'calm')
  world.calm = true
  world.down.clear()
  // What retention took at the end of the log shows once something comes after it.
  for (let source = 0; source < PARTITIONS; source++) world.log.push(world.kafka.produce(source, KEYS[source]!, 'good'))
  const end = world.steps + MANY_STEPS
  const { kafka } = world
  for (; world.wrong === undefined && world.steps < end; world.steps++) {
    await settle()
    if (!world.paused) for (let source = 0; source < PARTITIONS; source++) kafka.fetch(source, 100)
    await launch(world, 20)
    await settle()
    await answer(world)
    ownStep(world)
    comeIn(world)
    if (flying(world).length > 0 || busy(world).some(({ verb }) => verb === 'rewind')) continue
    if (world.rewind && !world.paused && world.random() < 0.3) finish(world)
    else if (world.rewind || world.paused) rewind(world)
    else if (busy(world).length === 0 && kafka.finished() && !lastReplay(world)) break
  }
  if (world.wrong !== undefined) return
  if (world.steps >= end) world.wrong = 'no progress in the calm'
  else world.wrong = wrongAtEnd(world) ?? (world.anew ? await madeAnew(world) : undefined)
}

/** Once more somebody looks after letters, or two do: those under way come to their end. False once that is done. */
function lastReplay(world: World): boolean {
  if (world.last) return false
  world.last = true
  const states = world.random() < 0.3 ? (['replaying'] as const) : (['new', 'replaying'] as const)
  replay(world, states)
  if (world.random() < 0.5) replay(world, states)
  return true
}

/** Another log under the same name. Every sink that knew the old one halts, until somebody accepts it. */
async function madeAnew(world: World): Promise<string | undefined> {
  const { kafka, random, stores: before, seen } = world
  const known = kafka.partitions.map(({ end }, i) => end > 0 && seen.bases.has(`lake/${i}`))
  if (known.includes(false)) return undefined
  kafka.recreate()
  seen.rewinds.clear()
  const log: LogRecord[] = []
  for (let source = 0; source < PARTITIONS; source++)
    for (let i = 0; i < 3; i++) log.push(kafka.produce(source, KEYS[below(random, KEYS.length)]!, 'good'))
  const process = await open(world)
  const heard: { result?: Result } = {}
  const records = kafka.partitions[below(random, PARTITIONS)]!.records
  void process.invoke(records, patient).then((result) => Object.assign(heard, { result }))
  await until(world, () => heard.result !== undefined)
  const { result } = heard
  if (!result || 'done' in result) return 'D9: a topic made anew was taken for the old one'
  if (result.failed !== 'WEIR_TOPIC_RESTARTED') return `D9: a topic made anew gave ${result.failed}`
  const wrong = changed(before, world)
  if (wrong !== undefined) return wrong
  // Letters that are open are refused, so somebody decides on them first.
  discard(world)
  await until(world, () => busy(world).length === 0)
  accept(world)
  await until(world, () => busy(world).length === 0 && !world.paused && kafka.finished() && flying(world).length === 0)
  return world.wrong ?? (world.rewind ? 'D13: a topic made anew was not accepted' : wrongOfNew(before, world, log))
}

/** The calm goes on until that is so. */
async function until(world: World, isOver: () => boolean): Promise<void> {
  for (const end = world.steps + MANY_STEPS; world.steps < end && world.wrong === undefined; world.steps++) {
    await settle()
    if (isOver()) return
    if (world.seen.rewinds.size > 0 && !world.paused) {
      for (let source = 0; source < PARTITIONS; source++) world.kafka.fetch(source, 100)
      await launch(world, 20)
      await settle()
    }
    await answer(world)
    ownStep(world)
  }
  world.wrong ??= 'no progress with a topic made anew'
}
