/** The definition compiled to the statements of the write path. Pure; the protocol that runs them is transaction.ts. */
import type { OrderKind } from '../../core/order.ts'
import { quote } from './identifiers.ts'
import { layoutOf } from './layout.ts'
import type { Column } from './layout.ts'
import type { PostgresOptions } from './options.ts'
import { looseType } from './types.ts'

export interface Statements {
  /** Once a connection: where rows wait, as big batches and as batches under isolation. */
  readonly createStages: string
  readonly copyStage: string
  readonly insertStage: string
  /** Append tables: straight into the table. */
  readonly copyTable: string
  readonly copyIsolation: string
  /** Rows of the isolation table by number, under a savepoint; one simple query of three statements. */
  readonly insertIsolated: (seqs: readonly number[]) => string
  /** One array a column. */
  readonly insertArrays: string
  /**
   * `foreign`: the table holds rows and no watermark of this sink says that it wrote them. `elsewhere`: a cluster that one
   * of the partitions was read from before. $1 pipeline, $2 sink, $3 clusters, $4 topics, $5 partitions of new sources.
   */
  readonly foreign: string
}

/** Which index of the result of `insertIsolated` holds the counts. */
export const ISOLATED_RESULT = 1

export function statementsOf(options: PostgresOptions, order: OrderKind): Statements {
  const { all } = layoutOf(options, order)
  const table = tableName(options)
  const names = all.map(({ name }) => quote(name)).join(', ')
  const staged = all.map((_, i) => `c${i}`).join(', ')
  const stagedTypes = all.map(({ type }, i) => `c${i} ${looseType(type)}`).join(', ')
  const arrays = all.map(({ type }, i) => `$${i + 1}::${looseType(type)}[]`).join(', ')
  const insert = (from: string, where = '') => insertSql(options, order, `SELECT ${staged} FROM ${from}${where}`)
  return {
    createStages: `CREATE TEMPORARY TABLE IF NOT EXISTS weirhouse_stage (${stagedTypes}) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS weirhouse_isolation (seq integer PRIMARY KEY, ${stagedTypes}) ON COMMIT DELETE ROWS`,
    copyStage: `COPY pg_temp.weirhouse_stage (${staged}) FROM STDIN (FORMAT binary)`,
    insertStage: insert('pg_temp.weirhouse_stage'),
    copyTable: `COPY ${table} (${names}) FROM STDIN (FORMAT binary)`,
    copyIsolation: `COPY pg_temp.weirhouse_isolation (seq, ${staged}) FROM STDIN (FORMAT binary)`,
    insertIsolated: (seqs) =>
      `SAVEPOINT weirhouse_isolation; ${insert('pg_temp.weirhouse_isolation', ` WHERE seq = ANY ('{${seqs.join(',')}}')`)}; RELEASE SAVEPOINT weirhouse_isolation`,
    insertArrays: insert(`unnest(${arrays}) AS arrays(${staged})`),
    foreign: `SELECT NOT EXISTS (
  SELECT FROM weirhouse.watermark WHERE pipeline = $1 AND sink = $2 AND next_offset IS NOT NULL
) AND EXISTS (SELECT FROM ${table}) AS "foreign", (
  SELECT min(w.cluster) FROM weirhouse.watermark w JOIN ${SOURCES} USING (topic, partition)
  WHERE w.pipeline = $1 AND w.sink = $2 AND w.cluster <> given.cluster AND w.next_offset IS NOT NULL
) AS elsewhere`,
  }
}

export function tableName({ schema, table }: Pick<PostgresOptions, 'schema' | 'table'>): string {
  return `${quote(schema)}.${quote(table)}`
}

/**
 * The insert, giving rows that took effect by source. Keyed tables: in key order, bytewise, so that two writers lock
 * common rows in one order; a row that is there gives way only to a newer one.
 */
function insertSql(options: PostgresOptions, order: OrderKind, select: string): string {
  const { keys, others, positions, all } = layoutOf(options, order)
  const src = quote(options.positionColumns.src)
  const base = `INSERT INTO ${tableName(options)} AS t (${all.map(({ name }) => quote(name)).join(', ')}) ${select}`
  const keyed = keys.length > 0
  const sort = keys.map((key) => `c${all.indexOf(key)}${collation(key)}`).join(', ')
  const set = [...others, ...positions].map(({ name }) => `${quote(name)} = excluded.${quote(name)}`).join(', ')
  const conflict = `ON CONFLICT (${keys.map(({ name }) => quote(name)).join(', ')}) DO UPDATE SET ${set} WHERE ${newer(options, order)}`
  return `WITH moved AS (${base}${keyed ? ` ORDER BY ${sort} ${conflict}` : ''} RETURNING t.${src} AS src) SELECT src, count(*)::integer AS rows FROM moved GROUP BY src`
}

