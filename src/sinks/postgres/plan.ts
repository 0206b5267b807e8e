/**
 * From what a database holds to what the definitions need: the statements that are missing, each of which only adds, and what
 * adding does not mend, with the statements that a person would run. Pure.
 */
import type { OrderKind } from '../../core/order.ts'
import type { SinkDefinition } from '../sink.ts'
import { differencesOf } from './check.ts'
import type { Difference, LiveTable } from './check.ts'
import {
  addColumns,
  columnTypeSql,
  createIndex,
  createSchema,
  createTable,
  deletesByKey,
  deleteTables,
  OWN_COLUMN,
  ownTables,
} from './ddl.ts'
import { quote } from './identifiers.ts'
import { layoutOf } from './layout.ts'
import type { Column } from './layout.ts'
import type { PostgresOptions } from './options.ts'
import { grantSql, OWN_SCHEMA, readerRightsOf, rightsOf } from './rights.ts'
import type { Right } from './rights.ts'
import { READER_ROLE } from './role.ts'
import { tableName } from './sql.ts'

/** Membership lets a role log in by IAM. Amazon RDS makes it in every instance. */
export const IAM_ROLE = 'rds_iam'

export interface WantedSink {
  readonly sink: SinkDefinition<PostgresOptions>
  readonly order: OrderKind
  /** The pipeline's tombstones delete; not where not given. */
  readonly deletes?: boolean
  /** The role of the pipeline's function, where it is to have one of its own. */
  readonly role: string | undefined
}

/** A table as it is, beside what the sink's own check asks. */
export interface PlannedTable extends LiveTable {
  readonly rows: boolean
  /** Name of its constraint. */
  readonly primaryKey: string | null
  /** Columns by the name of each index, its keys' own included; an expression is an empty text. */
  readonly indexes: Readonly<Record<string, readonly string[]>>
}

export interface LiveGrant {
  readonly role: string
  readonly on: Right['on']
  readonly path: readonly string[]
  readonly privilege: string
}

export interface LiveDatabase {
  readonly name: string
  readonly schemas: readonly string[]
  /** Of Weirhouse's own tables, those that are there, and `watermark.rewind` where that column is. */
  readonly own: readonly string[]
  readonly roles: readonly string[]
  /** Roles that may log in by IAM. */
  readonly iamRoles: readonly string[]
  /** Given to the roles themselves; what everybody may is left out. */
  readonly grants: readonly LiveGrant[]
  /** By name as SQL has it. */
  readonly tables: ReadonlyMap<string, PlannedTable>
}

/** A difference that adding does not mend. */
export interface Held {
  readonly reason: string
  readonly statements: readonly string[]
}

export interface MigrationPlan {
  readonly statements: readonly string[]
  readonly held: readonly Held[]
}

export function planMigration(sinks: readonly WantedSink[], live: LiveDatabase): MigrationPlan {
  if (sinks.length === 0) return { statements: [], held: [] }
  const schemas = [...new Set([OWN_SCHEMA, ...sinks.map(({ sink }) => sink.options.schema)])]
  const deleting = sinks.some(({ sink, deletes }) => deletesByKey(sink.options, deletes))
  const plans = sinks.map((wanted) => planTable(wanted, live.tables.get(tableName(wanted.sink.options))))
  const statements = [
    ...schemas.filter((name) => !live.schemas.includes(name)).map(createSchema),
    ...Object.entries({ ...ownTables, ...(deleting ? deleteTables : {}) }).flatMap(([name, sql]) =>
      live.own.includes(name) ? [] : [sql],
    ),
    ...(live.own.includes('watermark') && !live.own.includes(OWN_COLUMN.name) ? [OWN_COLUMN.sql] : []),
    ...plans.flatMap((plan) => plan.statements),
    ...rolesOf(sinks).flatMap((role) => roleSql(role, live)),
    ...sinks.flatMap((wanted) => grantsMissing(wanted, live)),
  ]
  // Several sinks need some of them.
  return { statements: [...new Set(statements)], held: plans.flatMap(({ held }) => held) }
}

/** Those of the functions, and one for people. */
export function rolesOf(sinks: readonly WantedSink[]): string[] {
  const own = sinks.flatMap(({ role }) => role ?? [])
  return own.length === 0 ? [] : [...new Set([...own, READER_ROLE])]
}

function roleSql(role: string, live: LiveDatabase): string[] {
  return [
    ...(live.roles.includes(role) ? [] : [`CREATE ROLE ${quote(role)} LOGIN`]),
    ...(live.iamRoles.includes(role) ? [] : [`GRANT ${IAM_ROLE} TO ${quote(role)}`]),
  ]
}

