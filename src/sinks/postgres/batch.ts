/**
 * A batch becomes bytes before any sink writes: what PostgreSQL's types cannot hold is refused here. Pure.
 *
 * One row is one COPY tuple: int16 fields, then per field int32 length (-1: null) and the value. Fields stand in the
 * order of the layout: source, epoch, offset, index, timestamp, version where ordered by it, keys, the rest.
 */
import type { Positioned } from '../../core/compact.ts'
import type { Refusal } from '../../core/dead-letter.ts'
import { messageOf } from '../../core/errors.ts'
import { isObject } from '../../core/object.ts'
import type { OrderKind, Position } from '../../core/order.ts'
import { sourceMark } from '../../core/record.ts'
import type { Source, SourceRecord } from '../../core/record.ts'
import type { SinkRange, SinkRecord } from '../sink.ts'
import { arena, putInt32, putInt64, putNull, putText, reserve } from './arena.ts'
import type { Arena } from './arena.ts'
import { putMarks, putNothing } from './delete-batch.ts'
import { encoderOf, textFault } from './encode.ts'
import type { Encode } from './encode.ts'
import { layoutOf } from './layout.ts'
import type { Column, Layout } from './layout.ts'
import { canonicalKey } from './numeric.ts'
import type { PostgresOptions } from './options.ts'

/** One row in the batch's buffer. */
export interface EncodedRow extends Positioned {
  readonly start: number
  readonly end: number
  /** Equal for keys that PostgreSQL holds equal; '' in append tables. */
  readonly key: string
}

/** One record with what became of it; no rows where it had none or was refused. */
export interface EncodedRecord {
  readonly record: SourceRecord
  readonly rows: readonly EncodedRow[]
}

export interface EncodedRange {
  readonly source: Source
  readonly label: string
  readonly records: readonly EncodedRecord[]
}

export interface EncodedBatch {
  readonly buffer: Buffer
  readonly ranges: readonly EncodedRange[]
  readonly refusals: readonly Refusal[]
  /** Some row is a delete. */
  readonly deletes: boolean
}

/**
 * Compiles the definition to an encoder of batches. Every row gets epoch 0; `withEpoch` puts the watermark's.
 * @param deletes the pipeline's tombstones delete
 */
export function batchEncoder(
  options: PostgresOptions,
  order: OrderKind,
  deletes = false,
): (ranges: readonly SinkRange[]) => EncodedBatch {
  const layout = layoutOf(options, order, deletes)
  const encodeRow = rowEncoder(options, order, layout)
  const fieldCount = layout.staged.length
  const keyed = layout.keys.length > 0
  return (ranges) => {
    const out = arena()
    const refusals: Refusal[] = []
    const encoded = ranges.map(({ source, records }): EncodedRange => {
      const label = sourceMark(source)
      const head = headOf(fieldCount, label)
      const refuse = (record: SourceRecord, text: string) => {
        refusals.push({ source, record, stage: 'encode', code: 'WEIR_ENCODE', text })
        return { record, rows: [] }
      }
      const encode = (each: SinkRecord) =>
        encodeRecord(
          out,
          keyed ? each : asItStands(each),
          label,
          head,
          encodeRow,
          refuse,
          layout.deletes ? each.deletes : undefined,
        )
      return { source, label, records: records.map(encode) }
    })
    const gone = layout.deletes && ranges.some(({ records }) => records.some((each) => each.deletes !== undefined))
    return { buffer: out.buffer, ranges: encoded, refusals, deletes: gone }
  }
}

/** @param gone the row is to be deleted: its key alone is asked for */
type EncodeRow = (out: Arena, row: unknown, head: Uint8Array, position: Position, gone: boolean) => EncodedRow | string

/** What every row of a range begins with: how many fields, the source, epoch 0. */
function headOf(fieldCount: number, label: string): Buffer {
  const out = arena()
  out.at = out.buffer.writeInt16BE(fieldCount, 0)
  putText(out, label)
  putInt64(out, 0)
  return out.buffer.subarray(0, out.at)
}

/** In a table that keeps every row, a replayed record counts where it stands in the log now. */
function asItStands(each: SinkRecord): SinkRecord {
  return each.orderAs ? { ...each, orderAs: each.record } : each
}

