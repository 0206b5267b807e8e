/**
 * Compares rows that carry their position, in PostgreSQL and DynamoDB, with what the log asks for: the newest row of each
 * key. A table without keys is one whose keys are the positions. Sorted entries come in, key by key; held at once are the
 * stored rows of one key, of which a store has one. Pure.
 */
import { isNewer } from '../../core/order.ts'
import type { OrderKind, Position } from '../../core/order.ts'
import { sameKey } from './entries.ts'
import type { Entries, Entry } from './entries.ts'
import { place, positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Tally } from './report.ts'
import { addStray, addUnmatched } from './strays.ts'
import type { Strays } from './strays.ts'

/** Copies of one row beyond these are counted without a look. */
const MAX_COPIES = 64

export interface KeyedContext {
  readonly order: OrderKind
  readonly log: Pick<LogSnapshot, 'topic' | 'partitions'>
  readonly tally: Tally
  readonly entries: Entries
  /** `_src` of a partition: what the order compares. */
  readonly markOf: (partition: number) => string
  /** Whether the sink should have had the record when the audit began. */
  readonly isDue: (partition: number, offset: number) => boolean
  /** Why a record that should have been delivered was not, where something says so. */
  readonly whyMissing: (partition: number, offset: number) => string | undefined
  /** Told of every row that stands right. */
  readonly onHeld: (partition: number, offset: number, epoch: number) => void
  /** Highest epoch that a row may have. */
  readonly epochOf: (partition: number) => number
}

interface Stored {
  readonly entry: Entry
  readonly bytes: Buffer
  /** The row that the log asks for at this very position and key. */
  match: Entry | undefined
  /** Members in which it differs from that, where it does. */
  differing: readonly string[] | undefined
}

/** What the log asks of one key. */
interface Asked {
  /** The newest of all records, and of those that were due. */
  newest: Entry | undefined
  due: Entry | undefined
}

/** One key after the other; yields after each, so that the caller can give way. */
export function* compareKeys(
  context: KeyedContext,
  sorted: Iterable<Buffer>,
  strays: Pick<Strays, 'add'>,
): Generator<void, void, undefined> {
  const { entries, tally } = context
  let head: Buffer | undefined
  let stored: Stored[] = []
  let asked: Asked = { newest: undefined, due: undefined }
  for (const bytes of sorted) {
    if (head !== undefined && !sameKey(head, bytes)) {
      judgeKey(context, stored, asked, strays)
      yield
      head = undefined
    }
    if (head === undefined) {
      head = Buffer.from(bytes)
      stored = []
      asked = { newest: undefined, due: undefined }
    }
    const entry = entries.decode(bytes)
    if (entry.asked) ask(context, asked, entry, bytes, stored)
    else {
      if (!entry.deleted) tally.count('stored')
      if (stored.length < MAX_COPIES)
        stored.push({ entry, bytes: Buffer.from(bytes), match: undefined, differing: undefined })
      else tally.fault('duplicated', entry.key, 'stands many times')
    }
  }
  if (head !== undefined) judgeKey(context, stored, asked, strays)
}

/** Stored rows come before: each finds here what the log says of its position. */
function ask(context: KeyedContext, asked: Asked, entry: Entry, bytes: Buffer, stored: readonly Stored[]): void {
  for (const each of stored)
    if (samePosition(each.entry, entry)) {
      each.match = entry
      if (each.entry.digest !== entry.digest) each.differing = context.entries.differing(each.bytes, bytes)
    }
  if (entry.dead) return
  if (!asked.newest || newer(context, entry, asked.newest)) asked.newest = entry
  if (!context.isDue(entry.partition!, entry.offset)) return
  if (!asked.due || newer(context, entry, asked.due)) asked.due = entry
}

function judgeKey(context: KeyedContext, stored: readonly Stored[], asked: Asked, strays: Pick<Strays, 'add'>): void {
  const { tally, isDue, whyMissing } = context
  const { newest, due } = asked
  const wanted = due?.deleted === true ? undefined : due
  let covered = false
  let current = false
  for (const each of stored) {
    const verdict = judge(context, each, asked, covered, strays)
    covered ||= verdict !== 'apart'
    current ||= verdict === 'newest'
  }
  if (newest && !current && !isDue(newest.partition!, newest.offset)) tally.count('notYet')
  if (!wanted) return
  if (!covered && wanted.expired) return tally.count('expired')
  tally.count('expected')
  if (covered) return
  const why = whyMissing(wanted.partition!, wanted.offset)
  tally.fault(
    'missing',
    textOf(context, wanted),
    `is not stored${why === undefined ? '' : `: ${why}`}, key ${wanted.key}`,
  )
}

