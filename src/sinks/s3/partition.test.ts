import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { range, sourceRecord, span } from '../../testing/contract-world.ts'
import { encodeRanges } from './encode.ts'
import { s3 } from './index.ts'
import { jsonl } from './jsonl.ts'
import { dataPrefix, objectKey, parseKey } from './keys.ts'
import { MAX_OUTPUTS, outputOf } from './partition.ts'
import type { Partition, PartitionValue } from './partition.ts'

const { encode } = jsonl('none')

describe('D12: folders of output partitions, as Hive names them', () => {
  test.each([
    [{}, ''],
    [{ region: 'eu', day: '2026-01-31' }, 'region=eu/day=2026-01-31/'],
    [{ a: 1, b: 2n, c: true, d: -0.5 }, 'a=1/b=2/c=true/d=-0.5/'],
    [
      { a: null, b: undefined, c: '' },
      'a=__HIVE_DEFAULT_PARTITION__/b=__HIVE_DEFAULT_PARTITION__/c=__HIVE_DEFAULT_PARTITION__/',
    ],
    [{ a: 'x/y=z%?' }, 'a=x%2Fy%3Dz%25%3F/'],
    [{ a: '..' }, 'a=../'],
    [{ a: 'é 😀' }, 'a=é 😀/'],
    [{ a: '\u0000\u007f' }, 'a=%00%7F/'],
  ])('%#', (values, output) => {
    expect(outputOf(values)).toEqual({ output })
  })

  test.each([
    [{ a: Number.NaN }, /gave NaN for a/],
    [{ a: '\ud800' }, /lone surrogate for a/],
    [{ a: {} }, /a value of type object for a/],
    [{ 'a b': 1 }, /a name that is none/],
    [{ '': 1 }, /a name that is none/],
    [{ a: 'x'.repeat(200) }, /more than 200 bytes/],
    ['text', /no object/],
    [['a'], /no object/],
    [null, /no object/],
    [undefined, /no object/],
  ])('D6: %#', (values, why) => {
    expect(outputOf(values as Record<string, PartitionValue>)).toEqual({ fault: expect.stringMatching(why) })
  })

  test('no two values share a folder, and a key with one is read back', () => {
    const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }).filter((each) => each.isWellFormed())
    const folder = dataPrefix('', 'p', 's', 't')
    const key = { partition: 1, first: 2, last: 3, timestamp: 0, epoch: 0, generation: 0 }
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [one, other] = [outputOf({ a }), outputOf({ a: b })]
        if ('fault' in one || 'fault' in other) return
        expect(one.output === other.output).toBe(a === b)
        const parsed = parseKey(folder, objectKey(folder, { ...key, output: one.output }, s3({ id: 's' }).options))
        expect(parsed).toMatchObject({ output: one.output, partition: 1, first: 2, last: 3 })
      }),
    )
  })
})

describe('rows by output partition', () => {
  const byN: Partition<{ n: number }> = ({ n }) => ({ n })
  const batch = (...rows: readonly (readonly unknown[])[]) => ({
    ...range([]),
    records: rows.map((some, offset) => ({ record: sourceRecord(offset), rows: some })),
  })

  test('a record may have rows in several, and none in any', () => {
    const { encoded, refusals } = encodeRanges(
      'lake',
      [batch([{ n: 1 }, { n: 2 }, { n: 1, x: 0 }], [], [{ n: 2 }])],
      encode,
      byN,
    )
    expect(refusals).toEqual([])
    const [only] = encoded
    expect(only!.outputs(0, 3, () => 0)).toEqual(['n=1/', 'n=2/'])
    expect(only!.outputs(0, 3, (output) => (output === 'n=1/' ? 1 : 0))).toEqual(['n=2/'])
    expect(only!.outputs(1, 2, () => 0)).toEqual([])
    expect(only!.parts('n=1/', 0, 3)).toEqual({ parts: ['{"n":1}\n{"n":1,"x":0}\n'], rows: 2 })
    expect(only!.parts('n=2/', 1, 3)).toEqual({ parts: ['{"n":2}\n'], rows: 1 })
  })

  test.each([
    [[{ n: 1 }, { n: Number.NaN }], /gave NaN/],
    [[{ n: 1, x: 1n }], /bigint/],
    [[null], /partition\(\.\.\.\) threw/],
    [span(0, MAX_OUTPUTS).map((n) => ({ n })), /in 257 partitions, more than 256/],
  ])('D6: one row without a place refuses its record: %#', (rows, why) => {
    const { encoded, refusals } = encodeRanges('lake', [batch(rows, [{ n: 5 }])], encode, byN)
    expect(refusals).toMatchObject([{ stage: 'encode', code: 'WEIR_ENCODE', text: expect.stringMatching(why) }])
    expect(encoded[0]!.isRefused(0)).toBe(true)
    expect(encoded[0]!.outputs(0, 2, () => 0)).toEqual(['n=5/'])
  })

  test('parts have no more output partitions than they may', () => {
    const rows = [1, 1, 2, 3, 3, 1, 4, 5, 5].map((n) => [{ n }])
    const { encoded } = encodeRanges('lake', [batch(...rows)], encode, byN)
    expect(encoded[0]!.partStarts(2)).toEqual([0, 3, 6])
    expect(encoded[0]!.partStarts(1)).toEqual([0, 2, 3, 5, 6, 7])
    expect(encoded[0]!.partStarts(5)).toEqual([0])
  })
})

test.each([
  [{ id: 'lake', date: true, partition: () => ({}) }, /date: partition is to give a date too/],
  [{ id: 'lake', partition: 'region' }, /partition: expected a function of the row/],
])('%j is refused', (input, why) => {
  expect(() => s3(input as Parameters<typeof s3>[0])).toThrow(why)
})

test('the definition tells its partition, for the audit', () => {
  const partition = () => ({ a: 1 })
  expect(s3({ id: 'lake', partition }).partition).toBe(partition)
})
