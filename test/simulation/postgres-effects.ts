/** What each statement locks, and what it does, as `src/sinks/postgres` has it: sql.ts, deletes.ts, outbox.ts, rewind.ts. */
import { isNewer } from '../../src/core/order.ts'
import type { Position } from '../../src/core/order.ts'
import { REFUSED_TEXT } from './dynamo-store.ts'
import { nameOf, positionOf, withMore } from './postgres-contents.ts'
import type { Changes, Contents, StoredWatermark } from './postgres-contents.ts'
import type { StagedRow } from './postgres-rows.ts'
import { letterName } from './postgres-session.ts'
import type { PostgresAnswer, SourceName, Statement } from './postgres-session.ts'

type Of<Do extends Statement['do']> = Extract<Statement, { readonly do: Do }>

/** Held by several at once. */
const SHARED = ' shared'

export function inTheWay(wanted: string, held: readonly string[]): boolean {
  const [base = wanted] = wanted.split(SHARED)
  return held.some((lock) => lock === base || (lock === base + SHARED && wanted === base))
}

/** What must be locked, in this order. A row that another transaction has just made has its lock, and is not seen. */
export function locksOf(statement: Statement, seen: Contents, keyed: boolean): string[] {
  const ofSource = (source: SourceName) => `w ${nameOf(source)}`
  switch (statement.do) {
    case 'turn':
      return [statement.alone ? 'turn' : `turn${SHARED}`]
    case 'create':
      return statement.sources.flatMap((source) => (seen.watermarks[nameOf(source)] ? [] : [ofSource(source)]))
    case 'create one':
      return seen.watermarks[nameOf(statement.source)] ? [] : [ofSource(statement.source)]
    case 'lock':
      if (statement.only === 'read') return []
      return statement.sources.flatMap((source) => (seen.watermarks[nameOf(source)] ? [ofSource(source)] : []))
    case 'watermark':
      return statement.locks && seen.watermarks[nameOf(statement.source)] ? [ofSource(statement.source)] : []
    case 'set':
      return [ofSource(statement.source)]
    case 'move':
      return statement.watermarks.map(ofSource)
    case 'rows': {
      if (!keyed) return []
      const rows = statement.rows.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      const all = rows.flatMap(({ id, gone }) =>
        gone ? [`d ${id}`, ...(seen.rows[id] ? [`r ${id}`] : [])] : [`r ${id}`],
      )
      return [...new Set(all)]
    }
    case 'refuse':
      return [`o ${letterName(statement.letter)}`]
    case 'remove rows':
      return keyed ? stale(seen.rows, statement).map((name) => `r ${name}`) : []
    case 'forget deletes':
      return stale(seen.deleted, statement).map((name) => `d ${name}`)
    case 'remove stale letters':
      return staleLetters(seen, statement).map((name) => `o ${name}`)
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

export interface Effect {
  readonly own: Changes
  readonly answer: PostgresAnswer
}

export interface Surroundings {
  /** What the transaction changed. */
  readonly own: Changes
  /** What it sees now: committed, and its own. */
  readonly seen: Contents
  /** What it saw when the statement began, before it waited. */
  readonly began: Contents
  readonly keyed: boolean
}

export function effectOf(statement: Statement, around: Surroundings): Effect {
  const { own, seen } = around
  const change = <T extends keyof Contents>(table: T, more: Changes[T], rows: readonly unknown[] = []): Effect => ({
    own: withMore(own, table, more),
    answer: { rows },
  })
  const gone = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, null]))
  switch (statement.do) {
    case 'turn':
      return { own, answer: { rows: [{}] } }
    case 'create': {
      const epoch = Math.max(0, ...Object.values(seen.watermarks).map((watermark) => watermark.epoch))
      return change('watermarks', created(seen, statement.sources, epoch))
    }
    case 'create one':
      return change('watermarks', created(seen, [statement.source], 0))
    case 'lock': {
      const found = statement.sources.flatMap((source) => seen.watermarks[nameOf(source)] ?? [])
      const letters = Object.keys(seen.outbox).length > 0
      return { own, answer: { rows: found.map((watermark) => ({ ...watermark, letters })) } }
    }
    case 'watermark': {
      const found = seen.watermarks[nameOf(statement.source)]
      return { own, answer: { rows: found ? [found] : [] } }
    }
    case 'set':
      return change('watermarks', setWatermark(seen, statement))
    case 'foreign': {
      const known = Object.values(seen.watermarks).some(({ next_offset }) => next_offset !== null)
      return { own, answer: { rows: [{ foreign: !known && Object.keys(seen.rows).length > 0, elsewhere: null }] } }
    }
    case 'rows':
      return rowsApplied(statement, around)
    case 'move':
      return change('watermarks', moved(seen.watermarks, statement))
    case 'refuse': {
      const name = letterName(statement.letter)
      return seen.outbox[name] ? change('outbox', {}) : change('outbox', { [name]: statement.letter })
    }
    case 'letters':
      return { own, answer: { rows: Object.values(seen.outbox) } }
    case 'remove letters':
      return change('outbox', gone(statement.names))
    case 'remove rows': {
      const names = stale(seen.rows, statement)
      return change('rows', gone(names), [{ count: names.length }])
    }
    case 'forget deletes':
      return change('deleted', gone(stale(seen.deleted, statement)))
    case 'remove stale letters':
      return change('outbox', gone(staleLetters(seen, statement)))
    case 'rollback to savepoint':
    case 'rollback':
    case 'commit':
    default:
      throw new Error(`the model does not run ${statement.do} here`)
  }
}

