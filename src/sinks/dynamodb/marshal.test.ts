import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalDecimal, decimalBytes, decimalFault, parseDecimal } from './decimal.ts'
import { marshal, marshalNumeric, UnholdableError } from './marshal.ts'

const meter = () => ({ bytes: 0 })
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])

describe('decimals', () => {
  test.each([
    ['0', '0', 1],
    ['-0', '0', 1],
    ['000', '0', 1],
    ['1', '1e0', 2],
    ['1.0', '1e0', 2],
    ['0100', '1e2', 2],
    ['1e2', '1e2', 2],
    ['-12.50', '-125e1', 4],
    ['0.00123', '123e-3', 3],
    ['1.5E-7', '15e-7', 2],
    ['12345', '12345e4', 4],
  ])('%s is %s in %i bytes', (text, canonical, bytes) => {
    const decimal = parseDecimal(text)!
    expect(canonicalDecimal(decimal)).toBe(canonical)
    expect(decimalBytes(decimal)).toBe(bytes)
    expect(decimalFault(decimal)).toBeUndefined()
  })

  test.each(['', ' 1', '1 ', '.5', '5.', '+1', '0x1', 'NaN', 'Infinity', '1e', '1e1234567', '1_000', '١'])(
    '%j is none',
    (text) => expect(parseDecimal(text)).toBeUndefined(),
  )

  test.each([
    ['1'.repeat(38), true],
    ['1'.repeat(39), false],
    [`${'1'.repeat(38)}000`, true],
    ['9.99e125', true],
    ['1e126', false],
    ['1e-130', true],
    ['9.9e-131', false],
    ['0e999', true],
  ])('%s can be held: %s', (text, fits) => expect(decimalFault(parseDecimal(text)!) === undefined).toBe(fits))
})

