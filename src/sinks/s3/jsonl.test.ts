import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRecord, jsonl } from './jsonl.ts'

const circular: { a?: unknown } = {}
circular.a = [circular]
let deep: unknown = 1
for (let i = 0; i < 600; i++) deep = [deep]
class Point {
  readonly x = 1
}

describe('D6: what JSON cannot hold exactly is refused, with the place', () => {
  test.each([
    [undefined, /undefined/],
    [1n, /bigint/],
    [Number.NaN, /NaN/],
    [Number.POSITIVE_INFINITY, /Infinity/],
    [() => 1, /function/],
    [Symbol('s'), /symbol/],
    ['\ud800', /lone surrogate/],
    [{ '\udc00': 1 }, /name with a lone surrogate/],
    [{ a: { b: [0, Number.NaN] } }, /NaN at \.a\.b\[1\]/],
    [[undefined], /undefined at \[0\]/],
    [Array.from({ length: 1 }), /undefined at \[0\]/],
    [circular, /a reference to what it is within at \.a\[0\]/],
    [deep, /more than 512 levels/],
    [new Map([[1, 2]]), /a Map/],
    [new Set([1]), /a Set/],
    [/x/, /a RegExp/],
    [{ at: new Date(Number.NaN) }, /an invalid date at \.at/],
    [{ raw: Buffer.from('x') }, /bytes \(Uint8Array.* at \.raw/],
    [{ toJSON: () => 1n }, /bigint/],
    [
      {
        get a() {
          throw new Error('a getter')
        },
      },
      /a getter/,
    ],
  ])('%#', (row, why) => {
    expect(encodeRecord({ rows: [{ ok: true }, row] })).toEqual({ fault: expect.stringMatching(why) })
  })
})

describe('what JSON holds', () => {
  test.each([
    [{ a: 1, gone: undefined }, '{"a":1}'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    [new Point(), '{"x":1}'],
    [Object.create(null), '{}'],
    ['text', '"text"'],
    [null, 'null'],
    ['two\nlines', '"two\\nlines"'],
    ['\\ud800', '"\\\\ud800"'],
  ])('%j', (row, line) => {
    expect(encodeRecord({ rows: [row] })).toEqual({ part: `${line}\n`, rows: 1 })
  })

  test('one object twice, side by side, is no circle', () => {
    const shared = { x: 1 }
    expect(encodeRecord({ rows: [{ a: shared, b: [shared, shared] }] })).toMatchObject({ rows: 1 })
  })

  test('D2: any JSON value comes back as it was, one line a row', () => {
    const value = fc.jsonValue().filter((each) => !JSON.stringify(each).includes('-0'))
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (rows) => {
        const encoded = encodeRecord({ rows })
        if ('fault' in encoded)
          return rows.some((row) => !JSON.stringify(row).isWellFormed() || /\\ud[89a-f]/.test(JSON.stringify(row)))
        const lines = encoded.part.split('\n')
        expect(lines.pop()).toBe('')
        expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
          rows.map((row) => JSON.parse(JSON.stringify(row)) as unknown),
        )
        return encoded.rows === rows.length
      }),
    )
  })
})

describe('objects', () => {
  const lines = Array.from({ length: 2_000 }, (_, i) => `{"n":${i}}\n`)

  test.each([
    ['gzip', gunzipSync],
    ['zstd', zstdDecompressSync],
    ['none', (bytes: Buffer) => bytes],
  ] as const)(
    'D12: %s gives the same bytes each time, and the lines back; no lines, an empty object',
    async (compress, read) => {
      const [once, again] = [await jsonl(compress).object(lines), await jsonl(compress).object(lines)]
      expect(once.equals(again)).toBe(true)
      expect(read(once).toString()).toBe(lines.join(''))
      expect(read(await jsonl(compress).object([])).toString()).toBe('')
    },
  )
})
