/** Is the live table what the definition says? Asked once a cold start: a wrong type would fail on every record. */
import { WeirError } from '../../core/errors.ts'
import type { OrderKind } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
import { MIGRATE } from './faults.ts'
import { layoutOf } from './layout.ts'
import type { Column, Layout } from './layout.ts'
import type { PostgresOptions } from './options.ts'
import type { Session } from './session.ts'
import { tableName } from './sql.ts'
import { liveType } from './types.ts'

export interface LiveColumn {
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  /** It has a default, is an identity or is generated. */
  readonly filled: boolean
  readonly generated: boolean
}

export interface LiveTable {
  /** Weirhouse's own tables are there. */
  readonly own: boolean
  /** pg_class.relkind; null where there is no such table. */
  readonly kind: string | null
  readonly columns: readonly LiveColumn[]
  /** Column sets that ON CONFLICT can name: unique, whole, immediate, valid. */
  readonly unique: readonly (readonly string[])[]
}

const ALTER = 'Alter the table or the definition so that they agree; Weirhouse changes no column that is there.'

/** Throws WEIR_STORE_MISCONFIGURED that names the first thing that differs. */
export async function checkLive(
  session: Session,
  deadline: Deadline,
  options: PostgresOptions,
  order: OrderKind,
  deletes: boolean,
): Promise<void> {
  const layout = layoutOf(options, order, deletes)
  const live = await readLive(session, deadline, options, layout)
  const fault = liveFault(live, layout, `${options.schema}.${options.table}`)
  if (fault)
    throw new WeirError('WEIR_STORE_MISCONFIGURED', { sink: options.id, reason: fault.reason, advice: fault.advice })
}

export async function readLive(
  session: Session,
  deadline: Deadline,
  options: PostgresOptions,
  { deletes }: Pick<Layout, 'deletes'>,
): Promise<LiveTable> {
  const [row] = await session.query<{ live: LiveTable }>(deadline, LIVE_SQL, [tableName(options), deletes])
  return row!.live
}

/** Pure: what of the live table keeps the sink from working; undefined where nothing does. */
export function liveFault(live: LiveTable, layout: Layout, table: string): Difference | undefined {
  return differencesOf(live, layout, table)[0]
}

type Kind =
  | { readonly kind: 'no own tables' | 'no table' | 'other than a table' }
  | { readonly kind: 'no column' | 'nullable' | 'generated' | 'type'; readonly column: Column }
  /** A column that must have a value, and that the definition does not know. */
  | { readonly kind: 'demanding'; readonly name: string }
  | { readonly kind: 'no key'; readonly keys: readonly Column[] }

/** How a live table differs from the definition, in words and with what to do. */
export type Difference = Kind & { readonly reason: string; readonly advice: string }

/** Pure: all of them, those that hide others first. */
export function differencesOf(live: LiveTable, layout: Layout, table: string): readonly Difference[] {
  const differences: Difference[] = []
  const differs = (kind: Kind, reason: string, advice = ALTER) => void differences.push({ ...kind, reason, advice })
  if (!live.own) differs({ kind: 'no own tables' }, `${OWN_TABLES} are not there, or not whole`, MIGRATE)
  if (live.kind === null) differs({ kind: 'no table' }, `table ${table} is not there`, MIGRATE)
  else if (['r', 'p'].includes(live.kind)) compareColumns(live, layout, table, differs)
  else differs({ kind: 'other than a table' }, `${table} is no table`, 'Name a plain or partitioned table.')
  return differences
}

const OWN_TABLES = 'tables weirhouse.watermark and weirhouse.refused, and weirhouse.deleted where tombstones delete,'

function compareColumns(
  live: LiveTable,
  layout: Layout,
  table: string,
  differs: (kind: Kind, reason: string, advice?: string) => void,
): void {
  const columns = new Map(live.columns.map((column) => [column.name, column]))
  const of = (name: string) => `column "${name}" of ${table}`
  for (const column of layout.all) {
    const { name } = column
    const found = columns.get(name)
    const wanted = liveType(column.type)
    if (!found) differs({ kind: 'no column', column }, `table ${table} has no column "${name}"`, MIGRATE)
    else if (found.type !== wanted)
      differs({ kind: 'type', column }, `${of(name)} is ${found.type}, the definition says ${wanted}`)
    else if (found.generated) differs({ kind: 'generated', column }, `${of(name)} is generated`)
  }
  for (const column of [...layout.positions, ...layout.keys])
    if (columns.get(column.name)?.notNull === false)
      differs({ kind: 'nullable', column }, `${of(column.name)} may be null`)
  const named = new Set(layout.all.map(({ name }) => name))
  for (const { name, notNull, filled } of live.columns)
    if (notNull && !filled && !named.has(name))
      differs(
        { kind: 'demanding', name },
        `${of(name)} must have a value, and the definition does not know it`,
        'Give the column a default, let it be null, or add it to the definition.',
      )
  const { keys } = layout
  const names = keys.map(({ name }) => name)
  if (keys.length > 0 && !live.unique.some((unique) => sameNames(unique, names)))
    differs({ kind: 'no key', keys }, `table ${table} has no unique index on exactly (${names.join(', ')})`)
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

/** Of an index `i`: whole, and ON CONFLICT can name it. */
const UNIQUE = 'i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL'
const UNIQUE_COLUMNS = 'a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])'

/** The index that keeps keys apart. $1: the table, quoted; $2: the key's columns. */
export const keyIndex = `SELECT i.indexrelid::text AS oid FROM pg_index i
WHERE i.indrelid = $1::regclass AND ${UNIQUE} AND i.indnkeyatts = cardinality($2::text[])
  AND ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE ${UNIQUE_COLUMNS}) <@ $2 LIMIT 1`

/**
 * Whether COPY into the table does what an upsert of new keys would: that index still stands, and the table has no rules, which COPY
 * passes over. $1: the table, quoted; $2: the index.
 */
export const takesCopy = `SELECT NOT t.relhasrules AND EXISTS (
  SELECT FROM pg_index i WHERE i.indexrelid = $2 AND i.indrelid = t.oid AND ${UNIQUE}
) AS "takesCopy" FROM pg_class t WHERE t.oid = $1::regclass`

/** $1: the table, quoted; $2: whether tombstones delete. One row, one JSON object: LiveTable. */
const LIVE_SQL = `SELECT jsonb_build_object(
  'own', to_regclass('weirhouse.refused') IS NOT NULL AND (NOT $2 OR to_regclass('weirhouse.deleted') IS NOT NULL) AND EXISTS (SELECT FROM pg_attribute
    WHERE attrelid = to_regclass('weirhouse.watermark') AND attname = 'rewind' AND NOT attisdropped),
  'kind', (SELECT relkind FROM pg_class WHERE oid = t.id),
  'columns', coalesce((
    SELECT jsonb_agg(jsonb_build_object(
      'name', attname, 'type', format_type(atttypid, atttypmod), 'notNull', attnotnull,
      'filled', atthasdef OR attidentity <> '' OR attgenerated <> '', 'generated', attgenerated <> '' OR attidentity = 'a'
    )) FROM pg_attribute WHERE attrelid = t.id AND attnum > 0 AND NOT attisdropped), '[]'),
  'unique', coalesce((
    SELECT jsonb_agg((
      SELECT jsonb_agg(a.attname) FROM pg_attribute a WHERE ${UNIQUE_COLUMNS}
    )) FROM pg_index i WHERE i.indrelid = t.id AND ${UNIQUE}), '[]')
) AS live FROM (SELECT to_regclass($1) AS id) t`
