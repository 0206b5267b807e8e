/**
 * The ledger: small versioned items, one a (pipeline, sink, source), changed only by compare-and-set. S3 keeps its
 * claims here, DynamoDB its watermark. DynamoDB (a table of its own) is the default store.
 */
import type { Deadline } from '../core/ports.ts'
import type { Source } from '../core/record.ts'
import { sourceKey } from '../core/record.ts'
import type { Watermark } from '../core/watermark.ts'

/** A claim: this range is being written under these keys. */
export interface Pending {
  readonly first: number
  readonly last: number
  readonly keys: readonly string[]
  /** The output partition of each key, where the sink has several: `region=eu/`. */
  readonly outputs?: readonly string[]
}

/** Next offset by output partition. */
export type Ahead = Readonly<Record<string, number>>

export interface LedgerItem extends Watermark {
  readonly pending: Pending | null
  /** Raised when a claim was voided; part of the next keys. */
  readonly generation: number
  /**
   * Of output partitions that are ahead of the watermark, since a claim of several keys was settled in part: the next offset
   * of each, always above `next`. Absent where none is.
   */
  readonly ahead?: Ahead
  /** Text of whoever keeps more under the key than a watermark. */
  readonly note?: string
  /** Raised by each change; the compare-and-set's handle. 1 on creation. */
  readonly version: number
}

export type CompareAndSet =
  | { readonly ok: true }
  /** Lost: `current` is what stands there now (undefined: nothing). */
  | { readonly ok: false; readonly current: LedgerItem | undefined }

export interface LedgerStore {
  /** Strongly consistent. */
  read(key: string, deadline: Deadline): Promise<LedgerItem | undefined>
  /**
   * Writes `item` where the stored version is `item.version - 1` (1: where nothing is stored). An answer that got lost is
   * settled inside: if the stored item equals `item`, it counts as ok.
   */
  compareAndSet(key: string, item: LedgerItem, deadline: Deadline): Promise<CompareAndSet>
}

export function ledgerKey(pipeline: string, sink: string, source: Source): string {
  return `${pipeline}#${sink}#${sourceKey(source)}`
}

/** The sink of a key that `ledgerKey` made; the key itself where it was made otherwise. */
export function sinkOfKey(key: string): string {
  return key.split('#')[1] ?? key
}

/** The watermark without what a sink keeps beside it. */
export function watermarkIn({ epoch, next, checkpoints, gaps, gapCount, rewind }: LedgerItem): Watermark {
  return { epoch, next, checkpoints, gaps, gapCount, ...(rewind ? { rewind } : {}) }
}
