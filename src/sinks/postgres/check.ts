/** Is the live table what the definition says? Asked once a cold start: a wrong type would fail on every record. */
import { WeirError } from '../../core/errors.ts'
import type { OrderKind } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
import { layoutOf } from './layout.ts'
import type { Layout } from './layout.ts'
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
): Promise<void> {
  const [row] = await session.query<{ live: LiveTable }>(deadline, LIVE_SQL, [tableName(options)])
  const fault = liveFault(row!.live, layoutOf(options, order), `${options.schema}.${options.table}`)
  if (fault)
    throw new WeirError('WEIR_STORE_MISCONFIGURED', { sink: options.id, reason: fault.reason, advice: fault.advice })
}

interface LiveFault {
  readonly reason: string
  readonly advice: string
}

/** Pure: what of the live table keeps the sink from working; undefined where nothing does. */
export function liveFault(live: LiveTable, layout: Layout, table: string): LiveFault | undefined {
  if (!live.own) return { reason: 'tables weirhouse.watermark and weirhouse.refused are not there', advice: MIGRATE }
  if (live.kind === null) return { reason: `table ${table} is not there`, advice: MIGRATE }
  if (!['r', 'p'].includes(live.kind))
    return { reason: `${table} is no table`, advice: 'Name a plain or partitioned table.' }
  const columns = new Map(live.columns.map((column) => [column.name, column]))
  for (const { name, type } of layout.all) {
    const found = columns.get(name)
    if (!found) return { reason: `table ${table} has no column "${name}"`, advice: MIGRATE }
    const wanted = liveType(type)
    if (found.type !== wanted)
      return { reason: `column "${name}" of ${table} is ${found.type}, the definition says ${wanted}`, advice: ALTER }
    if (found.generated) return { reason: `column "${name}" of ${table} is generated`, advice: ALTER }
  }
  for (const { name } of [...layout.positions, ...layout.keys])
    if (!columns.get(name)!.notNull) return { reason: `column "${name}" of ${table} may be null`, advice: ALTER }
  const named = new Set(layout.all.map(({ name }) => name))
  const extra = live.columns.find(({ name, notNull, filled }) => notNull && !filled && !named.has(name))
  if (extra)
    return {
      reason: `column "${extra.name}" of ${table} must have a value, and the definition does not know it`,
      advice: 'Give the column a default, let it be null, or add it to the definition.',
    }
  const keys = layout.keys.map(({ name }) => name)
  if (keys.length > 0 && !live.unique.some((unique) => sameNames(unique, keys)))
    return { reason: `table ${table} has no unique index on exactly (${keys.join(', ')})`, advice: ALTER }
  return undefined
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name))
}

/** $1: the table, quoted. One row, one JSON object: LiveTable. */
const LIVE_SQL = `SELECT jsonb_build_object(
  'own', to_regclass('weirhouse.watermark') IS NOT NULL AND to_regclass('weirhouse.refused') IS NOT NULL,
  'kind', (SELECT relkind FROM pg_class WHERE oid = t.id),
  'columns', coalesce((
    SELECT jsonb_agg(jsonb_build_object(
      'name', attname, 'type', format_type(atttypid, atttypmod), 'notNull', attnotnull,
      'filled', atthasdef OR attidentity <> '' OR attgenerated <> '', 'generated', attgenerated <> '' OR attidentity = 'a'
    )) FROM pg_attribute WHERE attrelid = t.id AND attnum > 0 AND NOT attisdropped), '[]'),
  'unique', coalesce((
    SELECT jsonb_agg((
      SELECT jsonb_agg(a.attname) FROM pg_attribute a
      WHERE a.attrelid = t.id AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
    )) FROM pg_index i
    WHERE i.indrelid = t.id AND i.indisunique AND i.indimmediate AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL), '[]')
) AS live FROM (SELECT to_regclass($1) AS id) t`
