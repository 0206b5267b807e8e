/** The state of a simulation: mutable, one seed's. */
import type { Batch } from '../../../src/event-source/batcher.ts'
import type { LogRecord } from '../delivery-types.ts'
import type { Kafka } from './kafka.ts'
import type { Invoke, Wrap } from './process.ts'
import { keyedOf, progressOf, SINKS, wentBack } from './promises.ts'
import { ITEMS } from './stores.ts'
import type { Ask, Part, Stores } from './stores.ts'

export interface Parked {
  readonly ask: Ask
  readonly answer: (value: unknown) => void
  flight: unknown
}

export interface Process {
  readonly id: number
  readonly invoke: Invoke
  parked: Parked[]
  flight: Flight | undefined
  gone: boolean
}

/** A batch on its way; `live` until the mapping hears of it, or gives it up. */
export interface Flight {
  readonly batch: Batch
  readonly records: readonly LogRecord[]
  live: boolean
}

export interface World {
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

export const flying = ({ processes }: World) => processes.filter(({ flight, gone }) => !gone && flight)

/** D3, and where watermarks begin. */
export function put(world: World, stores: Stores): void {
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
