/**
 * The reference sink: the contract in its shortest form, on a map instead of a store. Watermark and effect change in one
 * synchronous step, as in a transaction.
 */
import type { Refusal } from '../core/dead-letter.ts'
import { WeirError } from '../core/errors.ts'
import { MIN_REQUEST_MS } from '../core/limits.ts'
import { isNewer, positionOf } from '../core/order.ts'
import type { OrderKind, Position } from '../core/order.ts'
import { sourceKey, sourceLabel, sourceMark } from '../core/record.ts'
import { admit, haltError, leftOut } from '../core/watermark.ts'
import type { Watermark } from '../core/watermark.ts'
import type { PreparedBatch, RangeReport, SinkContext, SinkDefinition, SinkRange, SinkWriter } from './sink.ts'

/** What stands for the store: shared by every writer opened on it. */
export interface MemoryStore {
  readonly watermarks: Map<string, Watermark>
  readonly rows: Map<string, { readonly row: unknown; readonly position: Position }>
  /** Of keys whose newest effect is a delete: its position. Such a key has no row. */
  readonly deleted: Map<string, Position>
}

export interface MemoryOptions {
  readonly id: string
  readonly store: MemoryStore
  /** Text of the key, of a row or of what is to be deleted; where not given, every row is kept under its position. */
  readonly keyOf?: (row: unknown) => string
}

export function memoryStore(): MemoryStore {
  return { watermarks: new Map(), rows: new Map(), deleted: new Map() }
}

export function memory(options: MemoryOptions): SinkDefinition<MemoryOptions> {
  return {
    kind: 'memory',
    id: options.id,
    options,
    ...(options.keyOf ? { key: [] } : {}),
    grants: [],
    open: (context) => Promise.resolve(openWriter(options, context)),
  }
}

function openWriter(options: MemoryOptions, context: SinkContext): SinkWriter {
  return {
    prepare: (given) => {
      const { ranges, refusals } = encode(options, given)
      const write: PreparedBatch['write'] = (invocation) => {
        if (invocation.deadline.remaining() < MIN_REQUEST_MS)
          return Promise.reject(new WeirError('WEIR_DEADLINE', { what: `sink "${options.id}"` }))
        try {
          return Promise.resolve({ ranges: ranges.map((range) => writeRange(options, context, range)) })
        } catch (error) {
          return Promise.reject(error)
        }
      }
      return { refusals, write }
    },
    close: () => Promise.resolve(),
  }
}

/** A map holds any row. A delete without a key is refused: its record has no effect. */
function encode({ keyOf }: MemoryOptions, ranges: readonly SinkRange[]) {
  const refusals: Refusal[] = []
  const kept = ranges.map(({ source, records }) => ({
    source,
    records: records.map((each) => {
      if (!keyOf || !each.deletes?.some((fields) => typeof keyOf(fields) !== 'string')) return each
      const { record } = each
      refusals.push({ source, record, stage: 'encode', code: 'WEIR_ENCODE', text: 'a delete without its key' })
      return { record, rows: [] }
    }),
  }))
  return { ranges: kept, refusals }
}

function writeRange(options: MemoryOptions, { order }: SinkContext, { source, records }: SinkRange): RangeReport {
  const { id, store, keyOf } = options
  const raw = records.map((each) => each.record)
  const first = raw[0]!.offset
  const before = store.watermarks.get(sourceKey(source))
  const common = Math.max(0, ...[...store.watermarks.values()].map(({ epoch }) => epoch))
  const admission = admit(before, raw, common)
  if (admission.kind !== 'admitted')
    throw haltError(admission, { sink: id, source: sourceLabel(source), next: before?.next, first })
  const mark = sourceMark(source)
  const without = keyOf ? undefined : leftOut(admission.after)
  let stored = 0
  for (const { record, rows, versions, deletes = [], orderAs } of records.slice(admission.from)) {
    if (without?.has(record.offset)) continue
    const at = keyOf && orderAs ? orderAs : record
    rows.forEach((row, index) => {
      const position = positionOf(mark, at, index, admission.after.epoch, versions?.[index])
      const key = keyOf ? keyOf(row) : `${position.src}/${position.offset}/${index}`
      if (!isNewest(store, key, position, order)) return
      store.rows.set(key, { row, position })
      store.deleted.delete(key)
      stored++
    })
    deletes.forEach((fields, index) => {
      const position = positionOf(mark, at, index, admission.after.epoch)
      if (!keyOf || !isNewest(store, keyOf(fields), position, order)) return
      store.deleted.set(keyOf(fields), position)
      store.rows.delete(keyOf(fields))
      stored++
    })
  }
  store.watermarks.set(sourceKey(source), admission.after)
  return {
    source,
    first,
    last: raw.at(-1)!.offset,
    rows: stored,
    duplicates: admission.from,
    refused: 0,
    gaps: admission.gaps.length,
  }
}

function isNewest({ rows, deleted }: MemoryStore, key: string, position: Position, order: OrderKind): boolean {
  const old = rows.get(key)?.position ?? deleted.get(key)
  return old === undefined || isNewer(order, position, old)
}
