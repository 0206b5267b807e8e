import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { counted, dollars, pairs, point, section, spaced, wrapped } from './layout.ts'

test('text breaks at blanks, with room for the indent of a part; a longer word stands alone', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,120}$/), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(words, fc.integer({ min: 0, max: 40 }), (given, indent) => {
      const lines = wrapped(given.join(' '), indent).split('\n')
      expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(given)
      for (const line of lines) {
        expect(line.startsWith(' '.repeat(indent))).toBe(true)
        if (line.trim().includes(' ')) expect(line.length).toBeLessThanOrEqual(98)
      }
    }),
  )
})

test('labels stand in a column, further lines under the first', () => {
  const long = 'word '.repeat(25).trim()
  const [first, second, third] = pairs(
    [
      ['a', long],
      ['long', 'x'],
    ],
    2,
  ).split('\n')
  expect(first!.startsWith('  a     word')).toBe(true)
  expect(second!.startsWith('        word')).toBe(true)
  expect(third).toBe('  long  x')
  expect(point(long).split('\n')[1]!.startsWith('  word')).toBe(true)
})

test('parts that are empty are left out; a section is indented, but not its blank lines', () => {
  expect(spaced('a', '', 'b')).toBe('a\n\nb')
  expect(section('Title', 'a\n\nb', 'c')).toBe('Title\n  a\n\n  b\n  c')
})

test.each([
  [1, 'broker', '1 broker'],
  [2, 'broker', '2 brokers'],
  [3, 'address', '3 addresses'],
  [10, 'GiB', '10 GiB'],
  [0.234, 'GB', '0.23 GB'],
  [1_000_000, 'write unit', '1,000,000 write units'],
])('%d %s: %s', (quantity, unit, text) => expect(counted(quantity, unit)).toBe(text))

test('money', () => {
  expect([dollars(1234.5), dollars(0.00041, 4)]).toEqual(['$1,234.50', '$0.0004'])
})
