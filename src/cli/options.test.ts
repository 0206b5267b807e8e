import { describe, expect, test } from 'vitest'
import { defineCommand } from './command.ts'
import { addresses, kebab, moment, optional, settings, whole } from './options.ts'
import { buildProgram } from './parser.ts'

test.each([
  ['topic', 'topic'],
  ['maxMessages', 'max-messages'],
  ['timeoutMs', 'timeout-ms'],
])('%s is --%s', (name, option) => expect(kebab(name)).toBe(option))

describe('whole numbers', () => {
  const { parse } = whole('n', '', 1, 9)
  test.each([
    ['1', 1],
    ['9', 9],
    ['009', 9],
  ])('%s', (raw, value) => expect(parse(raw)).toBe(value))
  test.each(['0', '10', '-1', '1.5', '1e0', '0x1', '', ' 1', '9007199254740993'])('not %j', (raw) =>
    expect(() => parse(raw)).toThrow('expected a whole number, 1 to 9'),
  )
})

describe('moments', () => {
  const { parse } = moment('t', '', () => 1_000_000_000)
  test.each([
    ['10s', 999_990_000],
    ['2m', 999_880_000],
    ['1h', 996_400_000],
    ['1d', 913_600_000],
    ['1970-01-01T00:00:01Z', 1000],
  ])('%s', (raw, value) => expect(parse(raw)).toBe(value))
  test.each(['soon', '10', '10y', ''])('not %j', (raw) => expect(() => parse(raw)).toThrow('expected a time'))
})

describe('addresses of brokers', () => {
  const { parse } = addresses('a', '')
  test.each([
    ['h:1', ['h:1']],
    ['b-1.x_y.example.com:9092, 10.0.0.1:65535', ['b-1.x_y.example.com:9092', '10.0.0.1:65535']],
    ['[::1]:9092', ['[::1]:9092']],
  ])('%s', (raw, value) => expect(parse(raw)).toEqual(value))
  test.each(['', 'h', 'h:', ':1', 'h:0', 'h:65536', '::1:9092', 'h:1,', 'SSL://h:1', 'a b:1'])('not %j', (raw) =>
    expect(() => parse(raw)).toThrow('expected host:port'),
  )
})

test('settings keep what follows the first =', () => {
  const { parse } = settings('')
  expect(parse('a=b=c')).toEqual(['a', 'b=c'])
  expect(parse('a=')).toEqual(['a', ''])
  expect(() => parse('=a')).toThrow('NAME=VALUE')
})

test.each<[string[], number | undefined]>([
  [['up'], undefined],
  [['up', '--inspect'], 9],
  [['up', '--inspect', '--json'], 9],
  [['up', '--inspect=5'], 5],
  [['up', '--inspect', '5'], 5],
])('a value that may be left out: %j', (args, value) => {
  const command = defineCommand({
    summary: 's',
    example: ['weirhouse up'],
    options: { inspect: optional(whole('port', 'where', 1, 9), '9') },
    run: () => Promise.resolve(),
  })
  let input: Readonly<Record<string, unknown>> | undefined
  buildProgram('0', new Map([['up', command]]), (chosen) => (input = chosen.input)).parse(args, { from: 'user' })
  expect(input).toEqual({ inspect: value })
})
