/** Rows of the sink's batches, out of what it sends: arrays of columns, or COPY in the binary format. */
import type { Layout } from '../../src/sinks/postgres/layout.ts'

/** A row as it is stored: its position and its columns. */
export interface StoredRow {
  readonly src: string
  readonly epoch: number
  readonly offset: number
  readonly index: number
  readonly ts: number
  readonly id: string
  readonly note: string
}

/** A row on its way; of a delete the key counts, and the position. */
export interface StagedRow extends StoredRow {
  readonly gone?: true
}

/** The parameters of `unnest`: one array a column, in the binary format. */
export function rowsInArrays(arrays: readonly Buffer[], layout: Layout): StagedRow[] {
  const columns = arrays.map((array) => {
    const values: Buffer[] = []
    for (let at = 20; at < array.length;) at = readField(array, at, values)
    return values
  })
  return columns[0]!.map((_, row) =>
    rowOf(
      columns.map((column) => column[row]!),
      layout,
    ),
  )
}

/** COPY in the binary format, a number before each row's fields. */
export function rowsInCopy(stream: Buffer, layout: Layout): StagedRow[] {
  const rows: StagedRow[] = []
  for (let at = 19; stream.readInt16BE(at) !== -1;) {
    const count = stream.readInt16BE(at)
    at += 2
    const fields: Buffer[] = []
    for (let i = 0; i < count; i++) at = readField(stream, at, fields)
    rows.push(rowOf(fields.slice(1), layout))
  }
  return rows
}

/** Null as no bytes. Gives where the next one begins. */
function readField(from: Buffer, at: number, into: Buffer[]): number {
  const length = Math.max(0, from.readInt32BE(at))
  into.push(from.subarray(at + 4, at + 4 + length))
  return at + 4 + length
}

function rowOf(fields: readonly Buffer[], { staged, deletes, all }: Layout): StagedRow {
  const value = (name: string) => {
    const i = staged.findIndex((column) => column.name === name)
    const field = fields[i]!
    if (staged[i]!.type.base === 'bigint') return Number(field.readBigInt64BE())
    return staged[i]!.type.base === 'integer' ? field.readInt32BE() : field.toString()
  }
  const names = { src: '_src', epoch: '_epoch', offset: '_offset', index: '_index', ts: '_ts', id: 'id', note: 'note' }
  const row = Object.fromEntries(Object.entries(names).map(([field, name]) => [field, value(name)]))
  const gone = deletes && fields[all.length]![0] === 1
  return { ...row, ...(gone ? { gone } : {}) } as unknown as StagedRow
}
