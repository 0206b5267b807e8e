/**
 * PostgreSQL in memory, as far as the sink asks of it: READ COMMITTED transactions with row locks and one savepoint. A
 * statement that meets a lock keeps those it has and waits; an answer can be lost with its connection, also that of COMMIT,
 * when the server may still commit or roll back.
 */
import { applied, emptyContents } from './postgres-contents.ts'
import type { Changes, Contents } from './postgres-contents.ts'
import { effectOf, inTheWay, locksOf, moved } from './postgres-effects.ts'
import type { PostgresAnswer, Statement } from './postgres-session.ts'

export { emptyContents, nameOf, positionOf } from './postgres-contents.ts'

interface Transaction {
  /** What it wrote, over what is committed. */
  readonly own: Changes
  readonly locks: readonly string[]
  readonly saved: Changes | null
  /** What a statement that waits, and looks back, saw when it began. */
  readonly began: Contents | null
  readonly failed: boolean
  /** What the server was sent by a client that is gone. */
  readonly pending: readonly Statement[]
}

export interface Database extends Contents {
  readonly open: Readonly<Record<string, Transaction>>
}

const fresh: Transaction = { own: emptyContents, locks: [], saved: null, began: null, failed: false, pending: [] }

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
      database: commits ? applied(left, transaction.own) : left,
      answer: { rows: [], command: commits ? 'COMMIT' : 'ROLLBACK' },
    }
  }
  const put = (after: Transaction): Database =>
    open ? { ...database, open: { ...database.open, [holder]: after } } : applied(database, after.own)
  if (statement.do === 'rollback to savepoint')
    return {
      database: put({ ...transaction, own: transaction.saved!, failed: false }),
      answer: { rows: [] },
    }
  if (transaction.failed) return { database, answer: { error: '25P02' } }
  if (statement.do === 'move' && statement.outside) {
    const watermarks = moved(applied<Contents>(database, transaction.own).watermarks, statement)
    const own = { ...transaction.own, watermarks: {} }
    return {
      database: applied(put({ ...transaction, own }), { ...emptyContents, watermarks }),
      answer: { rows: [] },
    }
  }
  const seen = contentsOf(database, transaction)
  const began = transaction.began ?? seen
  const locks = [...transaction.locks]
  for (const lock of locksOf(statement, seen, keyed)) {
    if (locks.includes(lock)) continue
    if (Object.entries(database.open).some(([other, { locks }]) => other !== holder && inTheWay(lock, locks))) {
      const looksBack = statement.do === 'rows' && statement.looksBack === true
      if (locks.length === transaction.locks.length && (!looksBack || transaction.began)) return undefined
      return { database: put({ ...transaction, locks: locks.sort(), began: looksBack ? began : null }), waits: true }
    }
    locks.push(lock)
  }
  const { own, answer } = effectOf(statement, { own: transaction.own, seen, began, keyed })
  const failed = 'error' in answer
  const saved =
    statement.do === 'rows' && statement.how === 'under a savepoint'
      ? failed
        ? transaction.own
        : null
      : transaction.saved
  return { database: put({ ...transaction, own, locks: locks.sort(), saved, began: null, failed }), answer }
}

function contentsOf({ watermarks, rows, outbox, deleted }: Database, { own }: Transaction): Contents {
  return applied<Contents>({ watermarks, rows, outbox, deleted }, own)
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
