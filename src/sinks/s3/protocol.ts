/**
 * Claim, put, settle: how one range becomes S3 objects, one an output partition, once in effect (docs/delivery.md, "S3").
 *
 * A pure step machine: `requestsOf(state)` says what to ask of the world, in any order or at once, `advance(input, state,
 * reply)` what an answer means. The writer performs the requests; the explorer (test/simulation/s3-protocol.test.ts) performs
 * them in every order, with a crash after each and every answer lost, on this very code.
 *
 * A warm environment that knows what it last settled claims at once: the compare-and-set reads as strongly as a read does.
 *
 *   read ─┬─ absent ─> list ─┬─ empty ──────────────────────────────┐
 *         │                  └─ found ─> read ── absent ─> failed    │
 *         ├─ pending ─> resolve: each key by itself (key-state.ts) ──┤
 *         └─ settled ────────────────────────────────────────────────┤
 *                                                                    v
 *                                                           [what is left?]
 *   nothing, nothing learned ─> done      nothing, or no rows ─> move ─> done
 *   rows ─> claim ─> write: each key by itself ─> settle ─> done   (every lost compare-and-set: read, at most twice)
 *
 * A lost answer is no state of its own: the writer sends the same request again. A PUT then finds its own object (412,
 * equal metadata), a compare-and-set its own item (equal content).
 */
import type { SourceRecord } from '../../core/record.ts'
import { admit, leftOut } from '../../core/watermark.ts'
import type { Gap, Halt } from '../../core/watermark.ts'
import type { Ahead, CompareAndSet, LedgerItem } from '../ledger.ts'
import { claimed, decided, holdsClaim, moved, outputsOf, startOf, unwritten } from './claim.ts'
import type { ClaimedItem } from './claim.ts'
import { afterHead, afterPut, isDecided, isThere } from './key-state.ts'
import type { Finding, KeyState } from './key-state.ts'

/** How often a lost compare-and-set is followed by a new read: unbounded, two invocations can void each other for ever. */
const MAX_RETURNS = 2

/** What the machine knows of its range; never changes while it runs. */
export interface RangeInput {
  readonly pipeline: string
  readonly sink: string
  readonly records: readonly SourceRecord[]
  /** Key of an output's object of first..last. */
  readonly keyOf: (output: string, first: number, last: number, epoch: number, generation: number) => string
  /**
   * Outputs in which records of first..last have rows that are not below the output's `ahead`, nor of a record that is left
   * out, always in one order.
   */
  readonly outputs: (first: number, last: number, ahead: Ahead | undefined, without: LeftOut) => readonly string[]
  /** Of the raw records first..last: tells a twin's object from a foreign one. */
  readonly checksum: (first: number, last: number) => string
}

/** Offsets of records whose rows are left out (core/watermark.ts). */
export type LeftOut = ReadonlySet<number> | undefined

/** What an object says of itself in its metadata. An object without it is foreign. */
export interface ObjectMark {
  readonly pipeline: string
  readonly sink: string
  readonly epoch: number
  readonly first: number
  readonly last: number
  /** A void marker holds no rows and takes its key for ever. */
  readonly void: boolean
  /** Of the raw range; empty in a void marker. */
  readonly checksum: string
}

export type Request =
  | { readonly do: 'read' }
  /** Whether any object of this source is there. */
  | { readonly do: 'list' }
  | { readonly do: 'head'; readonly key: string }
  /** The output's rows of the records that the mark names, or none in a void marker, under `If-None-Match: *`. */
  | {
      readonly do: 'put'
      readonly key: string
      readonly output: string
      readonly mark: ObjectMark
      readonly without: LeftOut
    }
  | { readonly do: 'swap'; readonly item: LedgerItem }

export type Reply =
  | { readonly to: 'read'; readonly item: LedgerItem | undefined }
  | { readonly to: 'list'; readonly found: boolean }
  | { readonly to: 'head'; readonly key: string; readonly object: ObjectMark | 'absent' | 'foreign' }
  | { readonly to: 'put'; readonly key: string; readonly created: boolean }
  | { readonly to: 'swap'; readonly result: CompareAndSet }

/** What this invocation brought to effect: a range of records, or an output's rows of it. */
export interface Wrote extends Gap {
  readonly output?: string
  readonly without?: LeftOut
}

