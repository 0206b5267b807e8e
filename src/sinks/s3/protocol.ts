/**
 * Claim, put, settle: how one range becomes one S3 object, once in effect (docs/delivery.md, "S3").
 *
 * A pure step machine: `requestOf(state)` says what to ask of the world, `advance(input, state, reply)` what the answer
 * means. The writer performs the requests; the explorer (test/simulation/s3-protocol.test.ts) performs them in every
 * order, with a crash after each and every answer lost, on this very code.
 *
 *   read ─┬─ absent ─> list ─┬─ empty ──────────────────────────────┐
 *         │                  └─ found ─> read ── absent ─> failed    │
 *         ├─ pending ─> look ─┬─ there, void ────────────────────────┤
 *         │               ^   └─ not there ─> refill | void ─────────┤  (412: look again)
 *         │               └──────────────────────────┘               v
 *         └─ settled ───────────────────────────────────────────> [what is left?]
 *   nothing, nothing learned ─> done      nothing, or no rows ─> move ─> done
 *   rows ─> claim ─> put ─┬─ created ──────────────> settle ─> done
 *                         └─ 412 ─> compare ── a twin's ┘        (every lost compare-and-set: read, at most twice)
 *
 * A lost answer is no state of its own: the writer sends the same request again. A PUT then finds its own object (412,
 * equal metadata), a compare-and-set its own item (equal content).
 */
import type { SourceRecord } from '../../core/record.ts'
import { admit } from '../../core/watermark.ts'
import type { Gap, Halt } from '../../core/watermark.ts'
import type { CompareAndSet, LedgerItem } from '../ledger.ts'
import { claimed, counted, holdsClaim, moved, unwritten, voided } from './claim.ts'
import type { ClaimedItem } from './claim.ts'

/** How often a lost compare-and-set is followed by a new read: unbounded, two invocations can void each other for ever. */
const MAX_RETURNS = 2
/** How often one key is looked at: more than this and objects vanish under us. */
const MAX_LOOKS = 3

/** What the machine knows of its range; never changes while it runs. */
export interface RangeInput {
  readonly pipeline: string
  readonly sink: string
  readonly records: readonly SourceRecord[]
  /** Key of the object of first..last. */
  readonly keyOf: (first: number, last: number, epoch: number, generation: number) => string
  /** Whether any record in first..last has rows. */
  readonly hasRows: (first: number, last: number) => boolean
  /** Of the raw records first..last: tells a twin's object from a foreign one. */
  readonly checksum: (first: number, last: number) => string
}

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
  /** Rows of first..last under `If-None-Match: *`. */
  | { readonly do: 'put'; readonly key: string; readonly mark: ObjectMark }
  | { readonly do: 'swap'; readonly item: LedgerItem }

export type Reply =
  | { readonly to: 'read'; readonly item: LedgerItem | undefined }
  | { readonly to: 'list'; readonly found: boolean }
  | { readonly to: 'head'; readonly object: ObjectMark | 'absent' | 'foreign' }
  | { readonly to: 'put'; readonly created: boolean }
  | { readonly to: 'swap'; readonly result: CompareAndSet }

/** What happened so far, kept through every state. */
interface Progress {
  /** Returns to the read after a lost compare-and-set. */
  readonly returns: number
  /** Epoch of the first read: an invocation keeps it, and fails when it changes (D13). */
  readonly epoch: number | null
  /** Ranges that this invocation brought to effect. */
  readonly wrote: readonly Gap[]
  /** Gaps that its claim recorded. */
  readonly gaps: number
}

type Failure =
  | { readonly code: 'WEIR_TOPIC_RESTARTED' | 'WEIR_REWOUND'; readonly why: string; readonly next: number }
  | { readonly code: 'WEIR_FOREIGN_OBJECT'; readonly key: string }
  | { readonly code: 'WEIR_FOREIGN_TARGET' | 'WEIR_CONTENDED' | 'WEIR_TAKEN_OVER' }

export type Running = Progress &
  (
    | { readonly at: 'read'; readonly listed: boolean }
    | { readonly at: 'list' }
    | { readonly at: 'look' | 'refill' | 'void'; readonly item: ClaimedItem; readonly looks: number }
    | { readonly at: 'put' | 'compare'; readonly item: ClaimedItem; readonly looks: number }
    | { readonly at: 'settle'; readonly item: ClaimedItem }
    /** `adds`: gaps that the item has more than before. */
    | { readonly at: 'claim'; readonly item: ClaimedItem; readonly adds: number }
    /** `covers`: records without rows that take effect by this move. */
    | { readonly at: 'move'; readonly item: LedgerItem; readonly adds: number; readonly covers: readonly Gap[] }
  )

