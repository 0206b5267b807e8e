import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { WeirError } from '../core/errors.ts'
import type { Deadline } from '../core/ports.ts'
import { createAwsClient, dynamo, isFault, s3, storeError } from './index.ts'
import type { AwsClientOptions } from './index.ts'

const SECRET = 'a-secret-key-that-must-not-show'
const TOKEN = 'a-token-that-must-not-show'
const open: { close(): void }[] = []

afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** A server that answers the nth request with the nth answer, the last one ever after. */
async function stub(
  answers: readonly Answer[],
): Promise<{ endpoint: string; requests: IncomingMessage[]; server: Server }> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      requests.push(request)
      answers[Math.min(requests.length, answers.length) - 1]!(request, response, Buffer.concat(chunks))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, server }
}

function clientOf(endpoint: string, options: Partial<AwsClientOptions> = {}) {
  const sleeps: number[] = []
  const client = createAwsClient({
    service: 'dynamodb',
    region: 'eu-west-1',
    endpoint,
    credentials: () => ({ accessKeyId: 'AKID', secretAccessKey: SECRET, sessionToken: TOKEN }),
    ports: {
      clock: {
        now: () => Date.UTC(2025, 0, 1),
        sleep: (ms) => {
          sleeps.push(ms)
          return Promise.resolve()
        },
      },
      random: () => 0.5,
    },
    ...options,
  })
  open.push(client)
  return { client, sleeps }
}

function deadline(ms = 5_000): Deadline {
  const end = performance.now() + ms
  return { remaining: () => Math.max(0, end - performance.now()), signal: AbortSignal.timeout(ms) }
}

const ok: Answer = (_, response) => response.end('{"ok":true}')
const fail =
  (status: number, name: string, message = 'why', more: Record<string, string> = {}): Answer =>
  (_, response) =>
    response
      .writeHead(status, more)
      .end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message }))
const drop: Answer = (request) => request.socket.destroy()
const silence: Answer = () => undefined
const cutOff: Answer = (request, response) => {
  response.writeHead(200, { 'content-length': '1000' }).write('{"ok":')
  setTimeout(() => request.socket.destroy(), 10)
}

describe('trying again', () => {
  test.each<[string, readonly Answer[]]>([
    ['throttled', [fail(400, 'ThrottlingException'), ok]],
    ['throughput exceeded', [fail(400, 'ProvisionedThroughputExceededException'), ok]],
    ['the service fails', [fail(500, 'InternalServerError'), fail(503, 'ServiceUnavailable'), ok]],
    ['a gateway that speaks no JSON', [(_, response) => response.writeHead(502).end('<html>bad gateway</html>'), ok]],
    ['the connection breaks', [drop, drop, ok]],
    ['the answer is cut off', [cutOff, ok]],
    ['the answer is damaged', [(_, response) => response.writeHead(200, { 'x-amz-crc32': '1' }).end('{}'), ok]],
  ])('D8: %s, then it works', async (_, answers) => {
    const { endpoint, requests } = await stub(answers)
    const { client } = clientOf(endpoint)
    expect(await dynamo(client).call('PutItem', {}, deadline())).toEqual({ ok: true })
    expect(requests).toHaveLength(answers.length)
  })

  test('N3: at most eight times, with growing jitter up to two seconds', async () => {
    const { endpoint, requests } = await stub([fail(500, 'InternalServerError')])
    const { client, sleeps } = clientOf(endpoint)
    await expect(dynamo(client).call('PutItem', {}, deadline())).rejects.toMatchObject({ name: 'InternalServerError' })
    expect(requests).toHaveLength(8)
    expect(sleeps).toEqual([50, 100, 200, 400, 800, 1_000, 1_000])
  })

  test.each<[string, Answer, string]>([
    ['refused', fail(400, 'ValidationException'), 'refused'],
    ['misconfigured', fail(400, 'ResourceNotFoundException'), 'misconfigured'],
    ['an answer', fail(400, 'ConditionalCheckFailedException'), 'answer'],
    ['an unknown 403', (_, response) => response.writeHead(403).end(), 'misconfigured'],
  ])('D8: %s is not sent again', async (_, answer, kind) => {
    const { endpoint, requests } = await stub([answer, ok])
    const { client } = clientOf(endpoint)
    await expect(dynamo(client).call('PutItem', {}, deadline())).rejects.toMatchObject({ kind })
    expect(requests).toHaveLength(1)
  })

  test('what may not be repeated is sent once when its answer gets lost', async () => {
    const { endpoint, requests } = await stub([drop, ok])
    const { client } = clientOf(endpoint)
    const request = { operation: 'Post', method: 'POST', path: '/', deadline: deadline(), idempotent: false }
    await expect(client.request(request)).rejects.toMatchObject({ name: 'ECONNRESET' })
    expect(requests).toHaveLength(1)
  })

  test('a kept connection that the server closed is replaced without a pause', async () => {
    const { endpoint, requests, server } = await stub([ok, drop, ok])
    server.keepAliveTimeout = 60_000
    const { client, sleeps } = clientOf(endpoint)
    await dynamo(client).call('PutItem', {}, deadline())
    await dynamo(client).call('PutItem', {}, deadline())
    expect(requests).toHaveLength(3)
    expect(sleeps).toEqual([])
  })

  test('a wrong clock is corrected by the one of the service', async () => {
    const date = new Date(Date.UTC(2025, 0, 1, 1)).toUTCString()
    const { endpoint, requests } = await stub([
      fail(403, 'InvalidSignatureException', 'Signature expired: 20250101', { date }),
      ok,
    ])
    const { client } = clientOf(endpoint)
    await dynamo(client).call('PutItem', {}, deadline())
    expect(requests.map(({ headers }) => headers['x-amz-date'])).toEqual(['20250101T000000Z', '20250101T010000Z'])
  })
})

