/** What goes wrong in a storm: each draws whom it strikes. */
import { nameOf } from '../delivery-types.ts'
import { put } from './observe.ts'
import { ownSteps, withoutActor } from './stores.ts'
import { below, busy, flying, PARTITIONS, pick, say, trouble } from './world.ts'
import type { Process, World } from './world.ts'

export function crash(world: World): void {
  const process = pick(world, flying(world))
  if (process) vanish(world, process)
}

export function vanish(world: World, process: Process): void {
  trouble(world, 'a process dies', `#${process.id}`)
  process.gone = true
  put(world, withoutActor(world.stores, process.id))
  const flight = process.flight!
  if (flight.live && !world.paused) world.again.push(flight.batch)
}

/** Somebody's terminal is closed. */
export function interrupt(world: World): void {
  const operator = pick(world, busy(world))
  if (!operator) return
  trouble(world, 'a command is interrupted', `#${operator.id} ${operator.verb}`)
  operator.gone = true
  put(world, withoutActor(world.stores, operator.id))
}

/** The mapping does not wait any longer; the process lives on. */
export function timeOut(world: World): void {
  const process = pick(
    world,
    flying(world).filter(({ flight }) => flight!.live),
  )
  if (!process) return
  trouble(world, 'an invocation times out, and lives on', `#${process.id}`)
  process.flight!.live = false
  if (!world.paused) world.again.push(process.flight!.batch)
}

export function outage(world: World): void {
  const part = pick(world, ['dynamodb', 'postgres', 's3'] as const)!
  trouble(world, 'a store is down', part)
  world.down.set(part, world.steps + 5 + below(world.random, 25))
}

/** A rebalance: whatever is under way is nobody's any more, and everything after the commits comes again, cut anew. */
export function restart(world: World): void {
  if (world.paused) return
  trouble(world, 'the mapping begins anew')
  for (const { flight } of world.processes) if (flight) flight.live = false
  world.again = []
  world.kafka.restart(1 + below(world.random, 8))
}

export function ownStep(world: World): void {
  const next = pick(world, ownSteps(world.stores, world.version.keyed))
  if (next) {
    say(world, 'what was on its way to PostgreSQL arrives, or is dropped')
    put(world, next)
  }
}

export function expire(world: World): void {
  const source = below(world.random, PARTITIONS)
  const { start, end, committed, records } = world.kafka.partitions[source]!
  const to = start + below(world.random, end - start + 1)
  trouble(world, 'retention takes records', `${source} below ${to}`)
  for (const record of records)
    if (record.offset >= Math.max(start, committed) && record.offset < to) world.seen.lost.add(nameOf(record))
  world.excuse = true
  world.kafka.expire(source, to)
  restart(world)
}

export function giveUp(world: World): void {
  const batch = world.again.shift()
  if (!batch) return
  trouble(world, 'the mapping gives a batch up')
  for (const record of world.kafka.recordsOf(batch)) world.seen.lost.add(nameOf(record))
  world.excuse = true
  world.kafka.commit(batch)
  world.kafka.release(batch)
}

/** Another version of the function: environments of the old one end once they are done. */
export function deploy(world: World): void {
  world.version = { ...world.version, cured: !world.version.cured }
  trouble(world, 'another version is deployed', world.version.cured ? 'with the cure' : 'without the cure')
  for (const process of world.processes) if (!process.flight) process.gone = true
}

/** The end of the storm: from here on nothing of the old log may change, and sinks that know it must halt. */
export function recreate(world: World): void {
  const source = pick(
    world,
    world.kafka.partitions.flatMap(({ end }, i) => (end > 0 ? [i] : [])),
  )
  if (source === undefined) return
  trouble(world, 'the topic is made anew', `partition ${source}`)
  world.anew = true
}
