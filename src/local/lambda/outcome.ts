/** From how an invocation went to what its caller gets and what REPORT says. Pure. */
import { exitError, timeoutError } from './answers.ts'
import type { FunctionError, ProcessEnd } from './answers.ts'
import type { Report } from './report.ts'

/** How one invocation went. `end` beside an answer: the process is gone, or of no more use. */
export type Result =
  | { readonly kind: 'response' | 'error'; readonly payload: Buffer; readonly end?: ProcessEnd }
  | { readonly kind: 'end'; readonly end: ProcessEnd }
  | { readonly kind: 'timeout' }

/** Ended by the sandbox itself. */
export const KILLED: ProcessEnd = { code: null, signal: 'SIGKILL' }

export interface Judged {
  readonly failed: boolean
  readonly payload: Buffer
  readonly status: Pick<Report, 'status' | 'errorType'>
}

export function judge(result: Result, requestId: string, timeoutSeconds: number): Judged {
  switch (result.kind) {
    case 'response':
      return { failed: false, payload: result.payload, status: {} }
    case 'error':
      return { failed: true, payload: result.payload, status: { status: 'error', ...errorTypeOf(result.payload) } }
    case 'timeout':
      return { failed: true, payload: json(timeoutError(requestId, timeoutSeconds)), status: { status: 'timeout' } }
    case 'end':
      return {
        failed: true,
        payload: json(exitError(requestId, result.end)),
        status: { status: 'error', errorType: 'Runtime.ExitError' },
      }
    default:
      return result satisfies never
  }
}

function json(value: FunctionError): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** Of an error as a runtime posts it. */
export function errorTypeOf(payload: Buffer): { readonly errorType?: string } {
  try {
    const { errorType } = (JSON.parse(payload.toString('utf8')) ?? {}) as Partial<FunctionError>
    return typeof errorType === 'string' ? { errorType } : {}
  } catch (error) {
    // A runtime may post anything as its error; the payload is passed on as it is.
    if (error instanceof SyntaxError) return {}
    throw error
  }
}