/** What happened so far, kept through every state. */
interface Progress {
  /** Returns to the read after a lost compare-and-set. */
  readonly returns: number
  /** Epoch of the first read: an invocation keeps it, and fails when it changes (D13). Null: nothing was read yet. */
  readonly epoch: number | null
  readonly wrote: readonly Wrote[]
  /** Gaps that its claim recorded. */
  readonly gaps: number
}

type Failure =
  | { readonly code: 'WEIR_TOPIC_RESTARTED' | 'WEIR_REWOUND'; readonly why: string; readonly next: number }
  | { readonly code: 'WEIR_FOREIGN_OBJECT'; readonly key: string }
  | { readonly code: 'WEIR_FOREIGN_TARGET' | 'WEIR_CONTENDED' | 'WEIR_TAKEN_OVER' }

type WithKeys = Progress & {
  /** 'resolve': the claim is another invocation's. 'write': it is our own. */
  readonly at: 'resolve' | 'write'
  readonly item: ClaimedItem
  /** As `item.pending.keys`. */
  readonly keys: readonly KeyState[]
}

export type Running =
  | WithKeys
  | (Progress &
      (
        | { readonly at: 'read'; readonly listed: boolean }
        | { readonly at: 'list' }
        | { readonly at: 'settle'; readonly item: ClaimedItem }
        /** `adds`: gaps that the item has more than before. */
        | { readonly at: 'claim'; readonly item: ClaimedItem; readonly adds: number }
        /** `covers`: records without rows that take effect by this move. */
        | { readonly at: 'move'; readonly item: LedgerItem; readonly adds: number; readonly covers: readonly Gap[] }
      ))

/** `known`: what the ledger says now, unless a successor went on. */
type Done = Progress & { readonly at: 'done'; readonly known: LedgerItem | undefined }

export type State = Running | Done | (Progress & { readonly at: 'failed' } & Failure)

const unread: Progress = { returns: 0, epoch: null, wrote: [], gaps: 0 }
export const start: Running = { ...unread, at: 'read', listed: false }

/** From what this environment last knew of the ledger. Nothing is dropped, and nothing halts, on that alone (N7). */
export function startFrom(input: RangeInput, known: LedgerItem | undefined): Running {
  if (!known) return start
  const admission = admit(known, input.records)
  if (admission.kind !== 'admitted' || admission.from > 0) return start
  const state = decide(input, unread, known, false)
  return state.at === 'claim' || state.at === 'move' ? state : start
}

/**
 * What a running machine waits for: never nothing. Asking twice gives the same requests: that is what makes a lost answer
 * harmless. Several are of several keys, and none depends on another's answer.
 */
export function requestsOf(input: RangeInput, state: Running): readonly Request[] {
  if (state.at === 'read' || state.at === 'list') return [{ do: state.at }]
  if (state.at === 'claim' || state.at === 'move') return [{ do: 'swap', item: state.item }]
  if (state.at === 'settle') return [{ do: 'swap', item: settled(state.item) }]
  const requests: Request[] = []
  state.keys.forEach((key, i) => {
    if (!isDecided(key)) requests.push(requestOf(input, state.item, key, i))
  })
  return requests
}

function requestOf(input: RangeInput, item: ClaimedItem, { at }: KeyState, i: number): Request {
  const key = item.pending.keys[i]!
  if (at === 'look' || at === 'compare') return { do: 'head', key }
  const mark = markOf(input, item, i, at === 'void')
  return { do: 'put', key, output: outputsOf(item.pending)[i]!, mark, without: leftOut(item) }
}

/** The next state, given the answer to one of `requestsOf(state)`. */
export function advance(input: RangeInput, state: Running, reply: Reply): State {
  if (reply.to === 'read') return afterRead(input, state, reply.item)
  if (reply.to === 'swap') return afterSwap(input, state, reply.result)
  if (reply.to === 'head' || reply.to === 'put') return afterKey(input, state, reply)
  // A twin may have claimed and written since the read found nothing: then the ledger says so now.
  return reply.found ? { ...progressOf(state), at: 'read', listed: true } : begin(input, progressOf(state))
}

