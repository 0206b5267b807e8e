/**
 * PostgreSQL in memory, as far as the sink asks of it: READ COMMITTED transactions with row locks and one savepoint. A
 * statement that meets a lock keeps those it has and waits; an answer can be lost with its connection, also that of COMMIT,
 * when the server may still commit or roll back.
 */
import { isNewer } from '../../src/core/order.ts'
import type { Position } from '../../src/core/order.ts'
import type { Rewind } from '../../src/core/watermark.ts'
import { REFUSED_TEXT } from './dynamo-store.ts'
import { letterName } from './postgres-session.ts'
import type { MovedWatermark, PlainLetter, PostgresAnswer, SourceName, StoredRow } from './postgres-session.ts'
import type { Statement } from './postgres-session.ts'

export interface StoredWatermark extends SourceName {
  readonly epoch: number
  readonly next_offset: number | null
  readonly checkpoints: MovedWatermark['checkpoints']
  readonly gaps: MovedWatermark['gaps']
  readonly gap_count: number
  readonly rewind: Rewind | null
}

export interface Contents {
  readonly watermarks: Readonly<Record<string, StoredWatermark>>
  /** By key; of append tables by place and count, so that one that comes twice is there twice. */
  readonly rows: Readonly<Record<string, StoredRow>>
  readonly outbox: Readonly<Record<string, PlainLetter>>
}

interface Transaction {
  /** What it wrote, over what is committed. */
  readonly own: Contents
  readonly locks: readonly string[]
  readonly saved: Contents | null
  readonly failed: boolean
  /** What the server was sent by a client that is gone. */
  readonly pending: readonly Statement[]
}

export interface Database extends Contents {
  readonly open: Readonly<Record<string, Transaction>>
}

export const emptyContents: Contents = { watermarks: {}, rows: {}, outbox: {} }
const fresh: Transaction = { own: emptyContents, locks: [], saved: null, failed: false, pending: [] }

/** The holder of a transaction whose client is gone while statements of it are on the way, COMMIT the last. */
const ORPHAN = 'orphan'

export type Executed =
  | { readonly database: Database; readonly answer: PostgresAnswer }
  /** It waits, with one lock more than before. */
  | { readonly database: Database; readonly waits: true }
  | undefined

/** Runs a statement for `holder`, in its transaction where `open`. Undefined: it waits for a lock. */
export function execute(
  database: Database,
  holder: string,
  open: boolean,
  statement: Statement,
  keyed: boolean,
): Executed {
  const transaction = database.open[holder] ?? fresh
  if (statement.do === 'commit' || statement.do === 'rollback') {
    const commits = statement.do === 'commit' && !transaction.failed
    const left = without(database, holder)
    return {
      database: commits ? committed(left, transaction.own) : left,
      answer: { rows: [], command: commits ? 'COMMIT' : 'ROLLBACK' },
    }
  }
  const put = (after: Transaction): Database =>
    open ? { ...database, open: { ...database.open, [holder]: after } } : committed(database, after.own)
  if (statement.do === 'rollback to savepoint')
    return {
      database: put({ ...transaction, own: transaction.saved!, failed: false }),
      answer: { rows: [] },
    }
  if (transaction.failed) return { database, answer: { error: '25P02' } }
  if (statement.do === 'move' && statement.outside) {
    const { watermarks } = moved(emptyContents, seenBy(database, transaction).watermarks, statement)
    const own = { ...transaction.own, watermarks: {} }
    return {
      database: committed(put({ ...transaction, own }), { ...emptyContents, watermarks }),
      answer: { rows: [] },
    }
  }
  const locks = [...transaction.locks]
  for (const lock of locksOf(statement, seenBy(database, transaction))) {
    if (locks.includes(lock)) continue
    if (Object.entries(database.open).some(([other, { locks }]) => other !== holder && locks.includes(lock)))
      return locks.length > transaction.locks.length
        ? { database: put({ ...transaction, locks: locks.sort() }), waits: true }
        : undefined
    locks.push(lock)
  }
  const { own, answer } = effectOf(database, transaction, statement, keyed)
  const failed = 'error' in answer
  const saved =
    statement.do === 'rows' && statement.how === 'under a savepoint'
      ? failed
        ? transaction.own
        : null
      : transaction.saved
  return { database: put({ ...transaction, own, locks: locks.sort(), saved, failed }), answer }
}

