/**
 * What rows with the same attribute names share: their statements, and the mark by which an item says which attributes it has.
 * An UPDATE merges where a put replaces. So it asks for the mark, and takes away what items of that mark have and the row has
 * not: what is left is the row alone (docs/delivery.md, "DynamoDB"). Pure.
 */
import { hash } from 'node:crypto'
import { keyAttributes } from '../../aws/table.ts'
import type { OrderKind } from '../../core/order.ts'
import { partiqlGuard, positionOrder } from './guard.ts'
import type { DynamoDbOptions } from './options.ts'
import { arePaths, insertStatement, updateStatement } from './statements.ts'
import type { Mark } from './statements.ts'

export interface Shape {
  readonly names: readonly string[]
  /** Names as JSON, for an item. */
  readonly quoted: readonly string[]
  /** Where among the names the keys stand, partition key first, -1 for one that is missing; and where the others do. */
  readonly keysAt: readonly number[]
  readonly othersAt: readonly number[]
  /** `"_shape":{"S":"..."}`, for an item; undefined in tables that are appended to, where no item is replaced. */
  readonly mark: string | undefined
  /** JSON text of the INSERT: its `?` are the attributes, then the position's; undefined: put instead. */
  readonly insert: string | undefined
  /**
   * JSON text of the UPDATE of items of every shape that is known by now: its `?` are the attributes but for the keys, the
   * position's, the keys, then those of the guard. Undefined: put instead.
   */
  update(): string | undefined
}

/** Shapes kept; more of them, and the memory starts anew (D11). */
const MAX_SHAPES = 256
/** Shapes whose items one UPDATE takes: each makes it longer. */
const MAX_FAMILY = 8
/** Base64 digits, 132 bits: names may come from anybody, and no two shapes may be mistaken for each other. */
export const MARK_DIGITS = 22

/** @param version type of the row's own version: the UPDATE compares versions of one type */
export type ShapeOf = (names: readonly string[], version: string) => Shape

export function shapes(table: string, order: OrderKind, options: DynamoDbOptions): ShapeOf {
  const { positionAttributes, append } = options
  const keys = keyAttributes(options).map(({ name }) => name)
  const own = positionOrder(order, positionAttributes)
  const guard = partiqlGuard(order, positionAttributes)
  const known = new Map<string, Shape>()
  const family = new Map<string, readonly string[]>()
  let last: { readonly shape: Shape; readonly version: string } | undefined

  return (names, version) => {
    if (last?.version === version && isSame(last.shape.names, names)) return last.shape
    const shape = find(names, version)
    last = { shape, version }
    return shape
  }

  function find(names: readonly string[], version: string): Shape {
    const id = [version, ...names].join('\n')
    const found = known.get(id)
    if (found && isSame(found.names, names)) return found // names may hold line feeds themselves
    if (known.size >= MAX_SHAPES) {
      known.clear()
      family.clear()
    }
    const shape = make(names, version)
    known.set(id, shape)
    return shape
  }

  function make(names: readonly string[], version: string): Shape {
    const mark = append ? undefined : { name: positionAttributes.shape, value: markOf([...names, ...own], version) }
    const keysAt = keys.map((key) => names.indexOf(key))
    const othersAt = [...names.keys()].filter((i) => !keysAt.includes(i))
    return {
      names,
      quoted: names.map((name) => JSON.stringify(name)),
      keysAt,
      othersAt,
      mark: mark && `${JSON.stringify(mark.name)}:{"S":"${mark.value}"}`,
      insert: insertStatement(table, [...names, ...own], mark),
      update: mark && !keysAt.includes(-1) ? updater(names, othersAt, mark) : () => undefined,
    }
  }

  /** The statement is made anew when the family has grown. */
  function updater(names: readonly string[], othersAt: readonly number[], mark: Mark): Shape['update'] {
    const all = [...names, ...own, mark.name]
    if (!arePaths(all)) return () => undefined
    if (family.size < MAX_FAMILY) family.set(mark.value, all)
    const set = [...othersAt.map((i) => names[i]!), ...own]
    const of = (marked: ReadonlyMap<string, readonly string[]>) =>
      updateStatement({ table, keys, set, mark, family: marked, guard })
    let made: { readonly size: number; readonly statement: string | undefined } | undefined
    return () => {
      if (made?.size === family.size) return made.statement
      const alone = new Map([[mark.value, all]])
      made = { size: family.size, statement: of(new Map([...alone, ...family])) ?? of(alone) }
      return made.statement
    }
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Of all attributes but the mark itself, in whatever order. */
function markOf(names: readonly string[], version: string): string {
  return hash('sha256', JSON.stringify([version, ...names.toSorted()]), 'base64url').slice(0, MARK_DIGITS)
}
