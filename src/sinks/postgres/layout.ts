/** The columns of a definition in the order in which they are encoded, staged and inserted. */
import type { OrderKind } from '../../core/order.ts'
import type { PostgresOptions } from './options.ts'
import { parseColumnType } from './types.ts'
import type { ColumnType } from './types.ts'

export interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly key: boolean
}

/** Position columns first, then keys, then the rest: so that position and key are found without reading the row. */
export interface Layout {
  readonly positions: readonly Column[]
  readonly keys: readonly Column[]
  readonly others: readonly Column[]
  readonly all: readonly Column[]
  /** Array columns cannot travel as arrays of values: unnest() would flatten them. */
  readonly hasArrays: boolean
}

export function layoutOf(options: PostgresOptions, order: OrderKind): Layout {
  const { src, epoch, offset, index, ts, version } = options.positionColumns
  const position = (name: string, base: ColumnType['base']): Column => ({
    name,
    type: { base, array: false, notNull: true },
    key: false,
  })
  const positions = [
    position(src, 'text'),
    position(epoch, 'bigint'),
    position(offset, 'bigint'),
    position(index, 'integer'),
    position(ts, 'bigint'),
    ...(order === 'version' ? [position(version, 'text')] : []),
  ]
  const columns = Object.entries(options.columns).map(([name, text]): Column => {
    const type = parseColumnType(text)!
    const key = options.key?.includes(name) ?? false
    return { name, key, type: { ...type, notNull: type.notNull || key } }
  })
  const keys = (options.key ?? []).map((name) => columns.find((column) => column.name === name)!)
  const others = columns.filter((column) => !column.key)
  const all = [...positions, ...keys, ...others]
  return { positions, keys, others, all, hasArrays: columns.some(({ type }) => type.array) }
}
