/** The steps of environments: a delivery arrives, a store answers, a result is heard. */
import { canonicalJson } from '../../src/testing/explorer/explore.ts'
import type { Call } from '../../src/testing/explorer/replay.ts'
import { watched } from './delivery-promises.ts'
import { nameOf, processesOf, withProcess } from './delivery-types.ts'
import type { LogRecord, Mapping, Outcome, Parts, Process, Result, World } from './delivery-types.ts'

export function isFinished<Store>({ log }: Parts<Store>, [{ committed }]: World<Store>): boolean {
  return log.every((records, source) => committed[source] === records.length)
}

/** What the log still holds from the committed offsets on. */
export function offered<Store>({ log }: Parts<Store>, { committed, compacted }: Mapping): number[][] {
  return log.map((records, source) =>
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
  const { machine, log } = parts
  const live = mapping.live.map((before, source) => (delivery[source]!.length > 0 ? to : before))
  const records = delivery.flatMap((offsets, source) => offsets.map((offset) => log[source]![offset]!))
  const input = mapping.mended === null ? records : records.map(mended)
  const from = processes[to]?.point ?? machine.start
  const point = await answered(parts, machine.give(from, { input }))
  const mends = mapping.mended === null ? {} : ({ mends: true } as const)
  const process: Process = { point, delivery, flights: {}, faults: 0, ...mends }
  const all = to in processes ? processes.with(to, process) : [...processes, process]
  return [{ ...mapping, live, deliveries: mapping.deliveries + 1 }, witness, store, ...all]
}

function mended(record: LogRecord): LogRecord {
  return record.kind === 'mendable' ? { ...record, kind: 'mended' } : record
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
  { store, memory }: Parts<Store>,
  world: World<Store>,
  i: number,
  { point, flights }: Process,
  { id, request }: Call,
): readonly Outcome<Store>[] {
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
  return withProcess([mapping, seen, outcome.store, ...processesOf(world)], i, process)
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

/** The environment is done with its delivery. `undefined`: nobody hears of it. */
export function end<Store>(
  { scenario }: Parts<Store>,
  world: World<Store>,
  i: number,
  result: Result | undefined,
): World<Store> {
  const process = processesOf(world)[i]!
  const idle: Process | null = scenario.warm ? { ...process, delivery: null, flights: {}, faults: 0 } : null
  const [mapping, ...rest] = withProcess(world, i, idle)
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
