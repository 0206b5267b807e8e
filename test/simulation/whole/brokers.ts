/** What an operator's command asks of the brokers and of the mapping. */
import type { ProducedRecord } from '../../../src/kafka/produce.ts'
import { replayOf } from '../../../src/core/replay.ts'
import { below, flying, park, say, trouble } from './world.ts'
import type { Actor, World } from './world.ts'

export type KafkaRequest =
  | { readonly do: 'offsets' | 'committed' | 'pause' | 'is paused' | 'resume' | 'wait' }
  | { readonly do: 'move'; readonly offsets: ReadonlyMap<number, number> }
  | { readonly do: 'read'; readonly partition: number; readonly from: number }
  | { readonly do: 'send'; readonly records: readonly ProducedRecord[] }

export interface KafkaAsk {
  readonly part: 'kafka'
  readonly request: KafkaRequest
}

type Heard = { readonly value: unknown } | { readonly failed: string }

/** Throws what the brokers do. */
export async function asked<T>(actor: Actor, request: KafkaRequest): Promise<T> {
  const heard = (await park(actor, { part: 'kafka', request })) as Heard
  if ('failed' in heard) throw new Error(heard.failed)
  return heard.value as T
}

const value = (given: unknown): Heard => ({ value: given })
const failed: Heard = { failed: 'the brokers are away' }

/** Undefined: it waits. */
export function brokersAnswer(world: World, request: KafkaRequest): Heard | undefined {
  const { kafka, random, calm } = world
  const failing = !calm && request.do !== 'wait' && random() < (request.do === 'send' ? 0.15 : 0.02)
  if (failing && request.do !== 'send') {
    trouble(world, 'the brokers fail', request.do)
    return failed
  }
  switch (request.do) {
    case 'offsets':
      return value(kafka.partitions.map(({ start, end }, partition) => ({ partition, start, end })))
    case 'committed':
      return value(new Map(kafka.partitions.map(({ committed }, partition) => [partition, committed])))
    case 'pause':
      return paused(world) ? value(undefined) : undefined
    case 'is paused':
      return value(world.paused)
    case 'resume':
      world.paused = false
      kafka.restart((calm ? 6 : 1) + below(random, 8))
      return value(undefined)
    case 'move':
      if (!world.paused) return { failed: 'the group has members' }
      kafka.moveGroup(request.offsets)
      return value(undefined)
    case 'read':
      return value(kafka.read(request.partition, request.from))
    case 'send':
      return sent(world, request.records, failing)
    case 'wait':
    default:
      return value(undefined)
  }
}

/** The mapping takes no more; invocations under way are waited for, and in the end given up: they may live on. */
function paused(world: World): boolean {
  if (!world.paused) say(world, 'the mapping is disabled')
  world.paused = true
  world.again = []
  const live = flying(world)
  if (live.length === 0) return true
  if (world.random() > 0.1) return false
  for (const { flight } of live) flight!.live = false
  trouble(world, 'invocations outlive the pause', `${live.length}`)
  return true
}

/** All of it, or a part of it before the answer is lost; what is left may come in later. */
function sent(world: World, records: readonly ProducedRecord[], failing: boolean): Heard {
  const count = failing ? below(world.random, records.length + 1) : records.length
  for (const record of records.slice(0, count)) append(world, record)
  if (!failing) return value(undefined)
  if (world.random() < 0.5) world.late.push(...records.slice(count))
  trouble(world, 'a replay is not sent, or not heard of', `${count} of ${records.length}`)
  return failed
}

function append(world: World, { partition, headers = [] }: ProducedRecord): void {
  const { offset } = replayOf({ headers })!
  const original = world.log.find((record) => record.source === partition && record.offset === offset)!
  const copy = world.kafka.copy(original, headers)
  world.copies.push(copy)
  say(world, `a copy of ${partition}/${offset} is ${partition}/${copy.offset}`)
}

/** What a command sent comes in although the command heard of a failure. */
export function comeIn(world: World): void {
  const record = world.late.shift()
  if (record) append(world, record)
}
