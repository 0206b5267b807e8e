/**
 * The world around a pipeline, as a model for the explorer: a log, a mapping that cuts, redelivers and gives up, and
 * environments that run the shipped engine and sinks (src/testing/explorer/replay.ts), crash, or live on as zombies. What
 * the stores do with a request is a `StoreModel`'s; what must hold is in delivery-promises.ts.
 */
import type { AsyncModel, Step } from '../../src/testing/explorer/explore.ts'
import type { Call, Replayed } from '../../src/testing/explorer/replay.ts'
import { stuckFrom } from './delivery-progress.ts'
import { watched, wrongIn } from './delivery-promises.ts'
import { command, deliver, end, isFinished, offered, outcomeOf, outcomesOf, take } from './delivery-steps.ts'
import { logNow, logOf, nameOf, processesOf, told, withProcess } from './delivery-types.ts'
import { forgetSteps } from './forgetting.ts'
import { rewindSteps } from './rewinds.ts'
import type {
  LogRecord,
  Mapping,
  More,
  Parts,
  Process,
  Scenario,
  StoreModel,
  Task,
  Witness,
  World,
} from './delivery-types.ts'

/** What goes wrong, in a random walk. */
const RARE = 0.05

type DeliveryModel<Store> = AsyncModel<World<Store>> & { readonly quiet: () => number }

export function deliveryModel<Store extends object>(
  scenario: Scenario,
  store: StoreModel<Store>,
  machine: Replayed<Task>,
  more: More<Store> = {},
): DeliveryModel<Store> {
  const parts = partsOf(scenario, store, machine, more)
  return modelOf(parts, firstWorld(parts))
}

export function partsOf<Store>(
  scenario: Scenario,
  store: StoreModel<Store>,
  machine: Replayed<Task>,
  more: More<Store>,
): Parts<Store> {
  const memory = { outcomes: new WeakMap(), processes: new WeakMap() }
  return { scenario, store, machine, memory, more, log: logOf(scenario) }
}

export function firstWorld<Store>({ log, store }: Parts<Store>): World<Store> {
  const sources = log.map(() => 0)
  const mapping: Mapping = {
    committed: sources,
    live: sources.map(() => -1),
    deliveries: 0,
    skipped: [],
    compacted: [],
    rewind: null,
    paused: false,
    read: 0,
    halted: null,
    mended: null,
    copies: [],
    late: [],
    begun: [],
  }
  const witness: Witness = { newest: {}, base: sources.map(() => null), rewound: [], wrong: null }
  return [mapping, witness, store.initial]
}

export function modelOf<Store extends object>(parts: Parts<Store>, initial: World<Store>): DeliveryModel<Store> {
  const { more } = parts
  let quiet = 0
  return {
    initial,
    next: async (world) => {
      const moved = await processSteps(parts, world)
      const ofPeople = [...(await commandSteps(parts, world)), ...rewindSteps(parts, world)]
      const others = [...ownSteps(parts, world), ...forgetSteps(parts, world), ...(more.steps?.(parts, world) ?? [])]
      return [...(await mappingSteps(parts, world)), ...moved, ...ofPeople, ...others]
    },
    violation: (world) => {
      const wrong = wrongIn(parts, world)
      const isOver = more.ending === undefined && (isFinished(parts, world) || isPaused(world))
      if (wrong !== undefined || isOver || processesOf(world).some(isBusy)) return wrong
      quiet++
      return stuckFrom(parts, world)
    },
    quiet: () => quiet,
  }
}

/** Nothing is delivered before a person goes on. */
export function isPaused<Store>([{ rewind, paused, halted }]: World<Store>): boolean {
  return rewind?.state === 'removing' || paused || halted !== null
}

function isBusy(process: Process | null): boolean {
  return process !== null && process.delivery !== null
}

async function mappingSteps<Store>(parts: Parts<Store>, world: World<Store>): Promise<Step<World<Store>>[]> {
  const { scenario } = parts
  const [mapping, witness, store, ...processes] = world
  const log = logNow(parts, mapping)
  const steps: Step<World<Store>>[] = []
  if (isPaused(world)) return steps
  if (mapping.deliveries < scenario.deliveries)
    for (const delivery of cuts(log, offered(parts, mapping)))
      for (const to of scenario.warm ? [...idle(mapping, processes), processes.length] : [processes.length]) {
        const label = `deliver ${told(delivery)} to ${to in processes ? 'warm ' : ''}#${to}`
        steps.push(...heard(parts, await deliver(parts, world, delivery, to), to, label))
      }
  const first = log.map((records, source) => records.find(({ offset }) => offset === mapping.committed[source]))
  for (const [source, record] of first.entries()) {
    if (!record || mapping.skipped.length >= (scenario.skips ?? 0)) continue
    const after = {
      ...mapping,
      committed: mapping.committed.with(source, record.offset + 1),
      live: mapping.live.with(source, -1),
      skipped: [...mapping.skipped, nameOf(record)],
    }
    steps.push({ label: `give up ${nameOf(record)}`, state: [after, witness, store, ...processes], weight: RARE })
  }
  for (const offset of scenario.compactable ?? []) {
    const name = nameOf({ source: 0, offset })
    if (mapping.compacted.includes(name)) continue
    const compacted = [...mapping.compacted, name].sort()
    steps.push({ label: `compact ${name} away`, state: [{ ...mapping, compacted }, witness, store, ...processes] })
  }
  return steps
}

