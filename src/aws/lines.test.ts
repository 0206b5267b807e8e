import { createServer as createHttps } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createAuthority } from '../../test/support/certificates.ts'
import { attempt, placeOf } from './attempt.ts'
import { createLines } from './lines.ts'
import type { Lines, Limits } from './lines.ts'

const opened: { close(): void }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})

function linesOf(maxLines: number, limits: Partial<Limits> = {}): Lines {
  const usual = { connectTimeoutMs: 2_000, idleTimeoutMs: 2_000, maxResponseBytes: 1_000 }
  const lines = createLines(maxLines, { ...usual, ...limits })
  opened.push(lines)
  return lines
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Answers each request by what `say` gives for its path; remembers its sockets. */
async function serverOf(say: (path: string, socket: Socket) => string | undefined) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      const answer = say(bytes.toString().split(' ')[1]!, socket)
      if (answer !== undefined) socket.write(answer)
    })
  })
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  opened.push({ close })
  return { url: await listening(server), sockets }
}

async function listening(server: Server): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

const never = new AbortController().signal

function get(lines: Lines, url: URL, target = '/', signal = never) {
  return attempt(
    { place: placeOf(url), method: 'GET', target, headers: { host: url.host }, body: undefined, signal },
    lines,
  )
}

test('D11: one line serves one request after the other, and no more are opened than allowed', async () => {
  const { url, sockets } = await serverOf(() => OK)
  const lines = linesOf(2)
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => get(lines, url)))
  expect(outcomes.every((outcome) => 'response' in outcome)).toBe(true)
  expect(sockets).toHaveLength(2)
})

test('D11: an idle line to another place makes room', async () => {
  const [one, other] = [await serverOf(() => OK), await serverOf(() => OK)]
  const lines = linesOf(1)
  for (const { url } of [one, other, one]) expect(await get(lines, url)).toHaveProperty('response')
  expect([one.sockets.length, other.sockets.length]).toEqual([2, 1])
})

test.each([
  ['the server says so', 'HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 2\r\n\r\nok'],
  ['more came than the answer', `${OK}HTTP`],
])('a line is not used again where %s', async (_, answer) => {
  const { url, sockets } = await serverOf(() => answer)
  const lines = linesOf(1)
  for (let i = 0; i < 2; i++) expect(await get(lines, url)).toHaveProperty('response')
  expect(sockets).toHaveLength(2)
})

test('what is said on an idle line is no answer to the next request', async () => {
  const { url, sockets } = await serverOf(() => OK)
  const lines = linesOf(1)
  await get(lines, url)
  sockets[0]!.write('HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n')
  await new Promise((resolve) => sockets[0]!.once('close', resolve))
  expect(await get(lines, url)).toMatchObject({ response: { status: 200 } })
})

test('stale is only a kept line that ended before a byte of the answer', async () => {
  const said: Record<string, string | undefined> = {
    '/ok': OK,
    '/half': 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf',
  }
  const { url } = await serverOf((path, socket) => {
    if (path !== '/ok') setTimeout(() => socket.destroy(), 20)
    return said[path]
  })
  const lines = linesOf(1)
  expect(await get(lines, url, '/end')).toMatchObject({ code: 'ECONNRESET', stale: false })
  await get(lines, url, '/ok')
  expect(await get(lines, url, '/end')).toMatchObject({ code: 'ECONNRESET', stale: true })
  await get(lines, url, '/ok')
  expect(await get(lines, url, '/half')).toMatchObject({ code: 'ECONNRESET', stale: false })
})

test('D10: the deadline ends a request that waits for a line, and one on a line', async () => {
  const { url, sockets } = await serverOf(() => undefined)
  const lines = linesOf(1)
  const deadline = new AbortController()
  const both = [get(lines, url, '/', deadline.signal), get(lines, url, '/', deadline.signal)]
  while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  deadline.abort()
  for (const outcome of await Promise.all(both)) expect(outcome).toMatchObject({ code: 'ETIMEDOUT', stale: false })
  expect(await get(lines, url, '/', deadline.signal)).toMatchObject({ code: 'ETIMEDOUT' })
})

test('no header begins another', async () => {
  const { url } = await serverOf(() => OK)
  const wire = { place: placeOf(url), method: 'GET', target: '/', body: undefined, signal: never }
  await expect(attempt({ ...wire, headers: { a: 'b\r\nc: d' } }, linesOf(1))).rejects.toThrow(/header a/)
})

describe('TLS', () => {
  const ours = createAuthority('ours')
  const { certificate, key } = ours.issue('localhost', ['localhost'])
  const server = createHttps({ cert: certificate, key }, (_, response) => response.end('ok'))
  const trusted = getCACertificates('default')
  let port: number
  beforeAll(async () => {
    port = Number((await listening(server)).port)
  })
  afterAll(() => {
    setDefaultCACertificates(trusted)
    server.close()
  })
  const from = (host: string) => get(linesOf(1), new URL(`https://${host}:${port}`))

  test('an authority that nobody named is not trusted', async () => {
    expect(await from('localhost')).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', stale: false })
  })

  test('the certificate is that of the host', async () => {
    setDefaultCACertificates([...trusted, ours.certificate])
    expect(await from('localhost')).toMatchObject({ response: { status: 200 } })
    expect(await from('127.0.0.1')).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  test('a session is resumed', async () => {
    setDefaultCACertificates([...trusted, ours.certificate])
    const reused: boolean[] = []
    server.on('secureConnection', (socket) => reused.push(socket.isSessionReused()))
    const lines = linesOf(1)
    const url = new URL(`https://localhost:${port}`)
    await get(lines, url)
    lines.close()
    await get(lines, url)
    expect(reused).toEqual([false, true])
  })
})
