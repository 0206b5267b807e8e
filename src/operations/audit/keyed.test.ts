import { describe, expect, test } from 'vitest'
import type { Position } from '../../core/order.ts'
import { createKeyedComparer } from './keyed.ts'
import type { KeyedComparer } from './keyed.ts'
import { createTally } from './report.ts'

const log = { topic: 't', partitions: [{ partition: 0, start: 2, end: 10 }] }
const DEAD = 7

function at(offset: number, more: Partial<Position> = {}): Position {
  return { src: 't/000000/12345678', epoch: 0, offset, index: 0, ts: 1000 + offset, ...more }
}

/** Rows a (offset 2, then 4), b (3), c (5), stored right; `plant` does something else. */
function audit(
  plant: (comparer: KeyedComparer, sound: Record<'a' | 'b' | 'c', () => void>) => void,
  order: 'log' | 'timestamp' = 'log',
) {
  const tally = createTally()
  const comparer = createKeyedComparer({ pipeline: { order }, log, tally, isDead: (_, offset) => offset === DEAD })
  comparer.expect({ key: 'a', row: '{"n":1}' }, at(2))
  comparer.expect({ key: 'b', row: '{"n":2}' }, at(3))
  comparer.expect({ key: 'a', row: '{"n":3}' }, at(4))
  comparer.expect({ key: 'c', row: '{"n":4}' }, at(5))
  plant(comparer, {
    a: () => comparer.observe({ key: 'a', row: '{"n":3}' }, at(4)),
    b: () => comparer.observe({ key: 'b', row: '{"n":2}' }, at(3)),
    c: () => comparer.observe({ key: 'c', row: '{"n":4}' }, at(5)),
  })
  comparer.finish()
  const { expected, stored, missing, duplicated, different, outside, examples } = tally.result('postgres')
  expect(expected, 'keys that the log asks for').toBe(3)
  return { counts: { stored, missing, duplicated, different, outside }, examples }
}

const none = { missing: 0, duplicated: 0, different: 0, outside: 0 }

describe('rows that carry their position', () => {
  test('a table that holds the newest row of each key has no fault', () => {
    const { counts, examples } = audit((_, { a, b, c }) => [c, a, b].forEach((each) => each()))
    expect(counts).toEqual({ stored: 3, ...none })
    expect(examples).toEqual([])
  })

  test('D14: planted: a row is gone', () => {
    const { counts, examples } = audit((_, { a, c }) => [a, c].forEach((each) => each()))
    expect(counts).toEqual({ stored: 2, ...none, missing: 1 })
    expect(examples).toEqual([{ position: 't/0@3', fault: 'missing: is not stored, key b' }])
  })

  test('D14: planted: a value was changed; the fault names the field', () => {
    const { counts, examples } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: '{"n":20}' }, at(3))
    })
    expect(counts).toEqual({ stored: 3, ...none, different: 1 })
    expect(examples[0]!.fault).toContain('differs in n')
  })

  test('D14: planted: an older version stands where a newer one should', () => {
    const { counts } = audit((comparer, { b, c }) => {
      b()
      c()
      comparer.observe({ key: 'a', row: '{"n":1}' }, at(2))
    })
    expect(counts).toEqual({ stored: 3, ...none, different: 1 })
  })

  test('D14: planted: the key column of a row was changed', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'bb', row: '{"n":2}' }, at(3))
    })
    expect(counts).toEqual({ stored: 3, ...none, missing: 1, different: 1 })
  })

  test.each([
    ['under the same key', 'b'],
    ['under another key', 'bb'],
  ])('D14: planted: a copy of a row %s', (_, key) => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key, row: '{"n":2}' }, at(3))
    })
    expect(counts).toEqual({ stored: 4, ...none, duplicated: 1 })
  })

  test.each([
    ['of no record', at(6)],
    ['of a record with a dead letter', at(DEAD)],
    ['of another topic', at(3, { src: 'other/000000/12345678' })],
    ['of a partition that is not there', at(3, { src: 't/000009/12345678' })],
  ])('D14: planted: a row %s', (_, position) => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key: 'x', row: '{"n":9}' }, position)
    })
    expect(counts).toEqual({ stored: 4, ...none, different: 1 })
  })

  test('D14: planted: a row without position attributes', () => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key: 'x', row: '{"n":9}' }, undefined)
    })
    expect(counts).toEqual({ stored: 4, ...none, different: 1 })
  })

  test('D14: planted: another timestamp', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: '{"n":2}' }, at(3, { ts: 1 }))
    })
    expect(counts.different).toBe(1)
  })

  test('rows beyond the audited part of the log are not judged; a later one stands for its key', () => {
    const { counts } = audit((comparer, { b, c }) => {
      b()
      c()
      comparer.observe({ key: 'a', row: '{"n":99}' }, at(12))
      comparer.observe({ key: 'expired', row: '{"n":0}' }, at(1))
    })
    expect(counts).toEqual({ stored: 4, ...none, outside: 2 })
  })

  test('a raised epoch is no difference: a rewind wrote the row again', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: '{"n":2}' }, at(3, { epoch: 1 }))
    })
    expect(counts).toEqual({ stored: 3, ...none })
  })
})

describe("rows ordered by the producer's own version", () => {
  /** Key a comes as version 2, 3, 1, key b once. */
  function audit(...stored: readonly (readonly [key: string, row: string, position: Position])[]) {
    const tally = createTally()
    const comparer = createKeyedComparer({ pipeline: { order: () => 0 }, log, tally, isDead: () => false })
    comparer.expect({ key: 'a', row: '2' }, at(2, { version: 2 }))
    comparer.expect({ key: 'b', row: '0' }, at(3, { version: 'first' }))
    comparer.expect({ key: 'a', row: '3' }, at(4, { version: 3 }))
    comparer.expect({ key: 'a', row: '1' }, at(5, { version: 1 }))
    for (const [key, row, position] of [...stored, ['b', '0', at(3, { version: 'first' })]] as const)
      comparer.observe({ key, row }, position)
    comparer.finish()
    return tally.result('postgres')
  }

  test('the newest version is asked for, wherever it came in the log', () => {
    expect(audit(['a', '3', at(4, { version: 3 })])).toMatchObject({ expected: 2, stored: 2, ...none })
  })

  test.each([
    ['the version that came last, but is older', 1, 5],
    ['the version that came first', 2, 2],
  ])('D14: planted: %s', (_, version, offset) => {
    const { different, examples } = audit(['a', String(version), at(offset, { version })])
    expect(different).toBe(1)
    expect(examples[0]!.fault).toContain(`row of t/0@${offset} is stored, but is not the newest`)
  })

  test.each([{ version: 4 }, { version: '3' }, {}])(
    'D14: planted: the row is right, but stored with the version %j, by which the next one is judged',
    (version) => {
      const { different, examples } = audit(['a', '3', at(4, version)])
      expect(different).toBe(1)
      expect(examples[0]!.fault).toContain('differs in its version')
    },
  )

  test('an expired record can have the newest version: its row is not judged; an older one is', () => {
    const { outside, different, missing } = audit(['a', '9', at(1, { version: 9, epoch: 1 })])
    expect({ outside, different, missing }).toEqual({ outside: 1, different: 0, missing: 0 })
    const older = audit(['a', '1', at(1, { version: 1, epoch: 1 })])
    expect({ outside: older.outside, different: older.different }).toEqual({ outside: 0, different: 1 })
  })
})
