import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { MAX_PAYLOAD_BYTES } from '../core/limits.ts'
import { functionsFor, invokeFunction } from './invoke.ts'

const { signal } = new AbortController()

async function endpointOf(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('asks as the Lambda API wants it, and gives status, response and log', async () => {
  const endpoint = await endpointOf((request, response) => {
    expect(request.method).toBe('POST')
    expect(request.url).toBe('/2015-03-31/functions/f%20n/invocations')
    expect(request.headers).toMatchObject({ 'x-amz-invocation-type': 'RequestResponse', 'x-amz-log-type': 'Tail' })
    response.setHeader('x-amzn-requestid', 'r-1')
    response.setHeader('x-amz-log-result', Buffer.from('a line\n').toString('base64'))
    request.pipe(response)
  })
  expect(await invokeFunction({ endpoint, functionName: 'f n' }, Buffer.from('{"a":1}'), signal)).toEqual({
    statusCode: 200,
    requestId: 'r-1',
    payload: { a: 1 },
    log: 'a line\n',
  })
})

test("a function's own error is a result", async () => {
  const endpoint = await endpointOf((_, response) => {
    response.setHeader('x-amz-function-error', 'Unhandled')
    response.end('{"errorType":"Error"}')
  })
  expect(await invokeFunction({ endpoint, functionName: 'f' }, Buffer.from('{}'), signal)).toMatchObject({
    functionError: 'Unhandled',
    payload: { errorType: 'Error' },
  })
})

test.each([
  ['{"Type":"User","Message":"no such function"}', 'no such function'],
  ['{"message":"slow down"}', 'slow down'],
  ['broken', 'broken'],
])('a refusal %s says why', async (body, reason) => {
  const endpoint = await endpointOf((_, response) => {
    response.writeHead(404, { 'x-amzn-errortype': 'ResourceNotFoundException' }).end(body)
  })
  await expect(invokeFunction({ endpoint, functionName: 'f' }, Buffer.from('{}'), signal)).rejects.toMatchObject({
    code: 'WEIR_REQUEST_FAILED',
    message: `Lambda Invoke answered 404 ResourceNotFoundException: ${reason}.`,
  })
})

test('nobody there, and an event too large', async () => {
  const target = { endpoint: 'http://127.0.0.1:1', functionName: 'f' }
  await expect(invokeFunction(target, Buffer.from('{}'), signal)).rejects.toMatchObject({ code: 'WEIR_REQUEST_FAILED' })
  await expect(invokeFunction(target, Buffer.alloc(MAX_PAYLOAD_BYTES + 1), signal)).rejects.toMatchObject({
    code: 'WEIR_PAYLOAD_TOO_LARGE',
  })
})

test.each<[what: string, event: unknown, functions: string[]]>([
  ['records of one', { records: { 'a-0': [{ topic: 'a' }], 'a-1': [{ topic: 'a' }] } }, ['fa']],
  ['records of one that two read', { records: { 'b-0': [{ topic: 'b' }] } }, ['fb', 'fc']],
  ['records of two', { records: { 'a-0': [{ topic: 'a' }], 'b-0': [{ topic: 'b' }] } }, ['fa', 'fb', 'fc']],
  ['a topic that nobody reads', { records: { 'x-0': [{ topic: 'x' }] } }, ['fa', 'fb', 'fc']],
  ['no records', { records: { 'a-0': [] } }, ['fa', 'fb', 'fc']],
  ['no topic', { records: { 'a-0': [null, { topic: 1 }], 'a-1': 'a' } }, ['fa', 'fb', 'fc']],
  ['records that are none', { records: null }, ['fa', 'fb', 'fc']],
  ['nothing', null, ['fa', 'fb', 'fc']],
])('an event with %s is for those who read it, else it may be for any', (_, event, functions) => {
  const pipelines = ['a', 'b', 'c'].map((name) => ({ topic: name === 'a' ? 'a' : 'b', function: `f${name}` }))
  expect(functionsFor(pipelines, Buffer.from(JSON.stringify(event)))).toEqual(functions)
})

test('an event that is no JSON may be for any', () => {
  expect(functionsFor([{ topic: 'a', function: 'fa' }], Buffer.from('{'))).toEqual(['fa'])
})
