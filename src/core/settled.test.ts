import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergePatch, patchBetween, settle, settlements } from './settled.ts'

/** What options can be: JSON without null. */
const { value: json } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'constructor'), tie('value')),
  ),
}))

test('the patch between two leads from the one to the other', () => {
  fc.assert(
    fc.property(json, json, (from, to) => {
      expect(mergePatch(from, patchBetween(from, to))).toEqual(to)
    }),
  )
})

test('of what was filled in, the patch holds that alone', () => {
  const from = { id: 'a', inner: { b: 1, gone: undefined }, list: [1], key: 'id' }
  const to = { id: 'a', inner: { b: 1, c: 2 }, list: [1], key: { name: 'id', type: 'S' }, more: true }
  expect(patchBetween(from, to)).toEqual({
    inner: { gone: null, c: 2 },
    key: { name: 'id', type: 'S' },
    more: true,
  })
})

test('RFC 7396: null removes, what is no object is replaced', () => {
  expect(mergePatch({ a: 1, b: { c: 1, d: 1 } }, { a: null, b: { d: [2] }, e: { f: 3 } })).toEqual({
    b: { c: 1, d: [2] },
    e: { f: 3 },
  })
  expect(mergePatch('text', { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } })
})

test('outside of a function it is the validation that counts, and nothing is kept', () => {
  expect(settle('X', { a: 1 }, null, () => ({ a: 1, b: 2 }))).toEqual({ a: 1, b: 2 })
  expect(settlements).toEqual([])
})
