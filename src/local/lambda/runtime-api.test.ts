import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAX_RESPONSE_BYTES } from './answers.ts'
import { startRuntimeApi } from './runtime-api.ts'
import type { Answer, RuntimeApi, RuntimeEvent } from './runtime-api.ts'

const event: RuntimeEvent = {
  requestId: 'r1',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
  deadline: 1_700_000_000_123,
  traceId: 'Root=1-0-0',
  payload: Buffer.from('{"a":1}'),
}

describe('the Runtime API', () => {
  let api: RuntimeApi
  let answers: Answer[]
  let initErrors: string[]
  let asked: PromiseWithResolvers<void>

  beforeEach(async () => {
    answers = []
    initErrors = []
    asked = Promise.withResolvers()
    api = await startRuntimeApi({
      onNext: () => asked.resolve(),
      onAnswer: (answer) => answers.push(answer),
      onInitError: (payload) => initErrors.push(payload.toString()),
    })
  })
  afterEach(() => api.close())

  const call = (path: string, init?: RequestInit) => fetch(`http://${api.address}/2018-06-01/runtime/${path}`, init)
  const post = (path: string, body: string | Uint8Array<ArrayBuffer> = '"ok"') => call(path, { method: 'POST', body })
  const begin = async (): Promise<Response> => {
    const next = call('invocation/next')
    await asked.promise
    api.send(event)
    return next
  }

  test('E32: next waits for an event and gives it with its headers', async () => {
    const response = await begin()
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'lambda-runtime-aws-request-id': 'r1',
      'lambda-runtime-deadline-ms': '1700000000123',
      'lambda-runtime-invoked-function-arn': event.functionArn,
      'lambda-runtime-trace-id': 'Root=1-0-0',
    })
    expect(await response.text()).toBe('{"a":1}')
  })

  test.each(['response', 'error'] as const)('E32: %s is taken with 202', async (kind) => {
    await begin()
    expect((await post(`invocation/r1/${kind}`)).status).toBe(202)
    expect(answers).toEqual([{ kind, payload: Buffer.from('"ok"') }])
  })

  test('E32: init/error is taken with 202', async () => {
    expect((await post('init/error', '{"errorType":"X"}')).status).toBe(202)
    expect(initErrors).toEqual(['{"errorType":"X"}'])
  })

  test('E34: an unknown request id is refused, and a second answer', async () => {
    expect((await post('invocation/r1/response')).status).toBe(400)
    await begin()
    const unknown = await post('invocation/r2/response')
    expect([unknown.status, await unknown.json()]).toEqual([
      400,
      expect.objectContaining({ errorType: 'InvalidRequestID' }),
    ])
    await post('invocation/r1/response')
    expect((await post('invocation/r1/error')).status).toBe(403)
    expect(answers).toHaveLength(1)
  })

  test('E34: a response that is too large is 413 and an error of the function', async () => {
    await begin()
    expect((await post('invocation/r1/response', new Uint8Array(MAX_RESPONSE_BYTES + 1))).status).toBe(413)
    expect(answers).toEqual([{ kind: 'error', payload: expect.any(Buffer) }])
    expect(answers[0]!.payload.toString()).toContain('Function.ResponseSizeTooLarge')
  })

  test('next is refused while the current event has no answer, and while another waits', async () => {
    await begin()
    expect((await call('invocation/next')).status).toBe(403)
  })

  test.each(['', 'invocation', 'invocation/r1', 'invocation/r1/response/more', 'init/next', 'exit/error'])(
    'there is no path %j',
    async (path) => {
      expect((await post(path)).status).toBe(404)
    },
  )
})
