/** Rewinds the reference sink: the contract in its shortest form. */
import { sourceKey, sourceMark } from '../core/record.ts'
import type { MemoryStore } from './memory.ts'
import type { RewindTarget, Stale } from './rewind.ts'

export function memoryRewind({ watermarks, rows }: MemoryStore, keyed: boolean): RewindTarget {
  const drop = (stale: readonly Stale[]): Promise<number> => {
    let count = 0
    for (const { source, target, epoch } of stale)
      for (const [key, { position }] of rows) {
        if (position.src !== sourceMark(source) || position.offset < target || position.epoch >= epoch) continue
        rows.delete(key)
        count++
      }
    return Promise.resolve(count)
  }
  return {
    keyed,
    read: (sources) =>
      Promise.resolve(
        sources.map((source) => {
          const watermark = watermarks.get(sourceKey(source))
          return { source, epoch: watermark?.epoch ?? 0, watermark }
        }),
      ),
    align: (_, target) => Promise.resolve(target),
    change: (source, change) => {
      const after = change(watermarks.get(sourceKey(source)))
      if (after) watermarks.set(sourceKey(source), after)
      return Promise.resolve()
    },
    remove: (stale) => (keyed ? Promise.resolve(0) : drop(stale)),
    sweep: (stale) => (keyed ? drop(stale) : Promise.resolve(0)),
    close: () => Promise.resolve(),
  }
}
