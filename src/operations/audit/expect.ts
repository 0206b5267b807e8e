/** What the log asks of each sink, from the definition alone: decode, transform, `sink.row`. Pure. */
import { messageOf } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import type { SourceRecord } from '../../core/record.ts'
import { rowsOf } from '../../core/rows.ts'
import { holdsThenable } from '../../core/thenable.ts'
import type { KeyFields, SinkDefinition } from '../../sinks/sink.ts'

export interface ExpectedRow {
  readonly record: SourceRecord
  /** Row of the record, from 0. */
  readonly index: number
  readonly version?: string | number
  readonly value: unknown
}

/** Rows and keys to delete, or why the record should have become a dead letter. */
export type Expected =
  | { readonly rows: readonly ExpectedRow[]; readonly deletes: readonly KeyFields[] }
  | { readonly poison: string }

/** One result a sink, in the definition's order. */
export async function expectedOf(pipeline: Pipeline, record: SourceRecord): Promise<readonly Expected[]> {
  const { rows, versions, deletes = [], poison } = await rowsOf(pipeline, record)
  if (poison) return pipeline.sinks.map(() => ({ poison: poison.text }))
  return pipeline.sinks.map((sink) => {
    if (deletes.length > 0) return { rows: [], deletes: sink.key ? deletes : [] }
    return rowsFor(sink, record, rows, versions)
  })
}

function rowsFor(
  sink: SinkDefinition,
  record: SourceRecord,
  rows: readonly unknown[],
  versions: readonly (string | number)[] | undefined,
): Expected {
  const map = sink.row as ((value: unknown, record: SourceRecord) => unknown) | undefined
  try {
    const values = rows.map((row) => (map ? map(row, record) : row))
    if (map && holdsThenable(values)) return { poison: 'row(...) gave a promise' }
    return {
      deletes: [],
      rows: values.map((value, index) => ({
        record,
        index,
        value,
        ...(versions ? { version: versions[index]! } : {}),
      })),
    }
  } catch (error) {
    return { poison: messageOf(error) }
  }
}
