import { describe, expect, test } from 'vitest'
import { anything, flag, listOf, object, oneOf, optional, parseShape, recordOf, text, whole } from './shape.ts'

const shape = object({
  host: text(),
  bucket: text(/^[a-z]+$/, 'a name of a bucket'),
  port: whole(1, 65_535),
  auth: optional(oneOf('password', 'iam'), 'password'),
  password: optional(text(/^/)),
  short: optional(text(/^/, 'short text', 3)),
  dry: optional(flag()),
  sinks: optional(recordOf(recordOf(anything())), {}),
  inner: optional(object({ names: listOf(text()) })),
})
const good = { host: 'h', bucket: 'b', port: 5432 }

test('what fits is given back with its defaults', () => {
  expect(parseShape(shape, good, 'X')).toEqual({ ...good, auth: 'password', sinks: {} })
  const all = { ...good, auth: 'iam', password: '', dry: true, sinks: { a: { b: [1] } }, inner: { names: ['n'] } }
  expect(parseShape(shape, all, 'X')).toEqual(all)
})

describe('what does not fit is WEIR_DEFINITION_INVALID, which names the place', () => {
  test.each([
    [null, 'value: expected an object, got null'],
    [[], 'value: expected an object, got an array'],
    ['text', 'value: expected an object, got string'],
    [{ ...good, host: '' }, 'host: expected text, got string'],
    [{ ...good, host: 5 }, 'host: expected text, got number'],
    [{ ...good, bucket: 'B' }, 'bucket: expected a name of a bucket, got string'],
    [{ ...good, port: '5432' }, 'port: expected a whole number from 1 to 65535, got string'],
    [{ ...good, port: 0 }, 'port: expected a whole number from 1 to 65535, got number'],
    [{ ...good, port: 1.5 }, 'port: expected a whole number from 1 to 65535, got number'],
    [{ ...good, auth: 'kerberos' }, "auth: expected 'password' or 'iam', got string"],
    [{ ...good, short: 'long' }, 'short: expected short text, got string'],
    [{ ...good, dry: 1 }, 'dry: expected true or false, got number'],
    [{ ...good, sinks: { a: 1, b: {} } }, 'sinks.a: expected an object, got number'],
    [{ ...good, inner: { names: {} } }, 'inner.names: expected an array, got object'],
    [{ ...good, inner: { names: ['a', 1] } }, 'inner.names.1: expected text, got number'],
    [{ ...good, inner: {} }, 'inner.names: expected an array, got undefined'],
    [{ ...good, prot: 1, toString: 2 }, 'prot: there is no such option; toString: there is no such option'],
    [{}, 'host: expected text, got undefined; bucket: expected a name of a bucket, got undefined; port: '],
  ])('%j', (value, reason) => {
    expect(() => parseShape(shape, value, 'WEIRHOUSE_BINDINGS')).toThrow(`WEIRHOUSE_BINDINGS: ${reason}`)
  })
})

test('N5: no fault quotes a value', () => {
  const secret = 'do-not-print-me'
  for (const name of Object.keys({ ...good, auth: 1, dry: 1, sinks: 1, inner: 1 })) {
    let message = ''
    try {
      parseShape(shape, { ...good, [name]: name === 'host' ? [secret] : secret }, 'X')
    } catch (error) {
      message = String(error)
    }
    expect(message).not.toContain(secret)
  }
})
