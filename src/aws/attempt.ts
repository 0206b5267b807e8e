/** One HTTP request, sent once: what goes over the wire is settled before, what to do about a failure is settled after. */
import type { AwsResponse } from './answer.ts'
import { timedOut } from './lines.ts'
import type { Lines, Place } from './lines.ts'

export type { AwsResponse } from './answer.ts'

export interface Wire {
  readonly place: Place
  readonly method: string
  /** Path and query, encoded. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly signal: AbortSignal
}

export type Attempt =
  | { readonly response: AwsResponse }
  /** No answer: `stale` when a kept connection turned out dead before a byte of the answer came. */
  | { readonly error: Error; readonly code: string; readonly stale: boolean }

/** Where the host of a URL is, the brackets of an IPv6 address gone. */
export function placeOf({ protocol, hostname, port }: URL): Place {
  const secure = protocol === 'https:'
  return { secure, host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || (secure ? 443 : 80)) }
}

/** Never rejects. */
export function attempt({ place, method, target, headers, body, signal }: Wire, lines: Lines): Promise<Attempt> {
  return new Promise((resolve) => {
    let breakOff: ((error: Error) => void) | undefined
    const abort = () => breakOff?.(timedOut('no answer before the deadline of the invocation'))
    breakOff = lines.send({
      place,
      method,
      head: headOf(method, target, headers),
      body,
      settle: (outcome) => {
        signal.removeEventListener('abort', abort)
        if ('answer' in outcome) resolve({ response: outcome.answer })
        else resolve({ ...outcome, code: codeOf(outcome.error) })
      },
    })
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

/** Not a line feed, nor anything else that would begin a header of its own. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/

function headOf(method: string, target: string, headers: Readonly<Record<string, string>>): string {
  let head = `${method} ${target} HTTP/1.1\r\n`
  for (const name in headers) {
    const value = headers[name]!
    if (FORBIDDEN.test(value)) throw new TypeError(`header ${name} holds a character that no header may`)
    head += `${name}: ${value}\r\n`
  }
  return `${head}\r\n`
}

/** Node wraps some codes: the addresses tried in an AggregateError, TLS verdicts in `cause`. */
function codeOf(error: NodeJS.ErrnoException): string {
  if (error.code !== undefined) return error.code
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : error.cause
  return inner instanceof Error ? codeOf(inner) : 'UNKNOWN'
}
