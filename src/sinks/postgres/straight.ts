/**
 * When the rows of a keyed table go straight into it, as those of a table without a key do: COPY alone takes a third of the time
 * of COPY and upsert (bench/postgres-sink.ts). One key that is there fails the whole batch, which is then upserted; so are the
 * next ones, first one, then 2, 4, ... up to 64 before the next try, so that a stream of updates pays next to nothing. Pure.
 */
export interface Trust {
  /** Batches to upsert before the next try. */
  readonly wait: number
  /** The wait after the next failure. */
  readonly penalty: number
}

const MAX_PENALTY = 64

/** At first, and after a batch that went straight in. */
export const trusting: Trust = { wait: 0, penalty: 1 }

export function isTrusting({ wait }: Trust): boolean {
  return wait === 0
}

export function afterUpsert({ wait, penalty }: Trust): Trust {
  return { wait: Math.max(0, wait - 1), penalty }
}

export function afterDisappointment({ penalty }: Trust): Trust {
  return { wait: penalty, penalty: Math.min(MAX_PENALTY, penalty * 2) }
}
