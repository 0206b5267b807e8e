import type { SinkDefinition, SinkRange, SinkRecord } from '../sinks/sink.ts'
import type { Refusal } from './dead-letter.ts'
import { messageOf } from './errors.ts'
import type { RecordRange, SourceRecord } from './record.ts'
import type { RecordRows } from './rows.ts'
import { holdsThenable } from './thenable.ts'

export interface MappedRanges {
  readonly ranges: readonly SinkRange[]
  /** Records whose row(...) threw: they have no rows, and the sink never sees those that they had. */
  readonly refusals: readonly Refusal[]
}

/** The pipeline's rows become a sink's. `decoded` has one element a record of each range. */
export function mapRanges(
  sink: Pick<SinkDefinition, 'id' | 'row'>,
  ranges: readonly RecordRange[],
  decoded: readonly (readonly RecordRows[])[],
): MappedRanges {
  const refusals: Refusal[] = []
  const mapped = ranges.map(({ source, records }, r) => ({
    source,
    records: records.map((record, i) => {
      const each = decoded[r]![i]!
      const { replay } = each
      if (replay && replay.sink !== '*' && replay.sink !== sink.id) return { record, rows: [] }
      const mapped = mapRows(sink, each, record, replay?.record)
      if (!('fault' in mapped)) return mapped
      refusals.push({ source, record, stage: 'transform', code: 'WEIR_TRANSFORM', text: mapped.fault })
      return { record, rows: [] }
    }),
  }))
  return { ranges: mapped, refusals }
}

/** @param original of a replayed dead letter: what it counts as */
function mapRows(
  sink: Pick<SinkDefinition, 'row'>,
  { rows, versions, deletes }: RecordRows,
  record: SourceRecord,
  original: SourceRecord | undefined,
): SinkRecord | { readonly fault: string } {
  const as = (own: readonly unknown[]): SinkRecord =>
    versions || deletes || original
      ? {
          record,
          rows: own,
          ...(versions && !deletes ? { versions } : {}),
          ...(deletes ? { deletes } : {}),
          ...(original ? { orderAs: original } : {}),
        }
      : { record, rows: own } // nearly all of them: spreads cost
  // Key columns are the sink's already: row(...) is for rows.
  if (deletes || !sink.row) return as(rows)
  try {
    const map = sink.row as (value: unknown, record: SourceRecord) => unknown
    const mapped = rows.map((row) => map(row, original ?? record))
    if (holdsThenable(mapped)) return { fault: 'row(...) gave a promise; only the transform may wait' }
    return as(mapped)
  } catch (error) {
    return { fault: messageOf(error) }
  }
}
