import type { SourceRecord } from './record.ts'

/**
 * Which of two effects on one key is newer (docs/delivery.md, "Order"). The epoch is compared before all.
 * - 'log': same source, by offset; another source, by (timestamp, source label).
 * - 'timestamp': by (timestamp, source label, offset); total.
 * - 'version': by the producer's own version, ties as 'timestamp'; total. Numbers by value, texts by code point (as the
 *   bytes of UTF-8 order, so that every store agrees), any number before any text.
 */
export type OrderKind = 'log' | 'timestamp' | 'version'

/** What a keyed row carries, in PostgreSQL and in DynamoDB. */
export interface Position {
  readonly epoch: number
  /** `sourceMark(...)`; text order is partition order. */
  readonly src: string
  readonly offset: number
  /** Row of the record, from 0. */
  readonly index: number
  readonly ts: number
  /** Only under 'version'. */
  readonly version?: string | number
}

/** @param src `sourceMark` of the record's source. */
export function positionOf(
  src: string,
  record: Pick<SourceRecord, 'offset' | 'timestamp'>,
  index: number,
  epoch: number,
  version?: string | number,
): Position {
  const base = { epoch, src, offset: record.offset, index, ts: record.timestamp }
  return version === undefined ? base : { ...base, version }
}

/** True when `a` is strictly newer than `b` under the order. */
export function isNewer(order: OrderKind, a: Position, b: Position): boolean {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch
  if (order === 'log' && a.src === b.src) return after(a.offset, b.offset) ?? a.index > b.index
  if (order === 'version') {
    const byVersion = afterVersion(a.version!, b.version!)
    if (byVersion !== undefined) return byVersion
  }
  return after(a.ts, b.ts) ?? after(a.src, b.src) ?? after(a.offset, b.offset) ?? a.index > b.index
}

function after(a: string | number, b: string | number): boolean | undefined {
  return a === b ? undefined : a > b
}

function afterVersion(a: string | number, b: string | number): boolean | undefined {
  if (typeof a !== typeof b) return typeof a === 'string'
  return typeof a === 'string' ? afterText(a, b as string) : after(a, b)
}

/** JavaScript orders texts by UTF-16 unit, where U+FF61 stands after an emoji; stores order by code point. */
function afterText(a: string, b: string): boolean | undefined {
  if (a === b) return undefined
  const shorter = Math.min(a.length, b.length)
  let at = 0
  while (at < shorter && a.charCodeAt(at) === b.charCodeAt(at)) at++
  if (at === shorter) return a.length > b.length
  return codePointRank(a.charCodeAt(at)) > codePointRank(b.charCodeAt(at))
}

/** Lifts surrogates, the halves of U+10000 and up, above the rest. */
function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
