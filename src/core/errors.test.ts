import { describe, expect, test } from 'vitest'
import { errorTable } from './error-table.ts'
import { messageOf, WeirError, withCode } from './errors.ts'
import type { ThrownCode } from './errors.ts'

describe('WeirError', () => {
  test('carries code, text, cure, and whether to try again', () => {
    const cause = new Error('why')
    const error = new WeirError('WEIR_UNKNOWN', { what: 'topic', name: 'x', known: 'a, b' }, { cause })
    expect(error).toMatchObject({
      name: 'WeirError',
      code: 'WEIR_UNKNOWN',
      message: 'There is no topic "x"; there are: a, b.',
      cure: 'Check the spelling.',
      retryable: false,
      details: { what: 'topic', name: 'x', known: 'a, b' },
      cause,
    })
    expect(error.toLine()).toBe('WEIR_UNKNOWN: There is no topic "x"; there are: a, b. Check the spelling.')
  })

  test('what is not given is said to be unknown, and what looks like a pattern stays', () => {
    expect(new WeirError('WEIR_UNKNOWN', { what: null, name: '$& {known}' }).message).toBe(
      'There is no unknown "$& {known}"; there are: unknown.',
    )
  })

  test('the line cannot steer the terminal', () => {
    expect(new WeirError('WEIR_EVENT_MALFORMED', { reason: 'a\u001B[2Jb\u202E' }).toLine()).toContain(
      'a\\u{1b}[2Jb\\u{202e}.',
    )
  })

  test('the line is one line', () => {
    expect(new WeirError('WEIR_EVENT_MALFORMED', { reason: 'a\n  b' }).toLine()).toMatch(/a b\. /)
  })
})

describe('the table', () => {
  test.each(Object.entries(errorTable))('%s says what happened and what to do', (code, entry) => {
    expect(code).toMatch(/^WEIR_[A-Z]+(_[A-Z]+)*$/)
    expect(entry.message).not.toBe('')
    expect(entry.cure).not.toBe('')
    expect(new WeirError(code as ThrownCode).retryable).toBe(entry.retryable)
  })
})

test('a text that says its code already does not get it twice', () => {
  expect(withCode('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1')).toBe('connect ECONNREFUSED 127.0.0.1:1')
  expect(withCode('Throttled', 'slow down')).toBe('Throttled: slow down')
})

describe('messageOf', () => {
  class Odd extends Error {
    override get message(): string {
      throw new Error('no message either')
    }
  }
  test.each<[string, unknown, string]>([
    ['an error', new Error('a'), 'a'],
    ['an aggregate without a text of its own', new AggregateError([new Error('a'), 'b']), 'a; b'],
    ['an aggregate with one', new AggregateError([new Error('a')], 'all'), 'all'],
    ['an error whose message is no text', Object.assign(new Error(), { message: { why: 1 } }), '[object Object]'],
    ['text', 'a', 'a'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), 'something that has no text was thrown'],
    ['an error whose message throws', new Odd(), 'something that has no text was thrown'],
  ])('%s', (_, thrown, expected) => {
    expect(messageOf(thrown)).toBe(expected)
  })
})
