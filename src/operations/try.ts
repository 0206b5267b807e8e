/** What a pipeline makes of records before there is a stack: no server, no client, nothing stored. */
import type { Refusal } from '../core/dead-letter.ts'
import { messageOf } from '../core/errors.ts'
import { mapRanges } from '../core/map-rows.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Header, Source, SourceRecord } from '../core/record.ts'
import { rowsOf } from '../core/rows.ts'
import type { RecordRows } from '../core/rows.ts'
import type { KeyFields, SinkDefinition, SinkRange } from '../sinks/sink.ts'

export interface TriedInput {
  /** Where the record begins in the input, from 1. */
  readonly line: number
  readonly key: Buffer | null
  /** Null is a tombstone. */
  readonly value: Buffer | null
  readonly headers: readonly Header[]
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

/** Why the record would be a dead letter: of one sink, or of all ('*'). */
export interface TriedFault {
  readonly sink: string
  readonly stage: Refusal['stage']
  readonly code: Refusal['code']
  readonly text: string
}

export interface TriedRecord {
  readonly line: number
  readonly tombstone: boolean
  /** By sink, after its row(...); one that refuses the record would store none of them. */
  readonly rows: readonly { readonly sink: string; readonly mapped: boolean; readonly rows: readonly unknown[] }[]
  /** One a row, where the pipeline orders by its rows' own version. */
  readonly versions?: readonly (string | number)[]
  /** Of a tombstone that deletes: the keys, and the sinks that would delete them. */
  readonly deletes?: { readonly keys: readonly KeyFields[]; readonly sinks: readonly string[] }
  readonly faults: readonly TriedFault[]
}

interface TriedSink {
  readonly sink: SinkDefinition
  readonly refusalsOf: (ranges: readonly SinkRange[]) => readonly Refusal[]
}

/** Loads what each sink refuses by. The offset of a record is how many were tried before it. */
export async function openTrial(pipeline: Pipeline): Promise<(input: TriedInput) => Promise<TriedRecord>> {
  const order = typeof pipeline.order === 'function' ? 'version' : pipeline.order
  const sinks = await Promise.all(
    pipeline.sinks.map(async (sink): Promise<TriedSink> => {
      const refusalsOf = await sink.refusals?.(order)
      return { sink, refusalsOf: refusalsOf ?? (() => []) }
    }),
  )
  let offset = 0
  return async ({ line, ...input }) => {
    const { topic } = pipeline.source
    const record = { ...input, topic, partition: 0, offset: offset++, timestampType: 'CREATE_TIME' } as const
    const decoded = await rowsOf(pipeline, record)
    const source: Source = { cluster: pipeline.source.cluster ?? 'try', topic, partition: 0 }
    const tried = sinks.map((each) => trySink(each, source, record, decoded))
    const { poison, versions, deletes } = decoded
    const deleting = sinks.filter(({ sink }, i) => sink.key !== undefined && tried[i]!.faults.length === 0)
    return {
      line,
      tombstone: record.value === null,
      rows: poison ? [] : tried.map(({ shown }) => shown),
      ...(versions ? { versions } : {}),
      ...(deletes ? { deletes: { keys: deletes, sinks: deleting.map(({ sink }) => sink.id) } } : {}),
      faults: [
        ...(poison ? [{ sink: '*', ...poison, text: detailed(poison.code, poison.text, record) }] : []),
        ...tried.flatMap(({ faults }) => faults),
      ],
    }
  }
}

function trySink({ sink, refusalsOf }: TriedSink, source: Source, record: SourceRecord, decoded: RecordRows) {
  const { ranges, refusals } = mapRanges(sink, [{ source, records: [record] }], [[decoded]])
  const all = [...refusals, ...refusalsOf(ranges)]
  return {
    shown: { sink: sink.id, mapped: sink.row !== undefined, rows: ranges[0]!.records[0]!.rows },
    faults: all.map(({ stage, code, text }): TriedFault => ({ sink: sink.id, stage, code, text })),
  }
}

/** A log must not quote a payload (N5), so that the decoder leaves out where its text goes wrong; whoever tries it has it. */
function detailed(code: string, text: string, { value }: SourceRecord): string {
  if (code !== 'WEIR_DECODE' || text !== 'not valid JSON' || value === null) return text
  try {
    JSON.parse(value.toString('utf8'))
    return text
  } catch (error) {
    return `${text}: ${messageOf(error)}`
  }
}