describe('D10: the deadline', () => {
  test('nothing is sent when it is too near', async () => {
    const { endpoint, requests } = await stub([ok])
    const { client } = clientOf(endpoint)
    await expect(dynamo(client).call('PutItem', {}, deadline(100))).rejects.toMatchObject({ code: 'WEIR_DEADLINE' })
    expect(requests).toHaveLength(0)
  })

  test('a request in flight ends with it', async () => {
    const { endpoint } = await stub([silence])
    const { client } = clientOf(endpoint)
    const start = performance.now()
    await expect(dynamo(client).call('PutItem', {}, deadline(400))).rejects.toMatchObject({ name: 'ETIMEDOUT' })
    expect(performance.now() - start).toBeLessThan(1_500)
  })

  test('a silent connection is given up and tried again', async () => {
    const { endpoint } = await stub([silence, ok])
    const { client } = clientOf(endpoint, { idleTimeoutMs: 100 })
    expect(await dynamo(client).call('PutItem', {}, deadline())).toEqual({ ok: true })
  })
})

test('D11: no more requests in flight than sockets', async () => {
  let inFlight = 0
  let most = 0
  const { endpoint } = await stub([
    (_, response) => {
      most = Math.max(most, ++inFlight)
      setTimeout(() => {
        inFlight--
        response.end('{}')
      }, 5)
    },
  ])
  const { client } = clientOf(endpoint, { maxSockets: 3 })
  await Promise.all(Array.from({ length: 20 }, () => dynamo(client).call('GetItem', {}, deadline())))
  expect(most).toBe(3)
})

test('N5: no credential and no payload shows in an error', async () => {
  const { endpoint } = await stub([
    (_, response) =>
      response.writeHead(400).end(
        JSON.stringify({
          __type: 'x#ConditionalCheckFailedException',
          message: 'no',
          Item: { id: { S: 'payload' } },
        }),
      ),
  ])
  const { client } = clientOf(endpoint)
  const error: unknown = await dynamo(client)
    .call('PutItem', {}, deadline())
    .catch((thrown: unknown) => thrown)
  expect(isFault(error, 'ConditionalCheckFailedException') && error.body).toMatchObject({
    Item: { id: { S: 'payload' } },
  })
  const shown = inspect(error, { depth: 9 }) + JSON.stringify(error) + inspect(storeError(error, 'kv'), { depth: 9 })
  for (const hidden of [SECRET, TOKEN, 'payload']) expect(shown).not.toContain(hidden)
})

