/**
 * What this member owns, and since when: each beginning of a partition gets a token, so that an answer to a question
 * asked before a rebalance is known for what it is. Pure.
 */
import type { Assignment } from '../kafka/group.ts'

export interface Ownership {
  /** The newest assignment. */
  assignment(): Assignment | undefined
  /** Takes over an assignment. `gained` begin anew, `lost` are gone; what is in neither goes on undisturbed. */
  change(next: Assignment): { readonly lost: number[]; readonly gained: number[] }
  /** Undefined while not owned, or not begun yet. */
  token(partition: number): number | undefined
  /** A new beginning: everything under way for the partition is void. */
  renew(partition: number): void
  lose(partition: number): void
  /** Not read while its position is being found. */
  pause(partition: number): void
  resume(partition: number): void
  paused(partition: number): boolean
}

export function createOwnership(): Ownership {
  const tokens = new Map<number, number>()
  const paused = new Set<number>()
  let current: Assignment | undefined
  let last = 0
  return {
    assignment: () => current,
    change(next) {
      // after a gap in generations another member may have had what is ours again
      const unbroken =
        current !== undefined && current.memberId === next.memberId && current.generation + 1 === next.generation
      const lost = [...tokens.keys()].filter((partition) => !unbroken || !next.partitions.includes(partition))
      const gained = next.partitions.filter((partition) => lost.includes(partition) || !tokens.has(partition))
      current = next
      return { lost, gained }
    },
    token: (partition) => tokens.get(partition),
    renew(partition) {
      tokens.set(partition, ++last)
      paused.delete(partition)
    },
    lose(partition) {
      tokens.delete(partition)
      paused.delete(partition)
    },
    pause: (partition) => void paused.add(partition),
    resume: (partition) => void paused.delete(partition),
    paused: (partition) => paused.has(partition),
  }
}
