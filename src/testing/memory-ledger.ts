import { isDeepStrictEqual } from 'node:util'
import type { LedgerItem, LedgerStore } from '../sinks/ledger.ts'

/** A ledger in memory, for tests: items are kept as values, so that no caller can change one in place. */
export interface MemoryLedger extends LedgerStore {
  readonly items: ReadonlyMap<string, LedgerItem>
  clear(): void
}

/** An empty one. `compareAndSet` keeps the contract of LedgerStore, a lost answer's included: an equal item counts as ok. */
export function memoryLedger(): MemoryLedger {
  const items = new Map<string, LedgerItem>()
  return {
    items,
    clear: () => items.clear(),
    read: (key) => Promise.resolve(items.get(key)),
    compareAndSet: (key, item) => {
      const current = items.get(key)
      if ((current?.version ?? 0) === item.version - 1) {
        items.set(key, structuredClone(item))
        return Promise.resolve({ ok: true })
      }
      return Promise.resolve(isDeepStrictEqual(current, item) ? { ok: true } : { ok: false, current })
    },
  }
}