describe('marshalling', () => {
  test('text is what JSON makes of it, and counted in UTF-8, however short or long', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom('"', '\\', '\x1f', '\x7f', 'a'),
    )
    const texts = fc.oneof(
      fc.string({ unit, maxLength: 6 }),
      fc.string({ unit: fc.constantFrom('a', '"'), minLength: 60, maxLength: 70 }),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const count = meter()
        expect(marshal(text, 'x', count)).toBe(`{"S":${JSON.stringify(text)}}`)
        expect(count.bytes).toBe(Buffer.byteLength(text))
      }),
      { numRuns: 500 },
    )
  })

  test.each<[string, unknown, string, number]>([
    ['text', 'é"\n', '{"S":"é\\"\\n"}', 4],
    ['empty text', '', '{"S":""}', 0],
    ['a number', -1.5, '{"N":"-1.5"}', 3],
    ['a large number', 1e21, '{"N":"1e+21"}', 2],
    ['a bigint', 2n ** 100n, '{"N":"1267650600228229401496703205376"}', 17],
    ['true', true, '{"BOOL":true}', 1],
    ['null', null, '{"NULL":true}', 1],
    ['bytes', Buffer.from([0, 255]), '{"B":"AP8="}', 2],
    ['a window on bytes', new Uint8Array([9, 0, 255, 9]).subarray(1, 3), '{"B":"AP8="}', 2],
    ['a date', new Date(0), '{"S":"1970-01-01T00:00:00.000Z"}', 24],
    ['a list', [1, null], '{"L":[{"N":"1"},{"NULL":true}]}', 3 + 2 + 2 + 1],
    [
      'members that are undefined',
      { no: undefined, a: 1, gone: undefined, b: 2 },
      '{"M":{"a":{"N":"1"},"b":{"N":"2"}}}',
      3 + 8,
    ],
    ['a map', { a: 'b', gone: undefined }, '{"M":{"a":{"S":"b"}}}', 3 + 1 + 1 + 1],
    ['a Map', new Map([['a', 'b']]), '{"M":{"a":{"S":"b"}}}', 6],
    ['a map without prototype', Object.assign(Object.create(null), { a: 1 }), '{"M":{"a":{"N":"1"}}}', 7],
    [
      '__proto__',
      JSON.parse('{"__proto__":{"x":1}}'),
      '{"M":{"__proto__":{"M":{"x":{"N":"1"}}}}}',
      3 + 1 + 9 + 3 + 1 + 1 + 2,
    ],
    ['a set of text', new Set(['b', 'a']), '{"SS":["b","a"]}', 2],
    ['a set of numbers', new Set([1, 2n]), '{"NS":["1","2"]}', 4],
    ['a set of bytes', new Set([Buffer.from('x')]), '{"BS":["eA=="]}', 1],
    ['31 levels', nested(31), `${'{"L":['.repeat(31)}{"N":"1"}${']}'.repeat(31)}`, 31 * 4 + 2],
  ])('%s', (_, value, json, bytes) => {
    const size = meter()
    expect(marshal(value, 'a', size)).toBe(json)
    expect(size.bytes).toBe(bytes)
  })

  test.each<[string, unknown, RegExp]>([
    ['NaN', NaN, /^a: no decimal number/],
    ['Infinity', -Infinity, /no decimal number/],
    ['too large a number', 1e126, /1E\+126/],
    ['too small a number', 5e-324, /nearer to zero/],
    ['39 digits', BigInt('1'.repeat(39)), /39 digits/],
    ['a lone surrogate', { b: ['x\ud800'] }, /^a\.b\[0\]: text with a lone surrogate/],
    ['a name with a lone surrogate', { '\udc00': 1 }, /name with a lone surrogate/],
    ['an empty name', { '': 1 }, /^a: an empty attribute name/],
    ['a long name', { ['n'.repeat(65_536)]: 1 }, /65536 bytes/],
    ['32 levels', nested(32), /32 levels/],
    ['undefined in a list', [undefined], /type undefined/],
    ['a function', { f: () => 1 }, /^a\.f: a value of type function/],
    ['an instance', { re: /x/ }, /an instance of RegExp/],
    ['an invalid date', new Date(NaN), /invalid date/],
    ['an empty set', new Set(), /empty set/],
    ['a mixed set', new Set(['1', 1]), /not all text/],
    ['a set with equal numbers', new Set([1, 1n]), /equal members/],
    ['a set with equal bytes', new Set([Buffer.from('x'), Buffer.from('x')]), /equal members/],
    ['a Map with other keys', new Map([[1, 1]]), /no text/],
  ])('D6: %s is refused, never altered', (_, value, message) => {
    const work = () => marshal(value, 'a', meter())
    expect(work).toThrow(UnholdableError)
    expect(work).toThrow(message)
  })

  test('a value that holds itself is refused', () => {
    const ring: Record<string, unknown> = {}
    ring.self = ring
    expect(() => marshal(ring, 'a', meter())).toThrow(/levels/)
  })

  test('N5: no value stands in a message', () => {
    expect(() => marshal('secret\ud800', 'a', meter())).toThrow(/^((?!secret).)*$/s)
  })

  test.each<[unknown, string]>([
    ['123456789012345678901234567890.12345678', '{"N":"123456789012345678901234567890.12345678"}'],
    ['1e3', '{"N":"1e3"}'],
    [5, '{"N":"5"}'],
    [null, '{"NULL":true}'],
  ])('decimal text %j, digit for digit', (value, json) => expect(marshalNumeric(value, 'a', meter())).toBe(json))

  test('text that is no decimal number is refused where one is declared', () => {
    expect(() => marshalNumeric('12a', 'a', meter())).toThrow(/no decimal number/)
  })
})

test('doubles have the text and the bytes of their decimal', () => {
  const double = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger())
  const near = fc
    .tuple(fc.integer({ min: -9999, max: 9999 }), fc.integer({ min: -9, max: 23 }))
    .map(([digits, power]) => Number(`${digits}e${power}`))
  const holdable = fc.oneof(double, near).filter((value) => decimalFault(parseDecimal(String(value))!) === undefined)
  fc.assert(
    fc.property(holdable, (value) => {
      const counted = meter()
      expect(marshal(value, 'n', counted)).toBe(`{"N":"${String(value)}"}`)
      expect(counted.bytes).toBe(decimalBytes(parseDecimal(String(value))!))
    }),
    { numRuns: 2_000 },
  )
})
