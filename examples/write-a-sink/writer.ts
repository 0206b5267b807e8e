/**
 * The writer. A store with transactions needs the simplest of protocols: in one transaction read the watermark, write what
 * is new, set the watermark. SQLite's client answers at once and its write transactions exclude one another, so that what
 * a zombie does comes before or after, never in between.
 */
import { admit, haltError, MIN_REQUEST_MS, positionOf, sourceLabel, sourceMark, WeirError } from 'weirhouse/sinks'
import type { DeadLetter, Invocation, RangeReport, Refusal, SinkContext, SinkRange } from 'weirhouse/sinks'
import type { SinkRecord, SinkReport, SinkWriter, SourceRecord } from 'weirhouse/sinks'
import { openDatabase } from './database.ts'
import type { Database, Values } from './database.ts'
import type { SqliteOptions } from './sqlite.ts'

interface Writer {
  readonly options: SqliteOptions
  readonly context: SinkContext
  readonly database: Database
}

/** Why the store will never take a record. */
type Refused = ReadonlyMap<SourceRecord, string>

export function openWriter(options: SqliteOptions, context: SinkContext): SinkWriter {
  const database = openDatabase(String(context.binding.file), options)
  const writer = { options, context, database }
  return {
    prepare: (ranges) => {
      const { fit, refusals } = checked(options, ranges)
      return { refusals, write: (invocation) => write(writer, fit, invocation) }
    },
    close: () => Promise.resolve(database.close()),
  }
}

/** What the store cannot hold is known before anything is written: the engine makes it a dead letter first (D6). */
function checked({ id, columns }: SqliteOptions, ranges: readonly SinkRange[]) {
  const refusals: Refusal[] = []
  const faultOf = ({ rows }: SinkRecord): string | undefined => {
    for (const row of rows)
      for (const [name, value] of Object.entries(row as Values))
        if (!Object.hasOwn(columns, name)) return `"${name}" is no column`
        else if (!isHeld(value)) return `column "${name}" holds text, numbers, bytes and null`
    return undefined
  }
  const fit = ranges.map(({ source, records }) => ({
    source,
    records: records.map((each) => {
      const reason = faultOf(each)
      if (reason === undefined) return each
      const text = new WeirError('WEIR_ENCODE', { sink: id, reason }).message
      refusals.push({ source, record: each.record, stage: 'encode', code: 'WEIR_ENCODE', text })
      return { record: each.record, rows: [] } // its offset still moves the watermark
    }),
  }))
  return { fit, refusals }
}

function isHeld(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  return value === null || typeof value === 'string' || typeof value === 'bigint' || value instanceof Uint8Array
}

/**
 * One transaction. Where SQLite refuses a row, all is rolled back, the dead letters become durable, and everything else is
 * written again without those records: a watermark never passes a record that is neither stored nor a dead letter (N1).
 */
async function write(writer: Writer, ranges: readonly SinkRange[], invocation: Invocation): Promise<SinkReport> {
  const { options, database } = writer
  const refused = new Map<SourceRecord, string>()
  for (;;) {
    const milliseconds = invocation.deadline.remaining() - MIN_REQUEST_MS
    if (milliseconds < 0) throw new WeirError('WEIR_DEADLINE', { what: `sink "${options.id}"` })
    const known = refused.size
    const reports = database.transaction(milliseconds, () => {
      const written = ranges.map((range) => writeRange(writer, range, refused))
      return refused.size === known ? written : undefined
    })
    if (reports) return { ranges: reports }
    await invocation.putDeadLetters(lettersOf(writer, ranges, refused))
  }
}

/** Adds to `refused` what the store refuses. */
function writeRange(writer: Writer, { source, records }: SinkRange, refused: Map<SourceRecord, string>): RangeReport {
  const { options, context, database } = writer
  const raw = records.map(({ record }) => record)
  const before = database.watermark(context.pipeline, source)
  // what is new, and whether this is still the same log (D2, D9)
  const admission = admit(before, raw, database.epoch(context.pipeline))
  const first = raw[0]!.offset
  if (admission.kind !== 'admitted')
    throw haltError(admission, { sink: options.id, source: sourceLabel(source), next: before?.next, first })
  const mark = sourceMark(source)
  let stored = 0
  for (const { record, orderAs = record, rows, versions } of records.slice(admission.from)) {
    if (refused.has(record)) continue
    const fault = database.savepoint(() =>
      rows.forEach((row, index) => {
        const position = positionOf(mark, orderAs, index, admission.after.epoch, versions?.[index])
        if (database.put(row as Values, position, context.order)) stored++
      }),
    )
    if (fault !== undefined) refused.set(record, fault)
  }
  database.setWatermark(context.pipeline, source, admission.after)
  return {
    source,
    first,
    last: raw.at(-1)!.offset,
    rows: stored,
    duplicates: admission.from,
    refused: raw.filter((record) => refused.has(record)).length,
    gaps: admission.gaps.length,
  }
}

function lettersOf(
  { options, context, database }: Writer,
  ranges: readonly SinkRange[],
  refused: Refused,
): DeadLetter[] {
  return ranges.flatMap(({ source, records }) =>
    records.flatMap(({ record }): DeadLetter[] => {
      const text = refused.get(record)
      if (text === undefined) return []
      const epoch = database.watermark(context.pipeline, source)?.epoch ?? 0
      const of = { pipeline: context.pipeline, sink: options.id, source, epoch, record }
      return [{ ...of, stage: 'store', code: 'WEIR_REFUSED', text }]
    }),
  )
}
