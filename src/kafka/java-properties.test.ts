import { describe, expect, test } from 'vitest'
import { parseJaas } from './jaas.ts'
import { parseJavaProperties } from './java-properties.ts'

const pairs = (text: string) => parseJavaProperties(text).map(({ key, value }) => [key, value])

/** Each line is an example of java.util.Properties.load's own documentation, or of what it says there. */
describe('what java.util.Properties reads', () => {
  test.each<[string, string, [string, string][]]>([
    ['nothing', '', []],
    ['the three separators', 'a=1\nb:2\nc 3', pairsOf({ a: '1', b: '2', c: '3' })],
    ['blanks around a separator', 'Truth = Beauty\n  Truth:Beauty\nTruth \t:Beauty', twice('Truth', 'Beauty', 3)],
    ['blanks at the end of a value stay', 'a = 1  ', [['a', '1  ']]],
    ['one separator only', 'a==1\nb= =2\nc :=3', pairsOf({ a: '=1', b: '=2', c: '=3' })],
    ['a key without a value', 'cheeses', [['cheeses', '']]],
    ['an empty key', '=1', [['', '1']]],
    ['comments and blank lines', '# a=1\n  ! b=2\n \t\f\n\nc=3', [['c', '3']]],
    ['a comment does not go on', '# a \\\nb=2', [['b', '2']]],
    [
      'a line that goes on',
      'fruits  apple, banana, pear, \\\n        cantaloupe',
      [['fruits', 'apple, banana, pear, cantaloupe']],
    ],
    ['what goes on may look like a comment', 'a=1\\\n  #2', [['a', '1#2']]],
    ['an even number of backslashes ends the line', 'a=1\\\\\nb=2', pairsOf({ a: '1\\', b: '2' })],
    ['a blank line ends what goes on', 'a=1\\\n\nb=2', pairsOf({ a: '1', b: '2' })],
    ['a backslash alone begins nothing', '\\\n# a=1\n\\\n\nb=2', [['b', '2']]],
    ['a backslash at the end of the file', 'a=1\\', [['a', '1']]],
    ['line ends of every system', 'a=1\rb=2\r\nc=3\\\r\n 4', pairsOf({ a: '1', b: '2', c: '34' })],
    ['separators with a backslash are of the key', 'a\\:\\=\\ b=1', [['a:= b', '1']]],
    ['escapes', 'a=\\t\\n\\r\\f\\\\\\"\\z\\b', [['a', '\t\n\r\f\\"zb']]],
    ['unicode', '\\u00fcber=\\u00DF\\ud83d\\ude00', [['über', 'ß😀']]],
    [
      'doubles, in order',
      'a=1\na=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
  ])('%s', (_, text, expected) => {
    expect(pairs(text)).toEqual(expected)
  })

  test('a key has the line on which it begins', () => {
    expect(parseJavaProperties('# c\n\na=1\\\n 2\nb=3').map(({ key, line }) => [key, line])).toEqual([
      ['a', 3],
      ['b', 5],
    ])
  })

  test.each(['a=1\nb=\\u00g0', 'a=1\nb=\\u00f', 'a=1\nb=\\u'])(
    'a broken unicode escape is told with its line: %j',
    (text) => {
      expect(() => parseJavaProperties(text)).toThrow(
        expect.objectContaining({ line: 2, message: 'four hexadecimal digits after \\u' }) as Error,
      )
    },
  )
})

function pairsOf(record: Record<string, string>): [string, string][] {
  return Object.entries(record)
}

function twice(key: string, value: string, count: number): [string, string][] {
  return Array.from({ length: count }, () => [key, value])
}

describe('an entry of JAAS', () => {
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  test.each<[string, string, Record<string, string>]>([
    ['one line', `${login} required username="a" password="b";`, { username: 'a', password: 'b' }],
    [
      'many lines',
      `${login}\n  Required\n  username = "a" // who\n  /* and */ password="b"\n;\n`,
      { username: 'a', password: 'b' },
    ],
    [
      'single quotes, bare words',
      `${login} required username=alice password='b c';`,
      { username: 'alice', password: 'b c' },
    ],
    ['escapes', `${login} required p="\\"q\\" \\\\ \\t\\101\\7x \\'";`, { p: '"q" \\ \tA\u0007x \'' }],
    ['what looks like syntax', `${login} required p="a;b=c // d";`, { p: 'a;b=c // d' }],
    ['no options', `${login} required;`, {}],
  ])('%s', (_, text, options) => {
    const entry = parseJaas(text)
    expect(entry.module).toBe(login)
    expect(Object.fromEntries(entry.options)).toEqual(options)
  })

  test.each([
    ['', 'a login module first, by its whole class name'],
    [login, '"required" after the login module'],
    [`${login} username="a";`, '"required" after the login module'],
    [`${login} required username="a"`, 'a semicolon at the end'],
    [`${login} required username="a" password;`, 'name="value" for each option, and a semicolon after the last'],
    [`${login} required username= ;`, 'name="value" for each option, and a semicolon after the last'],
    [`${login} required username="a;`, 'values in double quotes, each closed'],
    [`${login} required; ${login} required;`, 'one login module only'],
  ])('%j is refused, without saying what was got', (text, expected) => {
    expect(() => parseJaas(text)).toThrow(expected)
  })
})
