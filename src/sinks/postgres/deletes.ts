/**
 * Deletes of keyed tables (`tombstone: 'delete'`). `weirhouse.deleted` remembers key and position of each, so that an older
 * row that comes later, from another partition or a zombie, does not bring back what was deleted (D3, D4). It changes in the
 * transaction of the rows.
 *
 * Under READ COMMITTED two transactions do not see each other: a put would look for a delete, and a delete for the row, that
 * the other is about to write. Those of one partition wait for each other at its watermark; a key can be in several. So a
 * batch with deletes has the sink to itself, by an advisory lock that batches without share. Pure.
 */
import type { OrderKind } from '../../core/order.ts'
import { quote } from './identifiers.ts'
import type { Layout } from './layout.ts'
import { newer, positionIn } from './newer.ts'
import type { PositionSql } from './newer.ts'
import type { PostgresOptions } from './options.ts'

/** Whose deletes: keys of one sink are no concern of another's. */
export interface Owner {
  readonly pipeline: string
  readonly sink: string
}

/** $1 pipeline, $2 sink: held until the transaction ends. */
const lockSql = (how: string) =>
  `SELECT pg_advisory_xact_lock${how}(hashtextextended('weirhouse.deleted ' || $1 || ' ' || $2, 0))`
/** Before a batch with deletes: nobody else's is under way. */
export const lockAlone = lockSql('')
/** Before a batch without. */
export const lockShared = lockSql('_shared')

/** Deletes forgotten in one transaction at most. */
const MAX_FORGOTTEN = 1_000

/** $1 pipeline, $2 sink, $3 for how many milliseconds a delete is remembered. */
export const forgetDeletes = `DELETE FROM weirhouse.deleted WHERE (pipeline, sink, key) IN (
  SELECT pipeline, sink, key FROM weirhouse.deleted
  WHERE pipeline = $1 AND sink = $2 AND deleted_at < now() - $3::double precision * interval '1 millisecond'
  ORDER BY deleted_at LIMIT ${MAX_FORGOTTEN})`

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Of a staged row, under the alias `row`. */
function stagedPosition(row: string): PositionSql {
  const [src, epoch, offset, index, ts] = [0, 1, 2, 3, 4].map((i) => `${row}.c${i}`) as [
    string,
    string,
    string,
    string,
    string,
  ]
  // No deletes under an order by version: nothing asks for that.
  return { src: `${src} COLLATE "C"`, epoch, offset, index, ts, version: 'NULL' }
}

/** Of weirhouse.deleted, under the alias `row`. */
function rememberedPosition(row: string): PositionSql {
  return {
    src: `${row}.src COLLATE "C"`,
    epoch: `${row}.epoch`,
    offset: `${row}.record_offset`,
    index: `${row}.record_index`,
    ts: `${row}.record_timestamp`,
    version: 'NULL',
  }
}

interface Deleting {
  readonly options: PostgresOptions
  readonly order: OrderKind
  readonly layout: Layout
  readonly owner: Owner
  readonly table: string
  /** Gives the staged columns; of each key one row. */
  readonly select: string
  /** The guarded insert of what a SELECT gives. */
  readonly insert: (select: string) => string
}

/**
 * One statement for rows and deletes, of distinct keys, giving what took effect by source:
 * - a delete is remembered unless a row or a delete as new stands there, and the row goes where it is older;
 * - a row is written unless a delete as new is remembered; over another row only where it is newer.
 */
export function deletingSql({ options, order, layout, owner, table, select, insert }: Deleting): string {
  const { all, keys } = layout
  const gone = `s.c${all.length}`
  const digest = `s.c${all.length + 1}`
  const staged = stagedPosition('s')
  const stored = positionIn('t', options)
  const sameKey = keys.map((key) => `t.${quote(key.name)} = s.c${all.indexOf(key)}`).join(' AND ')
  const whose = `${literal(owner.pipeline)}, ${literal(owner.sink)}`
  const columns = 'src, epoch, record_offset, record_index, record_timestamp'
  const set = [...columns.split(', '), 'deleted_at'].map((name) => `${name} = excluded.${name}`).join(', ')
  const rows = all.map((_, i) => `s.c${i}`).join(', ')
  return `WITH s AS MATERIALIZED (${select}), marked AS (
  INSERT INTO weirhouse.deleted AS d (pipeline, sink, key, ${columns}, deleted_at)
  SELECT ${whose}, ${digest}, s.c0, s.c1, s.c2, s.c3, s.c4, now() FROM s WHERE ${gone}
  AND NOT EXISTS (SELECT FROM ${table} AS t WHERE ${sameKey} AND NOT (${newer(order, staged, stored)}))
  ORDER BY ${digest} ON CONFLICT (pipeline, sink, key) DO UPDATE SET ${set}
  WHERE ${newer(order, rememberedPosition('excluded'), rememberedPosition('d'))} RETURNING d.src AS src
), removed AS (
  DELETE FROM ${table} AS t USING s WHERE ${gone} AND ${sameKey} AND (${newer(order, staged, stored)})
), written AS (
  ${insert(
    `SELECT ${rows} FROM s WHERE NOT ${gone} AND NOT EXISTS (
    SELECT FROM weirhouse.deleted AS d WHERE (d.pipeline, d.sink) = (${whose}) AND d.key = ${digest}
    AND NOT (${newer(order, staged, rememberedPosition('d'))}))`,
  )}
), moved AS (SELECT src FROM marked UNION ALL SELECT src FROM written)
SELECT src, count(*)::integer AS rows FROM moved GROUP BY src`
}
