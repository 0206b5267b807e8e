/** The Lambda API of the sandbox, by a client that nobody here wrote. */
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveLambdaApi } from '../../src/local/lambda/http.ts'
import type { LambdaApi } from '../../src/local/lambda/http.ts'
import { COUNT, ECHO, openLambdaWorld } from './lambda-world.ts'

const { host, deploy, logsFolder, end } = openLambdaWorld()
afterAll(end)

describe('the Lambda API answers Invoke', () => {
  let api: LambdaApi
  let client: LambdaClient
  beforeAll(async () => {
    api = await serveLambdaApi({ host })
    client = new LambdaClient({
      endpoint: api.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      maxAttempts: 1,
    })
  })
  afterAll(async () => {
    client.destroy()
    await api.close()
  })

  const send = (FunctionName: string, more: Partial<InvokeCommand['input']> = {}) =>
    client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from('{"a":1}'), ...more }))

  test("the public SDK invokes by name and by ARN, and gets the log's tail", async () => {
    const name = await deploy("export const handler = async event => { console.log('from inside'); return event }")
    for (const each of [name, `${name}:$LATEST`, `arn:aws:lambda:us-east-1:000000000000:function:${name}`]) {
      const result = await send(each, { LogType: 'Tail' })
      expect(result).toMatchObject({ StatusCode: 200, ExecutedVersion: '$LATEST' })
      expect(result.Payload!.transformToString()).toBe('{"a":1}')
      const tail = Buffer.from(result.LogResult!, 'base64').toString()
      expect(tail).toMatch(/^START RequestId: [^]*from inside[^]*END RequestId: [^]*REPORT RequestId: [^]*\n$/)
    }
    expect((await send(name)).LogResult).toBeUndefined()
  })

  test('D13: it tells how many invocations of a function run, which no API of AWS does', async () => {
    const name = await deploy("export const handler = () => new Promise(resolve => setTimeout(resolve, 1000, 'done'))")
    const running = async () => (await fetch(`${api.endpoint}/weirhouse/functions/${name}/running`)).json()
    expect(await running()).toEqual({ running: 0 })
    const both = [send(name), send(name)]
    await expect.poll(running).toEqual({ running: 2 })
    await Promise.all(both)
    expect(await running()).toEqual({ running: 0 })
  })

  test("the log's tail is its last 4 KiB", async () => {
    const name = await deploy(
      `export const handler = async () => { for (let i = 0; i < 200; i++) console.log('line ' + i + 'x'.repeat(90)) }`,
    )
    const tail = Buffer.from((await send(name, { LogType: 'Tail' })).LogResult!, 'base64')
    expect(tail.length).toBe(4096)
    expect(tail.toString()).toContain('line 199')
  })

  test("a function's error is a result, with FunctionError", async () => {
    const name = await deploy("export const handler = async () => { throw new Error('no') }")
    const result = await send(name)
    expect(result).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' })
    expect(JSON.parse(result.Payload!.transformToString())).toMatchObject({ errorMessage: 'no' })
  })

  test('an event is {} where none is given, and DryRun runs nothing', async () => {
    const name = await deploy(ECHO)
    const { Payload: _, ...input } = { FunctionName: name, Payload: undefined }
    expect((await client.send(new InvokeCommand(input))).Payload!.transformToString()).toBe('{}')
    const other = await deploy(ECHO)
    expect((await send(other, { InvocationType: 'DryRun' })).StatusCode).toBe(204)
    expect(readdirSync(logsFolder)).not.toContain(other)
  })

  test("refusals are AWS's own errors", async () => {
    const busy = await deploy(COUNT, { reservedConcurrency: 0 })
    await expect(send('nobody')).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: expect.stringContaining(':function:nobody'),
      $metadata: { httpStatusCode: 404 },
    })
    await expect(send(busy)).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    })
    await expect(send(busy, { Payload: Buffer.alloc(6 * 1024 * 1024 + 1, 0x20) })).rejects.toMatchObject({
      name: 'RequestTooLargeException',
    })
    await expect(send(busy, { Payload: Buffer.from('{') })).rejects.toMatchObject({
      name: 'InvalidRequestContentException',
    })
    await expect(send(busy, { InvocationType: 'Event' })).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    })
  })

  test.each([
    ['another host name', { host: 'evil.example' }],
    ['a host name that begins like loopback', { host: '127.0.0.1.evil.example' }],
    ['a web page', { origin: 'https://evil.example' }],
  ])('a request by %s is refused', async (_, headers) => {
    const { port } = new URL(api.endpoint)
    const status = await new Promise((resolve, reject) => {
      const path = '/2015-03-31/functions/nobody/invocations'
      const sent = request({ host: '127.0.0.1', port, path, method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      sent.on('error', reject)
      sent.end('{}')
    })
    expect(status).toBe(403)
  })

  test('a port that is taken is WEIR_PORT', async () => {
    await expect(serveLambdaApi({ host, port: Number(new URL(api.endpoint).port) })).rejects.toMatchObject({
      code: 'WEIR_PORT',
    })
  })
})