function created({ watermarks }: Contents, sources: readonly SourceName[], epoch: number) {
  const made = sources.filter((source) => !watermarks[nameOf(source)])
  return Object.fromEntries(
    made.map(({ cluster, topic, partition }): [string, StoredWatermark] => [
      nameOf({ cluster, topic, partition }),
      { cluster, topic, partition, epoch, next_offset: null, checkpoints: [], gaps: [], gap_count: 0, rewind: null },
    ]),
  )
}

function setWatermark({ watermarks }: Contents, { source, to }: Of<'set'>): Changes['watermarks'] {
  const there = watermarks[nameOf(source)]
  const { epoch, next, checkpoints, gaps, gapCount, rewind } = to
  const after = { epoch, next_offset: next, checkpoints, gaps, gap_count: gapCount, rewind }
  return there ? { [nameOf(source)]: { ...there, ...after } } : {}
}

export function moved(seen: Contents['watermarks'], { watermarks }: Of<'move'>): Changes['watermarks'] {
  const after = watermarks.flatMap((given): StoredWatermark[] => {
    const there = seen[nameOf(given)]
    const { next, checkpoints, gaps, gapCount } = given
    return there ? [{ ...there, next_offset: next, checkpoints, gaps, gap_count: gapCount }] : []
  })
  return Object.fromEntries(after.map((watermark) => [nameOf(watermark), watermark]))
}

/** Names of what the position says was written before a rewind, from its target on. */
function stale(
  table: Readonly<Record<string, Position>>,
  { src, from, below }: Of<'remove rows' | 'forget deletes'>,
): string[] {
  return Object.keys(table).filter((name) => {
    const { src: of, offset, epoch } = table[name]!
    return of === src && offset >= from && epoch < below
  })
}

function staleLetters({ outbox }: Contents, { source, from, below }: Of<'remove stale letters'>): string[] {
  return Object.keys(outbox).filter((name) => {
    const [cluster, topic, partition, epoch, offset] = outbox[name]!.slice(2)
    const own = nameOf(source) === [cluster, topic, partition].join(' ')
    return own && (offset as number) >= from && (epoch as number) < below
  })
}

/**
 * Order by log, as `sql.ts` has it. Of distinct keys: a conflict is decided by what stands there now; whether there is
 * something as new at all, by what the statement saw when it began.
 */
function rowsApplied({ rows, how, forgetful }: Of<'rows'>, { own, seen, began, keyed }: Surroundings): Effect {
  if (rows.some(({ note, gone }) => note === REFUSED_TEXT && !gone)) return { own, answer: { error: '23514' } }
  const counts = new Map<string, number>()
  const counted = (src: string) => counts.set(src, (counts.get(src) ?? 0) + 1)
  const after: Record<string, Changes['rows'][string]> = {}
  const deleted: Record<string, Position> = {}
  const gives = (staged: StagedRow, there: Position | undefined) =>
    there === undefined || isNewer('log', positionOf(staged), there)
  for (const { gone, ...row } of rows) {
    const name = keyed ? row.id : freePlace(row, { ...seen.rows, ...after })
    const there = seen.rows[name]
    if (there && how === 'straight') return { own, answer: { error: '23505' } }
    if (gone) {
      if (gives(row, began.rows[name] && positionOf(began.rows[name])) && gives(row, seen.deleted[name])) {
        if (!forgetful) deleted[name] = positionOf(row)
        counted(row.src)
      }
      if (there && gives(row, positionOf(there))) after[name] = null
    } else if (gives(row, there && positionOf(there)) && gives(row, keyed ? began.deleted[name] : undefined)) {
      after[name] = row
      counted(row.src)
    }
  }
  const answer = { rows: [...counts].map(([src, count]) => ({ src, rows: count })) }
  return { own: withMore(withMore(own, 'rows', after), 'deleted', deleted), answer }
}

/** Of an append table: one that comes twice is there twice. */
function freePlace({ src, offset, index }: StagedRow, rows: Readonly<Record<string, unknown>>): string {
  const place = `${src} ${offset} ${index}`
  return `${place} ${Object.keys(rows).filter((other) => other.startsWith(`${place} `)).length}`
}
