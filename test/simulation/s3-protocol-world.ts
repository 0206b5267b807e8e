/**
 * The world around the S3 sink's step machine (src/sinks/s3/protocol.ts), as a model for the explorer: a mapping that
 * cuts, redelivers and gives up, invocations that crash or live on as zombies, a ledger and a bucket whose answers get
 * lost. The machine is the shipped one; only its surroundings are modelled, and only they can be broken (`Plant`).
 */
import type { LedgerItem } from '../../src/sinks/ledger.ts'
import { advance, requestsOf, start, startFrom } from '../../src/sinks/s3/protocol.ts'
import type { ObjectMark, Reply, Request, Running } from '../../src/sinks/s3/protocol.ts'
import { canonicalJson } from '../../src/testing/explorer/explore.ts'
import type { Model, Step } from '../../src/testing/explorer/explore.ts'
import { outputsAt, rangeInputs, span } from './s3-protocol-scenario.ts'
import type { Inputs, Plant, Scenario } from './s3-protocol-scenario.ts'

interface Mapping {
  /** First offset not acknowledged. */
  readonly committed: number
  /** The invocation whose answer still counts; -1: none. The others are zombies. */
  readonly live: number
  readonly skipped: readonly number[]
  readonly compacted: readonly number[]
  /** `next` when the ledger item was made: the log before it was never offered. */
  readonly base: number | null
  /** Set when a live invocation halted for good. */
  readonly halted: string | null
  /** What environments may know, where they are warm. */
  readonly known: readonly LedgerItem[]
}

interface Invocation {
  readonly offsets: readonly number[]
  /** Null: ended, in success, failure or a crash. */
  readonly state: Running | null
}

interface Stored {
  readonly mark: ObjectMark
  readonly output: string
  /** Offsets whose rows are in it. */
  readonly offsets: readonly number[]
}

type Bucket = Readonly<Record<string, Stored>>
export type World = readonly [Mapping, LedgerItem | null, Bucket, ...Invocation[]]

const MAPPING = 0
const LEDGER = 1
const FIRST_INVOCATION = 3

export function s3Model(scenario: Scenario): Model<World> & { readonly quiet: () => number } {
  const inputs = rangeInputs(scenario)
  let quiet = 0
  const empty: World = [
    { committed: 0, live: -1, skipped: [], compacted: [], base: null, halted: null, known: [] },
    null,
    {},
  ]
  return {
    initial: scenario.warm ? warmed(scenario, inputs, empty, scenario.warm) : empty,
    next: (world) => [...mappingSteps(scenario, inputs, world), ...invocationSteps(scenario, inputs, world)],
    violation: (world) => {
      const wrong = wrongIn(scenario, world)
      if (wrong !== undefined) return wrong
      if (world[MAPPING].committed === scenario.records || invocationsOf(world).some(({ state }) => state))
        return undefined
      quiet++
      return stuckFrom(scenario, inputs, world)
    },
    quiet: () => quiet,
  }
}

function warmed(scenario: Scenario, inputs: Inputs, empty: World, records: number): World {
  const [mapping, ledger, bucket] = undisturbed(scenario, inputs, deliver(empty, span(0, records - 1), start))
  return [mapping, ledger, bucket]
}

/** The last invocation, to its end. */
function undisturbed(scenario: Scenario, inputs: Inputs, from: World): World {
  let world = from
  const i = world.length - FIRST_INVOCATION - 1
  for (let steps = 0; steps < 50 && invocationsOf(world)[i]!.state; steps++)
    world = perform(scenario, inputs, world, i, firstRequest(inputs, world, i)).answered
  return world
}

