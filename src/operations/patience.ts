import type { Deadline } from '../core/ports.ts'

/** What a person waits for at most, who may also stop it. */
export function patience(ms: number, signal: AbortSignal): Deadline {
  const until = performance.now() + ms
  return {
    remaining: () => Math.max(0, until - performance.now()),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
  }
}