function collation({ type }: Column): string {
  return type.base === 'text' || type.base === 'varchar' ? ' COLLATE "C"' : ''
}

/** core/order.ts, isNewer(order, excluded, t), in SQL. Texts compare by bytes whatever the column's collation is. */
function newer(options: PostgresOptions, order: OrderKind): string {
  const { src, epoch, offset, index, ts, version } = options.positionColumns
  const of = (row: string) => ({
    src: `${row}.${quote(src)} COLLATE "C"`,
    epoch: `${row}.${quote(epoch)}`,
    offset: `${row}.${quote(offset)}`,
    index: `${row}.${quote(index)}`,
    ts: `${row}.${quote(ts)}`,
    version: `${row}.${quote(version)} COLLATE "C"`,
  })
  const a = of('excluded')
  const b = of('t')
  const after = (...fields: (keyof typeof a)[]) =>
    `(${fields.map((field) => a[field]).join(', ')}) > (${fields.map((field) => b[field]).join(', ')})`
  const within = {
    log: `CASE WHEN ${a.src} = ${b.src} THEN ${after('offset', 'index')} ELSE ${after('ts', 'src')} END`,
    timestamp: after('ts', 'src', 'offset', 'index'),
    version: after('version', 'ts', 'src', 'offset', 'index'),
  }[order]
  return `${a.epoch} > ${b.epoch} OR (${a.epoch} = ${b.epoch} AND ${within})`
}

/**
 * Step 1 of the protocol. The timeouts keep a frozen zombie from holding a lock for ever; deferred constraints would
 * fail at COMMIT, where no record could be told from its neighbours.
 */
export function beginSql(remainingMs: number): string {
  const ms = Math.max(1, Math.floor(remainingMs))
  return `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = ${ms}; SET LOCAL statement_timeout = ${ms}; SET LOCAL idle_in_transaction_session_timeout = ${ms}; SET LOCAL synchronous_commit = on; SET CONSTRAINTS ALL IMMEDIATE`
}

/** $1 pipeline, $2 sink, $3 clusters, $4 topics, $5 partitions: arrays of one length. */
const SOURCES = 'unnest($3::text[], $4::text[], $5::integer[]) AS given(cluster, topic, partition)'

/** A source begins in the epoch of the sink's others: keyed rows of several compare by it. */
export const createWatermarks = `INSERT INTO weirhouse.watermark (pipeline, sink, cluster, topic, partition, epoch)
SELECT $1, $2, cluster, topic, partition,
  coalesce((SELECT max(w.epoch) FROM weirhouse.watermark w WHERE w.pipeline = $1 AND w.sink = $2), 0) FROM ${SOURCES}
ORDER BY cluster COLLATE "C", topic COLLATE "C", partition ON CONFLICT DO NOTHING`

/** Locks in partition order; `letters` says whether the outbox holds something of this sink. */
export const lockWatermarks = `SELECT w.cluster, w.topic, w.partition, w.epoch, w.next_offset, w.checkpoints, w.gaps, w.gap_count, w.rewind,
  EXISTS (SELECT FROM weirhouse.refused r WHERE r.pipeline = $1 AND r.sink = $2) AS letters
FROM weirhouse.watermark w
WHERE w.pipeline = $1 AND w.sink = $2 AND (w.cluster, w.topic, w.partition) IN (SELECT cluster, topic, partition FROM ${SOURCES})
ORDER BY w.cluster, w.topic, w.partition FOR UPDATE OF w`

/** $1 pipeline, $2 sink, $3 the new watermarks as JSON. */
export const moveWatermarks = `UPDATE weirhouse.watermark w
SET next_offset = n.next, checkpoints = n.checkpoints, gaps = n.gaps, gap_count = n."gapCount", committed_at = clock_timestamp()
FROM jsonb_to_recordset($3::jsonb) AS n(cluster text, topic text, partition integer, next bigint, checkpoints jsonb, gaps jsonb, "gapCount" bigint)
WHERE w.pipeline = $1 AND w.sink = $2 AND w.cluster = n.cluster AND w.topic = n.topic AND w.partition = n.partition`
