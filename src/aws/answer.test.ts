import { createServer } from 'node:net'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAnswerReader } from './answer.ts'
import type { Answer } from './answer.ts'

const MIB = 1024 * 1024

interface Told {
  readonly method: 'GET' | 'HEAD'
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
  readonly how: 'length' | 'chunked' | 'end'
  readonly news: boolean
}

const token = fc.stringMatching(/^x-[a-z]{1,8}$/)
const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)
const told: fc.Arbitrary<Told> = fc.record({
  method: fc.constantFrom('GET', 'HEAD'),
  status: fc.constantFrom(200, 204, 304, 400, 404, 412, 500, 503),
  headers: fc.array(fc.tuple(token, value), { maxLength: 6 }),
  body: fc.uint8Array({ maxLength: 2_000 }),
  how: fc.constantFrom('length', 'chunked', 'end'),
  news: fc.boolean(),
})
const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 })

function bytesOf({ method, status, headers, body, how, news }: Told): Buffer {
  const framing = {
    length: `Content-Length: ${body.length}`,
    chunked: 'Transfer-Encoding: chunked',
    end: 'Connection: close',
  }
  const lines = [`HTTP/1.1 ${status} Said`, framing[how], ...headers.map(([name, text]) => `${name}: ${text}`)]
  const interim = news ? 'HTTP/1.1 100 Continue\r\n\r\n' : ''
  const head = Buffer.from(`${interim}${lines.join('\r\n')}\r\n\r\n`)
  if (method === 'HEAD' || status === 204 || status === 304) return head
  if (how !== 'chunked') return Buffer.concat([head, body])
  const half = body.length >>> 1
  const chunks = [body.subarray(0, half), body.subarray(half)].filter((chunk) => chunk.length > 0)
  const wire = chunks.flatMap((chunk, i) => [
    Buffer.from(`${chunk.length.toString(16)}${i ? ';a=b' : ''}\r\n`),
    chunk,
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([head, ...wire, Buffer.from(news ? '0\r\ntrailer: x\r\n\r\n' : '0\r\n\r\n')])
}

function read(method: string, bytes: Buffer, sizes: readonly number[], maxBytes = MIB): Answer | undefined {
  const reader = createAnswerReader(method, maxBytes)
  let answer: Answer | undefined
  for (let at = 0, i = 0; at < bytes.length && !answer; i++) {
    const size = sizes[i % sizes.length]!
    answer = reader.read(bytes.subarray(at, at + size))
    at += size
  }
  return answer ?? reader.end()
}

test('an answer is the same however the network cuts it, and the same as for the client of Node', async () => {
  let bytes: Buffer = Buffer.alloc(0)
  const server = createServer((socket) => socket.once('data', () => socket.end(bytes)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await fc.assert(
      fc.asyncProperty(told, cuts, async (each, sizes) => {
        bytes = bytesOf(each)
        const answer = read(each.method, bytes, sizes)!
        const nodes = await asNode(port, each.method)
        expect({ ...answer, body: answer.body.toString('hex') }).toMatchObject(nodes)
        expect(answer.reusable).toBe(each.how !== 'end')
      }),
      { numRuns: 200 },
    )
  } finally {
    server.close()
  }
})

async function asNode(port: number, method: string): Promise<object> {
  return new Promise((resolve, reject) => {
    get({ port, method, host: '127.0.0.1', agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('hex'),
        }),
      )
    }).on('error', reject)
  })
}

describe('what is no answer, or more than one', () => {
  test.each([
    ['another protocol', 'SSH-2.0-x\r\n\r\n', /does not begin as HTTP/],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n', /no name/],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n', /no number/],
    ['another coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', /not known/],
    ['a chunk without a length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n', /no length/],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, /too long/],
    ['a body over the limit', 'HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n', /over 10 bytes/],
    ['a chunk over the limit', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n', /over 10 bytes/],
    ['no end over the limit', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(11)}`, /over 10 bytes/],
  ])('%s is refused', (_, text, message) => {
    expect(() => read('GET', Buffer.from(text), [7], 10)).toThrow(message)
  })

  test('bytes after the end: the connection is not used again', () => {
    const bytes = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP')
    expect(read('GET', bytes, [bytes.length])).toMatchObject({ status: 200, reusable: false })
  })

  test('cut off: nothing', () => {
    expect(read('GET', Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok'), [9])).toBeUndefined()
  })
})