/** The client is gone: what was open is rolled back. */
export function without(database: Database, holder: string): Database {
  if (!(holder in database.open)) return database
  const { [holder]: _, ...open } = database.open
  return { ...database, open }
}

/** A statement of the transaction failed: nothing but a rollback is heard now. */
export function failing(database: Database, holder: string): Database {
  return { ...database, open: { ...database.open, [holder]: { ...(database.open[holder] ?? fresh), failed: true } } }
}

/** The client is gone; the server has not come to `pending` yet. */
export function orphaned(database: Database, holder: string, pending: readonly Statement[]): Database {
  const left = without(database, holder)
  if (pending.at(-1)?.do !== 'commit') return left
  const name = `${ORPHAN} ${Object.keys(left.open).length}`
  return { ...left, open: { ...left.open, [name]: { ...(database.open[holder] ?? fresh), pending } } }
}

export function* orphansOf(
  database: Database,
  keyed: boolean,
): Iterable<{ readonly label: string; readonly database: Database }> {
  for (const holder of Object.keys(database.open)) {
    if (!holder.startsWith(ORPHAN)) continue
    const after = goneOn(database, holder, keyed)
    if (after) yield { label: 'the statements on the way take effect', database: after }
    yield { label: `the server drops the transaction of a lost connection`, database: without(database, holder) }
  }
}

/** What is pending runs, as far as no lock is in the way. Undefined: not at all. */
function goneOn(database: Database, holder: string, keyed: boolean): Database | undefined {
  const [next, ...pending] = database.open[holder]!.pending
  const executed = execute(database, holder, true, next!, keyed)
  if (!executed || 'waits' in executed) return executed?.database
  const transaction = executed.database.open[holder]
  if (!transaction) return executed.database
  const after = { ...executed.database, open: { ...executed.database.open, [holder]: { ...transaction, pending } } }
  return goneOn(after, holder, keyed) ?? after
}

export function isLocked({ open }: Database, lock: string): boolean {
  return Object.values(open).some(({ locks }) => locks.includes(lock))
}

function committed(database: Database, own: Contents): Database {
  const outbox: Record<string, PlainLetter> = { ...database.outbox }
  for (const [name, letter] of Object.entries(own.outbox))
    if (letter.length === 0) delete outbox[name]
    else outbox[name] = letter
  return {
    ...database,
    watermarks: { ...database.watermarks, ...own.watermarks },
    rows: { ...database.rows, ...own.rows },
    outbox,
  }
}

function seenBy(database: Contents, { own }: Transaction): Contents {
  return {
    watermarks: { ...database.watermarks, ...own.watermarks },
    rows: { ...database.rows, ...own.rows },
    outbox: { ...database.outbox, ...own.outbox },
  }
}

/** What must be locked, in this order. A row that another transaction has just made has its lock, and is not seen. */
function locksOf(statement: Statement, seen: Contents): string[] {
  switch (statement.do) {
    case 'create':
      return statement.sources.flatMap((source) => (seen.watermarks[nameOf(source)] ? [] : [`w ${nameOf(source)}`]))
    case 'lock':
      if (statement.only === 'read') return []
      return statement.sources.flatMap((source) => (seen.watermarks[nameOf(source)] ? [`w ${nameOf(source)}`] : []))
    case 'move':
      return statement.watermarks.map((watermark) => `w ${nameOf(watermark)}`)
    case 'rows':
      return [...new Set(statement.rows.map(({ id }) => `r ${id}`))].sort()
    case 'refuse':
      return [`o ${letterName(statement.letter)}`]
    case 'foreign':
    case 'letters':
    case 'remove letters':
    case 'rollback to savepoint':
    case 'rollback':
    case 'commit':
    default:
      return []
  }
}