/** Environments of a definition that is no more get nothing. */
async function commandSteps<Store>(parts: Parts<Store>, world: World<Store>): Promise<Step<World<Store>>[]> {
  const { commands = [], oneByOne = false } = parts.more
  if (oneByOne && processesOf(world).some((process) => process?.delivery?.every((offsets) => offsets.length === 0)))
    return []
  const timesIn = (list: readonly string[], command: string) => list.filter((each) => each === command).length
  const steps: Step<World<Store>>[] = []
  for (const each of new Set(commands)) {
    if (timesIn(world[0].begun, each) === timesIn(commands, each)) continue
    const state = await command(parts, world, { command: each })
    steps.push({ label: `#${processesOf(world).length} is told to ${each}`, state })
  }
  return steps
}

function idle({ mended }: Mapping, processes: readonly (Process | null)[]): number[] {
  const isCurrent = (process: Process) => mended === null || process.mends
  return processes.flatMap((process, i) => (process && !process.delivery && isCurrent(process) ? [i] : []))
}

/** Every event that begins where the sources stand: some of each one's records, none of some. */
function cuts(log: readonly (readonly LogRecord[])[], left: readonly (readonly number[])[]): number[][][] {
  let all: number[][][] = [[]]
  for (const [source, offsets] of left.entries()) {
    const ends = offsets.flatMap((offset, i) => (log[source]![offset]!.glued ? [] : [i + 1]))
    all = all.flatMap((before) => [0, ...ends].map((end) => [...before, offsets.slice(0, end)]))
  }
  return all.filter((delivery) => delivery.some((offsets) => offsets.length > 0))
}

async function processSteps<Store>(parts: Parts<Store>, world: World<Store>): Promise<Step<World<Store>>[]> {
  const steps: Step<World<Store>>[] = []
  let waits: string | undefined
  for (const [i, process] of processesOf(world).entries()) {
    if (!process?.delivery) continue
    let able = false
    for (const call of parts.machine.at(process.point).calls)
      for await (const step of callSteps(parts, world, i, process, call)) {
        able = true
        steps.push(step)
      }
    if (!able) waits = `#${i}`
    steps.push({ label: `#${i} crashes`, state: crash(parts, world, i), weight: RARE })
  }
  const stands = waits !== undefined && steps.every(({ label }) => label.endsWith(' crashes'))
  return stands && [...parts.store.own(world[2])].length === 0
    ? [{ label: `${waits} waits for ever`, state: accuse(world, 'no progress: each waits for another') }]
    : steps
}

async function* callSteps<Store>(
  parts: Parts<Store>,
  world: World<Store>,
  i: number,
  process: Process,
  call: Call,
): AsyncIterable<Step<World<Store>>> {
  for (const outcome of outcomesOf(parts, world, i, process, call)) {
    if (outcome.fault && process.faults >= (parts.scenario.faults ?? 0)) continue
    const state = await take(parts, world, i, call, outcome)
    const weight = outcome.fault ? RARE : 1
    for (const step of heard(parts, state, i, `#${i} ${outcome.label}`)) yield { ...step, weight }
  }
}

/** The environment may be done now, and its answer heard or lost. */
function heard<Store>(parts: Parts<Store>, state: World<Store>, i: number, label: string): Step<World<Store>>[] {
  const result = outcomeOf(parts, state, i)
  if (result === undefined) return [{ label, state }]
  const said = `${label} -> ${'failed' in result ? result.failed : 'done'}`
  const step = { label: said, state: end(parts, state, i, result) }
  if ('failed' in result) return [step]
  return [step, { label: `${said}, its response lost`, state: end(parts, state, i, undefined) }]
}

function crash<Store>({ store }: Parts<Store>, world: World<Store>, i: number): World<Store> {
  const [mapping, witness, stored, ...processes] = withProcess(world, i, null)
  const live = mapping.live.map((who) => (who === i ? -1 : who))
  return [{ ...mapping, live }, witness, store.crashed(stored, i), ...processes]
}

function ownSteps<Store>(parts: Parts<Store>, world: World<Store>): Step<World<Store>>[] {
  const [mapping, witness, store, ...processes] = world
  return [...parts.store.own(store)].map(({ label, store: after }) => ({
    label,
    state: [mapping, watched(parts, witness, after), after, ...processes],
  }))
}

function accuse<Store>([mapping, witness, ...rest]: World<Store>, wrong: string): World<Store> {
  return [mapping, { ...witness, wrong }, ...rest]
}
