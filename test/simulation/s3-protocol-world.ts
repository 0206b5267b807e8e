/**
 * The world around the S3 sink's step machine (src/sinks/s3/protocol.ts), as a model for the explorer: a mapping that
 * cuts, redelivers and gives up, invocations that crash or live on as zombies, a ledger and a bucket whose answers get
 * lost. The machine is the shipped one; only its surroundings are modelled, and only they can be broken (`Plant`).
 */
import type { SourceRecord } from '../../src/core/record.ts'
import type { LedgerItem } from '../../src/sinks/ledger.ts'
import { advance, requestOf, start } from '../../src/sinks/s3/protocol.ts'
import type { ObjectMark, RangeInput, Reply, Request, Running } from '../../src/sinks/s3/protocol.ts'
import { canonicalJson } from '../../src/testing/explorer/explore.ts'
import type { Model, Step } from '../../src/testing/explorer/explore.ts'

/** A bug put into the world, to see the explorer find it. */
export type Plant =
  | 'no void'
  | 'no generation'
  | 'no compare-and-set'
  | 'no settle'
  | 'no look'
  | 'no condition'
  /** The first offset alone: the generation would tell the claims of one offset apart as well. */
  | 'key without end'

export interface Scenario {
  readonly records: number
  readonly invocations: number
  /** How many records the mapping may give up on. */
  readonly skips: number
  /** Offsets that compaction may take out of the log at any time: later deliveries lack them. */
  readonly compactable?: readonly number[]
  /** Offsets whose records have no rows. */
  readonly rowless?: readonly number[]
  readonly plant?: Plant
}

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
}

interface Invocation {
  readonly offsets: readonly number[]
  /** Null: ended, in success, failure or a crash. */
  readonly state: Running | null
}

type Bucket = Readonly<Record<string, ObjectMark>>
export type World = readonly [Mapping, LedgerItem | null, Bucket, ...Invocation[]]

const MAPPING = 0
const LEDGER = 1
const FIRST_INVOCATION = 3

