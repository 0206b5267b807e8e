/** What goes wrong in a storm: each draws whom it strikes. */
import { ownSteps, withoutProcess } from './stores.ts'
import { below, flying, PARTITIONS, pick, put, say, trouble } from './world.ts'
import type { World } from './world.ts'

export function crash(world: World): void {
  const process = pick(world, flying(world))
  if (!process) return
  trouble(world, 'a process dies', `#${process.id}`)
  process.gone = true
  put(world, withoutProcess(world.stores, process.id))
  const flight = process.flight!
  if (flight.live) world.again.push(flight.batch)
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
  world.again.push(process.flight!.batch)
}

export function outage(world: World): void {
  const part = pick(world, ['dynamodb', 'postgres', 's3'] as const)!
  trouble(world, 'a store is down', part)
  world.down.set(part, world.steps + 5 + below(world.random, 25))
}

/** A rebalance: whatever is under way is nobody's any more, and everything after the commits comes again, cut anew. */
export function restart(world: World): void {
  trouble(world, 'the mapping begins anew')
  for (const { flight } of world.processes) if (flight) flight.live = false
  world.again = []
  world.kafka.restart(1 + below(world.random, 8))
}

export function ownStep(world: World): void {
  const next = pick(world, ownSteps(world.stores))
  if (next) {
    say(world, 'what was on its way to PostgreSQL arrives, or is dropped')
    put(world, next)
  }
}

export function expire(world: World): void {
  const source = below(world.random, PARTITIONS)
  const { start, end } = world.kafka.partitions[source]!
  const to = start + below(world.random, end - start + 1)
  trouble(world, 'retention takes records', `${source} below ${to}`)
  world.kafka.expire(source, to)
  restart(world)
}

export function giveUp(world: World): void {
  const batch = world.again.shift()
  if (!batch) return
  trouble(world, 'the mapping gives a batch up')
  world.kafka.commit(batch)
  world.kafka.release(batch)
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
