/** The store: its tables, its statements, and what its errors mean (D8). */
import { DatabaseSync } from 'node:sqlite'
import { isNewer, sourceKey, WeirError } from 'weirhouse/sinks'
import type { OrderKind, Position, Source, Watermark } from 'weirhouse/sinks'
import type { SqliteOptions } from './sqlite.ts'

export type Values = Readonly<Record<string, string | number | bigint | Uint8Array | null>>

export interface Database {
  /** Commits what `work` did, or rolls back where it gives undefined or throws. Waits so long for the lock, no longer. */
  transaction<T>(milliseconds: number, work: () => T | undefined): T | undefined
  /** Does `work` whole, or not at all where the store refused a row: then the reason. */
  savepoint(work: () => void): string | undefined
  watermark(pipeline: string, source: Source): Watermark | undefined
  /** The latest of this sink's sources: rows of several compare by it. */
  epoch(pipeline: string): number
  setWatermark(pipeline: string, source: Source, watermark: Watermark): void
  /** False where a newer row has its key. */
  put(row: Values, position: Position, order: OrderKind): boolean
  close(): void
}

/** Primary codes of SQLite; extended ones hold them in their lowest byte. */
const BUSY = 5
const CONSTRAINT = 19

/** Position of a row as one JSON text: only this code compares it. */
const POSITION = '_position'

export function openDatabase(file: string, { id, table, columns, key }: SqliteOptions): Database {
  const database = new DatabaseSync(file)
  const names = Object.keys(columns)
  const keys = key ?? [POSITION]
  database.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS weirhouse_watermark
      (pipeline TEXT, sink TEXT, source TEXT, watermark TEXT NOT NULL, PRIMARY KEY (pipeline, sink, source));
    CREATE TABLE IF NOT EXISTS ${quoted(table)} (${names.map((name) => `${quoted(name)} ${columns[name]}, `).join('')}
      ${POSITION} TEXT NOT NULL, PRIMARY KEY (${keys.map(quoted).join(', ')}))`)
  const where = keys.map((name) => `${quoted(name)} IS ?`).join(' AND ')
  const find = database.prepare(`SELECT ${POSITION} FROM ${quoted(table)} WHERE ${where}`)
  const insert = database.prepare(
    `INSERT OR REPLACE INTO ${quoted(table)} (${[...names, POSITION].map(quoted).join(', ')})
      VALUES (${[...names, POSITION].map(() => '?').join(', ')})`,
  )
  const read = database.prepare('SELECT watermark FROM weirhouse_watermark WHERE (pipeline, sink, source) = (?, ?, ?)')
  const latest = database.prepare(
    "SELECT max(watermark ->> 'epoch') AS epoch FROM weirhouse_watermark WHERE (pipeline, sink) = (?, ?)",
  )
  const set = database.prepare('INSERT OR REPLACE INTO weirhouse_watermark VALUES (?, ?, ?, ?)')
  return {
    transaction: (milliseconds, work) => transaction(database, id, milliseconds, work),
    savepoint: (work) => savepoint(database, work),
    watermark: (pipeline, source) => {
      const found = read.get(pipeline, id, sourceKey(source))
      return found && (JSON.parse(String(found.watermark)) as Watermark)
    },
    epoch: (pipeline) => Number(latest.get(pipeline, id)?.epoch ?? 0),
    setWatermark: (pipeline, source, watermark) =>
      void set.run(pipeline, id, sourceKey(source), JSON.stringify(watermark)),
    put: (row, position, order) => {
      const text = JSON.stringify(position)
      const found = find.get(...keys.map((name) => (name === POSITION ? text : (row[name] ?? null))))
      if (found && !isNewer(order, position, JSON.parse(String(found[POSITION])) as Position)) return false
      insert.run(...names.map((name) => row[name] ?? null), text)
      return true
    },
    close: () => database.close(),
  }
}

function transaction<T>(
  database: DatabaseSync,
  sink: string,
  milliseconds: number,
  work: () => T | undefined,
): T | undefined {
  try {
    database.exec(`PRAGMA busy_timeout = ${Math.floor(milliseconds)}; BEGIN IMMEDIATE`)
    const result = work()
    database.exec(result === undefined ? 'ROLLBACK' : 'COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw meaningOf(error, sink)
  }
}

function savepoint(database: DatabaseSync, work: () => void): string | undefined {
  database.exec('SAVEPOINT record')
  try {
    work()
    database.exec('RELEASE record')
    return undefined
  } catch (error) {
    if (codeOf(error) !== CONSTRAINT) throw error
    database.exec('ROLLBACK TO record; RELEASE record')
    return (error as Error).message
  }
}

/** The lock is somebody's: try again. Anything else of SQLite needs a person. */
function meaningOf(error: unknown, sink: string): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  const reason = `SQLite ${code}: ${(error as Error).message}`
  if (code === BUSY) return new WeirError('WEIR_STORE_UNAVAILABLE', { sink, reason }, { cause: error })
  const advice = 'See that the file can be written and that its table is as the definition says.'
  return new WeirError('WEIR_STORE_MISCONFIGURED', { sink, reason, advice }, { cause: error })
}

function codeOf(error: unknown): number | undefined {
  const { code, errcode } = error as { readonly code?: unknown; readonly errcode?: unknown }
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
