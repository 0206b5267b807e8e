/** The definition compiled to the statements of the write path. Pure; the protocol that runs them is transaction.ts. */
import type { OrderKind } from '../../core/order.ts'
import { deletingSql } from './deletes.ts'
import type { Owner } from './deletes.ts'
import { quote } from './identifiers.ts'
import { layoutOf } from './layout.ts'
import type { Column } from './layout.ts'
import { newer, positionIn } from './newer.ts'
import type { PostgresOptions } from './options.ts'
import { looseType } from './types.ts'

export interface Statements {
  /** The table's name, quoted. */
  readonly table: string
  /** Once a connection: where rows wait, as big batches and as batches under isolation. */
  readonly createStages: string
  readonly copyStage: string
  readonly insertStage: string
  /** Straight into the table: of append tables, and where all keys seem to be new. */
  readonly copyTable: string
  readonly copyIsolation: string
  /** Rows of the isolation table by number, under a savepoint; one simple query of three statements. */
  readonly insertIsolated: (seqs: readonly number[]) => string
  /** One array a column. */
  readonly insertArrays: string
  /** The same without an upsert. */
  readonly insertNew: string
  /**
   * `foreign`: the table holds rows and no watermark of this sink says that it wrote them. `elsewhere`: a cluster that one
   * of the partitions was read from before. $1 pipeline, $2 sink, $3 clusters, $4 topics, $5 partitions of new sources.
   */
  readonly foreign: string
}

/** Which index of the result of `insertIsolated` holds the counts. */
export const ISOLATED_RESULT = 1

/** @param deletes whose deletes are remembered, where tombstones delete */
export function statementsOf(options: PostgresOptions, order: OrderKind, deletes?: Owner): Statements {
  const layout = layoutOf(options, order, deletes !== undefined)
  const { all } = layout
  const table = tableName(options)
  const names = quotedNames(all)
  const staged = layout.staged.map((_, i) => `c${i}`).join(', ')
  const stagedTypes = layout.staged.map(({ type }, i) => `c${i} ${looseType(type)}`).join(', ')
  const arrays = layout.staged.map(({ type }, i) => `$${i + 1}::${looseType(type)}[]`).join(', ')
  const given = `unnest(${arrays}) AS arrays(${staged})`
  const insert = (from: string, where = '') => {
    const select = `SELECT ${staged} FROM ${from}${where}`
    return deletes && layout.deletes
      ? deletingSql({
          options,
          order,
          layout,
          owner: deletes,
          table,
          select,
          insert: (of) => insertSql(options, order, of),
        })
      : `WITH moved AS (${insertSql(options, order, select)}) ${COUNTS}`
  }
  return {
    table,
    createStages: `CREATE TEMPORARY TABLE IF NOT EXISTS weirhouse_stage (${stagedTypes}) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS weirhouse_isolation (seq integer PRIMARY KEY, ${stagedTypes}) ON COMMIT DELETE ROWS`,
    copyStage: `COPY pg_temp.weirhouse_stage (${staged}) FROM STDIN (FORMAT binary)`,
    insertStage: insert('pg_temp.weirhouse_stage'),
    copyTable: `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`,
    copyIsolation: `COPY pg_temp.weirhouse_isolation (seq, ${staged}) FROM STDIN (FORMAT binary)`,
    insertIsolated: (seqs) =>
      `SAVEPOINT weirhouse_isolation; ${insert('pg_temp.weirhouse_isolation', ` WHERE seq = ANY ('{${seqs.join(',')}}')`)}; RELEASE SAVEPOINT weirhouse_isolation`,
    insertNew: `INSERT INTO ${table} (${names}) SELECT ${staged} FROM ${given}`,
    insertArrays: insert(given),
    foreign: `SELECT NOT EXISTS (
  SELECT FROM weirhouse.watermark w WHERE ${OURS} AND next_offset IS NOT NULL
) AND EXISTS (SELECT FROM ${table}) AS "foreign", (
  SELECT min(w.cluster) FROM weirhouse.watermark w JOIN ${SOURCES} USING (topic, partition)
  WHERE ${OURS} AND w.cluster <> given.cluster AND w.next_offset IS NOT NULL
) AS elsewhere`,
  }
}

export function tableName({ schema, table }: Pick<PostgresOptions, 'schema' | 'table'>): string {
  return `${quote(schema)}.${quote(table)}`
}