function effectOf(
  database: Database,
  transaction: Transaction,
  statement: Statement,
  keyed: boolean,
): { readonly own: Contents; readonly answer: PostgresAnswer } {
  const { own } = transaction
  const seen = seenBy(database, transaction)
  const nothing = { own, answer: { rows: [] } }
  switch (statement.do) {
    case 'create': {
      const epoch = Math.max(0, ...Object.values(seen.watermarks).map((watermark) => watermark.epoch))
      const made = statement.sources
        .filter((source) => !seen.watermarks[nameOf(source)])
        .map((source) => ({
          ...source,
          epoch,
          next_offset: null,
          checkpoints: [],
          gaps: [],
          gap_count: 0,
          rewind: null,
        }))
      return { own: withWatermarks(own, made), answer: { rows: [] } }
    }
    case 'lock': {
      const found = statement.sources.flatMap((source) => seen.watermarks[nameOf(source)] ?? [])
      const letters = Object.values(seen.outbox).some((letter) => letter.length > 0)
      return { own, answer: { rows: found.map((watermark) => ({ ...watermark, letters })) } }
    }
    case 'foreign': {
      const known = Object.values(seen.watermarks).some(({ next_offset }) => next_offset !== null)
      return { own, answer: { rows: [{ foreign: !known && Object.keys(seen.rows).length > 0, elsewhere: null }] } }
    }
    case 'rows':
      return applied(own, seen, statement, keyed)
    case 'move':
      return { own: moved(own, seen.watermarks, statement), answer: { rows: [] } }
    case 'refuse': {
      const name = letterName(statement.letter)
      return seen.outbox[name]?.length ? nothing : { ...nothing, own: withLetters(own, { [name]: statement.letter }) }
    }
    case 'letters':
      return { own, answer: { rows: Object.values(seen.outbox).filter((letter) => letter.length > 0) } }
    case 'remove letters':
      return { ...nothing, own: withLetters(own, Object.fromEntries(statement.names.map((name) => [name, []]))) }
    case 'rollback to savepoint':
    case 'rollback':
    case 'commit':
    default:
      throw new Error(`the model does not run ${statement.do} here`)
  }
}

/** Order by log, as `sql.ts` has it. */
function applied(
  own: Contents,
  seen: Contents,
  { rows, how }: Extract<Statement, { do: 'rows' }>,
  keyed: boolean,
): { readonly own: Contents; readonly answer: PostgresAnswer } {
  if (rows.some(({ note }) => note === REFUSED_TEXT)) return { own, answer: { error: '23514' } }
  const counts = new Map<string, number>()
  const after: Record<string, StoredRow> = { ...own.rows }
  for (const row of rows) {
    const place = `${row.src} ${row.offset} ${row.index}`
    const name = keyed
      ? row.id
      : `${place} ${Object.keys({ ...seen.rows, ...after }).filter((other) => other.startsWith(place)).length}`
    const there = after[name] ?? seen.rows[name]
    if (there && how === 'straight') return { own, answer: { error: '23505' } }
    if (there && !isNewer('log', positionOf(row), positionOf(there))) continue
    after[name] = row
    counts.set(row.src, (counts.get(row.src) ?? 0) + 1)
  }
  return { own: { ...own, rows: after }, answer: { rows: [...counts].map(([src, rows]) => ({ src, rows })) } }
}

export function positionOf({ src, epoch, offset, index, ts }: StoredRow): Position {
  return { src, epoch, offset, index, ts }
}

function moved(
  own: Contents,
  seen: Contents['watermarks'],
  { watermarks }: Extract<Statement, { do: 'move' }>,
): Contents {
  const after = watermarks.flatMap((given): StoredWatermark[] => {
    const there = seen[nameOf(given)]
    const { next, checkpoints, gaps, gapCount } = given
    return there ? [{ ...there, next_offset: next, checkpoints, gaps, gap_count: gapCount }] : []
  })
  return withWatermarks(own, after)
}

function withWatermarks(own: Contents, watermarks: readonly StoredWatermark[]): Contents {
  const more = Object.fromEntries(watermarks.map((watermark) => [nameOf(watermark), watermark]))
  return { ...own, watermarks: { ...own.watermarks, ...more } }
}

function withLetters(own: Contents, letters: Contents['outbox']): Contents {
  return { ...own, outbox: { ...own.outbox, ...letters } }
}

export function nameOf({ cluster, topic, partition }: SourceName): string {
  return `${cluster} ${topic} ${partition}`
}