function grantsMissing({ sink, role, deletes }: WantedSink, live: LiveDatabase): string[] {
  if (role === undefined) return []
  return [
    ...missingRights(role, rightsOf(sink.options, deletesByKey(sink.options, deletes)), live),
    ...missingRights(READER_ROLE, readerRightsOf(sink.options), live),
  ]
}

function missingRights(role: string, rights: readonly Right[], live: LiveDatabase): string[] {
  return rights.flatMap((right) => {
    const held = (privilege: string) =>
      live.grants.some(
        (grant) =>
          grant.role === role &&
          grant.on === right.on &&
          grant.privilege === privilege &&
          grant.path.join('\0') === right.path.join('\0'),
      )
    const missing = right.privileges.filter((privilege) => !held(privilege))
    return missing.length === 0 ? [] : [grantSql(right, missing, live.name, role)]
  })
}

function planTable({ sink, order }: WantedSink, table: PlannedTable | undefined): MigrationPlan {
  const { options } = sink
  const wanted = Object.keys(options.indexes)
  if (!table || table.kind === null)
    return { statements: [createTable(options, order), ...wanted.map((name) => createIndex(options, name))], held: [] }
  const layout = layoutOf(options, order)
  const differences = differencesOf({ ...table, own: true }, layout, `${options.schema}.${options.table}`)
  const added = differences.flatMap((each) => (isAddable(each, table) ? [each.column] : []))
  const held = differences.filter((each) => !isAddable(each, table)).map((each) => heldBack(each, options, table))
  const missing = wanted.filter((name) => !(name in table.indexes))
  return {
    statements: [
      ...(added.length === 0 ? [] : [addColumns(options, added)]),
      ...missing.map((name) => createIndex(options, name)),
    ],
    held: [...held, ...wanted.flatMap((name) => otherIndex(name, options, table))],
  }
}

/** An index of that name on other columns: making it anew is a person's decision. */
function otherIndex(name: string, options: PostgresOptions, { indexes }: PlannedTable): Held[] {
  const [found, asked] = [indexes[name], options.indexes[name]!]
  if (found === undefined || found.join('\0') === asked.join('\0')) return []
  return [
    {
      reason: `index "${name}" of ${options.schema}.${options.table} is on (${found.join(', ')}), the definition says (${asked.join(', ')})`,
      statements: [`DROP INDEX ${quote(options.schema)}.${quote(name)}`, createIndex(options, name)],
    },
  ]
}

/** A column that rows need not have, or a table without rows. A key column changes what the key is. */
function isAddable(
  difference: Difference,
  { rows }: PlannedTable,
): difference is Extract<Difference, { readonly column: Column }> {
  return difference.kind === 'no column' && !difference.column.key && !(difference.column.type.notNull && rows)
}

function heldBack(difference: Difference, options: PostgresOptions, table: PlannedTable): Held {
  const alter = (text: string) => `ALTER TABLE ${tableName(options)} ${text}`
  const { kind, reason } = difference
  switch (kind) {
    case 'no column': {
      const { column } = difference
      const at = quote(column.name)
      const add = alter(`ADD COLUMN ${at} ${columnTypeSql(column, options)}`)
      const filled = `${reason}, which must have a value; rows that are there need one before the second statement`
      return { reason: filled, statements: [add, alter(`ALTER COLUMN ${at} SET NOT NULL`)] }
    }
    case 'type':
      return { reason, statements: [alter(retype(difference.column, options))] }
    case 'generated': {
      const at = `ALTER COLUMN ${quote(difference.column.name)}`
      return { reason, statements: [alter(`${at} DROP IDENTITY IF EXISTS, ${at} DROP EXPRESSION IF EXISTS`)] }
    }
    case 'nullable':
      return { reason, statements: [alter(`ALTER COLUMN ${quote(difference.column.name)} SET NOT NULL`)] }
    case 'demanding':
      return { reason, statements: [alter(`ALTER COLUMN ${quote(difference.name)} DROP NOT NULL`)] }
    case 'no key': {
      const drop = table.primaryKey === null ? [] : [alter(`DROP CONSTRAINT ${quote(table.primaryKey)}`)]
      const keys = difference.keys.map((column) => quote(column.name)).join(', ')
      return { reason, statements: [...drop, alter(`ADD PRIMARY KEY (${keys})`)] }
    }
    case 'other than a table':
    case 'no own tables':
    case 'no table':
      return { reason, statements: [] }
    default:
      return kind satisfies never
  }
}

function retype(column: Column, options: PostgresOptions): string {
  const at = quote(column.name)
  const type = columnTypeSql(column, options)
  return `ALTER COLUMN ${at} TYPE ${type} USING ${at}::${type.replace(/ COLLATE .*/, '')}`
}