export function s3Model(scenario: Scenario): Model<World> & { readonly quiet: () => number } {
  const inputs = rangeInputs(scenario)
  let quiet = 0
  return {
    initial: [{ committed: 0, live: -1, skipped: [], compacted: [], base: null, halted: null }, null, {}],
    next: (world) => [...mappingSteps(scenario, world), ...invocationSteps(scenario, inputs, world)],
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

function* mappingSteps(scenario: Scenario, world: World): Iterable<Step<World>> {
  const [mapping, ...rest] = world
  const { committed, skipped, compacted } = mapping
  const left = offered(scenario, mapping)
  if (committed === scenario.records) return
  const started = world.length - FIRST_INVOCATION
  if (started < scenario.invocations)
    for (let count = 1; count <= left.length; count++) {
      const offsets = left.slice(0, count)
      yield { label: `deliver ${offsets.join()} to #${started}`, state: deliver(world, offsets) }
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

function deliver([mapping, ledger, bucket, ...invocations]: World, offsets: readonly number[]): World {
  return [{ ...mapping, live: invocations.length }, ledger, bucket, ...invocations, { offsets, state: start }]
}

function* invocationSteps(scenario: Scenario, inputs: Inputs, world: World): Iterable<Step<World>> {
  for (const [i, { state }] of invocationsOf(world).entries()) {
    if (!state) continue
    const { answered, after, acknowledges, lost, label } = perform(scenario, inputs, world, i)
    yield { label: `#${i} ${label}`, state: answered }
    if (lost) yield { label: `#${i} ${label}, its answer lost`, state: lost }
    if (acknowledges) yield { label: `#${i} ${label}, its response lost`, state: end(after, i, null) }
    yield { label: `#${i} crashes before ${label}`, state: end(world, i, null) }
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

function perform(scenario: Scenario, inputs: Inputs, world: World, i: number): Performed {
  const { offsets, state } = invocationsOf(world)[i]!
  const input = inputs(offsets)
  const request = requestOf(input, state!)
  const { world: after, reply } = answer(scenario, world, request, state!, offsets[0]!)
  const label = `${state!.at}: ${request.do}${'key' in request ? ` ${request.key}` : ''}`
  const lost = after === world ? undefined : after
  const next = advance(input, state!, reply)
  const common = { label, lost, after, acknowledges: next.at === 'done' }
  if (next.at === 'done') return { ...common, answered: end(after, i, offsets.at(-1)! + 1) }
  if (next.at === 'failed') {
    const fatal = next.code !== 'WEIR_CONTENDED' && next.code !== 'WEIR_TAKEN_OVER'
    const [mapping, ...rest] = after
    const halted = fatal && mapping.live === i ? next.code : mapping.halted
    return { ...common, label: `${label} -> ${next.code}`, answered: end([{ ...mapping, halted }, ...rest], i, null) }
  }
  return { ...common, answered: withInvocation(after, i, { offsets, state: next }) }
}

/** The stores: what a request does and answers, with the planted bug if there is one. */
function answer(
  { plant }: Scenario,
  world: World,
  request: Request,
  state: Running,
  first: number,
): { world: World; reply: Reply } {
  const [mapping, ledger, bucket, ...invocations] = world
  if (request.do === 'read') return { world, reply: { to: 'read', item: ledger ?? undefined } }
  if (request.do === 'list') return { world, reply: { to: 'list', found: Object.keys(bucket).length > 0 } }
  if (request.do === 'head') {
    const there = bucket[request.key]
    // "no look": whoever begins behind the pending range takes it for written, as if its predecessor must have been
    if (!there && plant === 'no look' && state.at === 'look' && first > state.item.pending.last)
      return { world, reply: { to: 'head', object: markOfPending(state.item) } }
    return { world, reply: { to: 'head', object: there ?? 'absent' } }
  }
  if (request.do === 'put') {
    if (request.mark.void && plant === 'no void') return { world, reply: { to: 'put', created: true } }
    if (bucket[request.key] && plant !== 'no condition') return { world, reply: { to: 'put', created: false } }
    const after: World = [mapping, ledger, { ...bucket, [request.key]: request.mark }, ...invocations]
    return { world: after, reply: { to: 'put', created: true } }
  }
  const ok: Reply = { to: 'swap', result: { ok: true } }
  if (state.at === 'settle' && plant === 'no settle') return { world, reply: ok }
  if ((ledger?.version ?? 0) === request.item.version - 1 || plant === 'no compare-and-set') {
    const base = mapping.base ?? request.item.next
    return { world: [{ ...mapping, base }, request.item, bucket, ...invocations], reply: ok }
  }
  // the ledger's contract: an equal item counts as this caller's own, its answer lost. A twin's is equal too.
  if (ledger && canonicalJson(ledger) === canonicalJson(request.item)) return { world, reply: ok }
  return { world, reply: { to: 'swap', result: { ok: false, current: ledger ?? undefined } } }
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
function wrongIn({ records, rowless = [] }: Scenario, [mapping, ledger, bucket]: World): string | undefined {
  if (mapping.halted !== null) return `D1: the live invocation halted with ${mapping.halted}`
  const stored = new Set<number>()
  const inObjects = Object.values(bucket).flatMap((mark) => (mark.void ? [] : offsetsIn(mark)))
  for (const offset of inObjects) {
    if (stored.has(offset)) return `D2: ${offset} is in two objects`
    stored.add(offset)
  }
  const next = ledger?.next ?? 0
  const gaps = new Set((ledger?.gaps ?? []).flatMap(({ first, last }) => span(first, last)))
  const isDone = (offset: number) => stored.has(offset) || rowless.includes(offset)
  for (let offset = 0; offset < records; offset++) {
    const acknowledged =
      offset < mapping.committed && !mapping.skipped.includes(offset) && !mapping.compacted.includes(offset)
    if (acknowledged && !isDone(offset)) return `D1: ${offset} is acknowledged and lost`
    if (acknowledged && offset >= next) return `N1: ${offset} is acknowledged, the watermark is at ${next}`
    const counted = offset >= (mapping.base ?? next) && offset < next
    if (counted && !isDone(offset) && !gaps.has(offset)) return `D9: ${offset} is skipped in silence`
    if (gaps.has(offset) && stored.has(offset)) return `D9: ${offset} is called a gap, and stored`
  }
  if (ledger && ledger.gapCount !== ledger.gaps.length) return `D9: ${ledger.gapCount} gaps counted, not as many listed`
  if (ledger?.pending && ledger.pending.first !== ledger.next) return 'a claim must begin at the watermark'
  return undefined
}

/** From a quiet state two fresh invocations, undisturbed, must bring the log to its end. */
function stuckFrom(scenario: Scenario, inputs: Inputs, quiet: World): string | undefined {
  let world = quiet
  for (let fresh = 0; fresh < 2 && world[MAPPING].committed < scenario.records; fresh++) {
    world = deliver(world, offered(scenario, world[MAPPING]))
    const i = world.length - FIRST_INVOCATION - 1
    for (let steps = 0; steps < 50 && invocationsOf(world)[i]!.state; steps++)
      world = perform(scenario, inputs, world, i).answered
  }
  const wrong = wrongIn(scenario, world)
  if (wrong !== undefined) return `after a fresh invocation: ${wrong}`
  if (world[MAPPING].committed < scenario.records) return `no progress: ${canonicalJson(world)}`
  return world[LEDGER]?.pending ? 'a finished log has a claim pending' : undefined
}

type Inputs = (offsets: readonly number[]) => RangeInput

function rangeInputs({ records, rowless = [], plant }: Scenario): Inputs {
  const log = span(0, records - 1).map(recordAt)
  const cache = new Map<string, RangeInput>()
  return (offsets) => {
    const name = offsets.join()
    const known = cache.get(name)
    if (known) return known
    const within = (first: number, last: number) => offsets.filter((offset) => offset >= first && offset <= last)
    const input: RangeInput = {
      pipeline: 'p',
      sink: 's',
      records: offsets.map((offset) => log[offset]!),
      keyOf: (first, last, _epoch, generation) => {
        if (plant === 'key without end') return String(first)
        return plant === 'no generation' ? `${first}-${last}` : `${first}-${last}~${generation}`
      },
      hasRows: (first, last) => within(first, last).some((offset) => !rowless.includes(offset)),
      // stands for the content as well: what the object holds can be read from it
      checksum: (first, last) => within(first, last).join(),
    }
    cache.set(name, input)
    return input
  }
}

function offsetsIn({ checksum }: ObjectMark): number[] {
  return checksum === '' ? [] : checksum.split(',').map(Number)
}

function recordAt(offset: number): SourceRecord {
  const value = Buffer.from(String(offset))
  return { topic: 't', partition: 0, offset, timestamp: 0, timestampType: 'CREATE_TIME', key: null, value, headers: [] }
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
