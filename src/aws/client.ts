/**
 * The data plane's client of AWS: signs, sends over kept connections, tries again. It saves most of the SDK's CPU a request,
 * size and cold start; the SDK is its oracle in tests.
 */
import { setTimeout as sleepMs } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { messageOf } from '../core/errors.ts'
import { MIB, MIN_REQUEST_MS } from '../core/limits.ts'
import { requireTime } from '../core/time-left.ts'
import type { Clock, Deadline, Random } from '../core/ports.ts'
import { attempt, placeOf } from './attempt.ts'
import type { Attempt, AwsResponse } from './attempt.ts'
import { backoffMs } from './backoff.ts'
import type { Credentials } from './credentials.ts'
import { encodeQuery } from './encode.ts'
import { AwsFault } from './fault.ts'
import { faultFrom } from './fault-document.ts'
import { createLines } from './lines.ts'
import { createSigner, sha256Hex } from './sigv4.ts'

export interface ClientPorts {
  readonly clock: Clock
  readonly random: Random
}

export interface AwsClientOptions {
  readonly service: 's3' | 'dynamodb' | 'secretsmanager'
  readonly region: string
  /** `https://dynamodb.eu-west-1.amazonaws.com`; a path is not supported. */
  readonly endpoint: string
  /** Asked before each attempt. */
  readonly credentials: () => Credentials
  /** Connections open at once, and so requests in flight; others wait. @default 16 */
  readonly maxSockets?: number
  /** Times that one request is sent at most. @default 8 */
  readonly attempts?: number
  /** @default 2000 */
  readonly connectTimeoutMs?: number
  /** Longest silence on a connection. @default 10000 */
  readonly idleTimeoutMs?: number
  /** @default 64 MiB */
  readonly maxResponseBytes?: number
  readonly ports?: ClientPorts
}

export interface AwsRequest {
  /** For messages and the fault: `PutItem`, `HeadObject`. */
  readonly operation: string
  readonly method: string
  /** Encoded: see encodeKey. */
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  /** Lower-case names; all are signed. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  readonly deadline: Deadline
  /** `bucket.` before the endpoint's host. */
  readonly hostPrefix?: string
  /**
   * Whether it may be sent again when an answer got lost. A conditional write is idempotent in effect, but its second
   * sending can fail on the first one's effect: settle that by comparing. @default true
   */
  readonly idempotent?: boolean
}

export interface AwsClient {
  readonly service: string
  readonly endpoint: URL
  readonly region: string
  /**
   * Resolves with an answer of status 2xx. Throws AwsFault for any other, once trying again is over; WEIR_DEADLINE where no
   * time is left to send it.
   */
  request(request: AwsRequest): Promise<AwsResponse>
  /** Closes the kept connections. */
  close(): void
}

export const systemPorts: ClientPorts = {
  clock: { now: Date.now, sleep: (ms, signal) => sleepMs(ms, undefined, signal ? { signal } : {}) },
  random: Math.random,
}

export function createAwsClient(options: AwsClientOptions): AwsClient {
  const { service, region, credentials, maxSockets = 16, attempts = 8, ports = systemPorts } = options
  const endpoint = new URL(options.endpoint)
  const place = placeOf(endpoint)
  const lines = createLines(maxSockets, {
    connectTimeoutMs: options.connectTimeoutMs ?? 2_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 10_000,
    maxResponseBytes: options.maxResponseBytes ?? 64 * MIB,
  })
  const signer = createSigner({ service, region })
  /** How far the service's clock is ahead of ours, once it said so. */
  let skewMs = 0

  function send(request: AwsRequest, body: Buffer | undefined, payloadHash: string): Promise<Attempt> {
    const host = (request.hostPrefix ?? '') + endpoint.host
    const query = encodeQuery(request.query)
    const base: Record<string, string> = { ...request.headers, host }
    if (service === 's3') base['x-amz-content-sha256'] = payloadHash
    const headers = signer.sign(
      { method: request.method, path: request.path, query, headers: base, payloadHash },
      credentials(),
      ports.clock.now() + skewMs,
    )
    if (body !== undefined || request.method === 'PUT' || request.method === 'POST')
      headers['content-length'] = String(body?.length ?? 0)
    return attempt(
      {
        place: request.hostPrefix === undefined ? place : { ...place, host: request.hostPrefix + place.host },
        method: request.method,
        target: query === '' ? request.path : `${request.path}?${query}`,
        headers,
        body,
        signal: request.deadline.signal,
      },
      lines,
    )
  }

  async function request(request: AwsRequest): Promise<AwsResponse> {
    const { deadline, operation } = request
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body
    const payloadHash = sha256Hex(body ?? '')
    for (let sent = 1; ; sent++) {
      requireTime(deadline, operation)
      const result = await send(request, body, payloadHash)
      const fault = faultOf(result, service, operation)
      if (!fault) return (result as { response: AwsResponse }).response
      if (isSkewed(fault) && 'response' in result) skewMs = skewOf(result.response, ports.clock.now())
      else if (!fault.retryable || !mayRepeat(request, fault)) throw fault
      if (sent >= attempts) throw fault
      const stale = 'stale' in result && result.stale
      await pause(stale ? 0 : backoffMs(sent, ports.random), deadline, fault, ports.clock)
    }
  }

  return { service, endpoint, region, request, close: () => lines.close() }
}

function faultOf(result: Attempt, service: string, operation: string): AwsFault | undefined {
  if ('error' in result)
    return new AwsFault(
      { service, operation, name: result.code, status: 0, message: messageOf(result.error) },
      { cause: result.error },
    )
  const { response } = result
  if (response.status < 200 || response.status > 299) return faultFrom(response, service, operation)
  const sum = response.headers['x-amz-crc32']
  if (typeof sum === 'string' && Number(sum) !== crc32(response.body))
    return new AwsFault({
      service,
      operation,
      name: 'CrcMismatch',
      status: response.status,
      message: 'the answer came damaged',
    })
  return undefined
}

/** Where a first sending may have had effect, only a repeatable request goes again. */
function mayRepeat({ idempotent = true }: AwsRequest, fault: AwsFault): boolean {
  if (idempotent) return true
  const neverArrived = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']
  return neverArrived.includes(fault.name) || (fault.status >= 400 && fault.status < 500) || fault.name === 'SlowDown'
}

async function pause(ms: number, deadline: Deadline, fault: AwsFault, clock: Clock): Promise<void> {
  if (deadline.remaining() - ms < MIN_REQUEST_MS) throw fault
  if (ms > 0) await clock.sleep(ms)
}

function isSkewed(fault: AwsFault): boolean {
  if (fault.name === 'RequestTimeTooSkewed' || fault.name === 'RequestExpired') return true
  return fault.name === 'InvalidSignatureException' && /^Signature (expired|not yet current)/.test(fault.message)
}

function skewOf({ headers }: AwsResponse, now: number): number {
  const told = Date.parse(headers.date ?? '')
  return Number.isNaN(told) ? 0 : told - now
}
