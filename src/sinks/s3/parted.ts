/** A range whose rows lie in several output partitions. Only where the definition has `partition`. */
import { messageOf } from '../../core/errors.ts'
import { sourceLabel } from '../../core/record.ts'
import type { Invocation, RangeReport, SinkRecord } from '../sink.ts'
import type { AnyCodec } from './codec.ts'
import type { EncodedRange } from './encode.ts'
import { MAX_OUTPUTS, outputOf } from './partition.ts'
import type { Partition } from './partition.ts'
import type { Job } from './writer.ts'

/** A record without rows of its own is no fault, and has no pieces. */
type Pieces = { readonly pieces: readonly Piece[] } | { readonly fault: string }

interface Piece {
  readonly output: string
  readonly part: unknown
  readonly rows: number
}

export function parted(records: readonly Pieces[]): EncodedRange {
  /** Places ascend. */
  const byOutput = new Map<string, { readonly place: number; readonly piece: Piece }[]>()
  records.forEach((record, place) => {
    if ('fault' in record) return
    for (const piece of record.pieces) {
      const known = byOutput.get(piece.output)
      if (known) known.push({ place, piece })
      else byOutput.set(piece.output, [{ place, piece }])
    }
  })
  const within = (output: string, from: number, to: number) =>
    (byOutput.get(output) ?? []).filter(({ place }) => place >= from && place < to)
  return {
    outputs: (from, to, start) =>
      [...byOutput.keys()].filter((output) => within(output, Math.max(from, start(output)), to).length > 0).sort(),
    parts: (output, from, to) => {
      const found = within(output, from, to)
      return {
        parts: found.map(({ piece }) => piece.part),
        rows: found.reduce((sum, { piece }) => sum + piece.rows, 0),
      }
    },
    without: (isLeftOut) => parted(records.map((each, place) => (isLeftOut(place) ? NO_PIECES : each))),
    isRefused: (place) => 'fault' in records[place]!,
    partStarts: (limit) => {
      const starts = [0]
      const found = new Set<string>()
      records.forEach((record, place) => {
        const outputs = 'fault' in record ? [] : record.pieces.map(({ output }) => output)
        if (found.size + outputs.filter((output) => !found.has(output)).length > limit) {
          starts.push(place)
          found.clear()
        }
        for (const output of outputs) found.add(output)
      })
      return starts
    },
  }
}

/** The rows of a record by their output partition; one that has none, or whose row is refused, refuses them all (D6). */
export function piecesOf(record: SinkRecord, encode: AnyCodec['encode'], partition: Partition): Pieces {
  const { rows } = record
  if (rows.length === 0) return NO_PIECES
  const byOutput = new Map<string, unknown[]>()
  try {
    for (const row of rows) {
      const found = outputOf(partition(row as never, record.record))
      if ('fault' in found) return found
      const some = byOutput.get(found.output)
      if (some) some.push(row)
      else byOutput.set(found.output, [row])
    }
  } catch (error) {
    return { fault: `partition(...) threw: ${messageOf(error)}` }
  }
  if (byOutput.size > MAX_OUTPUTS)
    return { fault: `its rows are in ${byOutput.size} partitions, more than ${MAX_OUTPUTS}` }
  const pieces: Piece[] = []
  for (const [output, some] of byOutput) {
    const made = encode({ ...record, rows: some })
    if ('fault' in made) return made
    pieces.push({ output, part: made.part, rows: made.rows })
  }
  return { pieces }
}

const NO_PIECES: Pieces = { pieces: [] }

/** Of the parts of one range. */
export function together(a: RangeReport, b: RangeReport): RangeReport {
  return {
    ...a,
    last: b.last,
    rows: a.rows + b.rows,
    duplicates: a.duplicates + b.duplicates,
    refused: a.refused + b.refused,
    gaps: a.gaps + b.gaps,
  }
}

export function logParts({ options, range }: Job, parts: number, { log }: Invocation): void {
  const fields = { sink: options.id, source: sourceLabel(range.source), parts, outputs: MAX_OUTPUTS }
  log(
    'WARN',
    'the rows of one batch lie in so many output partitions that it is written in parts; a coarser partition costs less',
    fields,
  )
}
