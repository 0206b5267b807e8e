/** How the event source mapping reaches a function: the Invoke call of the Lambda API, or the sandbox directly. */

export interface InvokeResult {
  /** 200 ran (see functionError), 429 throttled, 5xx service error: the last two use up no attempt (E15). */
  readonly statusCode: number
  /** 'Unhandled' where the function threw, timed out, ran out of memory or exited. */
  readonly functionError?: string
  /** The response, or `{errorType, errorMessage, trace}`. */
  readonly payload: Buffer
  readonly requestId: string
  readonly executedVersion: string
}

export type Invoke = (functionName: string, payload: Buffer, signal?: AbortSignal) => Promise<InvokeResult>