function quotedNames(columns: readonly Column[]): string {
  return columns.map(({ name }) => quote(name)).join(', ')
}

/** Of weirhouse.watermark w: $1 pipeline, $2 sink. */
const OURS = 'w.pipeline = $1 AND w.sink = $2'

/** Rows that took effect, by source. */
const COUNTS = 'SELECT src, count(*)::integer AS rows FROM moved GROUP BY src'

/**
 * The insert, giving the source of each row that took effect. Keyed tables: in key order, bytewise, so that two writers lock
 * common rows in one order; a row that is there gives way only to a newer one.
 */
function insertSql(options: PostgresOptions, order: OrderKind, select: string): string {
  const { keys, others, positions, all } = layoutOf(options, order)
  const src = quote(options.positionColumns.src)
  const base = `INSERT INTO ${tableName(options)} AS t (${quotedNames(all)}) ${select}`
  const keyed = keys.length > 0
  const sort = keys.map((key) => `c${all.indexOf(key)}${collation(key)}`).join(', ')
  const set = [...others, ...positions].map(({ name }) => `${quote(name)} = excluded.${quote(name)}`).join(', ')
  const conflict = `ON CONFLICT (${quotedNames(keys)}) DO UPDATE SET ${set} WHERE ${newer(order, positionIn('excluded', options), positionIn('t', options))}`
  return `${base}${keyed ? ` ORDER BY ${sort} ${conflict}` : ''} RETURNING t.${src} AS src`
}

function collation({ type }: Column): string {
  return type.base === 'text' || type.base === 'varchar' ? ' COLLATE "C"' : ''
}

/**
 * Step 1 of the protocol. The timeouts keep a frozen zombie from holding a lock for ever; deferred constraints would
 * fail at COMMIT, where no record could be told from its neighbours.
 * @param locked a table whose definition is to stand still
 */
export function beginSql(remainingMs: number, locked: string | undefined): string {
  const ms = Math.max(1, Math.floor(remainingMs))
  const lock = locked === undefined ? '' : `; LOCK TABLE ${locked} IN ROW EXCLUSIVE MODE`
  return `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = ${ms}; SET LOCAL statement_timeout = ${ms}; SET LOCAL idle_in_transaction_session_timeout = ${ms}; SET LOCAL synchronous_commit = on; SET CONSTRAINTS ALL IMMEDIATE${lock}`
}

/** $1 pipeline, $2 sink, $3 clusters, $4 topics, $5 partitions: arrays of one length. */
const SOURCES = 'unnest($3::text[], $4::text[], $5::integer[]) AS given(cluster, topic, partition)'

/** A source begins in the epoch of the sink's others: keyed rows of several compare by it. */
export const createWatermarks = `INSERT INTO weirhouse.watermark (pipeline, sink, cluster, topic, partition, epoch)
SELECT $1, $2, cluster, topic, partition,
  coalesce((SELECT max(w.epoch) FROM weirhouse.watermark w WHERE ${OURS}), 0) FROM ${SOURCES}
ORDER BY cluster COLLATE "C", topic COLLATE "C", partition ON CONFLICT DO NOTHING`

/** Locks in partition order; `letters` says whether the outbox holds something of this sink. */
export const lockWatermarks = `SELECT w.cluster, w.topic, w.partition, w.epoch, w.next_offset, w.checkpoints, w.gaps, w.gap_count, w.rewind,
  EXISTS (SELECT FROM weirhouse.refused r WHERE r.pipeline = $1 AND r.sink = $2) AS letters
FROM weirhouse.watermark w
WHERE ${OURS} AND (w.cluster, w.topic, w.partition) IN (SELECT cluster, topic, partition FROM ${SOURCES})
ORDER BY w.cluster, w.topic, w.partition FOR UPDATE OF w`

/** $1 pipeline, $2 sink, $3 the new watermarks as JSON. */
export const moveWatermarks = `UPDATE weirhouse.watermark w
SET next_offset = n.next, checkpoints = n.checkpoints, gaps = n.gaps, gap_count = n."gapCount", committed_at = clock_timestamp()
FROM jsonb_to_recordset($3::jsonb) AS n(cluster text, topic text, partition integer, next bigint, checkpoints jsonb, gaps jsonb, "gapCount" bigint)
WHERE ${OURS} AND w.cluster = n.cluster AND w.topic = n.topic AND w.partition = n.partition`
