/**
 * The connection of the PostgreSQL sink, sent through the explorer's port: each of the sink's fixed statements, known by its
 * text, becomes a request in plain data. A statement that is not known here is an error: the model must learn it.
 */
import type { PostgresOptions } from '../../src/sinks/postgres/index.ts'
import { keyIndex, takesCopy } from '../../src/sinks/postgres/check.ts'
import type { Owner } from '../../src/sinks/postgres/deletes.ts'
import { forgetDeletes, lockAlone, lockShared } from '../../src/sinks/postgres/deletes.ts'
import { layoutOf } from '../../src/sinks/postgres/layout.ts'
import type { Layout } from '../../src/sinks/postgres/layout.ts'
import type { Session } from '../../src/sinks/postgres/session.ts'
import { createWatermarks, lockWatermarks, moveWatermarks, statementsOf } from '../../src/sinks/postgres/sql.ts'
import { liveType } from '../../src/sinks/postgres/types.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { rewindStatement } from './postgres-rewinds.ts'
import type { RewindStatement } from './postgres-rewinds.ts'
import { rowsInArrays, rowsInCopy } from './postgres-rows.ts'
import type { StagedRow } from './postgres-rows.ts'

export type Statement =
  | { readonly do: 'create' | 'foreign'; readonly sources: readonly SourceName[] }
  | { readonly do: 'lock'; readonly sources: readonly SourceName[]; readonly only: 'read' | undefined }
  /** A batch with deletes is alone among those of its sink; one without shares its turn. */
  | { readonly do: 'turn'; readonly alone: boolean }
  | {
      readonly do: 'rows'
      readonly rows: readonly StagedRow[]
      /** `straight`: as new, without an upsert. */
      readonly how: 'upsert' | 'under a savepoint' | 'straight'
      /** Where tombstones delete, parts of the statement go by what it saw when it began, before it waited for a lock. */
      readonly looksBack?: true
      /** A bug: no delete of it is remembered. */
      readonly forgetful?: true
    }
  | { readonly do: 'move'; readonly watermarks: readonly MovedWatermark[]; readonly outside: boolean }
  | { readonly do: 'refuse'; readonly letter: PlainLetter }
  | { readonly do: 'letters' }
  | { readonly do: 'remove letters'; readonly names: readonly string[] }
  | { readonly do: 'rollback to savepoint' | 'rollback' | 'commit' }
  | RewindStatement

export interface PostgresRequest {
  /** Counts the connections of an environment. */
  readonly session: number
  /** Whether the connection is in a transaction. */
  readonly open: boolean
  readonly statement: Statement
  /** Sent behind it, without waiting for its answer. */
  readonly behind: readonly Statement[]
}

export interface SourceName {
  readonly cluster: string
  readonly topic: string
  readonly partition: number
}

export interface MovedWatermark extends SourceName {
  readonly next: number
  readonly checkpoints: readonly { readonly offset: number; readonly checksum: string }[]
  readonly gaps: readonly { readonly first: number; readonly last: number }[]
  readonly gapCount: number
}

/** A row of the outbox as the INSERT's parameters gave it; bytes in base64. */
export type PlainLetter = readonly (string | number | null)[]

export type PostgresAnswer =
  | { readonly rows: readonly unknown[]; readonly command?: string }
  | { readonly error: string }
  /** The connection is gone. */
  | { readonly lost: true }

/** Parts of the statements, put in place of those that ship. */
export interface SessionPlant {
  /** Moves watermarks as if on a connection of its own. */
  readonly moveOutside?: boolean
  /** Reads the watermarks, without FOR UPDATE. */
  readonly noLock?: boolean
  /** Deletes rows, and remembers no delete. */
  readonly noMarker?: boolean
  /** Batches with deletes wait for no others. */
  readonly noTurn?: boolean
}

const LETTER_COLUMNS = [
  'pipeline',
  'sink',
  'cluster',
  'topic',
  'partition',
  'epoch',
  'record_offset',
  'record_timestamp',
  'timestamp_type',
  'record_key',
  'record_value',
  'headers',
  'stage',
  'code',
  'reason',
] as const