export type State = Running | (Progress & { readonly at: 'done' }) | (Progress & { readonly at: 'failed' } & Failure)

export const start: Running = { at: 'read', listed: false, returns: 0, epoch: null, wrote: [], gaps: 0 }

/** What a running machine waits for. Asking twice gives the same request: that is what makes a lost answer harmless. */
export function requestOf(input: RangeInput, state: Running): Request {
  if (state.at === 'read' || state.at === 'list') return { do: state.at }
  if (state.at === 'claim' || state.at === 'move') return { do: 'swap', item: state.item }
  if (state.at === 'settle') return { do: 'swap', item: nextVersion(countedBy(input, state.item)) }
  const key = keyIn(state.item)
  if (state.at === 'look' || state.at === 'compare') return { do: 'head', key }
  return { do: 'put', key, mark: markOf(input, state.item, state.at === 'void') }
}

/** The next state, given the answer to `requestOf(state)`. */
export function advance(input: RangeInput, state: Running, reply: Reply): State {
  if (reply.to === 'read') return afterRead(input, state, reply.item)
  if (reply.to === 'head') return afterHead(input, state, reply.object)
  if (reply.to === 'put') return afterPut(input, state, reply.created)
  if (reply.to === 'swap') return afterSwap(input, state, reply.result)
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

/** Step 2: what is pending comes first. The restart check comes before it, so that a halt changes nothing. */
function enter(input: RangeInput, progress: Progress, item: LedgerItem): State {
  if (progress.epoch !== null && progress.epoch !== item.epoch) return failed(progress, { code: 'WEIR_TAKEN_OVER' })
  const known = { ...progress, epoch: item.epoch }
  const admission = admit(item, input.records)
  if (admission.kind !== 'admitted') return halted(known, admission, item)
  if (isClaimed(item)) return { ...known, at: 'look', item, looks: 0 }
  return decide(input, known, item, false)
}

/** Steps 3 and 4: what is left of the range. `learned`: `base` is more than the ledger says. */
function decide(input: RangeInput, progress: Progress, base: LedgerItem, learned: boolean): State {
  const { records } = input
  const admission = admit(base, records)
  if (admission.kind !== 'admitted') return halted(progress, admission, base)
  if (admission.from === records.length) {
    if (!learned) return { ...progress, at: 'done' }
    return { ...progress, at: 'move', item: nextVersion(base), adds: 0, covers: [] }
  }
  const first = records[admission.from]!.offset
  const last = records.at(-1)!.offset
  const adds = admission.gaps.length
  if (!input.hasRows(first, last))
    return { ...progress, at: 'move', item: moved(base, admission), adds, covers: [{ first, last }] }
  const key = input.keyOf(first, last, base.epoch, base.generation)
  return { ...progress, at: 'claim', item: claimed(base, records, admission, key), adds }
}

function afterHead(input: RangeInput, state: Running, object: ObjectMark | 'absent' | 'foreign'): State {
  if (state.at === 'look') return afterLook(input, state, object)
  if (state.at === 'compare') return afterCompare(input, state, object)
  throw unasked(state, 'head')
}

function afterLook(
  input: RangeInput,
  state: Extract<Running, { item: ClaimedItem; looks: number }>,
  object: ObjectMark | 'absent' | 'foreign',
): State {
  const { item, looks } = state
  const progress = progressOf(state)
  if (object === 'absent') {
    if (looks > MAX_LOOKS) return failed(progress, { code: 'WEIR_CONTENDED' })
    const { first, last } = item.pending
    const again = holdsClaim(item, input.records) && input.hasRows(first, last)
    return { ...progress, at: again ? 'refill' : 'void', item, looks: looks + 1 }
  }
  if (!isOurs(input, item, object)) return failed(progress, { code: 'WEIR_FOREIGN_OBJECT', key: keyIn(item) })
  return decide(input, progress, object.void ? voided(item) : countedBy(input, item), true)
}

/** Step 5, a 412 on our own claim: whose object is it? */
function afterCompare(
  input: RangeInput,
  state: Extract<Running, { item: ClaimedItem; looks: number }>,
  object: ObjectMark | 'absent' | 'foreign',
): State {
  const { item, looks } = state
  const progress = progressOf(state)
  const { first, last } = item.pending
  if (object === 'absent') {
    if (looks > MAX_LOOKS) return failed(progress, { code: 'WEIR_CONTENDED' })
    return { ...progress, at: 'put', item, looks: looks + 1 }
  }
  if (!isOurs(input, item, object)) return failed(progress, { code: 'WEIR_FOREIGN_OBJECT', key: keyIn(item) })
  if (object.void) return failed(progress, { code: 'WEIR_TAKEN_OVER' })
  if (object.checksum !== input.checksum(first, last))
    return failed(progress, { code: 'WEIR_FOREIGN_OBJECT', key: keyIn(item) })
  return { ...wroteToo(progress, item.pending), at: 'settle', item }
}

function afterPut(input: RangeInput, state: Running, created: boolean): State {
  const progress = progressOf(state)
  if (state.at === 'put') {
    if (!created) return { ...state, at: 'compare' }
    return { ...wroteToo(progress, state.item.pending), at: 'settle', item: state.item }
  }
  if (state.at === 'refill') {
    if (!created) return { ...state, at: 'look' }
    return decide(input, wroteToo(progress, state.item.pending), countedBy(input, state.item), true)
  }
  if (state.at === 'void') {
    if (!created) return { ...state, at: 'look' }
    return decide(input, progress, voided(state.item), true)
  }
  throw unasked(state, 'put')
}

function afterSwap(input: RangeInput, state: Running, result: CompareAndSet): State {
  const progress = progressOf(state)
  if (!result.ok) return afterLost(input, state, result.current)
  if (state.at === 'claim') return { ...progress, gaps: state.adds, at: 'put', item: state.item, looks: 0 }
  if (state.at === 'settle') return { ...progress, at: 'done' }
  if (state.at !== 'move') throw unasked(state, 'swap')
  return { ...progress, wrote: [...progress.wrote, ...state.covers], gaps: progress.gaps + state.adds, at: 'done' }
}

/** A lost compare-and-set brings what stands there now: as good as a new read, strongly consistent (N7). */
function afterLost(input: RangeInput, state: Running, current: LedgerItem | undefined): State {
  const progress = progressOf(state)
  if (state.at === 'settle' && current?.epoch === state.item.epoch && current.next > state.item.pending.last)
    return { ...progress, at: 'done' } // a successor found our object and counted it
  if (progress.returns === MAX_RETURNS) return failed(progress, { code: 'WEIR_CONTENDED' })
  const again = { ...progress, returns: progress.returns + 1 }
  return current ? enter(input, again, current) : { ...again, at: 'read', listed: false }
}

function isOurs(input: RangeInput, item: ClaimedItem, object: ObjectMark | 'foreign'): object is ObjectMark {
  return (
    object !== 'foreign' &&
    object.pipeline === input.pipeline &&
    object.sink === input.sink &&
    object.epoch === item.epoch &&
    object.first === item.pending.first &&
    object.last === item.pending.last
  )
}

function countedBy({ records }: RangeInput, item: ClaimedItem): LedgerItem {
  return counted(item, records[0]!.offset)
}

function markOf({ pipeline, sink, checksum }: RangeInput, item: ClaimedItem, isVoid: boolean): ObjectMark {
  const { first, last } = item.pending
  return { pipeline, sink, epoch: item.epoch, first, last, void: isVoid, checksum: isVoid ? '' : checksum(first, last) }
}

function keyIn(item: ClaimedItem): string {
  return item.pending.keys[0]!
}

function isClaimed(item: LedgerItem): item is ClaimedItem {
  return item.pending !== null
}

function nextVersion(item: LedgerItem): LedgerItem {
  return { ...item, version: item.version + 1 }
}

function wroteToo(progress: Progress, { first, last }: Gap): Progress {
  return { ...progress, wrote: [...progress.wrote, { first, last }] }
}

function progressOf({ returns, epoch, wrote, gaps }: Progress): Progress {
  return { returns, epoch, wrote, gaps }
}

function failed(progress: Progress, failure: Failure): State {
  return { ...progressOf(progress), at: 'failed', ...failure }
}

function halted(progress: Progress, { kind, why }: Halt, { next }: LedgerItem): State {
  return failed(progress, { code: kind === 'restarted' ? 'WEIR_TOPIC_RESTARTED' : 'WEIR_REWOUND', why, next })
}

function unasked(state: Running, reply: Reply['to']): Error {
  return new Error(`the machine is at "${state.at}" and did not ask for "${reply}"`)
}
