/** Wakes whoever waits; a ring with nobody waiting is kept for the next one. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, or at once when one came since `wait` was last answered. */
  wait(): Promise<void>
}

export function createBell(): Bell {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring() {
      rung = true
      wake?.()
    },
    async wait() {
      if (!rung) await new Promise<void>((resolve) => (wake = resolve))
      rung = false
      wake = undefined
    },
  }
}