function* mappingSteps(scenario: Scenario, inputs: Inputs, world: World): Iterable<Step<World>> {
  const [mapping, ...rest] = world
  const { committed, skipped, compacted } = mapping
  const left = offered(scenario, mapping)
  if (committed === scenario.records) return
  const started = world.length - FIRST_INVOCATION
  if (started < scenario.invocations)
    for (let count = 1; count <= left.length; count++) {
      const offsets = left.slice(0, count)
      const label = `deliver ${offsets.join()} to #${started}`
      yield { label, state: deliver(world, offsets, start) }
      for (const item of mapping.known)
        yield {
          label: `${label}, which knows of ${item.next}`,
          state: deliver(world, offsets, startFrom(inputs(offsets), item)),
        }
    }
  const first = left[0]!
  if (skipped.length < scenario.skips)
    yield {
      label: `give up ${first}`,
      state: [{ ...mapping, committed: first + 1, live: -1, skipped: [...skipped, first] }, ...rest],
    }
  for (const offset of scenario.compactable ?? [])
    if (!compacted.includes(offset))
      yield { label: `compact ${offset} away`, state: [{ ...mapping, compacted: [...compacted, offset] }, ...rest] }
}

/** What the log still holds from the committed offset on. The last record is never compacted away. */
function offered({ records }: Scenario, { committed, compacted }: Mapping): number[] {
  return span(committed, records - 1).filter((offset) => !compacted.includes(offset))
}

function deliver([mapping, ledger, bucket, ...invocations]: World, offsets: readonly number[], state: Running): World {
  return [{ ...mapping, live: invocations.length }, ledger, bucket, ...invocations, { offsets, state }]
}

function* invocationSteps(scenario: Scenario, inputs: Inputs, world: World): Iterable<Step<World>> {
  for (const [i, { state }] of invocationsOf(world).entries()) {
    if (!state) continue
    const { offsets } = invocationsOf(world)[i]!
    for (const request of requestsOf(inputs(offsets), state)) {
      const { answered, after, acknowledges, lost, label } = perform(scenario, inputs, world, i, request)
      yield { label: `#${i} ${label}`, state: answered }
      if (lost) yield { label: `#${i} ${label}, its answer lost`, state: lost }
      if (acknowledges) yield { label: `#${i} ${label}, its response lost`, state: end(after, i, null) }
    }
    yield { label: `#${i} crashes at ${state.at}`, state: end(world, i, null) }
  }
}

interface Performed {
  readonly label: string
  readonly answered: World
  /** The world as the request left it. */
  readonly after: World
  readonly acknowledges: boolean
  /** The same, but the invocation did not hear of it: the same request comes again. Absent where nothing changed. */
  readonly lost: World | undefined
}

function perform(scenario: Scenario, inputs: Inputs, world: World, i: number, request: Request): Performed {
  const { offsets, state } = invocationsOf(world)[i]!
  const { world: after, reply } = answer(scenario, world, request, state!, offsets)
  const label = `${state!.at}: ${request.do}${'key' in request ? ` ${request.key}` : ''}`
  const lost = after === world ? undefined : after
  const next = advance(inputs(offsets), state!, reply)
  const common = { label, lost, after, acknowledges: next.at === 'done' }
  if (next.at === 'done')
    return { ...common, answered: end(learning(scenario, after, next.known), i, offsets.at(-1)! + 1) }
  if (next.at === 'failed') {
    const fatal = next.code !== 'WEIR_CONTENDED' && next.code !== 'WEIR_TAKEN_OVER'
    const [mapping, ...rest] = after
    const halted = fatal && mapping.live === i ? next.code : mapping.halted
    return { ...common, label: `${label} -> ${next.code}`, answered: end([{ ...mapping, halted }, ...rest], i, null) }
  }
  // what it has to report is no part of what it does next: states that differ in that alone are one
  return { ...common, answered: withInvocation(after, i, { offsets, state: { ...next, wrote: [], gaps: 0 } }) }
}

function learning({ warm }: Scenario, world: World, item: LedgerItem | undefined): World {
  const [mapping, ...rest] = world
  if (!warm || !item || mapping.known.some((other) => other.version === item.version)) return world
  return [{ ...mapping, known: [...mapping.known, item] }, ...rest]
}

