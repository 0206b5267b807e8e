/** What became of an invocation, and how long to wait before the next one (E14, E15). Pure. */
import type { Random } from '../core/ports.ts'
import { messageOf } from '../core/errors.ts'
import type { InvokeResult } from './invoker.ts'

/**
 * - `succeeded`: the batch is processed.
 * - `function-error`: the function's own fault; uses up an attempt.
 * - `throttled`, `service-error`: not the function's fault; use up no attempt.
 */
export type Outcome =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'function-error' | 'throttled' | 'service-error'; readonly reason: string }

/** Bounds of the pause before an invocation is tried again. AWS does not document its own. */
export const FIRST_PAUSE_MS = 200
export const LONGEST_PAUSE_MS = 10_000

export function outcomeOf(result: InvokeResult): Outcome {
  const { statusCode, functionError, payload } = result
  if (statusCode === 429) return { kind: 'throttled', reason: 'the function is throttled' }
  if (statusCode < 200 || statusCode >= 300) return { kind: 'service-error', reason: `Invoke answered ${statusCode}` }
  if (functionError !== undefined) return { kind: 'function-error', reason: describe(payload) ?? functionError }
  if (payload.length > 0 && parse(payload) === undefined) {
    return { kind: 'function-error', reason: 'the response is not JSON' }
  }
  return { kind: 'succeeded' }
}

/** The call itself failed: nobody knows whether the function ran. */
export function outcomeOfFailedCall(error: unknown): Outcome {
  return { kind: 'service-error', reason: messageOf(error) }
}

/**
 * Full jitter: anything from 0 up to a bound that doubles with each try in a row, 10 s at most; so two mappings that
 * failed together do not come again together.
 * `tries`: failures in a row of this batch, 1 after the first.
 */
export function pauseMs(tries: number, random: Random): number {
  const bound = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1))
  return Math.floor(random() * bound)
}

function parse(payload: Buffer): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(payload.toString('utf8')) }
  } catch {
    return undefined
  }
}

/** "TypeError: x is not a function" from `{errorType, errorMessage}`. */
function describe(payload: Buffer): string | undefined {
  const value = parse(payload)?.value
  if (typeof value !== 'object' || value === null) return undefined
  const { errorType, errorMessage } = value as { errorType?: unknown; errorMessage?: unknown }
  const words = [errorType, errorMessage].filter((word) => typeof word === 'string' && word !== '')
  return words.length > 0 ? words.join(': ') : undefined
}
