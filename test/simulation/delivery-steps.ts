/** The steps of environments: a delivery arrives, a store answers, a result is heard. */
import { canonicalJson } from '../../src/testing/explorer/explore.ts'
import type { Call } from '../../src/testing/explorer/replay.ts'
import { watched } from './delivery-promises.ts'
import { logNow, nameOf, processesOf, withProcess } from './delivery-types.ts'
import type { Command, Mapping, Outcome, Parts, Process, Result, Task, World } from './delivery-types.ts'

export function isFinished<Store>(parts: Parts<Store>, [mapping]: World<Store>): boolean {
  return logNow(parts, mapping).every((records, source) => mapping.committed[source] === records.length)
}

/** What the log still holds from the committed offsets on. */
export function offered<Store>(parts: Parts<Store>, mapping: Mapping): number[][] {
  const { committed, compacted } = mapping
  return logNow(parts, mapping).map((records, source) =>
    records
      .filter((record) => record.offset >= committed[source]! && !compacted.includes(nameOf(record)))
      .map(({ offset }) => offset),
  )
}

export async function deliver<Store>(
  parts: Parts<Store>,
  [mapping, witness, store, ...processes]: World<Store>,
  delivery: readonly (readonly number[])[],
  to: number,
): Promise<World<Store>> {
  const log = logNow(parts, mapping)
  const live = mapping.live.map((before, source) => (delivery[source]!.length > 0 ? to : before))
  const records = delivery.flatMap((offsets, source) => offsets.map((offset) => log[source]![offset]!))
  const input = mapping.mended === null ? records : records.map((record) => ({ ...record, mended: true as const }))
  const process = await begun(parts, processes[to], input, delivery)
  const mends = mapping.mended === null ? {} : ({ mends: true } as const)
  const since = mapping.read === 0 ? {} : { since: mapping.read }
  const all = put(processes, to, { ...process, ...mends, ...since })
  return [{ ...mapping, live, deliveries: mapping.deliveries + 1 }, witness, store, ...all]
}

/** A person runs a command. */
export async function command<Store>(
  parts: Parts<Store>,
  [mapping, witness, store, ...processes]: World<Store>,
  given: Command,
): Promise<World<Store>> {
  const nothing = parts.log.map(() => [])
  const process = await begun(parts, undefined, given, nothing)
  const all = put(processes, processes.length, process)
  return [{ ...mapping, begun: [...mapping.begun, given.command].sort() }, witness, store, ...all]
}

async function begun<Store>(
  parts: Parts<Store>,
  before: Process | null | undefined,
  input: Task,
  delivery: Process['delivery'],
): Promise<Process> {
  const point = await answered(parts, parts.machine.give(before?.point ?? parts.machine.start, { input }))
  return { point, delivery, flights: {}, faults: 0 }
}

function put(processes: readonly (Process | null)[], to: number, process: Process): readonly (Process | null)[] {
  return to in processes ? processes.with(to, process) : [...processes, process]
}

/** Answers what depends on nothing. */
async function answered<Store>({ machine, store }: Parts<Store>, reached: number | Promise<number>): Promise<number> {
  let point = typeof reached === 'number' ? reached : await reached
  for (;;) {
    let next: number | Promise<number> | undefined
    for (const { id, request } of machine.at(point).calls) {
      const answer = store.local(request)
      if (answer === undefined) continue
      next = machine.give(point, { id, answer })
      break
    }
    if (next === undefined) return point
    point = typeof next === 'number' ? next : await next
  }
}

export function outcomesOf<Store>(
  parts: Parts<Store>,
  world: World<Store>,
  i: number,
  { point, flights }: Process,
  { id, request }: Call,
): readonly Outcome<Store>[] {
  const { store, memory } = parts
  const ofLog = parts.more.ask?.(parts, world, request)
  if (ofLog) return [...ofLog]
  const stored = world[2] as object
  let known = memory.outcomes.get(stored)
  if (!known) memory.outcomes.set(stored, (known = new Map()))
  const flight = flights[id]
  const key = `${i} ${point} ${id} ${flight === undefined ? '' : canonicalJson(flight)}`
  let outcomes = known.get(key)
  if (!outcomes) known.set(key, (outcomes = [...store.outcomes(world[2], i, request, flight)]))
  return outcomes
}

export async function take<Store>(
  parts: Parts<Store>,
  world: World<Store>,
  i: number,
  call: Call,
  outcome: Outcome<Store>,
): Promise<World<Store>> {
  const before = processesOf(world)[i]!
  let known = parts.memory.processes.get(before)
  if (!known) parts.memory.processes.set(before, (known = new Map()))
  let process = known.get(outcome)
  if (!process) {
    known.set(outcome, (process = goOn(parts, before, call, outcome)))
    known.set(outcome, (process = await process))
  } else if (process instanceof Promise) process = await process
  const [mapping, witness, store] = world
  const seen = outcome.store === store ? witness : watched(parts, witness, outcome.store)
  return withProcess([outcome.mapping ?? mapping, seen, outcome.store, ...processesOf(world)], i, process)
}

async function goOn<Store>(
  parts: Parts<Store>,
  before: Process,
  call: Call,
  { answer, flight, fault }: Outcome<Store>,
): Promise<Process> {
  const { [call.id]: _, ...others } = before.flights
  const point =
    answer === undefined
      ? before.point
      : await answered(parts, parts.machine.give(before.point, { id: call.id, answer }))
  return {
    ...before,
    point,
    flights: answer === undefined && flight !== undefined ? { ...others, [call.id]: flight } : others,
    faults: before.faults + (fault ? 1 : 0),
  }
}

export function outcomeOf<Store>({ machine }: Parts<Store>, world: World<Store>, i: number): Result | undefined {
  return machine.at(processesOf(world)[i]!.point).outcome as Result | undefined
}

/** The environment is done with its delivery; a cold one goes, and what it left open. `undefined`: nobody hears of it. */
export function end<Store>(
  { scenario, store }: Parts<Store>,
  world: World<Store>,
  i: number,
  result: Result | undefined,
): World<Store> {
  const process = processesOf(world)[i]!
  const isCommand = process.delivery!.every((offsets) => offsets.length === 0)
  const idle: Process | null =
    scenario.warm && !isCommand ? { ...process, delivery: null, flights: {}, faults: 0 } : null
  const [mapping, witness, held, ...others] = withProcess(world, i, idle)
  const rest = [witness, idle ? held : store.crashed(held, i), ...others] as const
  const live = mapping.live.map((who) => (who === i ? -1 : who))
  if (result === undefined) return [{ ...mapping, live }, ...rest]
  if ('failed' in result) {
    // of a definition that is no more: the batch comes again, to the one that is
    const isOld = mapping.mended !== null && !process.mends
    const counts = !result.retryable && mapping.live.includes(i) && !isOld
    return [{ ...mapping, live, halted: counts ? result.failed : mapping.halted }, ...rest]
  }
  const committed = mapping.committed.map((before, source) =>
    mapping.live[source] === i ? Math.max(before, (process.delivery![source]!.at(-1) ?? -1) + 1) : before,
  )
  return [{ ...mapping, live, committed }, ...rest]
}
