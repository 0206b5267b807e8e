import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LONGEST_PAUSE_MS, outcomeOf, outcomeOfFailedCall, pauseMs } from './failures.ts'
import type { InvokeResult } from './invoker.ts'

const result = (given: Partial<InvokeResult>): InvokeResult => ({
  statusCode: 200,
  payload: Buffer.from('null'),
  requestId: 'r',
  executedVersion: '$LATEST',
  ...given,
})

describe('what became of an invocation', () => {
  test.each([
    ['E14: any answer is success', result({}), 'succeeded'],
    ['E14: no payload is success', result({ payload: Buffer.alloc(0) }), 'succeeded'],
    [
      'E14: partial failures are not looked at where they are not enabled',
      result({ payload: Buffer.from('{"batchItemFailures":[{"itemIdentifier":"x"}]}') }),
      'succeeded',
    ],
    [
      'E15: the function threw, timed out, ran out of memory or exited',
      result({ functionError: 'Unhandled' }),
      'function-error',
    ],
    ['E15: malformed response', result({ payload: Buffer.from('{"a":') }), 'function-error'],
    ['E15: throttled', result({ statusCode: 429 }), 'throttled'],
    ['E15: service error', result({ statusCode: 500, functionError: 'Unhandled' }), 'service-error'],
    ['E15: no such function', result({ statusCode: 404 }), 'service-error'],
  ])('%s', (_, given, kind) => {
    expect(outcomeOf(given).kind).toBe(kind)
  })

  test('E15: a call that failed is a service error', () => {
    expect(outcomeOfFailedCall(new Error('connect ECONNREFUSED'))).toEqual({
      kind: 'service-error',
      reason: 'connect ECONNREFUSED',
    })
  })

  test("the reason is the function's own error", () => {
    const payload = Buffer.from('{"errorType":"TypeError","errorMessage":"no","trace":[]}')
    expect(outcomeOf(result({ functionError: 'Unhandled', payload }))).toMatchObject({ reason: 'TypeError: no' })
  })
})

describe('E14: the pause before the next try', () => {
  test('grows, and is bounded', () => {
    const most = (tries: number) => pauseMs(tries, () => 0.999999)
    expect([1, 2, 3, 4].map(most)).toEqual([199, 399, 799, 1599])
    expect(most(50)).toBe(LONGEST_PAUSE_MS - 1)
  })
  test('is anything below its bound', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (tries, chance) => {
          const pause = pauseMs(tries, () => chance)
          expect(pause).toBeGreaterThanOrEqual(0)
          expect(pause).toBeLessThan(LONGEST_PAUSE_MS)
        },
      ),
    )
  })
})
