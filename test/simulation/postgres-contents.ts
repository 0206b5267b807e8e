/** What a PostgreSQL of the sink's holds, and what a transaction has made of it so far. */
import type { Position } from '../../src/core/order.ts'
import type { Rewind } from '../../src/core/watermark.ts'
import type { StoredRow } from './postgres-rows.ts'
import type { MovedWatermark, PlainLetter, SourceName } from './postgres-session.ts'

export interface StoredWatermark extends SourceName {
  readonly epoch: number
  readonly next_offset: number | null
  readonly checkpoints: MovedWatermark['checkpoints']
  readonly gaps: MovedWatermark['gaps']
  readonly gap_count: number
  readonly rewind: Rewind | null
}

export interface Contents {
  readonly watermarks: Readonly<Record<string, StoredWatermark>>
  /** By key; of append tables by place and count, so that one that comes twice is there twice. */
  readonly rows: Readonly<Record<string, StoredRow>>
  readonly outbox: Readonly<Record<string, PlainLetter>>
  /** By key: the delete that is remembered. */
  readonly deleted: Readonly<Record<string, Position>>
}

type Table = keyof Contents

/** By table and name, what stands there now; null: nothing. */
export type Changes = { readonly [T in Table]: Readonly<Record<string, Contents[T][string] | null>> }

/** Nothing there; of changes, none. */
export const emptyContents: Contents & Changes = { watermarks: {}, rows: {}, outbox: {}, deleted: {} }

export function applied<C extends Contents>(contents: C, changes: Changes): C {
  return {
    ...contents,
    watermarks: over(contents.watermarks, changes.watermarks),
    rows: over(contents.rows, changes.rows),
    outbox: over(contents.outbox, changes.outbox),
    deleted: over(contents.deleted, changes.deleted),
  }
}

function over<T>(
  table: Readonly<Record<string, T>>,
  changes: Readonly<Record<string, T | null>>,
): Readonly<Record<string, T>> {
  const all = Object.entries(changes)
  if (all.length === 0) return table
  const after: Record<string, T> = { ...table }
  for (const [name, value] of all)
    if (value === null) delete after[name]
    else after[name] = value
  return after
}

/** The changes with more of one table. */
export function withMore<T extends Table>(changes: Changes, table: T, more: Changes[T]): Changes {
  return { ...changes, [table]: { ...changes[table], ...more } }
}

export function positionOf({ src, epoch, offset, index, ts }: StoredRow): Position {
  return { src, epoch, offset, index, ts }
}

export function nameOf({ cluster, topic, partition }: SourceName): string {
  return `${cluster} ${topic} ${partition}`
}
