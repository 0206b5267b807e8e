/** The statements of a rewind (src/sinks/postgres/rewind.ts), each known by its text, as plain data. */
import type { Rewind } from '../../src/core/watermark.ts'
import type { MovedWatermark, SourceName } from './postgres-session.ts'

export interface SetWatermark extends Omit<MovedWatermark, keyof SourceName> {
  readonly epoch: number
  readonly rewind: Rewind | null
}

/** What is written under an epoch below `below`, of offsets from `from` on. */
interface Stale {
  readonly from: number
  readonly below: number
}

export type RewindStatement =
  | { readonly do: 'watermark'; readonly source: SourceName; readonly locks: boolean }
  | { readonly do: 'create one'; readonly source: SourceName }
  | { readonly do: 'set'; readonly source: SourceName; readonly to: SetWatermark }
  | ({ readonly do: 'remove rows' | 'forget deletes'; readonly src: string } & Stale)
  | ({ readonly do: 'remove stale letters'; readonly source: SourceName } & Stale)

/** Undefined for a statement that is none of them. */
export function rewindStatement(text: string, values: readonly unknown[]): RewindStatement | undefined {
  if (text.startsWith('SELECT epoch, next_offset'))
    return { do: 'watermark', source: sourceOf(values), locks: text.endsWith(' FOR UPDATE') }
  if (text.startsWith('INSERT INTO weirhouse.watermark') && text.includes('VALUES'))
    return { do: 'create one', source: sourceOf(values) }
  if (text.startsWith('UPDATE weirhouse.watermark SET epoch'))
    return { do: 'set', source: sourceOf(values), to: watermarkOf(values.slice(5)) }
  if (text.startsWith('WITH gone AS (DELETE FROM ')) return { do: 'remove rows', ...ofSource(values) }
  if (text.startsWith('DELETE FROM weirhouse.deleted WHERE pipeline = $1 AND sink = $2 AND src = $3'))
    return { do: 'forget deletes', ...ofSource(values.slice(2)) }
  if (text.startsWith('DELETE FROM weirhouse.refused')) {
    const [from, below] = values.slice(5) as [number, number]
    return { do: 'remove stale letters', source: sourceOf(values), from, below }
  }
  return undefined
}

function sourceOf([, , cluster, topic, partition]: readonly unknown[]): SourceName {
  return { cluster, topic, partition } as SourceName
}

function ofSource([src, from, below]: readonly unknown[]): { readonly src: string } & Stale {
  return { src, from, below } as { readonly src: string } & Stale
}

function watermarkOf([epoch, next, checkpoints, gaps, gapCount, rewind]: readonly unknown[]): SetWatermark {
  const json = (value: unknown): unknown => JSON.parse(value as string)
  return {
    epoch: epoch as number,
    next: next as number,
    checkpoints: json(checkpoints) as SetWatermark['checkpoints'],
    gaps: json(gaps) as SetWatermark['gaps'],
    gapCount: gapCount as number,
    rewind: rewind === null ? null : (json(rewind) as Rewind),
  }
}
