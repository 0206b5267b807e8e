/**
 * The reference sink: the contract in its shortest form, on a map instead of a store. Watermark and effect change in one
 * synchronous step, as in a transaction.
 */
import { WeirError } from '../core/errors.ts'
import { MIN_REQUEST_MS } from '../core/limits.ts'
import { isNewer, positionOf } from '../core/order.ts'
import type { Position } from '../core/order.ts'
import { sourceKey, sourceLabel, sourceMark } from '../core/record.ts'
import { admit, haltError } from '../core/watermark.ts'
import type { Watermark } from '../core/watermark.ts'
import type { RangeReport, SinkContext, SinkDefinition, SinkRange, SinkWriter } from './sink.ts'

/** What stands for the store: shared by every writer opened on it. */
export interface MemoryStore {
  readonly watermarks: Map<string, Watermark>
  readonly rows: Map<string, { readonly row: unknown; readonly position: Position }>
}

export interface MemoryOptions {
  readonly id: string
  readonly store: MemoryStore
  /** Text of the key; where not given, every row is kept under its position. */
  readonly keyOf?: (row: unknown) => string
}

export function memoryStore(): MemoryStore {
  return { watermarks: new Map(), rows: new Map() }
}

export function memory(options: MemoryOptions): SinkDefinition<MemoryOptions> {
  return {
    kind: 'memory',
    id: options.id,
    options,
    grants: [],
    open: (context) => Promise.resolve(openWriter(options, context)),
  }
}

function openWriter(options: MemoryOptions, context: SinkContext): SinkWriter {
  return {
    prepare: (ranges) => ({
      refusals: [],
      write: (invocation) => {
        if (invocation.deadline.remaining() < MIN_REQUEST_MS)
          return Promise.reject(new WeirError('WEIR_DEADLINE', { what: `sink "${options.id}"` }))
        try {
          return Promise.resolve({ ranges: ranges.map((range) => writeRange(options, context, range)) })
        } catch (error) {
          return Promise.reject(error)
        }
      },
    }),
    close: () => Promise.resolve(),
  }
}

function writeRange(
  { id, store, keyOf }: MemoryOptions,
  { order }: SinkContext,
  { source, records }: SinkRange,
): RangeReport {
  const raw = records.map((each) => each.record)
  const first = raw[0]!.offset
  const before = store.watermarks.get(sourceKey(source))
  const common = Math.max(0, ...[...store.watermarks.values()].map(({ epoch }) => epoch))
  const admission = admit(before, raw, common)
  if (admission.kind !== 'admitted')
    throw haltError(admission, { sink: id, source: sourceLabel(source), next: before?.next, first })
  const mark = sourceMark(source)
  let stored = 0
  for (const { record, rows, versions } of records.slice(admission.from))
    rows.forEach((row, index) => {
      const position = positionOf(mark, record, index, admission.after.epoch, versions?.[index])
      const key = keyOf ? keyOf(row) : `${position.src}/${position.offset}/${index}`
      const old = store.rows.get(key)
      if (old && !isNewer(order, position, old.position)) return
      store.rows.set(key, { row, position })
      stored++
    })
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
