/**
 * What the function's database user must be allowed, said once: `grants` of the definition has it in words, `migrate` grants it.
 * Each of them is needed: a test takes each away. Pure.
 */
import type { Grant } from '../sink.ts'
import { quote } from './identifiers.ts'
import type { PostgresOptions } from './options.ts'

/** Weirhouse's own schema. */
export const OWN_SCHEMA = 'weirhouse'

export interface Right {
  readonly on: 'database' | 'schema' | 'table'
  /** Schema, or schema and table; empty for the database that it is in. */
  readonly path: readonly string[]
  readonly privileges: readonly string[]
}

/** @param deletes tombstones delete by this table's key */
export function rightsOf(
  { schema, table }: Pick<PostgresOptions, 'schema' | 'table'>,
  deletes = false,
): readonly Right[] {
  const more = deletes ? ['DELETE'] : []
  return [
    { on: 'database', path: [], privileges: ['CONNECT', 'TEMPORARY'] },
    { on: 'schema', path: [OWN_SCHEMA], privileges: ['USAGE'] },
    { on: 'table', path: [OWN_SCHEMA, 'watermark'], privileges: ['SELECT', 'INSERT', 'UPDATE'] },
    { on: 'table', path: [OWN_SCHEMA, 'refused'], privileges: ['SELECT', 'INSERT', 'DELETE'] },
    ...(deletes
      ? [{ on: 'table', path: [OWN_SCHEMA, 'deleted'], privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] } as const]
      : []),
    { on: 'schema', path: [schema], privileges: ['USAGE'] },
    { on: 'table', path: [schema, table], privileges: ['SELECT', 'INSERT', 'UPDATE', ...more] },
  ]
}

/** What people look with: reads the sink's table, and how far it has come. */
export function readerRightsOf({ schema, table }: Pick<PostgresOptions, 'schema' | 'table'>): readonly Right[] {
  return [
    { on: 'database', path: [], privileges: ['CONNECT'] },
    { on: 'schema', path: [OWN_SCHEMA], privileges: ['USAGE'] },
    { on: 'table', path: [OWN_SCHEMA, 'watermark'], privileges: ['SELECT'] },
    { on: 'schema', path: [schema], privileges: ['USAGE'] },
    { on: 'table', path: [schema, table], privileges: ['SELECT'] },
  ]
}

/** In words: what concerns the sink's own table is on that, the rest on the database. Where tombstones delete, `migrate` adds those of `rightsOf`. */
export function grantsOf(options: Pick<PostgresOptions, 'schema' | 'table'>): readonly Grant[] {
  return rightsOf(options).map(({ on, path, privileges }): Grant => {
    if (on === 'database') return { on, actions: privileges }
    const what = `${on === 'schema' ? 'SCHEMA ' : ''}${path.join('.')}`
    return {
      on: path[0] === options.schema && path[0] !== OWN_SCHEMA ? 'table' : 'database',
      actions: [`${privileges.join(', ')} ON ${what}`],
    }
  })
}

export function grantSql({ on, path }: Right, privileges: readonly string[], database: string, role: string): string {
  const name = on === 'database' ? quote(database) : path.map(quote).join('.')
  return `GRANT ${privileges.join(', ')} ON ${on.toUpperCase()} ${name} TO ${quote(role)}`
}
