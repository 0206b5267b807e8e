/**
 * The Lambda Runtime API, version 2018-06-01, for one instance. Source: AWS Lambda Developer Guide, "Using the Lambda
 * runtime API for custom runtimes". All paths begin with /2018-06-01/runtime.
 *
 *   GET  /invocation/next             waits until there is an event; 200 with its headers
 *   POST /invocation/{id}/response    202; 413 where it is too large; 400 where the id is not the current one;
 *   POST /invocation/{id}/error       403 where it was answered before
 *   POST /init/error                  202
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MAX_RESPONSE_BYTES, responseTooLarge } from './answers.ts'
import { readBody } from './body.ts'

export interface RuntimeEvent {
  readonly requestId: string
  readonly functionArn: string
  /** Milliseconds since the epoch. */
  readonly deadline: number
  readonly traceId: string
  readonly payload: Buffer
}

export interface Answer {
  readonly kind: 'response' | 'error'
  readonly payload: Buffer
}

/** What the runtime tells the platform. */
export interface RuntimeListener {
  /** It asks for an event: it is initialized, or done with the last one. */
  onNext(): void
  onAnswer(answer: Answer): void
  onInitError(payload: Buffer): void
}

export interface RuntimeApi {
  /** `127.0.0.1:port`, as AWS_LAMBDA_RUNTIME_API wants it. */
  readonly address: string
  /** Gives the event to the runtime, which must have asked for one. */
  send(event: RuntimeEvent): void
  close(): void
}

const PREFIX = '/2018-06-01/runtime/'

interface State {
  waiting: ServerResponse | undefined
  current: { readonly requestId: string; answered: boolean } | undefined
}

export async function startRuntimeApi(listener: RuntimeListener): Promise<RuntimeApi> {
  const state: State = { waiting: undefined, current: undefined }
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) => {
    handle(state, listener, request, response).catch(() => response.destroy())
  })
  await listen(server)
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    send: (event) => send(state, event),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}

function send(state: State, event: RuntimeEvent): void {
  const response = state.waiting
  if (!response) throw new Error('the runtime did not ask for an event')
  state.waiting = undefined
  state.current = { requestId: event.requestId, answered: false }
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': event.payload.length,
    'lambda-runtime-aws-request-id': event.requestId,
    'lambda-runtime-deadline-ms': String(event.deadline),
    'lambda-runtime-invoked-function-arn': event.functionArn,
    'lambda-runtime-trace-id': event.traceId,
  })
  response.end(event.payload)
}

async function handle(
  state: State,
  listener: RuntimeListener,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routeOf(request)
  if (route?.name === 'next') return next(state, listener, response)
  const body = await readBody(request, MAX_RESPONSE_BYTES)
  if (route === undefined) return fail(response, 404, 'NotFound', 'There is no such path')
  if (route.name === 'init-error') {
    listener.onInitError(body.bytes)
    return accept(response)
  }
  const { current } = state
  if (!current || current.requestId !== route.requestId)
    return fail(response, 400, 'InvalidRequestID', 'Invalid request ID')
  if (current.answered) return fail(response, 403, 'InvalidStateTransition', 'The invocation was answered before')
  current.answered = true
  if (body.tooLarge) {
    listener.onAnswer({ kind: 'error', payload: Buffer.from(JSON.stringify(responseTooLarge())) })
    const text = `Exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`
    return fail(response, 413, 'RequestEntityTooLarge', text)
  }
  // A handler that streams its response can fail on the way: it says so after the body.
  const trailer = request.trailers['lambda-runtime-function-error-body']
  if (trailer !== undefined) listener.onAnswer({ kind: 'error', payload: Buffer.from(trailer, 'base64') })
  else listener.onAnswer({ kind: route.name, payload: body.bytes })
  return accept(response)
}

function next(state: State, listener: RuntimeListener, response: ServerResponse): void {
  if (state.waiting) return fail(response, 403, 'InvalidStateTransition', 'An event is being waited for already')
  if (state.current?.answered === false)
    return fail(response, 403, 'InvalidStateTransition', 'The current invocation has no answer yet')
  state.waiting = response
  listener.onNext()
}

type Route =
  | { readonly name: 'next' }
  | { readonly name: 'init-error' }
  | { readonly name: 'response' | 'error'; readonly requestId: string }

function routeOf({ method, url = '' }: IncomingMessage): Route | undefined {
  if (!url.startsWith(PREFIX)) return undefined
  const [group, id, name, ...more] = url.slice(PREFIX.length).split('/')
  if (more.length > 0) return undefined
  if (method === 'GET')
    return group === 'invocation' && id === 'next' && name === undefined ? { name: 'next' } : undefined
  if (method !== 'POST') return undefined
  if (group === 'init' && id === 'error' && name === undefined) return { name: 'init-error' }
  if (group !== 'invocation' || id === undefined || (name !== 'response' && name !== 'error')) return undefined
  return { name, requestId: decodeURIComponent(id) }
}

function accept(response: ServerResponse): void {
  response.writeHead(202, { 'content-type': 'application/json' })
  response.end('{"status":"OK"}\n')
}

function fail(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ errorType, errorMessage }))
}
