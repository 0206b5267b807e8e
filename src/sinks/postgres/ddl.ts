/** What must exist, as statements that can be run again and only ever add. Pure. */
import type { OrderKind } from '../../core/order.ts'
import type { SinkDefinition } from '../sink.ts'
import { quote } from './identifiers.ts'
import type { PostgresOptions } from './options.ts'
import { layoutOf } from './layout.ts'
import type { Column } from './layout.ts'
import { OWN_SCHEMA } from './rights.ts'
import { tableName } from './sql.ts'
import { sqlType } from './types.ts'

/**
 * Weirhouse's own tables. `watermark`: half-filled pages, so that moving a watermark stays within its page.
 * `refused`: the outbox of dead letters, written with the rows, emptied once the dead-letter store has them.
 */
export const ownTables = {
  watermark: `CREATE TABLE IF NOT EXISTS weirhouse.watermark (
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
  rewind jsonb,
  committed_at timestamptz,
  PRIMARY KEY (pipeline, sink, cluster, topic, partition)
) WITH (fillfactor = 50)`,
  refused: `CREATE TABLE IF NOT EXISTS weirhouse.refused (
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
} as const

/** What `watermark` gained after its first release. */
export const OWN_COLUMN = {
  name: 'watermark.rewind',
  sql: 'ALTER TABLE weirhouse.watermark ADD COLUMN IF NOT EXISTS rewind jsonb',
} as const

/**
 * Where tombstones delete: key, as a digest, and position of each delete, so that an older row does not come back. Pruned once
 * the topic holds no such row any more; the index is for that.
 */
export const deleteTables = {
  deleted: `CREATE TABLE IF NOT EXISTS weirhouse.deleted (
  pipeline text COLLATE "C" NOT NULL,
  sink text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  src text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  record_offset bigint NOT NULL,
  record_index integer NOT NULL,
  record_timestamp bigint NOT NULL,
  deleted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, sink, key)
)`,
  deleted_age: `CREATE INDEX IF NOT EXISTS deleted_age ON weirhouse.deleted (pipeline, sink, deleted_at)`,
} as const

/** Whether a sink needs `deleteTables`. */
export function deletesByKey({ key }: Pick<PostgresOptions, 'key'>, deletes = false): boolean {
  return deletes && key !== undefined
}

/**
 * The statements that bring a database to what the definition needs: own tables, the table itself, columns and indexes that
 * it gained. Idempotent and additive: nothing is dropped, no type is changed (the writer halts where types differ).
 * @param deletes the pipeline's tombstones delete
 */
export function ddl(definition: SinkDefinition<PostgresOptions>, order: OrderKind, deletes = false): string[] {
  const { options } = definition
  const { positions, others } = layoutOf(options, order)
  return [
    createSchema(OWN_SCHEMA),
    ...Object.values(ownTables),
    OWN_COLUMN.sql,
    // After the watermarks, as the writers lock them: the other way round the two would wait for each other.
    ...(deletesByKey(options, deletes) ? Object.values(deleteTables) : []),
    ...(options.schema === 'public' ? [] : [createSchema(options.schema)]),
    createTable(options, order),
    addColumns(options, [...others, ...positions]),
    ...Object.keys(options.indexes).map((name) => createIndex(options, name)),
  ]
}

export function createSchema(name: string): string {
  return `CREATE SCHEMA IF NOT EXISTS ${quote(name)}`
}

export function createTable(options: PostgresOptions, order: OrderKind): string {
  const { positions, keys, others } = layoutOf(options, order)
  const lines = [...keys, ...others, ...positions].map((column) => `  ${columnSql(column, options)}`)
  if (keys.length > 0) lines.push(`  PRIMARY KEY (${keys.map(({ name }) => quote(name)).join(', ')})`)
  return `CREATE TABLE IF NOT EXISTS ${tableName(options)} (\n${lines.join(',\n')}\n)`
}

/** An index lives in the schema of its table, and has its name to itself there. */
export function createIndex(options: PostgresOptions, name: string): string {
  const columns = options.indexes[name]!.map(quote).join(', ')
  return `CREATE INDEX IF NOT EXISTS ${quote(name)} ON ${tableName(options)} (${columns})`
}

export function addColumns(options: PostgresOptions, columns: readonly Column[]): string {
  const additions = columns.map((column) => `ADD COLUMN IF NOT EXISTS ${columnSql(column, options)}`)
  return `ALTER TABLE ${tableName(options)}\n  ${additions.join(',\n  ')}`
}

function columnSql(column: Column, options: PostgresOptions): string {
  return `${quote(column.name)} ${columnTypeSql(column, options)}${column.type.notNull ? ' NOT NULL' : ''}`
}

/** Position texts compare by bytes wherever they are compared, whatever the database's locale. */
export function columnTypeSql({ name, type }: Column, { positionColumns }: PostgresOptions): string {
  const position = Object.values(positionColumns).includes(name)
  return `${sqlType(type)}${position && type.base === 'text' ? ' COLLATE "C"' : ''}`
}
