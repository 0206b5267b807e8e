import { WeirError } from './errors.ts'
import { MIN_REQUEST_MS } from './limits.ts'
import type { Deadline } from './ports.ts'

/** Throws WEIR_DEADLINE where a request should not be started any more (D10). */
export function requireTime(deadline: Deadline, what: string): void {
  if (deadline.remaining() < MIN_REQUEST_MS || deadline.signal.aborted) throw new WeirError('WEIR_DEADLINE', { what })
}
