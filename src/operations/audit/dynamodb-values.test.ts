import { expect, test } from 'vitest'
import { canonicalItem, canonicalRow } from './dynamodb-values.ts'

const numeric = new Set(['at'])
const positions = new Set(['_src', '_offset'])

test('a row and its item have the same text, numbers by their digits, position attributes left out', () => {
  const row = {
    id: 'x',
    at: '12345678901234567890.10',
    n: 1e21,
    big: 9007199254740993n,
    flag: false,
    nothing: null,
    gone: undefined,
    list: [1, 'a', null],
    map: { b: 2, a: { c: [] } },
    bytes: Buffer.from([1, 2]),
    names: new Set(['b', 'a']),
  }
  const item = {
    _src: { S: 't/000000' },
    _offset: { N: '7' },
    id: { S: 'x' },
    at: { N: '12345678901234567890.1' },
    n: { N: '1000000000000000000000' },
    big: { N: '9007199254740993' },
    flag: { BOOL: false },
    nothing: { NULL: true as const },
    list: { L: [{ N: '1' }, { S: 'a' }, { NULL: true as const }] },
    map: { M: { a: { M: { c: { L: [] } } }, b: { N: '2' } } },
    bytes: { B: new Uint8Array([1, 2]) },
    names: { SS: ['a', 'b'] },
  }
  expect(canonicalItem(item, positions)).toEqual(canonicalRow(row, numeric))
})

test.each([
  ['text for a number', { v: 1 }, { v: { S: '1' } }],
  ['a number beyond a double', { v: 9007199254740993n }, { v: { N: '9007199254740992' } }],
  ['null for nothing', {}, { v: { NULL: true as const } }],
  ['true for false', { v: false }, { v: { BOOL: true } }],
])('D14: planted: %s', (_, row, item) => {
  expect([...canonicalItem(item, positions)]).not.toEqual([...canonicalRow(row, numeric)])
})
