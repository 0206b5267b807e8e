import { unicode } from '../../../test/support/arbitraries.ts'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exactJson, numberSurvives } from './exact-json.ts'

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)
const objects = (depth: number) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)

describe('exact: every store holds it', () => {
  test.each<[text: string, value: unknown]>([
    ['1.0', 1],
    ['1e2', 100],
    ['1E+2', 100],
    ['0.1', 0.1],
    ['0.10', 0.1],
    ['0', 0],
    ['0.0', 0],
    ['0e5', 0],
    ['-1', -1],
    ['9007199254740993e1', undefined],
    ['12345678901234567000', 12345678901234567000],
    ['1E125', 1e125],
    ['9.99e125', 9.99e125],
    ['1e-130', 1e-130],
    ['""', ''],
    ['"a"', 'a'],
    ['[]', []],
    ['{}', {}],
    ['null', null],
    ['true', true],
    [' \t\r\n{ "a" : [ 1 , 2 ] } \n', { a: [1, 2] }],
    ['{"a":""}', { a: '' }],
    ['[""]', ['']],
    ['{"a":{"b":1},"b":{"a":1}}', { a: { b: 1 }, b: { a: 1 } }],
    ['[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ['{"2":1,"1":2}', { 1: 2, 2: 1 }],
    [String.raw`"\\u0000"`, String.raw`\u0000`],
    [String.raw`"\u00e9\/\n"`, 'é/\n'],
    [String.raw`"\ud83d\ude00"`, '😀'],
    ['"😀"', '😀'],
    ['"a\\":"', 'a":'],
    [nested(31), JSON.parse(nested(31))],
    [objects(31), JSON.parse(objects(31))],
  ])('%s', (text, value) => {
    expect(exactJson(text)).toEqual(value === undefined ? { exact: false } : { exact: true, value })
  })

  test('__proto__ is a name like any other', () => {
    const result = exactJson('{"__proto__":{"a":1}}')
    expect(result.exact && JSON.stringify(result.value)).toBe('{"__proto__":{"a":1}}')
  })
})

describe('not exact: some store could not hold it', () => {
  test.each([
    ['', 'nothing'],
    [' ', 'nothing but space'],
    ['\uFEFF{}', 'a byte order mark'],
    ['{a:1}', 'no JSON'],
    ['[1,]', 'no JSON'],
    ['NaN', 'no JSON'],
    ['01', 'no JSON'],
    ['-0', 'negative zero'],
    ['-0.0e7', 'negative zero'],
    ['12345678901234567890', 'more digits than a double has'],
    ['0.1000000000000000055511151231257827', 'more digits than a double has'],
    ['9007199254740993', 'more digits than a double has'],
    ['1e400', 'beyond a double'],
    ['-1e400', 'beyond a double'],
    ['1e-400', 'below a double'],
    ['1e126', 'beyond DynamoDB'],
    ['1e-131', 'below DynamoDB'],
    ['5e-324', 'below DynamoDB'],
    ['1e-99999999999999999999', 'below everything'],
    ['{"a":1,"a":2}', 'a name twice'],
    ['{"a":1,"a":1}', 'a name twice, equal'],
    [String.raw`{"a":1,"\u0061":2}`, 'a name twice, once escaped'],
    ['[{"b":{"a":1,"c":[{"a":2}],"a":3}}]', 'a name twice, deep'],
    ['{"__proto__":1,"__proto__":2}', 'a name twice'],
    ['{"":1}', 'an empty name'],
    ['{"a":{"" :1}}', 'an empty name'],
    [String.raw`"\ud800"`, 'a lone surrogate'],
    [String.raw`"\udc00\ud800"`, 'lone surrogates'],
    ['"\uD800"', 'a lone surrogate, raw'],
    [String.raw`{"\ud800":1}`, 'a lone surrogate in a name'],
    [String.raw`"a\u0000b"`, 'NUL'],
    [String.raw`{"\u0000":1}`, 'NUL in a name'],
    [String.raw`"\\\u0000"`, 'NUL after a backslash'],
    [nested(32), 'too deep'],
    [objects(32), 'too deep'],
    [nested(100_000), 'far too deep'],
    [`{"${'n'.repeat(65_536)}":1}`, 'a name over 64 KB'],
    [`{"${'é'.repeat(32_768)}":1}`, 'a name over 64 KB in UTF-8'],
  ])('%.60s: %s', (text) => {
    expect(exactJson(text)).toEqual({ exact: false })
  })

  test('the longest name is exact', () => {
    expect(exactJson(`{"${'n'.repeat(65_535)}":1}`).exact).toBe(true)
  })
})

/** Values that meet the edges: odd numbers, odd strings, repeated shapes. */
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e21, 1e-7, 1e125, 1e126, 1e-130, 1e-131, 5e-324, 2 ** 53, 1e20),
)
const string = fc.oneof(
  fc.string(),
  unicode(),
  fc.constantFrom('', '\0', '\uD800', '\\u0000', '"":', '1e+5', '__proto__', '\uFFFF'),
)
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    number,
    string,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(string, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}))

