/** Calls of the Lambda API by plain HTTP: local endpoints ask for no signature. */
import { messageOf, WeirError } from '../core/errors.ts'

export interface LambdaCall {
  /** http://host:port */
  readonly endpoint: string
  /** For errors: `Invoke`. */
  readonly operation: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer> | string
  readonly signal: AbortSignal
}

export interface LambdaAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** Throws WEIR_REQUEST_FAILED for every answer but 2xx, and where there is none; the signal's reason where that aborted. */
export async function callLambda(call: LambdaCall): Promise<LambdaAnswer> {
  const response = await send(call)
  const body = Buffer.from(await response.arrayBuffer()).toString('utf8')
  if (!response.ok)
    throw new WeirError('WEIR_REQUEST_FAILED', {
      service: 'Lambda',
      operation: call.operation,
      status: response.status,
      name: response.headers.get('x-amzn-errortype') ?? '',
      reason: reasonOf(body),
    })
  return { status: response.status, headers: response.headers, body }
}

async function send({ endpoint, operation, method, path, headers, body, signal }: LambdaCall): Promise<Response> {
  try {
    return await fetch(new URL(path, endpoint), {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      signal,
    })
  } catch (error) {
    if (signal.aborted) throw error
    const reason = messageOf((error as Error).cause ?? error)
    throw new WeirError(
      'WEIR_REQUEST_FAILED',
      { service: 'Lambda', operation, status: 'nothing', name: '', reason },
      { cause: error },
    )
  }
}

/** Lambda answers `{"Type": "User", "Message": "..."}` or `{"message": "..."}`. */
function reasonOf(body: string): string {
  const value = parsed(body)
  if (value === null || typeof value !== 'object') return body || 'no text'
  const { Message, message } = value as { Message?: unknown; message?: unknown }
  const text = Message ?? message
  return typeof text === 'string' ? text : body
}

/** JSON where it is some, else the text. */
export function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) return body
    throw error
  }
}
