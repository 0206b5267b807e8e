/** Statements, items and keys that DynamoDB answers singly, under HTTP 200: the client tries none of them again by itself. */
import { backoffMs } from '../../aws/backoff.ts'
import { AwsFault } from '../../aws/fault.ts'
import { MIN_REQUEST_MS } from '../../core/limits.ts'
import type { Deadline } from '../../core/ports.ts'
import type { RequestsOptions } from './requests.ts'

/** Times that throttled statements are sent at most (N3). */
const MAX_ATTEMPTS = 8

export function statementFault(
  { Code, Message }: { readonly Code: string; readonly Message?: string | undefined },
  operation = 'BatchExecuteStatement',
): AwsFault {
  const facts = { service: 'dynamodb', operation, status: 200 }
  return new AwsFault({ ...facts, name: Code, message: Message ?? 'no message' })
}

/** Full jitter inside the deadline; throws the fault where tries or time are used up. */
export async function pauseFor(
  { ports, onThrottled }: Pick<RequestsOptions, 'ports' | 'onThrottled'>,
  fault: AwsFault,
  count: number,
  attempt: number,
  deadline: Deadline,
): Promise<void> {
  onThrottled(count, fault.name)
  const ms = backoffMs(attempt, ports.random)
  if (attempt >= MAX_ATTEMPTS || deadline.remaining() - ms < MIN_REQUEST_MS) throw fault
  await ports.clock.sleep(ms)
}