/** The stores: what a request does and answers, with the planted bug if there is one. */
function answer(
  scenario: Scenario,
  world: World,
  request: Request,
  state: Running,
  event: readonly number[],
): { world: World; reply: Reply } {
  const { plant } = scenario
  const [mapping, ledger, bucket, ...invocations] = world
  if (request.do === 'read') return { world, reply: { to: 'read', item: ledger ?? undefined } }
  if (request.do === 'list') return { world, reply: { to: 'list', found: Object.keys(bucket).length > 0 } }
  if (request.do === 'head') {
    const object = found(plant, bucket, request.key, state, event[0]!)
    return { world, reply: { to: 'head', key: request.key, object } }
  }
  if (request.do === 'put') {
    const { key } = request
    const put = (created: boolean): Reply => ({ to: 'put', key, created })
    if (request.mark.void && plant === 'no void') return { world, reply: put(true) }
    if (plant === 'only the first key written' && state.at === 'write' && key !== state.item.pending.keys[0])
      return { world, reply: put(true) }
    if (
      plant === 'one refill for all' &&
      state.at === 'resolve' &&
      !request.mark.void &&
      key !== state.item.pending.keys[0]
    )
      return { world, reply: put(true) }
    if (bucket[key] && plant !== 'no condition') return { world, reply: put(false) }
    const stored = { mark: request.mark, output: request.output, offsets: contentOf(scenario, request, state, event) }
    return { world: [mapping, ledger, { ...bucket, [key]: stored }, ...invocations], reply: put(true) }
  }
  const ok: Reply = { to: 'swap', result: { ok: true } }
  if (state.at === 'settle' && plant === 'no settle') return { world, reply: ok }
  const { ahead: _, ...without } = request.item
  const item = plant === 'ahead forgotten' ? without : request.item
  if ((ledger?.version ?? 0) === item.version - 1 || isBlind(plant, state)) {
    const base = mapping.base ?? item.next
    return { world: [{ ...mapping, base }, item, bucket, ...invocations], reply: ok }
  }
  // the ledger's contract: an equal item counts as this caller's own, its answer lost. A twin's is equal too.
  if (ledger && canonicalJson(ledger) === canonicalJson(item)) return { world, reply: ok }
  return { world, reply: { to: 'swap', result: { ok: false, current: ledger ?? undefined } } }
}

function isBlind(plant: Plant | undefined, { epoch }: Running): boolean {
  return plant === 'no compare-and-set' || (plant === 'cache believed' && epoch === null)
}

/** The offsets of the event's records that the writer would put into the object. */
function contentOf(
  scenario: Scenario,
  { mark, output }: Extract<Request, { do: 'put' }>,
  state: Running,
  event: readonly number[],
): readonly number[] {
  if (mark.void) return []
  const claim = state.at === 'write' || state.at === 'resolve' ? state.item.pending.first : mark.first
  const first = scenario.plant === 'ahead not compared' ? claim : mark.first
  return event.filter(
    (offset) => offset >= first && offset <= mark.last && outputsAt(scenario, offset).includes(output),
  )
}

function found(
  plant: Plant | undefined,
  bucket: Bucket,
  key: string,
  state: Running,
  first: number,
): ObjectMark | 'absent' {
  const there = bucket[key]?.mark
  if (state.at !== 'resolve') return there ?? 'absent'
  const { pending } = state.item
  const i = pending.keys.indexOf(key)
  const others = pending.keys.flatMap((other) => bucket[other]?.mark ?? [])
  const written = { ...markOfPending(state.item), first: Math.max(pending.first, aheadOf(state.item, i)) }
  // "no look": whoever begins behind the pending range takes it for written, as if its predecessor must have been
  if (!there && plant === 'no look' && first > pending.last) return written
  if (plant === 'only the first key looked at' && i > 0) return written
  if (plant === 'one void key counts for all' && others.some((mark) => mark.void)) return { ...written, void: true }
  if (plant === 'one written key counts for all' && others.some((mark) => !mark.void)) return written
  return there ?? 'absent'
}

function aheadOf({ pending, ahead }: LedgerItem, i: number): number {
  return ahead?.[pending!.outputs?.[i] ?? ''] ?? 0
}

function markOfPending({ pending, epoch }: LedgerItem): ObjectMark {
  return { pipeline: 'p', sink: 's', epoch, first: pending!.first, last: pending!.last, void: false, checksum: '' }
}

