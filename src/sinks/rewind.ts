/**
 * What a rewind asks of a sink (docs/delivery.md, D13). The order of its steps is src/operations/rewind/protocol.ts; what they
 * make of a watermark is pure, core/watermark.ts. Each step may be cut off anywhere and is then run again: none of them does harm
 * twice. None of this goes into a function's bundle.
 */
import { WeirError } from '../core/errors.ts'
import type { Deadline } from '../core/ports.ts'
import { sourceLabel } from '../core/record.ts'
import type { Source } from '../core/record.ts'
import type { Watermark } from '../core/watermark.ts'
import { ledgerKey, watermarkIn } from './ledger.ts'
import type { LedgerItem, LedgerStore } from './ledger.ts'

/** How far a sink is with one source. */
export interface Standing {
  readonly source: Source
  /** Known to some stores before there is a watermark. */
  readonly epoch: number
  /** Undefined where nothing of the source took effect yet. */
  readonly watermark: Watermark | undefined
}

/** Effects of one source that are to go: those of offsets from `target` on, written under an epoch below `epoch`. */
export interface Stale {
  readonly source: Source
  readonly target: number
  readonly epoch: number
}

/** The watermark as it is to be; the very one that came, or undefined, where nothing is to change. Pure, and perhaps asked again. */
export type Change = (before: Watermark | undefined) => Watermark | undefined

/** Throws WEIR_STORE_UNAVAILABLE, WEIR_STORE_MISCONFIGURED, WEIR_DEADLINE, WEIR_FOREIGN_OBJECT. */
export interface RewindTarget {
  /** It keeps the newest row of each key, wherever that came from: then all its sources are rewound or none. */
  readonly keyed: boolean
  /** Strongly consistent, in the order asked for. */
  read(sources: readonly Source[], deadline: Deadline): Promise<readonly Standing[]>
  /**
   * The offset nearest to `target` at which this sink's effects can be cut in two: below it, or where that is below `start`, the
   * first offset that the log still has, above it.
   */
  align(source: Source, target: number, start: number, deadline: Deadline): Promise<number>
  /** Changes a watermark under a lock or by compare-and-set. Throws WEIR_CONTENDED where others keep changing it. */
  change(source: Source, change: Change, deadline: Deadline): Promise<void>
  /** Takes out of a reader's sight what has to be gone before the log is read again. Gives how much that was. */
  remove(stale: readonly Stale[], deadline: Deadline): Promise<number>
  /** Once all is read again: takes out what no record of the log has replaced. Gives how much that was. */
  sweep(stale: readonly Stale[], deadline: Deadline): Promise<number>
  close(): Promise<void>
}

/** Times that a lost race for one watermark is entered again. */
const MAX_RACES = 5

/** Of sinks whose watermarks are in the ledger. */
export function ledgerStandings(
  ledger: LedgerStore,
  { pipeline, sink }: { readonly pipeline: string; readonly sink: string },
): RewindTarget['read'] {
  return (sources, deadline) =>
    Promise.all(
      sources.map(async (source): Promise<Standing> => {
        const item = await ledger.read(ledgerKey(pipeline, sink, source), deadline)
        return { source, epoch: item?.epoch ?? 0, watermark: item && watermarkIn(item) }
      }),
    )
}

/**
 * Changes the watermark of a ledger item. A later epoch begins without what the item's sink keeps beside it: claims, generation.
 * @param settle called before such a change, with the item that it is made of: what is pending must not take effect any more
 */
export function changeLedger(
  ledger: LedgerStore,
  { pipeline, sink }: { readonly pipeline: string; readonly sink: string },
  settle: (source: Source, item: LedgerItem, deadline: Deadline) => Promise<void> = () => Promise.resolve(),
): RewindTarget['change'] {
  return async (source, change, deadline) => {
    const key = ledgerKey(pipeline, sink, source)
    for (let race = 0; race < MAX_RACES; race++) {
      const item = await ledger.read(key, deadline)
      const before = item && watermarkIn(item)
      const after = change(before)
      if (!after || after === before) return
      if (item && after.epoch !== item.epoch) await settle(source, item, deadline)
      if ((await ledger.compareAndSet(key, nextItem(item, after), deadline)).ok) return
    }
    throw new WeirError('WEIR_CONTENDED', { sink, source: sourceLabel(source) })
  }
}

function nextItem(item: LedgerItem | undefined, after: Watermark): LedgerItem {
  const version = (item?.version ?? 0) + 1
  if (!item || item.epoch !== after.epoch) return { ...after, pending: null, generation: 0, version }
  const { rewind: _, ...rest } = item
  return { ...rest, ...after, version }
}
