/** The state of a simulation: mutable, one seed's. */
import type { Deadline } from '../../../src/core/ports.ts'
import type { Batch } from '../../../src/event-source/batcher.ts'
import type { ProducedRecord } from '../../../src/kafka/produce.ts'
import type { KafkaAsk } from './brokers.ts'
import type { Kafka } from './kafka.ts'
import type { Seen } from './observe.ts'
import type { Invoke, Plant, Version } from './process.ts'
import type { LogRecord } from './records.ts'
import type { Ask, Part, Stores } from './stores.ts'

export interface Parked {
  readonly ask: Ask | KafkaAsk
  readonly answer: (value: unknown) => void
  flight: unknown
}

/** Whoever asks stores and brokers. */
export interface Actor {
  readonly id: number
  parked: Parked[]
  gone: boolean
}

export interface Process extends Actor {
  readonly invoke: Invoke
  readonly version: Version
  flight: Flight | undefined
}

/** A batch on its way; `live` until the mapping hears of it, or gives it up. */
export interface Flight {
  readonly batch: Batch
  readonly records: readonly LogRecord[]
  readonly began: number
  live: boolean
}

export interface RewindCommand {
  /** Undefined: all. */
  readonly chosen: readonly string[] | undefined
  /** Undefined: the log's start. */
  readonly to: number | undefined
  readonly fromLogStart: boolean
  readonly acceptNewTopic: boolean
}

/** A command that somebody runs; the function's environments are none of it. */
export interface Operator extends Actor {
  readonly verb: 'rewind' | 'replay' | 'discard'
}

export interface World {
  readonly random: () => number
  readonly kafka: Kafka
  readonly processes: Process[]
  readonly operators: Operator[]
  /** What was produced, copies of replays not among it. */
  readonly log: LogRecord[]
  readonly copies: LogRecord[]
  /** Copies on their way to the topic, whoever has given them up. */
  readonly late: ProducedRecord[]
  readonly troubles: Record<string, number>
  readonly trace: string[]
  readonly seen: Seen
  readonly down: Map<Part, number>
  readonly plant: Plant
  /** What the next environment runs. */
  version: Version
  stores: Stores
  /** Batches that failed and are to be sent again as they are. */
  again: Batch[]
  /** The mapping is disabled. */
  paused: boolean
  /** A rewind that nobody has brought to its end. */
  rewind: RewindCommand | undefined
  /** Why a live invocation may be taken for one from before a rewind. */
  excuse: boolean
  /** The step at which the last rewind was over: who began before may still hear of it. */
  finished: number
  calm: boolean
  /** The last look after dead letters was had. */
  last: boolean
  anew: boolean
  invocations: number
  steps: number
  wrong: string | undefined
}

export const PARTITIONS = 2
export const KEYS = ['a', 'b', 'c']
export const below = (random: () => number, bound: number) => Math.floor(random() * bound)

export function say(world: World, line: string): void {
  world.trace.push(`${world.steps} ${line}`)
}

export function trouble(world: World, kind: string, more = ''): void {
  world.troubles[kind] = (world.troubles[kind] ?? 0) + 1
  say(world, `${kind} ${more}`)
}

export function pick<T>({ random }: World, all: readonly T[]): T | undefined {
  return all[below(random, all.length)]
}

/** Zombies have as much time as anybody: clocks may stand still with them. */
export const patient: Deadline = { remaining: () => 60_000, signal: new AbortController().signal }

export const flying = ({ processes }: World) => processes.filter(({ flight, gone }) => !gone && flight)
export const busy = ({ operators }: World) => operators.filter(({ gone }) => !gone)

export function park(actor: Actor, ask: Ask | KafkaAsk): Promise<unknown> {
  return new Promise((resolve) => {
    if (!actor.gone) actor.parked.push({ ask, answer: resolve, flight: undefined })
  })
}
