/**
 * Rows that no record of their key accounts for, looked at a second time, in the order of the log: the log may have lost
 * their records to compaction, or the row stands under another key. Rare, and bounded by nothing, hence sorted as well.
 */
import { sameKey } from './entries.ts'
import type { Entries, Entry } from './entries.ts'
import { positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Fault, Tally } from './report.ts'

/** Stray rows looked up at once: each of these costs a walk through all entries. */
const AT_ONCE = 50_000
/** Where in an entry of `Strays` the kind stands, behind partition and offset. */
const KIND_AT = 10
const STRAY = 0
const UNMATCHED = 1

export interface Strays {
  add(entry: Uint8Array): void
  sorted(): Iterable<Buffer>
}

type Told = readonly [word: Fault, position: string, text: string]

/** What to say of a row whose key the log asks for, but not from its position. */
export interface Unmatched {
  /** Where the log lost that record: undefined, it is beyond retention. */
  readonly gone: Told | undefined
  readonly there: Told
}

/** Offsets whose records the log no longer has; both ends inclusive, in the order of the log. */
export interface Hole {
  readonly partition: number
  readonly first: number
  readonly last: number
}

export function addStray(strays: Pick<Strays, 'add'>, at: Entry, bytes: Buffer): void {
  strays.add(Buffer.concat([headOf(at, STRAY), bytes]))
}

export function addUnmatched(strays: Pick<Strays, 'add'>, at: Entry, unmatched: Unmatched): void {
  strays.add(Buffer.concat([headOf(at, UNMATCHED), Buffer.from(JSON.stringify(unmatched))]))
}

function headOf({ partition, offset }: Entry, kind: number): Buffer {
  const head = Buffer.alloc(KIND_AT + 1)
  head.writeUInt32BE(partition!)
  head.writeUIntBE(offset, 4, 6)
  head[KIND_AT] = kind
  return head
}

export interface StrayContext {
  readonly log: Pick<LogSnapshot, 'topic'>
  readonly tally: Tally
  readonly entries: Entries
  readonly holes: Iterable<Hole>
}

/** @param sorted all entries of the sink, key by key; walked through once for every AT_ONCE strays */
export function* judgeStrays(
  context: StrayContext,
  sorted: () => Iterable<Buffer>,
  strays: Strays,
): Generator<void, void, undefined> {
  const { tally, entries } = context
  const isGone = lookInto(context.holes)
  let some: Entry[] = []
  const judgeSome = function* (): Generator<void, void, undefined> {
    if (some.length === 0) return
    const found = yield* lookUp(entries, sorted(), new Set(some.map(positionName)))
    for (const entry of some) tellStray(context, entry, found.get(positionName(entry)))
    some = []
  }
  for (const bytes of strays.sorted()) {
    const gone = isGone(bytes.readUInt32BE(0), bytes.readUIntBE(4, 6))
    const rest = bytes.subarray(KIND_AT + 1)
    if (bytes[KIND_AT] === UNMATCHED) {
      const unmatched = JSON.parse(rest.toString()) as Unmatched
      const told = gone ? unmatched.gone : unmatched.there
      if (told) tally.fault(...told)
      else tally.count('beyondRetention')
    } else if (gone) tally.count('beyondRetention')
    else if (some.push(entries.decode(rest)) === AT_ONCE) yield* judgeSome()
    yield
  }
  yield* judgeSome()
}

/** To be asked in the order of the log. */
function lookInto(holes: Iterable<Hole>): (partition: number, offset: number) => boolean {
  const each = holes[Symbol.iterator]()
  let { value: hole } = each.next() as { value: Hole | undefined }
  return (partition, offset) => {
    while (hole && (hole.partition < partition || (hole.partition === partition && hole.last < offset)))
      hole = (each.next() as { value: Hole | undefined }).value
    return hole?.partition === partition && hole.first <= offset
  }
}

/** Of a position: whether its row stands under its own key, is asked for under it, or has a dead letter. */
type Found = 'stands' | 'asked' | 'dead'

function* lookUp(
  entries: Entries,
  sorted: Iterable<Buffer>,
  wanted: ReadonlySet<string>,
): Generator<void, ReadonlyMap<string, Found>, undefined> {
  const found = new Map<string, Found>()
  let head: Buffer | undefined
  let ofKey = new Set<string>()
  for (const bytes of sorted) {
    if (head === undefined || !sameKey(head, bytes)) {
      head = Buffer.from(bytes)
      ofKey = new Set()
      yield
    }
    const entry = entries.decode(bytes)
    const name = positionName(entry)
    if (!wanted.has(name)) continue
    if (!entry.asked) ofKey.add(name)
    else if (entry.dead) found.set(name, 'dead')
    else if (found.get(name) !== 'stands') found.set(name, ofKey.has(name) ? 'stands' : 'asked')
  }
  return found
}

function tellStray({ log, tally }: StrayContext, entry: Entry, found: Found | undefined): void {
  const at = positionText({ topic: log.topic, partition: entry.partition!, offset: entry.offset })
  if (found === 'stands') tally.fault('duplicated', at, `stands under another key as well: ${entry.key}`)
  else if (found === 'asked') tally.fault('different', at, `stands under another key: ${entry.key}`)
  else if (found === 'dead') tally.fault('different', at, `has a dead letter, yet is stored, key ${entry.key}`)
  else tally.fault('foreign', at, `no record asks for key ${entry.key}`)
}

function positionName({ partition, offset, index }: Entry): string {
  return `${partition}@${offset}#${index}`
}
