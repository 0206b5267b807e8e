/** D8: every row of the table, as the service tells it over the wire, and what the client and a sink make of it. */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { faultTable } from './fault-table.ts'
import type { FaultKind } from './fault-table.ts'
import { createAwsClient, dynamo, s3, storeError } from './index.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Answers with the fault, in the service's own form, until it is asked a third time. */
async function failing(service: 'dynamodb' | 's3', name: string) {
  let asked = 0
  const document =
    service === 's3'
      ? `<?xml version="1.0"?><Error><Code>${name}</Code><Message>why</Message></Error>`
      : JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'why' })
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(++asked < 3 ? 400 : 200).end(asked < 3 ? document : '{}'))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = createAwsClient({
    service,
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: () => ({ accessKeyId: 'id', secretAccessKey: 'secret' }),
    ports: { clock: { now: () => 0, sleep: () => Promise.resolve() }, random: () => 0 },
  })
  const deadline = { remaining: () => 5_000, signal: AbortSignal.timeout(5_000) }
  const ask = () =>
    service === 's3'
      ? s3(client, true).request({ operation: 'PutObject', method: 'PUT', bucket: 'b', key: 'k', body: 'a', deadline })
      : dynamo(client).call('PutItem', {}, deadline)
  return { ask, asked: () => asked, client }
}

/** What a sink throws. */
const CODES: Readonly<Record<FaultKind, string>> = {
  retryable: 'WEIR_STORE_UNAVAILABLE',
  misconfigured: 'WEIR_STORE_MISCONFIGURED',
  refused: 'WEIR_REQUEST_FAILED',
  answer: 'WEIR_REQUEST_FAILED',
}

const told = Object.entries(faultTable)
  .filter(([name]) => !/^E[A-Z]|^CERT|^DEPTH|^SELF_|^UNABLE/.test(name))
  .flatMap(([name, { kind }]) => ['', 'Exception', 'Error'].map((end) => [name + end, kind] as const))

describe.each(['dynamodb', 's3'] as const)('told by %s', (service) => {
  test.each(told)('D8: %s is %s', async (name, kind) => {
    const { ask, asked, client } = await failing(service, name)
    if (kind === 'retryable') {
      await ask()
      expect(asked()).toBe(3)
    } else {
      const fault: unknown = await ask().then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(fault).toMatchObject({ name, kind })
      expect(asked()).toBe(1)
      expect(storeError(fault, 'kv')).toMatchObject({ code: CODES[kind], retryable: false })
    }
    client.close()
  })
})

test('D8: what needs a person says what to do', () => {
  for (const { kind, advice } of Object.values(faultTable))
    if (kind === 'misconfigured') expect(advice!.length).toBeGreaterThan(20)
    else expect(advice).toBeUndefined()
})
