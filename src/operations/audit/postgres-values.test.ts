import { describe, expect, test } from 'vitest'
import { columnForm, storedVersion } from './postgres-values.ts'

/** What a row holds, and what PostgreSQL 17 says of it through the column's `select`. */
const same: readonly (readonly [type: string, value: unknown, stored: string])[] = [
  ['text', 'a "b"', 'a "b"'],
  ['varchar(10) not null', 'x', 'x'],
  ['integer', 7, '7'],
  ['bigint', 9007199254740993n, '9007199254740993'],
  ['bigint', '12', '12'],
  ['numeric(10, 2)', '1.5', '1.50'],
  ['numeric', 1e21, '1000000000000000000000'],
  ['double precision', 1e21, '1e+21'],
  ['double precision', 0.1, '0.1'],
  ['double precision', NaN, 'NaN'],
  ['double precision', -Infinity, '-Infinity'],
  ['real', 0.1, '0.1'],
  ['boolean', true, 'true'],
  ['timestamptz', new Date(1500), '1.500000'],
  ['timestamptz', 1500, '1.500000'],
  ['timestamptz', '1970-01-01T01:00:01.000007+01:00', '1.000007'],
  ['timestamptz', '1969-12-31T23:59:58.5Z', '-1.500000'],
  ['timestamptz', '1970-01-01 00:00:01+00', '1.000000'],
  ['timestamp', '1970-01-01T00:00:01', '1.000000'],
  ['date', '1970-01-02', '86400'],
  ['date', new Date(86_400_000), '86400'],
  ['jsonb', { b: 1, a: [1e2] }, '{"a": [100], "b": 1}'],
  ['jsonb', 'text', '"text"'],
  ['uuid', '8F9C4C3E-0000-4000-8000-0242AC120002', '8f9c4c3e-0000-4000-8000-0242ac120002'],
  ['bytea', Buffer.from([0, 255]), '00ff'],
  ['integer[]', [1, null], '["1", null]'],
  ['text[] not null', [], '[]'],
]

describe('PostgreSQL values', () => {
  test.each(same)('%s: %s is %s', (type, value, stored) => {
    const form = columnForm(type)
    expect(form.expected(value)).toBe(form.stored(stored))
  })

  test.each([
    ['text', 'a', 'b'],
    ['integer', 7, '8'],
    ['bigint', 9007199254740993n, '9007199254740992'],
    ['numeric', '0.1', '0.10000000000000000001'],
    ['boolean', true, 'false'],
    ['timestamptz', '1970-01-01T00:00:01.000007Z', '1.000008'],
    ['timestamptz', new Date(1500), 'Infinity'],
    ['jsonb', { a: '1' }, '{"a": 1}'],
    ['bytea', Buffer.from([0]), '0000'],
    ['integer[]', [1, 2], '["2", "1"]'],
  ])('%s: %s is not %s', (type, value, stored) => {
    const form = columnForm(type)
    expect(form.expected(value)).not.toBe(form.stored(stored))
  })

  test('a value that no column of the type holds is told', () => {
    expect(() => columnForm('timestamptz').expected('soon')).toThrow('is no time')
  })
})

test.each<[stored: string | null, version: string | number | undefined]>([
  ['t2018-02-08T22:21:36.813Z', '2018-02-08T22:21:36.813Z'],
  ['t', ''],
  ['tn', 'n'],
  ['n8000000000000000', 0],
  ['nbff0000000000000', 1],
  ['n400fffffffffffff', -1],
  ['nc2781b430e0d7000', 1_656_585_511_127],
  [null, undefined],
  ['', undefined],
  ['nbff', undefined],
  ['1', undefined],
])('the version column %j holds the version %j', (stored, version) => {
  expect(storedVersion(stored)).toBe(version)
})