function afterRead(input: RangeInput, state: Running, item: LedgerItem | undefined): State {
  const progress = progressOf(state)
  if (item) return enter(input, progress, item)
  if (state.at === 'read' && state.listed) return failed(progress, { code: 'WEIR_FOREIGN_TARGET' })
  return { ...progress, at: 'list' }
}

function begin(input: RangeInput, progress: Progress): State {
  return decide(input, { ...progress, epoch: 0 }, unwritten(input.records[0]!.offset), false)
}

/** Step 2: what is pending comes first. Whether the range is for us at all comes before it, so that a halt changes nothing. */
function enter(input: RangeInput, progress: Progress, item: LedgerItem): State {
  if (progress.epoch !== null && progress.epoch !== item.epoch) return failed(progress, { code: 'WEIR_TAKEN_OVER' })
  const known = { ...progress, epoch: item.epoch }
  const admission = admit(item, input.records)
  if (admission.kind !== 'admitted') return halted(known, admission, item.next)
  if (!isClaimed(item)) return decide(input, known, item, false)
  return { ...known, at: 'resolve', item, keys: item.pending.keys.map(() => ({ at: 'look', looks: 0 })) }
}

/** Steps 3 and 4: what is left of the range. `learned`: `base` is more than the ledger says. */
function decide(input: RangeInput, progress: Progress, base: LedgerItem, learned: boolean): State {
  const { records } = input
  const admission = admit(base, records)
  if (admission.kind !== 'admitted') return halted(progress, admission, base.next)
  if (admission.from === records.length) {
    if (!learned) return { ...progress, at: 'done', known: base }
    return { ...progress, at: 'move', item: nextVersion(base), adds: 0, covers: [] }
  }
  const first = records[admission.from]!.offset
  const last = records.at(-1)!.offset
  const adds = admission.gaps.length
  const outputs = input.outputs(first, last, base.ahead, leftOut(base))
  if (outputs.length === 0) {
    const item = moved(base, records, admission)
    return { ...progress, at: 'move', item, adds, covers: [{ first, last }] }
  }
  const keyOf = (output: string, from: number, to: number) => input.keyOf(output, from, to, base.epoch, base.generation)
  return { ...progress, at: 'claim', item: claimed(base, records, admission, outputs, keyOf), adds }
}

/** Steps 2 and 5, one key of the claim. */
function afterKey(input: RangeInput, state: Running, reply: Extract<Reply, { to: 'head' | 'put' }>): State {
  if (state.at !== 'resolve' && state.at !== 'write') throw unasked(state, reply.to)
  const { item } = state
  const i = item.pending.keys.indexOf(reply.key)
  const key = state.keys[i]
  if (!key || isDecided(key)) throw unasked(state, reply.to)
  const next =
    reply.to === 'put'
      ? afterPut(key, reply.created)
      : afterHead(key, findingOf(input, state, i, reply.object), () => isRefillable(input, item))
  if (next === 'foreign') return failed(state, { code: 'WEIR_FOREIGN_OBJECT', key: reply.key })
  if (next === 'contended') return failed(state, { code: 'WEIR_CONTENDED' })
  // another invocation has taken over: what it left to us it will look at itself
  if (state.at === 'write' && next.at === 'voided') return failed(state, { code: 'WEIR_TAKEN_OVER' })
  const keys = state.keys.with(i, next)
  return keys.every(isDecided) ? afterKeys(input, { ...state, keys }) : { ...state, keys }
}

function afterKeys(input: RangeInput, state: WithKeys): State {
  const { item, keys } = state
  const { first, last } = item.pending
  const mine = outputsOf(item.pending).flatMap((output, i): Wrote[] =>
    keys[i]!.at === 'mine' ? [{ output, first: startOf(output, first, item.ahead), last, without: leftOut(item) }] : [],
  )
  const progress = progressOf(state)
  const after = mine.length === 0 ? progress : { ...progress, wrote: [...progress.wrote, { first, last }, ...mine] }
  if (state.at === 'write') return { ...after, at: 'settle', item }
  return decide(input, after, decided(item, keys.map(isThere)), true)
}

