/** The writer: encode, admit, take effect, make refusals durable, move the watermarks. In this order (N1). */
import { forEachBounded } from '../../aws/bounded.ts'
import { storeError } from '../../aws/fault.ts'
import { compact } from '../../core/compact.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { positionOf } from '../../core/order.ts'
import { sourceMark } from '../../core/record.ts'
import type { OrderKind } from '../../core/order.ts'
import type { LedgerStore } from '../ledger.ts'
import type { Invocation, RangeReport, SinkRange, SinkReport, SinkWriter } from '../sink.ts'
import type { Effect, TakeEffect } from './effect.ts'
import type { EncodedBatch, EncodedRange } from './encode.ts'
import { withExpiry } from './markers.ts'
import { admitRange, advance } from './progress.ts'
import type { Admitted, Identity } from './progress.ts'
import type { PlacedRow } from './requests.ts'
import { gather, recordId, severalRows } from './together.ts'

export interface WriterParts extends Identity {
  readonly order: OrderKind
  readonly ledger: LedgerStore
  readonly encode: (ranges: readonly SinkRange[]) => EncodedBatch
  readonly takeEffect: TakeEffect
  /** When markers of deletes that are written now may go, in seconds since 1970; undefined: never. */
  readonly expiry?: () => number | undefined
}

/** Ledger requests in flight at once. */
const LEDGER_CONCURRENCY = 8

export function createWriter(parts: WriterParts): SinkWriter {
  return {
    prepare(ranges) {
      const batch = parts.encode(ranges)
      return {
        refusals: batch.refusals,
        write: async (invocation) => {
          try {
            return await write(parts, batch.ranges, invocation)
          } catch (error) {
            throw storeError(error, parts.sink)
          }
        },
      }
    },
    // The connections are the environment's, shared with the ledger and the dead letters.
    close: () => Promise.resolve(),
  }
}

async function write(parts: WriterParts, ranges: readonly EncodedRange[], invocation: Invocation): Promise<SinkReport> {
  const { ledger } = parts
  const { deadline } = invocation
  const admitted = new Array<Admitted>(ranges.length)
  await forEachBounded(ranges.keys(), LEDGER_CONCURRENCY, async (r) => {
    admitted[r] = await admitRange(parts, ledger, ranges[r]!, deadline)
  })
  const placed = ranges.flatMap((range, r) => place(parts, range, r, admitted[r]!))
  const effect = await takeEffectOf(parts, placed, invocation)
  const letters = lettersOf(parts, ranges, admitted, effect)
  if (letters.length > 0) await invocation.putDeadLetters(letters)
  await forEachBounded(ranges.keys(), LEDGER_CONCURRENCY, async (r) => {
    const range = ranges[r]!
    if (admitted[r]!.admission.from < range.records.length) await advance(parts, ledger, range, admitted[r]!, deadline)
  })
  return { ranges: ranges.map((range, r) => report(range, r, admitted[r]!, effect, letters)) }
}

/** Rows of the records that are new, each with its position. */
function place({ expiry }: WriterParts, range: EncodedRange, r: number, { admission }: Admitted): PlacedRow[] {
  const rows: PlacedRow[] = []
  const mark = sourceMark(range.source)
  const seconds = expiry?.()
  for (let i = admission.from; i < range.records.length; i++) {
    const { record, orderAs = record, rows: encoded } = range.records[i]!
    for (const row of encoded) {
      const position = positionOf(mark, orderAs, row.index, admission.after.epoch, row.version)
      rows.push({ row: seconds === undefined ? row : withExpiry(row, seconds), position, range: r, record: i })
    }
  }
  return rows
}

/**
 * Of each key only the newest row is written. When the store refuses one, its record is out, and the newest of what is left
 * of its keys is written: a valid predecessor is not lost. Each round takes out a record at least, so it ends.
 */
async function takeEffectOf(
  { order, sink, takeEffect }: WriterParts,
  all: readonly PlacedRow[],
  { deadline, log }: Invocation,
): Promise<Effect> {
  const written: PlacedRow[] = []
  const refused = new Map<string, Effect['refused'][number]>()
  const tried = new Set<PlacedRow>()
  const several = severalRows(all)
  for (;;) {
    const left = refused.size === 0 ? all : all.filter((placed) => !refused.has(recordId(placed)))
    const newest = compact(left, ({ row }) => row.keyText, order)
    const rows = tried.size === 0 ? newest : newest.filter((placed) => !tried.has(placed))
    if (rows.length === 0) return { written, refused: [...refused.values()] }
    const { apart, groups } = gather(rows, several, order)
    const effect = await takeEffect(apart, groups, deadline)
    for (const placed of effect.written) written.push(placed) // more than a call can have arguments
    for (const each of effect.refused) {
      if (!refused.has(recordId(each.placed))) refused.set(recordId(each.placed), each)
      log('WARN', 'DynamoDB refused a record', { sink, code: 'WEIR_REFUSED', offset: each.placed.position.offset })
    }
    if (effect.refused.length === 0) return { written, refused: [...refused.values()] }
    for (const placed of rows) tried.add(placed)
    for (const placed of groups.flat()) tried.add(placed)
  }
}

function lettersOf(
  { pipeline, sink }: Identity,
  ranges: readonly EncodedRange[],
  admitted: readonly Admitted[],
  { refused }: Effect,
): DeadLetter[] {
  return refused.map(({ placed, reason }) => {
    const { source, records } = ranges[placed.range]!
    const { epoch } = admitted[placed.range]!.admission.after
    const { record } = records[placed.record]!
    return { pipeline, sink, source, epoch, record, stage: 'store', code: 'WEIR_REFUSED', text: reason }
  })
}

function report(
  { source, records }: EncodedRange,
  r: number,
  { admission }: Admitted,
  { written }: Effect,
  letters: readonly DeadLetter[],
): RangeReport {
  return {
    source,
    first: records[0]!.record.offset,
    last: records.at(-1)!.record.offset,
    rows: written.reduce((count, { range: of }) => count + (of === r ? 1 : 0), 0),
    duplicates: admission.from,
    refused: letters.filter((letter) => letter.source === source).length,
    gaps: admission.gaps.length,
  }
}
