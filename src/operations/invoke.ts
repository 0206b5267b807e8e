import { WeirError } from '../core/errors.ts'
import { MAX_PAYLOAD_BYTES } from '../core/limits.ts'
import { callLambda, parsed } from './lambda-api.ts'
import type { TargetPipeline } from './target.ts'

export interface Invocation {
  readonly statusCode: number
  /** Present where the function threw, timed out, ran out of memory or exited. */
  readonly functionError?: string
  readonly requestId: string
  /** The response, parsed where it is JSON. */
  readonly payload: unknown
  /** The last 4 KiB of the invocation's log. */
  readonly log: string
}

export interface InvokeTarget {
  /** http://host:port */
  readonly endpoint: string
  readonly functionName: string
}

/**
 * Invokes a function through the Lambda API, and waits for it.
 * Source: AWS Lambda API reference, Invoke: `POST /2015-03-31/functions/{name}/invocations`.
 * Throws WEIR_PAYLOAD_TOO_LARGE, WEIR_REQUEST_FAILED; a function's own error is a result.
 */
export async function invokeFunction(target: InvokeTarget, event: Buffer, signal: AbortSignal): Promise<Invocation> {
  if (event.length > MAX_PAYLOAD_BYTES)
    throw new WeirError('WEIR_PAYLOAD_TOO_LARGE', { what: 'event', bytes: event.length, limit: MAX_PAYLOAD_BYTES })
  const { status, headers, body } = await callLambda({
    endpoint: target.endpoint,
    operation: 'Invoke',
    method: 'POST',
    path: `/2015-03-31/functions/${encodeURIComponent(target.functionName)}/invocations`,
    headers: { 'x-amz-invocation-type': 'RequestResponse', 'x-amz-log-type': 'Tail' },
    body: new Uint8Array(event),
    signal,
  })
  const functionError = headers.get('x-amz-function-error')
  return {
    statusCode: status,
    ...(functionError === null ? {} : { functionError }),
    requestId: headers.get('x-amzn-requestid') ?? '',
    payload: parsed(body),
    log: Buffer.from(headers.get('x-amz-log-result') ?? '', 'base64').toString('utf8'),
  }
}

/** The functions that read the topics of a Kafka event; all where it names none, or none reads them. */
export function functionsFor(
  pipelines: readonly Pick<TargetPipeline, 'topic' | 'function'>[],
  event: Buffer,
): readonly string[] {
  const topics = topicsOf(parsed(event.toString('utf8')))
  const readers = pipelines.filter(({ topic }) => topics.has(topic))
  return (readers.length > 0 ? readers : pipelines).map((each) => each.function)
}

function topicsOf(event: unknown): ReadonlySet<unknown> {
  const { records } = (event ?? {}) as { readonly records?: unknown }
  const lists = Object.values(records ?? {}).filter((list) => Array.isArray(list))
  return new Set(lists.flat().map((record: { readonly topic?: unknown } | null) => record?.topic))
}