test('the quick yes and the walk agree: the same value, written plainly and with space, is judged alike', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const plain = JSON.stringify(value)
      const spaced = JSON.stringify(value, null, 1).replaceAll('":', '" :') // never what JavaScript itself would write
      const [quick, walked] = [exactJson(plain), exactJson(` ${plain}`)]
      expect(walked).toEqual(quick)
      if (!JSON.stringify(value).includes(String.raw`\":`)) expect(exactJson(spaced).exact).toBe(quick.exact)
    }),
    { numRuns: 500 },
  )
})

test('what is exact survives JSON and meets every limit', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.json(),
        anyValue.map((value) => JSON.stringify(value)),
      ),
      (text) => {
        const result = exactJson(text)
        if (!result.exact) return
        expect(JSON.parse(JSON.stringify(result.value))).toStrictEqual(result.value)
        expect(faultsOf(result.value, 0)).toEqual([])
      },
    ),
    { numRuns: 500 },
  )
})

/** The limits once more, plainly. */
function faultsOf(value: unknown, depth: number): string[] {
  if (typeof value === 'number') {
    const inRange = value === 0 || (Math.abs(value) >= 1e-130 && Math.abs(value) < 1e126)
    return Object.is(value, -0) || !Number.isFinite(value) || !inRange ? [`number ${value}`] : []
  }
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed() ? ['string'] : []
  if (typeof value !== 'object' || value === null) return []
  if (depth >= 31) return ['depth']
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === '' ? ['empty name'] : faultsOf(name, depth + 1)),
    ...faultsOf(inner, depth + 1),
  ])
}

test('a number survives exactly when its digits are those of the double', () => {
  const digits = fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 25n }), fc.integer({ min: -30, max: 30 }))
  fc.assert(
    fc.property(digits, ([mantissa, power]) => {
      const text = `${mantissa}e${power}`
      expect(numberSurvives(text)).toBe(sameDecimal(mantissa, power, String(Number(text))))
    }),
    { numRuns: 500 },
  )
})

/** mantissa * 10^power against a decimal text, in whole numbers scaled by 10^60. */
function sameDecimal(mantissa: bigint, power: number, text: string): boolean {
  const [plain, exponent = '0'] = text.split('e')
  const [whole, fraction = ''] = plain!.split('.')
  const scaled = (value: bigint, exp: number) => value * 10n ** BigInt(exp + 60)
  return scaled(mantissa, power) === scaled(BigInt(whole! + fraction), Number(exponent) - fraction.length)
}

test('two names alike are found wherever they stand', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.array(fc.string({ minLength: 1 }), { maxLength: 5 }),
      (name, others) => {
        const text = `{${[name, ...others.filter((other) => other !== name), name].map((each) => `${JSON.stringify(each)}:1`).join(',')}}`
        expect(exactJson(text)).toEqual({ exact: false })
      },
    ),
  )
})
