import { isNewer } from './order.ts'
import type { OrderKind, Position } from './order.ts'

/** What compaction needs to see of a row. */
export interface Positioned {
  readonly position: Position
}

/**
 * In-batch compaction of keyed rows: of each key the newest row under the declared order, in the order given. Every
 * keyed sink uses it, so that all of them let the same row win and no key stands twice in one request.
 *
 * `keyOf` must give equal texts exactly for keys that the store holds equal (1 and 1.0 of a decimal, for one).
 *
 * The losers are not done with: when the store refuses a winner for good, its key must be written again uncompacted
 * (compact the batch without the refused record), or a valid predecessor of the refused row would be lost.
 */
export function compact<Row extends Positioned>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  order: OrderKind,
): Row[] {
  const winners = new Map<string, Row>()
  for (const row of rows) {
    const key = keyOf(row)
    const best = winners.get(key)
    if (best === undefined || isNewer(order, row.position, best.position)) winners.set(key, row)
  }
  if (winners.size === rows.length) return [...rows]
  return rows.filter((row) => winners.get(keyOf(row)) === row)
}
