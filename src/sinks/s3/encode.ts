/** A batch becomes parts of objects before any sink writes; what the format cannot hold is refused here. Pure. */
import type { Refusal } from '../../core/dead-letter.ts'
import { messageOf, WeirError } from '../../core/errors.ts'
import type { SinkRange, SinkRecord } from '../sink.ts'
import { ONE_OUTPUT } from './claim.ts'
import type { AnyCodec, Encoded } from './codec.ts'
import { outputOf } from './partition.ts'
import type { Partition } from './partition.ts'

/**
 * Output partitions, and so objects, of one claim. A range with more of them is written in parts, each with a claim of its own:
 * nothing is refused for it, but every object costs a PUT. A single record with more is refused.
 */
export const MAX_OUTPUTS = 256

/** A record without rows of its own is no fault, and has no pieces. */
type Pieces = { readonly pieces: readonly Piece[] } | { readonly fault: string }

interface Piece {
  readonly output: string
  readonly part: unknown
  readonly rows: number
}

/** One range in its format. Places are of records in the range, `to` exclusive. */
export interface EncodedRange {
  /** Output partitions of the rows in from..to, in one order, of each those at or above `start(output)`. */
  outputs(from: number, to: number, start: (output: string) => number): readonly string[]
  parts(output: string, from: number, to: number): { readonly parts: readonly unknown[]; readonly rows: number }
  isRefused(place: number): boolean
  /** Where the parts begin that have no more than `limit` output partitions each. */
  partStarts(limit: number): readonly number[]
}

export interface EncodedRanges {
  readonly encoded: readonly EncodedRange[]
  readonly refusals: readonly Refusal[]
}

export function encodeRanges(
  sink: string,
  ranges: readonly SinkRange[],
  encode: AnyCodec['encode'],
  partition?: Partition,
): EncodedRanges {
  const refusals: Refusal[] = []
  const refuse = (source: SinkRange['source'], { record }: SinkRecord, fault: string) => {
    const { message } = new WeirError('WEIR_ENCODE', { sink, reason: fault })
    refusals.push({ source, record, stage: 'encode', code: 'WEIR_ENCODE', text: message })
  }
  const each = <Made extends object>(make: (record: SinkRecord) => Made | { readonly fault: string }) =>
    ranges.map(({ source, records }) =>
      records.map((record) => {
        const made = make(record)
        if ('fault' in made) refuse(source, record, made.fault)
        return made
      }),
    )
  const encoded = partition
    ? each<Pieces>((record) => piecesOf(record, encode, partition)).map(parted)
    : each<Encoded<unknown>>(encode).map(whole)
  return { encoded, refusals }
}

function whole(records: readonly Encoded<unknown>[]): EncodedRange {
  const rowsAt = (place: number) => {
    const record = records[place]!
    return 'fault' in record ? 0 : record.rows
  }
  return {
    outputs: (from, to) => {
      for (let place = from; place < to; place++) if (rowsAt(place) > 0) return ONE
      return NONE
    },
    parts: (_, from, to) => {
      const parts: unknown[] = []
      let rows = 0
      for (let place = from; place < to; place++) {
        const record = records[place]!
        if ('fault' in record || record.rows === 0) continue
        parts.push(record.part)
        rows += record.rows
      }
      return { parts, rows }
    },
    isRefused: (place) => 'fault' in records[place]!,
    partStarts: () => AT_ONCE,
  }
}

const ONE: readonly string[] = [ONE_OUTPUT]
const NONE: readonly string[] = []
const AT_ONCE: readonly number[] = [0]

function parted(records: readonly Pieces[]): EncodedRange {
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
function piecesOf(record: SinkRecord, encode: AnyCodec['encode'], partition: Partition): Pieces {
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
