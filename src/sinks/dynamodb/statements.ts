/** The PartiQL texts of rows with the same attribute names. Pure. */
import type { PartiqlGuard } from './guard.ts'

/** BatchStatementRequest: "Statement: Length Constraints: Maximum length of 8192". */
const MAX_STATEMENT = 8192
/** Names that need no thought about escapes in a PartiQL text. */
const PLAIN_NAME = /^[A-Za-z0-9_ .:@/-]+$/
/** In an UPDATE names are paths: one with a point is one step where it is quoted, and that is better not tried. */
const PLAIN_PATH = /^[A-Za-z0-9_ :@/-]+$/

/** JSON text, with a `?` for each of `names`; undefined where there can be none. */
export function insertStatement(table: string, names: readonly string[], mark: Mark | undefined): string | undefined {
  if (!names.every((name) => PLAIN_NAME.test(name))) return undefined
  const members = names.map((name) => `'${name}': ?`)
  if (mark) members.push(`'${mark.name}': '${mark.value}'`)
  return quoted(`INSERT INTO "${table}" VALUE {${members.join(',')}}`)
}

/** The attribute that says which attributes an item has. */
export interface Mark {
  readonly name: string
  readonly value: string
}

export interface UpdateParts {
  readonly table: string
  readonly keys: readonly string[]
  /** The others, each with a `?`. */
  readonly set: readonly string[]
  readonly mark: Mark
  /** Names by mark of the items that it takes; the row's own are among them. */
  readonly family: ReadonlyMap<string, readonly string[]>
  readonly guard: PartiqlGuard
}

/** JSON text, with a `?` for what is set, for the keys, and those of the guard; undefined where there can be none. */
export function updateStatement({ table, keys, set, mark, family, guard }: UpdateParts): string | undefined {
  const own = new Set([...keys, ...set, mark.name])
  const gone = new Set([...family.values()].flat().filter((name) => !own.has(name)))
  const marks = [...family.keys()].map((value) => `"${mark.name}" = '${value}'`)
  const parts = [
    `UPDATE "${table}"`,
    ...set.map((name) => `SET "${name}"=?`),
    ...(marks.length > 1 ? [`SET "${mark.name}"='${mark.value}'`] : []),
    ...[...gone].map((name) => `REMOVE "${name}"`),
    `WHERE ${keys.map((name) => `"${name}" = ?`).join(' AND ')}`,
    `AND (${marks.join(' OR ')})`,
    `AND ${guard.text}`,
  ]
  return quoted(parts.join(' '))
}

/** Whether attributes of these names can be set and removed by a statement. */
export function arePaths(names: readonly string[]): boolean {
  return names.every((name) => PLAIN_PATH.test(name))
}

function quoted(statement: string): string | undefined {
  return statement.length > MAX_STATEMENT ? undefined : JSON.stringify(statement)
}