/** @param owner whose deletes are remembered, where tombstones delete */
export function sessionOver(
  port: Port,
  number: number,
  options: PostgresOptions,
  plant: SessionPlant = {},
  owner?: Owner,
): Session {
  const layout = layoutOf(options, 'log', owner !== undefined)
  const statements = statementsOf(options, 'log', owner)
  let usable = true
  let open = false
  let isolated: readonly StagedRow[] = []
  const waiting: Statement[] = []
  let last: Promise<unknown> = Promise.resolve()
  /** The server answers in the order of the statements, however many were sent at once. */
  const send = (statement: Statement): Promise<{ rows: readonly unknown[]; command: string }> => {
    waiting.push(statement)
    const turn = last.then(() => answerTo(statement))
    last = turn.catch(() => undefined).finally(() => waiting.shift())
    return turn
  }
  const answerTo = async (statement: Statement) => {
    const behind = waiting.slice(1)
    const answer = usable
      ? ((await port({ session: number, open, statement, behind } satisfies PostgresRequest)) as PostgresAnswer)
      : { lost: true as const }
    if ('rows' in answer) return { rows: answer.rows, command: answer.command ?? '' }
    if ('error' in answer) throw Object.assign(new Error(`error ${answer.error}`), { code: answer.error })
    usable = false
    throw Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' })
  }
  const rowsOf = (rows: readonly StagedRow[], how: Extract<Statement, { do: 'rows' }>['how']): Statement => ({
    do: 'rows',
    rows,
    how,
    ...(layout.deletes ? { looksBack: true } : {}),
    ...(plant.noMarker ? { forgetful: true } : {}),
  })
  const statementOf = (text: string, values: unknown[]): Statement => {
    if (text === createWatermarks) return { do: 'create', sources: sourcesOf(values) }
    if (text === lockWatermarks)
      return { do: 'lock', sources: sourcesOf(values), only: plant.noLock ? 'read' : undefined }
    if (text === statements.foreign) return { do: 'foreign', sources: sourcesOf(values) }
    if (text === statements.insertArrays) return rowsOf(rowsInArrays(values as Buffer[], layout), 'upsert')
    if (text === statements.insertNew) return rowsOf(rowsInArrays(values as Buffer[], layout), 'straight')
    if (text === moveWatermarks)
      return { do: 'move', watermarks: JSON.parse(values[2] as string), outside: plant.moveOutside ?? false }
    if (text.startsWith('INSERT INTO weirhouse.refused')) return { do: 'refuse', letter: values.map(plain) }
    if (/^SELECT [^;]*\sFROM weirhouse.refused/.test(text)) return { do: 'letters' }
    if (text.startsWith('DELETE FROM weirhouse.refused') && text.includes('unnest('))
      return { do: 'remove letters', names: namesOf(values) }
    if (text === lockAlone || text === lockShared) return { do: 'turn', alone: text === lockAlone }
    const rewinds = rewindStatement(text, values)
    if (rewinds) return rewinds
    throw new Error(`the model knows no statement ${text}`)
  }
  return {
    usable: () => usable,
    query: async (_, text, values = []) => {
      if (text.startsWith('SELECT jsonb_build_object(')) return [{ live: liveOf(layout) }] as never[]
      if (text === keyIndex) return [{ oid: '1' }] as never[]
      if (text === takesCopy) return [{ takesCopy: true }] as never[]
      if (text.includes("to_regclass('weirhouse.deleted')")) return [{ there: owner !== undefined }] as never[]
      if (text === forgetDeletes) return [] // time stands still
      if (plant.noTurn && (text === lockAlone || text === lockShared)) return []
      const statement = statementOf(text, [...values])
      const { rows } = await send(statement)
      return (statement.do === 'letters' ? (rows as PlainLetter[]).map(letterRow) : rows) as never[]
    },
    script: async (_, text) => {
      if (text === statements.createStages) return []
      if (text === 'BEGIN' || text.startsWith('BEGIN ')) {
        open = true
        return []
      }
      if (text === 'COMMIT' || text === 'ROLLBACK') {
        const { command } = await send({ do: text === 'COMMIT' ? 'commit' : 'rollback' })
        open = false
        return [{ command }] as never[]
      }
      if (text.startsWith('ROLLBACK TO SAVEPOINT ')) {
        await send({ do: 'rollback to savepoint' })
        return []
      }
      const seqs = /^SAVEPOINT .* = ANY \('\{(?<seqs>[\d,]+)\}'\)/s.exec(text)?.groups?.seqs
      if (seqs === undefined) throw new Error(`the model knows no script ${text}`)
      const rows = seqs.split(',').map((seq) => isolated[Number(seq)]!)
      return [{}, await send(rowsOf(rows, 'under a savepoint')), {}] as never[]
    },
    copy: (_, text, chunks) => {
      if (text !== statements.copyIsolation) throw new Error(`the model knows no ${text}`)
      isolated = rowsInCopy(Buffer.concat(chunks), layout)
      return Promise.resolve()
    },
    destroy: () => {
      // The server notices, sooner or later.
      if (usable && open)
        void port({ session: number, open, statement: { do: 'rollback' }, behind: [] } satisfies PostgresRequest)
      usable = false
    },
    close: () => Promise.resolve(),
  }
}

function sourcesOf([, , clusters, topics, partitions]: unknown[]): SourceName[] {
  return (clusters as string[]).map((cluster, i) => ({
    cluster,
    topic: (topics as string[])[i]!,
    partition: (partitions as number[])[i]!,
  }))
}

/** Letters are named by what their primary key holds. */
export function letterName(letter: PlainLetter): string {
  return [2, 3, 4, 5, 6].map((column) => letter[column]).join(' ')
}

function namesOf([, , ...columns]: unknown[]): string[] {
  const [first, ...others] = columns as unknown[][]
  return first!.map((value, i) => [value, ...others.map((column) => column[i])].join(' '))
}

function plain(value: unknown): string | number | null {
  return Buffer.isBuffer(value) ? value.toString('base64') : (value as string | number | null)
}

function letterRow(letter: PlainLetter): Record<string, unknown> {
  const row: Record<string, unknown> = Object.fromEntries(LETTER_COLUMNS.map((name, i) => [name, letter[i]]))
  for (const name of ['record_key', 'record_value'])
    if (row[name] !== null) row[name] = Buffer.from(row[name] as string, 'base64')
  return { ...row, headers: JSON.parse(row.headers as string) as unknown }
}

/** What PostgreSQL says of a table that is as the definition wants it. */
function liveOf({ all, keys }: Layout) {
  const columns = all.map(({ name, type }) => ({
    name,
    type: liveType(type),
    notNull: type.notNull,
    filled: false,
    generated: false,
  }))
  return { own: true, kind: 'r', columns, unique: [keys.map(({ name }) => name)] }
}
