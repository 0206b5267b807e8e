/** What must exist, as statements that can be run again and only ever add. Pure. */
import type { OrderKind } from '../../core/order.ts'
import type { SinkDefinition } from '../sink.ts'
import { quote } from './identifiers.ts'
import type { PostgresOptions } from './options.ts'
import { layoutOf } from './layout.ts'
import type { Column } from './layout.ts'
import { sqlType } from './types.ts'

/**
 * Weirhouse's own tables. `watermark`: half-filled pages, so that moving a watermark stays within its page.
 * `refused`: the outbox of dead letters, written with the rows, emptied once the dead-letter store has them.
 */
const ownTables: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS weirhouse',
  `CREATE TABLE IF NOT EXISTS weirhouse.watermark (
  pipeline text COLLATE "C" NOT NULL,
  sink text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  epoch bigint NOT NULL DEFAULT 0,
  next_offset bigint,
  checkpoints jsonb NOT NULL DEFAULT '[]',
  gaps jsonb NOT NULL DEFAULT '[]',
  gap_count bigint NOT NULL DEFAULT 0,
  committed_at timestamptz,
  PRIMARY KEY (pipeline, sink, cluster, topic, partition)
) WITH (fillfactor = 50)`,
  `CREATE TABLE IF NOT EXISTS weirhouse.refused (
  pipeline text COLLATE "C" NOT NULL,
  sink text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  topic text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  epoch bigint NOT NULL,
  record_offset bigint NOT NULL,
  record_timestamp bigint NOT NULL,
  timestamp_type text NOT NULL,
  record_key bytea,
  record_value bytea,
  headers jsonb NOT NULL,
  stage text NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (pipeline, sink, cluster, topic, partition, epoch, record_offset)
)`,
]

/**
 * The statements that bring a database to what the definition needs: own tables, the table itself, columns that it
 * gained. Idempotent and additive: nothing is dropped, no type is changed (the writer halts where types differ).
 */
export function ddl(definition: SinkDefinition<PostgresOptions>, order: OrderKind): string[] {
  const { options } = definition
  const { positions, keys, others } = layoutOf(options, order)
  const table = `${quote(options.schema)}.${quote(options.table)}`
  const columns = [...keys, ...others, ...positions]
  const lines = columns.map((column) => `  ${columnSql(column, positions.includes(column))}`)
  if (keys.length > 0) lines.push(`  PRIMARY KEY (${keys.map(({ name }) => quote(name)).join(', ')})`)
  const additions = [...others, ...positions].map(
    (column) => `ADD COLUMN IF NOT EXISTS ${columnSql(column, positions.includes(column))}`,
  )
  return [
    ...ownTables,
    ...(options.schema === 'public' ? [] : [`CREATE SCHEMA IF NOT EXISTS ${quote(options.schema)}`]),
    `CREATE TABLE IF NOT EXISTS ${table} (\n${lines.join(',\n')}\n)`,
    `ALTER TABLE ${table}\n  ${additions.join(',\n  ')}`,
  ]
}

/** Position texts compare by bytes wherever they are compared, whatever the database's locale. */
function columnSql({ name, type }: Column, position: boolean): string {
  const collation = position && type.base === 'text' ? ' COLLATE "C"' : ''
  return `${quote(name)} ${sqlType(type)}${collation}${type.notNull ? ' NOT NULL' : ''}`
}
