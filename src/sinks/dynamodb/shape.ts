/** What rows with the same attribute names share: their PartiQL statement. Pure. */
import type { OrderKind } from '../../core/order.ts'
import type { DynamoDbOptions } from './options.ts'

export type PositionNames = DynamoDbOptions['positionAttributes']

export interface Shape {
  readonly names: readonly string[]
  /** Names as JSON, for an item. */
  readonly quoted: readonly string[]
  /** JSON text of the INSERT statement with a `?` for each attribute, then for the position's; undefined: put instead. */
  readonly statement: string | undefined
}

/** BatchStatementRequest: "Statement: Length Constraints: Maximum length of 8192". */
const MAX_STATEMENT = 8192
/** Shapes kept; more of them, and the memory starts anew (D11). */
const MAX_SHAPES = 256
/** Names that need no thought about escapes in a PartiQL text. */
const PLAIN_NAME = /^[A-Za-z0-9_ .:@/-]+$/

export type ShapeOf = (names: readonly string[]) => Shape

export function shapes(table: string, order: OrderKind, positions: PositionNames): ShapeOf {
  const known = new Map<string, Shape>()
  const own = positionOrder(order, positions)
  let last: Shape | undefined
  return (names) => {
    if (last && isSame(last.names, names)) return last
    return (last = find(names))
  }

  function find(names: readonly string[]): Shape {
    const id = names.join('\n')
    const found = known.get(id)
    if (found && isSame(found.names, names)) return found // names may hold line feeds themselves
    if (known.size >= MAX_SHAPES) known.clear()
    const shape = {
      names,
      quoted: names.map((name) => JSON.stringify(name)),
      statement: insertStatement(table, [...names, ...own]),
    }
    known.set(id, shape)
    return shape
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Names of the position attributes in the order in which their values stand. */
export function positionOrder(order: OrderKind, names: PositionNames): string[] {
  const { src, epoch, offset, index, ts, version } = names
  return [src, epoch, offset, index, ts, ...(order === 'version' ? [version] : [])]
}

function insertStatement(table: string, names: readonly string[]): string | undefined {
  if (!names.every((name) => PLAIN_NAME.test(name))) return undefined
  const statement = `INSERT INTO "${table}" VALUE {${names.map((name) => `'${name}': ?`).join(',')}}`
  return statement.length > MAX_STATEMENT ? undefined : JSON.stringify(statement)
}