/** `apart`: it stands for nothing that is asked for. `newest`: for the newest record that there is. */
type Verdict = 'apart' | 'covers' | 'newest'

function judge(
  context: KeyedContext,
  stored: Stored,
  asked: Asked,
  covered: boolean,
  strays: Pick<Strays, 'add'>,
): Verdict {
  const { log, tally } = context
  const { entry } = stored
  if (entry.withoutPosition) {
    tally.fault('foreign', entry.key, 'a row without position attributes')
    return 'covers'
  }
  if (entry.partition === undefined) {
    tally.fault('foreign', entry.key, 'a row of another source')
    return 'covers'
  }
  const where = place(log, entry.partition, entry.offset)
  if (where === 'foreign') {
    tally.fault('foreign', textOf(context, entry), `the topic has no such partition, key ${entry.key}`)
    return 'covers'
  }
  if (where === 'inside') return judgeInside(context, stored, asked, covered, strays)
  if (asked.due && newer(context, asked.due, entry)) {
    tally.fault('outOfOrder', textOf(context, asked.due), olderText(textOf(context, entry), entry.key))
    return 'covers'
  }
  // What is newer than the audited end stands for the older one; where versions decide, so can what retention took.
  tally.count(where === 'expired' ? 'beyondRetention' : 'outside')
  return where === 'later' ? 'newest' : 'covers'
}

function judgeInside(
  context: KeyedContext,
  { entry, bytes, match, differing }: Stored,
  asked: Asked,
  covered: boolean,
  strays: Pick<Strays, 'add'>,
): Verdict {
  const { tally } = context
  const at = textOf(context, entry)
  if (covered) {
    tally.fault('duplicated', at, `stands more than once, key ${entry.key}`)
    return 'covers'
  }
  if (!match) {
    if (!asked.newest) {
      addStray(strays, entry, bytes)
      return 'apart'
    }
    const wanted = textOf(context, asked.due ?? asked.newest)
    const isOld = asked.due !== undefined && newer(context, asked.due, entry)
    addUnmatched(strays, entry, {
      gone: isOld ? ['outOfOrder', wanted, olderText(at, entry.key)] : undefined,
      there: ['different', wanted, `row of ${at} is stored, which has no such key ${entry.key}`],
    })
    return 'covers'
  }
  if (match.dead && !match.excused) {
    tally.fault('different', at, `has a dead letter, yet is stored, key ${entry.key}`)
    return 'covers'
  }
  context.onHeld(entry.partition!, entry.offset, entry.epoch)
  const isOld = asked.due !== undefined && newer(context, asked.due, match)
  const differs = difference(context, entry, match, differing)
  if (differs !== undefined) tally.fault('different', at, `${differs}, key ${entry.key}`)
  else if (isOld) tally.fault('outOfOrder', textOf(context, asked.due!), olderText(at, entry.key))
  return asked.newest && newer(context, asked.newest, match) ? 'covers' : 'newest'
}

function difference(
  { epochOf }: KeyedContext,
  stored: Entry,
  wanted: Entry,
  differing: readonly string[] | undefined,
): string | undefined {
  if (stored.deleted !== wanted.deleted) return stored.deleted ? 'stands as deleted' : 'was to be deleted'
  if (differing) return `differs in ${differing.join(', ') || 'its content'}`
  if (stored.ts !== wanted.ts) return 'differs in its timestamp'
  if (stored.version !== wanted.version) return 'differs in its version'
  const epoch = epochOf(wanted.partition!)
  return stored.epoch > epoch ? `has epoch ${stored.epoch}, its watermark ${epoch}` : undefined
}

/** A rewind raises the epoch, and the row is the same. */
function newer({ order, markOf }: KeyedContext, a: Entry, b: Entry): boolean {
  return isNewer(order, orderable(a, markOf), orderable(b, markOf))
}

function orderable({ partition, offset, index, ts, version }: Entry, markOf: KeyedContext['markOf']): Position {
  return { epoch: 0, src: markOf(partition!), offset, index, ts, ...(version === undefined ? {} : { version }) }
}

function olderText(at: string, key: string): string {
  return `is not stored, but the older row of ${at}, key ${key}`
}

function samePosition(a: Entry, b: Entry): boolean {
  return a.partition === b.partition && a.offset === b.offset && a.index === b.index
}

function textOf({ log }: KeyedContext, { partition, offset, index }: Entry): string {
  const text = positionText({ topic: log.topic, partition: partition ?? -1, offset })
  return index === 0 ? text : `${text} row ${index}`
}
