/** Is the live table what the definition says? Asked once a cold start: a wrong type would fail on every record. */
import { WeirError } from '../../core/errors.ts'
import type { OrderKind } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
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

const MIGRATE = 'Bring the database to the definition: `weirhouse migrate`.'
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

interface LiveFault {
  readonly reason: string
  readonly advice: string
}

/** Pure: what of the live table keeps the sink from working; undefined where nothing does. */
export function liveFault(live: LiveTable, layout: Layout, table: string): LiveFault | undefined {
  const [first] = differencesOf(live, layout)
  return first && faultOf(first, table)
}

/** How a live table differs from the definition. */
export type Difference =
  | { readonly kind: 'no own tables' | 'no table' | 'other than a table' }
  | { readonly kind: 'no column'; readonly column: Column }
  | { readonly kind: 'nullable' | 'generated'; readonly column: Column }
  | { readonly kind: 'type'; readonly column: Column; readonly found: string }
  /** A column that must have a value, and that the definition does not know. */
  | { readonly kind: 'demanding'; readonly name: string }
  | { readonly kind: 'no key'; readonly keys: readonly Column[] }

/** Pure: all of them, those that hide others first. */
export function differencesOf(live: LiveTable, layout: Layout): readonly Difference[] {
  const own: Difference[] = live.own ? [] : [{ kind: 'no own tables' }]
  if (live.kind === null) return [...own, { kind: 'no table' }]
  if (!['r', 'p'].includes(live.kind)) return [...own, { kind: 'other than a table' }]
  const columns = new Map(live.columns.map((column) => [column.name, column]))
  const named = new Set(layout.all.map(({ name }) => name))
  const keys = layout.keys.map(({ name }) => name)
  return [
    ...own,
    ...layout.all.flatMap((column): Difference[] => {
      const found = columns.get(column.name)
      if (!found) return [{ kind: 'no column', column }]
      if (found.type !== liveType(column.type)) return [{ kind: 'type', column, found: found.type }]
      return found.generated ? [{ kind: 'generated', column }] : []
    }),
    ...[...layout.positions, ...layout.keys].flatMap((column): Difference[] =>
      columns.get(column.name)?.notNull === false ? [{ kind: 'nullable', column }] : [],
    ),
    ...live.columns.flatMap(({ name, notNull, filled }): Difference[] =>
      notNull && !filled && !named.has(name) ? [{ kind: 'demanding', name }] : [],
    ),
    ...(keys.length === 0 || live.unique.some((unique) => sameNames(unique, keys))
      ? []
      : [{ kind: 'no key', keys: layout.keys } as const]),
  ]
}

/** In words, with what to do. */
export function faultOf(difference: Difference, table: string): LiveFault {
  const { kind } = difference
  switch (kind) {
    case 'no own tables':
      return {
        reason:
          'tables weirhouse.watermark and weirhouse.refused, and weirhouse.deleted where tombstones delete, are not there, or not whole',
        advice: MIGRATE,
      }
    case 'no table':
      return { reason: `table ${table} is not there`, advice: MIGRATE }
    case 'other than a table':
      return { reason: `${table} is no table`, advice: 'Name a plain or partitioned table.' }
    case 'no column':
      return { reason: `table ${table} has no column "${difference.column.name}"`, advice: MIGRATE }
    case 'type': {
      const { column, found } = difference
      const wanted = liveType(column.type)
      return { reason: `column "${column.name}" of ${table} is ${found}, the definition says ${wanted}`, advice: ALTER }
    }
    case 'generated':
      return { reason: `column "${difference.column.name}" of ${table} is generated`, advice: ALTER }
    case 'nullable':
      return { reason: `column "${difference.column.name}" of ${table} may be null`, advice: ALTER }
    case 'demanding':
      return {
        reason: `column "${difference.name}" of ${table} must have a value, and the definition does not know it`,
        advice: 'Give the column a default, let it be null, or add it to the definition.',
      }
    case 'no key': {
      const names = difference.keys.map(({ name }) => name).join(', ')
      return { reason: `table ${table} has no unique index on exactly (${names})`, advice: ALTER }
    }
    default:
      return kind satisfies never
  }
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