function encodeRecord(
  out: Arena,
  { record, orderAs = record, rows, versions }: SinkRecord,
  src: string,
  head: Uint8Array,
  encodeRow: EncodeRow,
  refuse: (record: SourceRecord, text: string) => EncodedRecord,
  deletes: readonly unknown[] | undefined,
): EncodedRecord {
  const start = out.at
  const encoded: EncodedRow[] = []
  const all = deletes ?? rows
  for (let index = 0; index < all.length; index++) {
    const base = { epoch: 0, src, offset: orderAs.offset, index, ts: orderAs.timestamp }
    const version = versions?.[index]
    const position = version === undefined ? base : { ...base, version }
    const row = attempted(() => encodeRow(out, all[index], head, position, deletes !== undefined))
    if (typeof row === 'string') {
      out.at = start // the record is the unit: its other rows go as well (D6)
      return refuse(record, all.length > 1 ? `row ${index}: ${row}` : row)
    }
    encoded.push(row)
  }
  return { record, rows: encoded }
}

/** A getter that throws, or JSON nested deeper than the stack bears, is the row's fault and not the batch's (D6). */
function attempted(encode: () => EncodedRow | string): EncodedRow | string {
  try {
    return encode()
  } catch (error) {
    return messageOf(error)
  }
}

interface CompiledColumn extends Column {
  readonly encode: Encode
}

function rowEncoder(options: PostgresOptions, order: OrderKind, layout: Layout): EncodeRow {
  const compile = (column: Column): CompiledColumn => ({ ...column, encode: encoderOf(column.type) })
  const keys = layout.keys.map(compile)
  const others = layout.others.map(compile)
  const known = new Set(Object.keys(options.columns))
  const numericKey = keys.some(({ type }) => type.base === 'numeric')
  return (out, row, head, position, gone) => {
    if (!isObject(row)) return 'the row is no object'
    if (options.unknownFields === 'refuse' && !gone) {
      for (const name in row)
        if (!known.has(name)) return `field "${name}" is no column of the definition (see unknownFields)`
    }
    const start = out.at
    reserve(out, head.length)
    out.buffer.set(head, out.at)
    out.at += head.length
    const fault = putPosition(out, position, order)
    if (fault !== undefined) return fault
    const keyStart = out.at
    const keyFault = putColumns(out, keys, row)
    if (keyFault !== undefined) return keyFault
    const key = keys.length === 0 ? '' : numericKey ? canonicalKey(out, keyStart, keys) : rawKey(out, keyStart)
    const otherFault = gone ? putNothing(out, others.length) : putColumns(out, others, row)
    if (layout.deletes) putMarks(out, gone, key)
    return otherFault ?? { start, end: out.at, key, position }
  }
}

function putPosition(out: Arena, { offset, index, ts, version }: Position, order: OrderKind) {
  putInt64(out, offset)
  putInt32(out, index)
  putInt64(out, ts)
  if (order !== 'version') return undefined
  if (version === undefined) return 'the row has no version'
  if (typeof version === 'string' && textFault(version) !== undefined) return `the version is ${textFault(version)}`
  putText(out, sortableVersion(version))
  return undefined
}

/**
 * A version as text that the "C" collation orders as core/order.ts does: texts after 't', numbers after 'n' as the 16
 * digits of their double, turned so that greater numbers have greater bits. One column type serves both, so that no
 * option has to say which kind a pipeline's versions are.
 */
export function sortableVersion(version: string | number): string {
  if (typeof version === 'string') return `t${version}`
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleBE(version === 0 ? 0 : version) // -0 equals 0
  if (bytes[0]! & 0x80) for (let i = 0; i < 8; i++) bytes[i] = ~bytes[i]! & 0xff
  else bytes[0] = bytes[0]! | 0x80
  return `n${bytes.toString('hex')}`
}

function putColumns(
  out: Arena,
  columns: readonly CompiledColumn[],
  fields: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const { name, type, encode } of columns) {
    const value = fields[name]
    if (value === null || value === undefined) {
      if (type.notNull) return `column "${name}" must have a value`
      putNull(out)
      continue
    }
    const fault = encode(out, value)
    if (fault !== undefined) return `column "${name}" (${type.base}${type.array ? '[]' : ''}): ${fault}`
  }
  return undefined
}

/** The bytes of all key fields, lengths included. */
function rawKey(out: Arena, start: number): string {
  return out.buffer.toString('latin1', start, out.at)
}

/** The row under the epoch of its source's watermark: its bytes in the buffer change as well. */
export function withEpoch(buffer: Buffer, row: EncodedRow, epoch: number): EncodedRow {
  if (row.position.epoch === epoch) return row
  const srcAt = row.start + 2
  buffer.writeBigInt64BE(BigInt(epoch), srcAt + 4 + buffer.readInt32BE(srcAt) + 4)
  return { ...row, position: { ...row.position, epoch } }
}