function afterSwap(input: RangeInput, state: Running, result: CompareAndSet): State {
  if (!result.ok) return afterLost(input, state, result.current)
  if (!('item' in state)) throw unasked(state, 'swap')
  const progress = { ...progressOf(state), epoch: state.item.epoch }
  if (state.at === 'claim') {
    const { item } = state
    return {
      ...progress,
      gaps: state.adds,
      at: 'write',
      item,
      keys: item.pending.keys.map(() => ({ at: 'put', looks: 0 })),
    }
  }
  if (state.at === 'settle') return { ...progress, at: 'done', known: settled(state.item) }
  if (state.at !== 'move') throw unasked(state, 'swap')
  const wrote = [...progress.wrote, ...state.covers]
  return { ...progress, wrote, gaps: progress.gaps + state.adds, at: 'done', known: state.item }
}

/** A lost compare-and-set brings what stands there now: as good as a new read, strongly consistent (N7). */
function afterLost(input: RangeInput, state: Running, current: LedgerItem | undefined): State {
  const progress = progressOf(state)
  if (state.at === 'settle' && current?.epoch === state.item.epoch && current.next > state.item.pending.last)
    return { ...progress, at: 'done', known: undefined } // a successor found our objects and counted them
  if (progress.returns === MAX_RETURNS) return failed(progress, { code: 'WEIR_CONTENDED' })
  const isFirst = progress.epoch === null // what it began from was out of date: this is its first read
  const again = isFirst ? progress : { ...progress, returns: progress.returns + 1 }
  return current ? enter(input, again, current) : { ...again, at: 'read', listed: false }
}

/** What a twin wrote of our own claim has the checksum of our records; another's claim may be of records that we do not have. */
function findingOf(
  input: RangeInput,
  { at, item }: WithKeys,
  i: number,
  object: ObjectMark | 'absent' | 'foreign',
): Finding {
  if (typeof object === 'string') return object
  const own = markOf(input, item, i, object.void || at === 'resolve')
  const ours =
    object.pipeline === own.pipeline &&
    object.sink === own.sink &&
    object.epoch === own.epoch &&
    object.first === own.first &&
    object.last === own.last
  if (!ours) return 'foreign'
  if (object.void) return 'void'
  return at === 'resolve' || object.checksum === own.checksum ? 'rows' : 'foreign'
}

/** The very records, and the same keys for them: a definition that was changed since may part or write them otherwise. */
function isRefillable({ records, outputs, keyOf }: RangeInput, item: ClaimedItem): boolean {
  if (!holdsClaim(item, records)) return false
  const { epoch, generation, ahead, pending } = item
  const { first, last } = pending
  const keys = outputs(first, last, ahead, leftOut(item)).map((output) =>
    keyOf(output, startOf(output, first, ahead), last, epoch, generation),
  )
  return keys.length === pending.keys.length && keys.every((key, i) => key === pending.keys[i])
}

/** All keys of our own claim are there. */
function settled(item: ClaimedItem): LedgerItem {
  return nextVersion(
    decided(
      item,
      item.pending.keys.map(() => true),
    ),
  )
}

function markOf({ pipeline, sink, checksum }: RangeInput, item: ClaimedItem, i: number, isVoid: boolean): ObjectMark {
  const { epoch, pending, ahead } = item
  const { last } = pending
  const first = startOf(outputsOf(pending)[i]!, pending.first, ahead)
  return { pipeline, sink, epoch, first, last, void: isVoid, checksum: isVoid ? '' : checksum(first, last) }
}

function isClaimed(item: LedgerItem): item is ClaimedItem {
  return item.pending !== null
}

function nextVersion(item: LedgerItem): LedgerItem {
  return { ...item, version: item.version + 1 }
}

function progressOf({ returns, epoch, wrote, gaps }: Progress): Progress {
  return { returns, epoch, wrote, gaps }
}

function halted(progress: Progress, { kind, why }: Halt, next: number): State {
  return failed(progress, { code: kind === 'restarted' ? 'WEIR_TOPIC_RESTARTED' : 'WEIR_REWOUND', why, next })
}

function failed(progress: Progress, failure: Failure): State {
  return { ...progressOf(progress), at: 'failed', ...failure }
}

function unasked(state: Running, reply: Reply['to']): Error {
  return new Error(`the machine is at "${state.at}" and did not ask for "${reply}"`)
}