describe('what a sink throws', () => {
  test.each<[string, Answer, string, boolean]>([
    ['throttled', fail(400, 'ThrottlingException'), 'WEIR_STORE_UNAVAILABLE', true],
    ['no table', fail(400, 'ResourceNotFoundException'), 'WEIR_STORE_MISCONFIGURED', false],
    ['denied', fail(400, 'AccessDeniedException'), 'WEIR_STORE_MISCONFIGURED', false],
    ['anything else', fail(400, 'ValidationException'), 'WEIR_REQUEST_FAILED', false],
  ])('D8: %s', async (_, answer, code, retryable) => {
    const { endpoint } = await stub([answer])
    const { client } = clientOf(endpoint, { attempts: 1 })
    const error: unknown = await dynamo(client)
      .call('PutItem', {}, deadline())
      .catch((thrown: unknown) => thrown)
    expect(storeError(error, 'kv')).toMatchObject({ code, retryable })
    expect(storeError(error, 'kv')).toBeInstanceOf(WeirError)
  })

  test('N5: a refusal is told by its name, without the text that can quote a record', async () => {
    const { endpoint } = await stub([fail(400, 'ValidationException', 'cannot convert payload-42 to a number')])
    const error: unknown = await dynamo(clientOf(endpoint, { attempts: 1 }).client)
      .call('PutItem', {}, deadline())
      .catch((thrown: unknown) => thrown)
    const line = storeError(error, 'kv').toLine()
    expect(line).toContain('ValidationException')
    expect(line).not.toContain('payload-42')
  })
})

describe('S3', () => {
  test('a PUT carries its SHA-256 and CRC32, path style, key encoded once', async () => {
    const { endpoint, requests } = await stub([(_, response) => response.end()])
    const { client } = clientOf(endpoint, { service: 's3' })
    await s3(client, true).request({
      operation: 'PutObject',
      method: 'PUT',
      bucket: 'b',
      key: 'a b/é+=~/',
      body: '123456789',
      headers: { 'if-none-match': '*' },
      deadline: deadline(),
    })
    expect(requests[0]!.url).toBe('/b/a%20b/%C3%A9%2B%3D~/')
    expect(requests[0]!.headers).toMatchObject({
      'if-none-match': '*',
      'x-amz-checksum-crc32': 'y/Q5Jg==',
      'x-amz-content-sha256': '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225',
      'content-length': '9',
    })
  })

  test('on AWS the bucket is in the host, but with dots in the path', async () => {
    const seen: { path: string; hostPrefix?: string }[] = []
    const client = {
      service: 's3',
      endpoint: new URL('https://s3.eu-west-1.amazonaws.com'),
      region: 'eu-west-1',
      request: (request: { path: string; hostPrefix?: string }) => {
        seen.push(request)
        return Promise.resolve({ status: 200, headers: {}, body: Buffer.alloc(0) })
      },
      close: () => undefined,
    }
    for (const bucket of ['plain', 'with.dots'])
      for (const key of ['k', undefined])
        await s3(client, false).request({
          operation: 'GetObject',
          method: 'GET',
          bucket,
          ...(key === undefined ? {} : { key }),
          deadline: deadline(),
        })
    expect(seen.map(({ path, hostPrefix }) => [hostPrefix, path])).toEqual([
      ['plain.', '/k'],
      ['plain.', '/'],
      [undefined, '/with.dots/k'],
      [undefined, '/with.dots'],
    ])
  })

  test.each<[string, Answer, string, number]>([
    [
      'an error document',
      (_, response) =>
        response
          .writeHead(404)
          .end('<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>'),
      'NoSuchKey',
      404,
    ],
    ['a HEAD without a body', (_, response) => response.writeHead(404).end(), 'NotFound', 404],
    ['a condition', (_, response) => response.writeHead(412).end(), 'PreconditionFailed', 412],
  ])('%s', async (_, answer, name, status) => {
    const { endpoint } = await stub([answer])
    const { client } = clientOf(endpoint, { service: 's3' })
    const request = { operation: 'HeadObject', method: 'HEAD', bucket: 'b', key: 'k', deadline: deadline() } as const
    await expect(
      s3(client, true).request(name === 'NoSuchKey' ? { ...request, method: 'GET' } : request),
    ).rejects.toMatchObject({ name, status, kind: 'answer' })
  })
})
