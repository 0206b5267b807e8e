import { assert, jsonValue, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical, decimal, differingMembers, exactNumber, parseExact } from './canonical.ts'

describe('canonical text', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['0.00', '0'],
    ['100', '100'],
    ['1e2', '100'],
    ['1e39', `1${'0'.repeat(39)}`],
    ['1e40', '1e40'],
    ['0.10', '1e-1'],
    ['100e-3', '1e-1'],
    ['+7', '7'],
    ['-12.50', '-125e-1'],
    ['12345678901234567890.123', '12345678901234567890123e-3'],
    ['1.5E+300', '15e299'],
    ['NaN', '"NaN"'],
  ])('decimal %s is %s', (text, expected) => expect(decimal(text)).toBe(expected))

  test.each([
    ['{"b":1,"a":[1.0,2e0]}', '{"a":[1,2],"b":1}', true],
    ['9007199254740993', '9007199254740992', false],
    ['{"a":null}', '{}', false],
    ['"1"', '1', false],
    ['{"__proto__":1}', '{}', false],
    ['0.1', '0.10000000000000000001', false],
  ])('%s and %s', (a, b, equal) => expect(canonical(parseExact(a)) === canonical(parseExact(b))).toBe(equal))

  test('says of values what JSON.stringify would say', () => {
    assert(
      property(jsonValue(), (value) => {
        expect(canonical(value)).toBe(canonical(parseExact(JSON.stringify(value))))
      }),
    )
  })

  test('is JSON again, and reading it changes nothing', () => {
    assert(
      property(jsonValue(), (value) => {
        const text = canonical(value)
        expect(canonical(parseExact(text))).toBe(text)
      }),
    )
  })

  test('dates, missing members, bytes, sets and exact numbers', () => {
    expect(canonical({ at: new Date(0), gone: undefined, list: [undefined] })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","list":[null]}',
    )
    expect(canonical(Buffer.from('hi'))).toBe('{"$bytes":"aGk="}')
    expect(canonical(new Set(['b', 'a']))).toBe('{"$set":["a","b"]}')
    expect(canonical([10n, exactNumber('10.0'), 10])).toBe('[10,10,10]')
  })

  test('names the members that differ, beyond a double as well', () => {
    expect(differingMembers('{"a":1,"b":2,"c":9007199254740993}', '{"a":1,"b":3,"c":9007199254740992}')).toEqual([
      'b',
      'c',
    ])
    expect(differingMembers('{"a":1}', '{}')).toEqual(['a'])
    expect(differingMembers('1', '2')).toEqual([])
  })
})
