import type { Random } from '../core/ports.ts'

const BASE_MS = 50
const CAP_MS = 2_000

/** Full jitter (AWS Architecture Blog, "Exponential Backoff and Jitter"): between 0 and base times 2 to the tries, capped. */
export function backoffMs(tries: number, random: Random): number {
  return Math.floor(random() * Math.min(CAP_MS, BASE_MS * 2 ** tries))
}
