/** Bugs of the flood gate, each as a part around what ships, to see the explorer find them. */
import { parsePoison, poisonText } from '../../src/core/flood.ts'
import type { PoisonedRange, RecentPoison } from '../../src/core/flood.ts'
import type { LedgerStore } from '../../src/sinks/ledger.ts'
import { quietPorts } from './engine.ts'
import type { FloodPlant } from './flood-world.ts'

/** Each batch is judged by itself. */
export const positionsNotKept: FloodPlant = {
  ledger: () => ({ read: () => Promise.resolve(undefined), compareAndSet: () => Promise.resolve({ ok: true }) }),
}

/** Who comes last has counted alone. */
export const noCompareAndSet: FloodPlant = {
  ledger: (ledger) => ({
    ...ledger,
    compareAndSet: async (key, item, deadline) => {
      const there = await ledger.read(key, deadline)
      return ledger.compareAndSet(key, { ...item, version: (there?.version ?? 0) + 1 }, deadline)
    },
  }),
}

/** The poison is counted once its dead letters are durable. */
export const lettersFirst: FloodPlant = {
  gate: (gate, put) => {
    let held: readonly PoisonedRange[] = []
    return {
      gate: { admit: (ranges) => Promise.resolve(void (held = ranges)) },
      put: async (letters) => {
        await put(letters)
        await gate.admit(held, quietPorts.deadline)
      },
    }
  },
}

/** Once a halt is past, what led to it counts on. */
export const nothingForgotten: FloodPlant = {
  ledger: (ledger) => {
    const known = new Map<number, RecentPoison['marks'][number]>()
    const remember = (note: string | undefined) => {
      for (const mark of note === undefined ? [] : parsePoison(note).marks) known.set(mark.offset, mark)
    }
    return noted(ledger, remember, (poison) => {
      for (const mark of poison.marks) known.set(mark.offset, mark)
      return { ...poison, settled: null, marks: [...known.values()].sort((a, b) => a.offset - b.offset) }
    })
  },
}

/** What was forgotten counts again where a zombie brings it. */
export const forgottenOnce: FloodPlant = {
  ledger: (ledger) =>
    noted(
      ledger,
      () => undefined,
      (poison) => ({ ...poison, settled: null }),
    ),
}

function noted(
  ledger: LedgerStore,
  onRead: (note: string | undefined) => void,
  change: (poison: RecentPoison) => RecentPoison,
): LedgerStore {
  return {
    read: async (key, deadline) => {
      const item = await ledger.read(key, deadline)
      onRead(item?.note)
      return item
    },
    compareAndSet: (key, item, deadline) =>
      ledger.compareAndSet(key, { ...item, note: poisonText(change(parsePoison(item.note!))) }, deadline),
  }
}
