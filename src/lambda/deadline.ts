/** The time that an invocation may still use (docs/delivery.md, D10). */
import { WeirError } from '../core/errors.ts'
import type { Deadline } from '../core/ports.ts'

/** Kept back from the end of an invocation, for the log lines and the answer. */
export const MARGIN_MS = 500
/** A short invocation keeps back no more than this part of its time. */
const MARGIN_SHARE = 0.1

export interface ClosableDeadline extends Deadline {
  /** Stops the timer: one left behind would fire in a later invocation of a thawed environment. */
  close(): void
}

/** @param remainingMs Lambda's own count, `context.getRemainingTimeInMillis()`; read anew at every question. */
export function createDeadline(remainingMs: () => number): ClosableDeadline {
  const margin = Math.min(MARGIN_MS, Math.max(0, remainingMs()) * MARGIN_SHARE)
  const remaining = (): number => Math.max(0, Math.floor(remainingMs() - margin))
  const controller = new AbortController()
  const expire = () => controller.abort(new WeirError('WEIR_DEADLINE', { what: 'the rest of the batch' }))
  const timer = setTimeout(expire, remaining())
  return { remaining, signal: controller.signal, close: () => clearTimeout(timer) }
}
