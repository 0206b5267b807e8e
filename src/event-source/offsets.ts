/**
 * Where each assigned partition stands (E24): the next offset to fetch, what is processed, what is committed.
 * A commit is the offset after the last processed record. Pure: no client, no clock.
 */
interface Standing {
  fetch: number
  processed: number | undefined
  /** Undefined where the group has none. */
  committed: number | undefined
  /** End of the log as the last fetch told it. */
  end: number | undefined
}

export interface Offsets {
  /** Begins at `start`; `committed` is the group's commit, if there is one. Replaces what was known. */
  assign(partition: number, start: number, committed: number | undefined): void
  forget(partition: number): void
  partitions(): number[]
  has(partition: number): boolean
  /** Next offset to fetch. */
  fetchFrom(partition: number): number
  fetched(partition: number, next: number, end: number): void
  /** Everything below `next` took effect. Never goes back. */
  processed(partition: number, next: number): void
  /** What is processed and not committed, for the partitions given; empty when there is nothing to do. */
  due(): Map<number, number>
  committed(offsets: ReadonlyMap<number, number>): void
  committedAt(partition: number): number | undefined
  /** First offset that has not taken effect. */
  unprocessedFrom(partition: number): number
  /** Records between what is processed and the end of the log. */
  lag(): Map<number, number>
}

export function trackOffsets(): Offsets {
  const standings = new Map<number, Standing & { start: number }>()
  return {
    assign: (partition, start, committed) =>
      void standings.set(partition, { fetch: start, start, processed: undefined, committed, end: undefined }),
    forget: (partition) => void standings.delete(partition),
    partitions: () => [...standings.keys()].sort((a, b) => a - b),
    has: (partition) => standings.has(partition),
    fetchFrom: (partition) => standings.get(partition)!.fetch,
    fetched(partition, next, end) {
      const standing = standings.get(partition)
      if (!standing) return
      standing.fetch = next
      standing.end = end
    },
    processed(partition, next) {
      const standing = standings.get(partition)
      if (standing) standing.processed = Math.max(next, standing.processed ?? next)
    },
    due() {
      const due = new Map<number, number>()
      for (const [partition, { processed, committed }] of standings) {
        if (processed !== undefined && processed > (committed ?? -1)) due.set(partition, processed)
      }
      return due
    },
    committed(offsets) {
      for (const [partition, offset] of offsets) {
        const standing = standings.get(partition)
        // beyond what is processed since the partition began: a commit of what was there before, which says nothing
        if (standing?.processed === undefined || offset > standing.processed) continue
        standing.committed = Math.max(offset, standing.committed ?? offset)
      }
    },
    committedAt: (partition) => standings.get(partition)?.committed,
    unprocessedFrom(partition) {
      const { processed, start } = standings.get(partition)!
      return processed ?? start
    },
    lag() {
      const lag = new Map<number, number>()
      for (const [partition, { processed, start, end }] of standings) {
        if (end !== undefined) lag.set(partition, Math.max(0, end - (processed ?? start)))
      }
      return lag
    },
  }
}
