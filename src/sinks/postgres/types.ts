/** The column types that the sink knows, how they are spelled, and what PostgreSQL calls them. */

/** Base types: OIDs from pg_type.dat, `live` as format_type() prints them. */
export const baseTypes = {
  text: { oid: 25, live: 'text' },
  varchar: { oid: 1043, live: 'character varying' },
  smallint: { oid: 21, live: 'smallint' },
  integer: { oid: 23, live: 'integer' },
  bigint: { oid: 20, live: 'bigint' },
  'double precision': { oid: 701, live: 'double precision' },
  real: { oid: 700, live: 'real' },
  numeric: { oid: 1700, live: 'numeric' },
  boolean: { oid: 16, live: 'boolean' },
  timestamptz: { oid: 1184, live: 'timestamp with time zone' },
  timestamp: { oid: 1114, live: 'timestamp without time zone' },
  date: { oid: 1082, live: 'date' },
  jsonb: { oid: 3802, live: 'jsonb' },
  json: { oid: 114, live: 'json' },
  uuid: { oid: 2950, live: 'uuid' },
  bytea: { oid: 17, live: 'bytea' },
} as const

export type BaseType = keyof typeof baseTypes

export interface ColumnType {
  readonly base: BaseType
  /** varchar(n): characters, not bytes. */
  readonly length?: number
  /** numeric(p,s). */
  readonly precision?: number
  readonly scale?: number
  /** One dimension. */
  readonly array: boolean
  readonly notNull: boolean
}

/** PostgreSQL: numeric(p,s) takes p up to 1000; varchar(n) up to 10485760. */
const MAX_PRECISION = 1000
const MAX_LENGTH = 10_485_760

/** Reads a type as written in a definition, `numeric(10, 2)[] not null`; undefined where it is none of those known. */
export function parseColumnType(text: string): ColumnType | undefined {
  const match = /^([a-z ]+?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?(\[\])?(\s+not null)?$/.exec(
    text.trim().toLowerCase().replaceAll(/\s+/g, ' '),
  )
  if (!match) return undefined
  const [, name, first, second, brackets, notNull] = match
  if (!name || !Object.hasOwn(baseTypes, name)) return undefined
  const base = name as BaseType
  const shape = { base, array: brackets !== undefined, notNull: notNull !== undefined }
  if (first === undefined) return shape
  const size = Number(first)
  if (base === 'varchar' && second === undefined && size >= 1 && size <= MAX_LENGTH) return { ...shape, length: size }
  const scale = Number(second ?? 0)
  if (base === 'numeric' && size >= 1 && size <= MAX_PRECISION && scale <= size)
    return { ...shape, precision: size, scale }
  return undefined
}

/** The type in SQL, with its limits: for DDL. */
export function sqlType({ base, length, precision, scale, array }: ColumnType): string {
  const limits = length !== undefined ? `(${length})` : precision !== undefined ? `(${precision},${scale ?? 0})` : ''
  return `${base}${limits}${array ? '[]' : ''}`
}

/** The type without limits: staged values must not fail before they can be told apart. */
export function looseType({ base, array }: ColumnType): string {
  return `${base}${array ? '[]' : ''}`
}

/** What format_type() prints for a live column of this type. */
export function liveType({ base, length, precision, scale, array }: ColumnType): string {
  const limits = length !== undefined ? `(${length})` : precision !== undefined ? `(${precision},${scale ?? 0})` : ''
  return `${baseTypes[base].live}${limits}${array ? '[]' : ''}`
}
