import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { choosePorts } from './ports.ts'

test('free ports are all different and can be bound', async () => {
  const ports = await choosePorts(['kafka', 'postgres', 's3'])
  expect(new Set(Object.values(ports)).size).toBe(3)
  const server = createServer().listen(ports.kafka, '127.0.0.1')
  await once(server, 'listening')
  server.close()
})

test('ports from a base are counted up in order', async () => {
  const { first } = await choosePorts(['first'])
  expect(await choosePorts(['a', 'b'], first)).toEqual({ a: first, b: first + 1 })
})

test.each(['127.0.0.1', '0.0.0.0'])('a port taken on %s is named with its server', async (host) => {
  const { port } = await choosePorts(['port'])
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  await expect(choosePorts(['PostgreSQL'], port)).rejects.toMatchObject({
    code: 'WEIR_PORT',
    message: `Port ${port} for PostgreSQL is taken.`,
  })
  server.close()
})

test('a port that is just being given back is waited for', async () => {
  const { port } = await choosePorts(['port'])
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  setTimeout(() => server.close(), 100)
  expect(await choosePorts(['again'], port)).toEqual({ again: port })
})

test('a base too high is refused', async () => {
  await expect(choosePorts(['a', 'b'], 65_535)).rejects.toMatchObject({ code: 'WEIR_USAGE' })
})
