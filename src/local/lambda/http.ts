/**
 * The Lambda API over HTTP, as far as Invoke, `POST /2015-03-31/functions/{name}/invocations`, and the event source mappings
 * (mappings-http.ts), so that the AWS SDKs and the AWS CLI work on a local stack by endpoint URL. Source: AWS Lambda API
 * reference, Invoke.
 * Loopback only. Any credentials will do; what a web page in a browser could send will not.
 */
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, WeirError } from '../../core/errors.ts'
import { MAX_PAYLOAD_BYTES } from '../../core/limits.ts'
import { functionArn } from '../identity.ts'
import { refusals } from './answers.ts'
import type { Refusal } from './answers.ts'
import { readBody } from './body.ts'
import type { FunctionHost, InvocationResult } from './function-host.ts'
import { answerMappings, noMappings } from './mappings-http.ts'
import type { MappingControl, MappingsAnswer } from './mappings-http.ts'
import { functionNameOf, invocationPath, isLoopbackHost } from './request.ts'

export interface LambdaApi {
  /** http://127.0.0.1:port */
  readonly endpoint: string
  close(): Promise<void>
}

export interface LambdaApiOptions {
  readonly host: FunctionHost
  /** None where not given. */
  readonly mappings?: MappingControl
  /** Free where 0 or not given. */
  readonly port?: number
}

/** Throws WEIR_PORT where the port is taken. */
export async function serveLambdaApi({ host, mappings = noMappings, port = 0 }: LambdaApiOptions): Promise<LambdaApi> {
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    answer({ host, mappings }, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else refuse(response, refusals.service(messageOf(error)))
    })
  })
  await listen(server, port)
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(cause.code === 'EADDRINUSE' ? new WeirError('WEIR_PORT', { port, server: 'Lambda' }, { cause }) : cause),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
}

/** Not of the Lambda API, which has no such question: how many invocations of a function run now. */
const RUNNING = /^\/weirhouse\/functions\/([^/?]+)\/running$/

interface Behind {
  readonly host: FunctionHost
  readonly mappings: MappingControl
}

async function answer({ host, mappings }: Behind, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // A page on the web can reach loopback by a name of its own (DNS rebinding), or send what needs no permission.
  if (!isLoopbackHost(request.headers.host)) return refuse(response, refusals.forbidden('Host is not loopback'))
  if (request.headers.origin !== undefined)
    return refuse(response, refusals.forbidden('Requests from web pages are refused'))
  const body = () => readBody(request, MAX_PAYLOAD_BYTES)
  const asked = answerMappings(mappings, request.method, request.url ?? '', async () => String((await body()).bytes))
  if (asked) return reply(response, await asked)
  const watched = request.method === 'GET' ? RUNNING.exec(request.url ?? '')?.[1] : undefined
  if (watched !== undefined)
    return reply(response, { status: 200, body: { running: host.running(decodeURIComponent(watched)) } })
  const target = request.method === 'POST' ? invocationPath(request.url ?? '') : undefined
  if (target === undefined) return refuse(response, refusals.unknownOperation())
  const { bytes, length, tooLarge } = await body()
  if (tooLarge) return refuse(response, refusals.tooLarge(length))
  const name = functionNameOf(target)
  if (name === undefined || !host.list().some((each) => each.name === name))
    return refuse(response, refusals.noFunction(name === undefined ? target : functionArn(name)))

  switch (request.headers['x-amz-invocation-type'] ?? 'RequestResponse') {
    case 'DryRun':
      response.writeHead(204, { 'x-amzn-requestid': randomUUID() })
      response.end()
      return undefined
    case 'RequestResponse':
      return invoke(host, name, bytes, request, response)
    default:
      return refuse(response, refusals.parameter('The sandbox invokes by RequestResponse and DryRun only'))
  }
}

async function invoke(
  host: FunctionHost,
  name: string,
  body: Buffer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The runtime client parses the event outside of the handler: one that is no JSON would end the process.
  const fault = jsonFault(body)
  if (fault !== undefined) return refuse(response, refusals.notJson(fault))
  const result = await host.invoke(name, body.length === 0 ? Buffer.from('{}') : body)
  if (result.refusal) return refuse(response, result.refusal, result.requestId)
  response.writeHead(200, headersOf(result, request.headers['x-amz-log-type'] === 'Tail'))
  response.end(result.payload)
}

function headersOf(result: InvocationResult, withLog: boolean): Record<string, string | number> {
  return {
    'content-type': 'application/json',
    'content-length': result.payload.length,
    'x-amzn-requestid': result.requestId,
    'x-amz-executed-version': result.executedVersion,
    ...(result.functionError === undefined ? {} : { 'x-amz-function-error': result.functionError }),
    ...(withLog ? { 'x-amz-log-result': result.logTail.toString('base64') } : {}),
  }
}

function reply(response: ServerResponse, answer: MappingsAnswer): void {
  if ('type' in answer) return refuse(response, answer)
  response.writeHead(answer.status, { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() })
  response.end(JSON.stringify(answer.body))
}

function refuse(response: ServerResponse, { status, type, body }: Refusal, requestId: string = randomUUID()): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-amzn-requestid': requestId,
    'x-amzn-errortype': type,
  })
  response.end(JSON.stringify(body))
}

function jsonFault(body: Buffer): string | undefined {
  if (body.length === 0) return undefined
  try {
    JSON.parse(body.toString('utf8'))
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
