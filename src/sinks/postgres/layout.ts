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
  /** Tombstones delete by key: two more columns are staged, whether the key is to go, and a digest of it. */
  readonly deletes: boolean
  /** What travels: `all`, and those two. */
  readonly staged: readonly Column[]
  /** Array columns cannot travel as arrays of values: unnest() would flatten them. */
  readonly hasArrays: boolean
}

/** @param deletes the pipeline's tombstones delete; of no concern to a table without a key */
export function layoutOf(options: PostgresOptions, order: OrderKind, deletes = false): Layout {
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
  const marked = deletes && keys.length > 0
  const staged = marked ? [...all, position('gone', 'boolean'), position('digest', 'bytea')] : all
  return { positions, keys, others, all, deletes: marked, staged, hasArrays: columns.some(({ type }) => type.array) }
}
