import { describe, expect, test } from 'vitest'
import { dynamodb } from './index.ts'
import type { DynamoDbSpec } from './index.ts'
import { shapes } from './shape.ts'
import type { Shape } from './shape.ts'

const shapesOf = (spec: Partial<DynamoDbSpec<unknown>> = {}, order: 'log' | 'version' = 'log') =>
  shapes('items', order, dynamodb<unknown>({ id: 'kv', table: 'items', partitionKey: 'id', ...spec }).options)

const update = (shape: Shape) => JSON.parse(shape.update() ?? 'null') as string | null
const mark = ({ mark: text }: Shape) => /"(?<mark>[\w-]{22})"\}$/.exec(text!)!.groups!['mark']!

describe('the mark of a shape', () => {
  test('is that of its names in whatever order, and of no other', () => {
    const of = shapesOf()
    const one = mark(of(['id', 'a', 'b'], ''))
    expect(mark(of(['b', 'id', 'a'], ''))).toBe(one)
    const others = [
      ['id', 'a'],
      ['id', 'a', 'b', 'c'],
      ['id', 'ab'],
      ['id', 'a","b'],
    ].map((names) => mark(of(names, '')))
    expect(new Set([one, ...others]).size).toBe(5)
    expect(mark(shapesOf()(['id', 'a', 'b'], ''))).toBe(one)
  })

  test('tells versions of one type from those of the other', () => {
    const of = shapesOf({}, 'version')
    expect(mark(of(['id'], 'number'))).not.toBe(mark(of(['id'], 'string')))
  })
})

describe('an update', () => {
  test('sets what the row has but for the key, and asks for its shape, its epoch, and an older position', () => {
    const shape = shapesOf({ sortKey: 's' })(['a', 's', 'id'], '')
    expect(update(shape)).toBe(
      `UPDATE "items" SET "a"=? SET "_src"=? SET "_epoch"=? SET "_offset"=? SET "_index"=? SET "_ts"=? ` +
        `WHERE "id" = ? AND "s" = ? AND ("_shape" = '${mark(shape)}') AND "_epoch" = ? AND ` +
        '(("_src" = ? AND ("_offset" < ? OR ("_offset" = ? AND "_index" < ?))) ' +
        'OR ("_src" <> ? AND ("_ts" < ? OR ("_ts" = ? AND "_src" < ?))))',
    )
    expect([shape.othersAt, shape.keysAt]).toEqual([[0], [2, 1]])
  })

  test('takes the items of the shapes that are known, and removes what the row has not', () => {
    const of = shapesOf()
    const [first, second] = [of(['id', 'a', 'b'], ''), of(['id', 'c'], '')]
    const head = (shape: Shape) =>
      update(shape)!
        .split(' AND "_epoch"')[0]!
        .replace(/^.* SET "_ts"=\? /, '')
    const both = `("_shape" = '${mark(first)}' OR "_shape" = '${mark(second)}')`
    expect(head(first)).toBe(`SET "_shape"='${mark(first)}' REMOVE "c" WHERE "id" = ? AND ${both}`)
    expect(head(second)).toMatch(/^SET "_shape"='.{22}' REMOVE "a" REMOVE "b" WHERE /)
  })

  test('of more shapes than a statement can name takes its own and some others', () => {
    const of = shapesOf()
    const all = Array.from({ length: 30 }, (_, i) => of(['id', `a${i}`], ''))
    for (const shape of all) {
      expect(update(shape)).toContain(mark(shape))
      expect(update(shape)!.match(/"_shape" = /g)!.length).toBeLessThanOrEqual(9)
    }
  })

  test('of shapes so wide that one statement cannot remove all they have takes its own alone', () => {
    const of = shapesOf()
    const wide = (prefix: string) => of(['id', ...Array.from({ length: 150 }, (_, i) => `${prefix}-${i}`)], '')
    const all = ['first', 'second', 'third', 'fourth'].map(wide)
    for (const shape of all) expect(update(shape)!.match(/"_shape" = /g)).toHaveLength(1)
  })

  test.each<[string, readonly string[], Partial<DynamoDbSpec<unknown>>]>([
    ['a name with a point', ['id', 'a.b'], {}],
    ['a name with a quote', ['id', `it's`], {}],
    ['a name of another alphabet', ['id', 'größe'], {}],
    ['a position attribute of such a name', ['id'], { positionAttributes: { ts: 'at.ms' } }],
    ['a table that is appended to', ['id'], { append: true }],
    ['a row without a key', ['a'], {}],
    ['more names than a statement holds', ['id', ...Array.from({ length: 700 }, (_, i) => `a${i}`)], {}],
  ])('there is none for %s', (_, names, spec) => {
    expect(shapesOf(spec)(names, '').update()).toBeUndefined()
  })
})
