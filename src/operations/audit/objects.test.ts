import { describe, expect, test } from 'vitest'
import type { StoredObject } from './objects.ts'
import { createObjectComparer } from './objects.ts'
import { createTally } from './report.ts'

const log = { topic: 't', partitions: [{ partition: 0, start: 0, end: 10 }] }

/** Offsets 0 to 5 ask for a line each, `"r0"` and so on; offset 3 for none, offset 4 for two. */
function audit(objects: readonly (readonly [first: number, last: number, lines: readonly (string | undefined)[]])[]) {
  const tally = createTally()
  const comparer = createObjectComparer(log, tally)
  for (const [offset, index] of [
    [0, 0],
    [1, 0],
    [2, 0],
    [4, 0],
    [4, 1],
    [5, 0],
  ] as const)
    comparer.expect({ partition: 0, offset }, index, row(offset, index))
  for (const [first, last, lines] of objects) {
    const object: StoredObject = { key: `k${first}-${last}`, partition: 0, first, last, lines }
    comparer.observe(object)
  }
  comparer.finish()
  const { expected, stored, missing, duplicated, different, outside, examples } = tally.result('s3')
  expect(expected, 'rows that the log asks for').toBe(6)
  return { counts: { stored, missing, duplicated, different, outside }, examples }
}

function row(offset: number, index = 0): string {
  return JSON.stringify(`r${offset}.${index}`)
}

const head = [0, 2, [row(0), row(1), row(2)]] as const
const tail = [3, 5, [row(4, 0), row(4, 1), row(5)]] as const
const none = { missing: 0, duplicated: 0, different: 0, outside: 0 }

describe('objects of lines', () => {
  test('objects that hold their ranges, in whatever order they are listed, have no fault', () => {
    expect(audit([tail, head]).counts).toEqual({ stored: 6, ...none })
  })

  test('an empty object (a void marker) beside the one that counts is no fault', () => {
    expect(audit([head, tail, [0, 2, []]]).counts).toEqual({ stored: 6, ...none })
  })

  test('D14: planted: an object is gone', () => {
    const { counts, examples } = audit([tail])
    expect(counts).toEqual({ stored: 3, ...none, missing: 3 })
    expect(examples[0]).toEqual({ position: 't/0@0', fault: 'missing: is in no object' })
  })

  test('D14: planted: a line is gone', () => {
    expect(audit([[0, 2, [row(0), row(2)]], tail]).counts).toEqual({ stored: 5, ...none, missing: 1 })
  })

  test('D14: planted: a line was changed', () => {
    const { counts, examples } = audit([[0, 2, [row(0), '"x"', row(2)]], tail])
    expect(counts).toEqual({ stored: 6, ...none, different: 1 })
    expect(examples).toEqual([{ position: 't/0@1', fault: 'different: differs in k0-2' }])
  })

  test('D14: planted: a line that is no JSON, and one too many of them', () => {
    expect(audit([[0, 2, [row(0), undefined, row(2)]], tail]).counts).toEqual({ stored: 6, ...none, different: 1 })
    expect(audit([[0, 2, [row(0), row(1), row(2), undefined]], tail]).counts).toEqual({
      stored: 7,
      ...none,
      different: 1,
    })
  })

  test('D14: planted: a line stands twice in its object', () => {
    const { counts, examples } = audit([[0, 2, [row(0), row(1), row(1), row(2)]], tail])
    expect(counts).toEqual({ stored: 7, ...none, duplicated: 1 })
    expect(examples[0]!.position).toBe('t/0@1')
  })

  test('D14: planted: two objects overlap', () => {
    expect(audit([head, [1, 5, [row(1), row(2), row(4, 0), row(4, 1), row(5)]]]).counts).toEqual({
      stored: 8,
      ...none,
      duplicated: 2,
    })
  })

  test('D14: planted: lines out of order', () => {
    expect(audit([[0, 2, [row(1), row(0), row(2)]], tail]).counts).toEqual({ stored: 6, ...none, different: 1 })
  })

  test('D14: planted: an object of a partition that is not there', () => {
    const tally = createTally()
    const comparer = createObjectComparer(log, tally)
    comparer.observe({ key: 'k', partition: 9, first: 0, last: 0, lines: ['1', '2'] })
    expect(tally.result('s3')).toMatchObject({ stored: 2, different: 2 })
  })

  test('equal rows pair in order: none is taken for a copy', () => {
    const tally = createTally()
    const comparer = createObjectComparer(log, tally)
    for (const offset of [0, 1, 2]) comparer.expect({ partition: 0, offset }, 0, '"same"')
    comparer.observe({ key: 'k', partition: 0, first: 0, last: 2, lines: ['"same"', '"same"', '"same"'] })
    comparer.finish()
    expect(tally.result('s3')).toMatchObject({ stored: 3, ...none })
  })

  test('what lies beyond the audited part of the log is not judged', () => {
    expect(audit([head, tail, [6, 12, ['"later"']], [20, 30, ['"later"', '"later"']]]).counts).toEqual({
      stored: 9,
      ...none,
      outside: 3,
    })
  })
})

describe('objects under a date', () => {
  const DAY_MS = 86_400_000
  const first = Date.UTC(2024, 1, 28, 23, 59, 59, 999)

  /** Offsets 0 and 1 are of the 28th, 2 of the 29th and without rows, 3 has no timestamp, 4 is of the 28th again. */
  function audit(dated: boolean, from: number, date: string | undefined) {
    const tally = createTally()
    const comparer = createObjectComparer(log, tally, dated)
    for (const [offset, timestamp] of [first, first, first + 1, -1, first - DAY_MS / 2].entries()) {
      comparer.record({ partition: 0, offset, timestamp })
      if (offset !== 2) comparer.expect({ partition: 0, offset }, 0, row(offset))
    }
    const lines = [0, 1, 3, 4].filter((offset) => offset >= from).map((offset) => row(offset))
    comparer.observe({ key: 'k', partition: 0, first: from, last: 4, date, lines })
    return tally.result('s3')
  }

  test.each([
    [0, '2024-02-28'],
    [2, '2024-02-29'],
    [3, '__HIVE_DEFAULT_PARTITION__'],
    [4, '2024-02-28'],
  ])('one that begins at offset %i belongs under %s', (from, date) => {
    expect(audit(true, from, date)).toMatchObject(none)
  })

  test.each([
    [true, 0, '2024-02-29'],
    [true, 2, '2024-02-28'],
    [true, 3, undefined],
    [false, 0, '2024-02-28'],
  ])('D14: planted: dates are %s, yet an object that begins at offset %i stands under %s', (dated, from, date) => {
    const { stored, missing, different, examples } = audit(dated, from, date)
    expect({ missing, different }).toEqual({ missing: 0, different: 1 })
    expect(stored).toBeGreaterThan(0)
    expect(examples[0]!.fault).toMatch(/^different: stands under .+, not .+/)
  })

  test('without dates none is asked for', () => {
    expect(audit(false, 0, undefined)).toMatchObject(none)
  })

  test('one that begins before the log does, as after retention, is not judged', () => {
    const tally = createTally()
    const late = { topic: 't', partitions: [{ partition: 0, start: 5, end: 10 }] }
    const comparer = createObjectComparer(late, tally, true)
    comparer.record({ partition: 0, offset: 5, timestamp: first })
    comparer.expect({ partition: 0, offset: 5 }, 0, '"5"')
    comparer.observe({ key: 'k', partition: 0, first: 4, last: 5, date: '1999-01-01', lines: ['"4"', '"5"'] })
    expect(tally.result('s3')).toMatchObject({ ...none, outside: 1 })
  })
})