function end(world: World, i: number, committed: number | null): World {
  const [mapping, ...rest] = withInvocation(world, i, { offsets: [], state: null })
  if (mapping.live !== i) return [mapping, ...rest]
  return [{ ...mapping, live: -1, committed: Math.max(mapping.committed, committed ?? 0) }, ...rest]
}

function withInvocation(world: World, i: number, invocation: Invocation): World {
  return world.with(FIRST_INVOCATION + i, invocation) as readonly unknown[] as World
}

function invocationsOf(world: World): readonly Invocation[] {
  return world.slice(FIRST_INVOCATION) as readonly unknown[] as readonly Invocation[]
}

/** D1, D2, D4, D9 and N1, in any state whatever. */
function wrongIn(scenario: Scenario, [mapping, ledger, bucket]: World): string | undefined {
  const { records } = scenario
  if (mapping.halted !== null) return `D1: the live invocation halted with ${mapping.halted}`
  const stored = new Set<string>()
  for (const { output, offsets } of Object.values(bucket))
    for (const offset of offsets) {
      const row = `${offset}${output === '' ? '' : ` of ${output}`}`
      if (stored.has(row)) return `D2: ${row} is in two objects`
      stored.add(row)
    }
  const next = ledger?.next ?? 0
  const gaps = new Set((ledger?.gaps ?? []).flatMap(({ first, last }) => span(first, last)))
  const has = (offset: number, output: string) => stored.has(`${offset}${output === '' ? '' : ` of ${output}`}`)
  for (let offset = 0; offset < records; offset++) {
    const outputs = outputsAt(scenario, offset)
    const isDone = outputs.every((output) => has(offset, output))
    const acknowledged =
      offset < mapping.committed && !mapping.skipped.includes(offset) && !mapping.compacted.includes(offset)
    if (acknowledged && !isDone) return `D1: ${offset} is acknowledged and lost`
    if (acknowledged && offset >= next) return `N1: ${offset} is acknowledged, the watermark is at ${next}`
    const counted = offset >= (mapping.base ?? next) && offset < next
    if (counted && !isDone && !gaps.has(offset)) return `D9: ${offset} is skipped in silence`
    // one of several outputs may be ahead, with rows of a record that the mapping then gave up: the gap says "perhaps not whole"
    if (!scenario.outputs && gaps.has(offset) && has(offset, '')) return `D9: ${offset} is called a gap, and stored`
  }
  return wrongInLedger(scenario, ledger)
}

function wrongInLedger({ outputs }: Scenario, ledger: LedgerItem | null): string | undefined {
  if (!ledger) return undefined
  const { gaps, gapCount, pending, next, ahead } = ledger
  if (gapCount !== gaps.length) return `D9: ${gapCount} gaps counted, not as many listed`
  if (pending && pending.first !== next) return 'a claim must begin at the watermark'
  if (!outputs && (ahead || pending?.outputs)) return 'one output alone is never ahead, and has no name'
  if (ahead && Object.values(ahead).some((offset) => offset <= next)) return 'what is ahead must be above the watermark'
  return undefined
}

/** From a quiet state two fresh invocations, undisturbed, must bring the log to its end. */
function stuckFrom(scenario: Scenario, inputs: Inputs, quiet: World): string | undefined {
  let world = quiet
  for (let fresh = 0; fresh < 2 && world[MAPPING].committed < scenario.records; fresh++) {
    world = undisturbed(scenario, inputs, deliver(world, offered(scenario, world[MAPPING]), start))
  }
  const wrong = wrongIn(scenario, world)
  if (wrong !== undefined) return `after a fresh invocation: ${wrong}`
  if (world[MAPPING].committed < scenario.records) return `no progress: ${canonicalJson(world)}`
  return world[LEDGER]?.pending ? 'a finished log has a claim pending' : undefined
}

function firstRequest(inputs: Inputs, world: World, i: number): Request {
  const { offsets, state } = invocationsOf(world)[i]!
  return requestsOf(inputs(offsets), state!)[0]!
}
