import { describe, expect, test } from 'vitest'
import type { OrderKind, Position } from '../../core/order.ts'
import { createEntries } from './entries.ts'
import type { Letter } from './entries.ts'
import { compareKeys } from './keyed.ts'
import { createTally } from './report.ts'
import { openScratch } from './sorter.ts'
import { judgeStrays } from './strays.ts'
import type { Hole } from './strays.ts'

const log = { topic: 't', partitions: [{ partition: 0, first: 2, start: 2, end: 10 }] }
const DEAD = 7
const MARK = 't/000000/12345678'

interface KeyedRow {
  readonly key: string
  readonly row: Readonly<Record<string, unknown>>
  readonly expired?: boolean
}

/** Told rows as a sink's auditor tells them; `due`: the first offset that the sink has not reached. */
function createComparer(order: OrderKind, due = 10, holes: readonly Hole[] = []) {
  const tally = createTally()
  const entries = createEntries()
  // small runs: what is compared has gone through files
  const scratch = openScratch(256)
  const sorter = scratch.sorter()
  const held: number[] = []
  const add = (asked: boolean, { key, row, expired }: KeyedRow, at: Position | undefined, dead?: Letter) => {
    const fields = new Map(Object.entries(row).map(([name, value]) => [name, JSON.stringify(value)]))
    const position = at && { ...at, partition: at.src === MARK ? 0 : at.src.startsWith('t/') ? 9 : undefined }
    sorter.add(entries.encode(asked, { key, fields, position, dead, expired: expired ?? false }))
  }
  return {
    tally,
    held,
    expect: (row: KeyedRow, position: Position, dead?: Letter) => add(true, row, position, dead),
    observe: (row: KeyedRow, position: Position | undefined) => add(false, row, position),
    finish() {
      const context = {
        order,
        log,
        tally,
        entries,
        markOf: () => MARK,
        isDue: (_: number, offset: number) => offset < due,
        whyMissing: (_: number, offset: number) => (offset === 5 ? 'the mapping skipped it' : undefined),
        onHeld: (_: number, offset: number) => void held.push(offset),
        epochOf: () => 1,
        holes,
      }
      const strays = scratch.sorter()
      for (const _ of compareKeys(context, sorter.sorted(), strays));
      for (const _ of judgeStrays(context, () => sorter.sorted(), strays));
      scratch.dispose()
    },
  }
}

type KeyedComparer = ReturnType<typeof createComparer>

function at(offset: number, more: Partial<Position> = {}): Position {
  return { src: MARK, epoch: 0, offset, index: 0, ts: 1000 + offset, ...more }
}

/** Rows a (offset 2, then 4), b (3), c (5), stored right; `plant` does something else. Offset 7 has a dead letter. */
function audit(
  plant: (comparer: KeyedComparer, sound: Record<'a' | 'b' | 'c', () => void>) => void,
  { due = 10, letter = 'due', holes = [] }: { due?: number; letter?: Letter; holes?: readonly Hole[] } = {},
) {
  const comparer = createComparer('log', due, holes)
  comparer.expect({ key: 'a', row: { n: 1 } }, at(2))
  comparer.expect({ key: 'b', row: { n: 2 } }, at(3))
  comparer.expect({ key: 'a', row: { n: 3 } }, at(4))
  comparer.expect({ key: 'c', row: { n: 4 } }, at(5))
  comparer.expect({ key: 'dead', row: { n: 5 } }, at(DEAD), letter)
  plant(comparer, {
    a: () => comparer.observe({ key: 'a', row: { n: 3 } }, at(4)),
    b: () => comparer.observe({ key: 'b', row: { n: 2 } }, at(3)),
    c: () => comparer.observe({ key: 'c', row: { n: 4 } }, at(5)),
  })
  comparer.finish()
  const { kind: _kind, gaps: _gaps, examples, ...counts } = comparer.tally.result('postgres')
  return { counts, examples, held: comparer.held }
}

const none = {
  expected: 3,
  missing: 0,
  duplicated: 0,
  different: 0,
  outOfOrder: 0,
  foreign: 0,
  deadLettered: 0,
  notYet: 0,
  beyondRetention: 0,
  expired: 0,
  outside: 0,
}

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
      comparer.observe({ key: 'b', row: { n: 20 } }, at(3))
    })
    expect(counts).toEqual({ stored: 3, ...none, different: 1 })
    expect(examples[0]!.fault).toContain('differs in n')
  })

  test('D14: planted: an older version stands where a newer one should', () => {
    const { counts, examples } = audit((comparer, { b, c }) => {
      b()
      c()
      comparer.observe({ key: 'a', row: { n: 1 } }, at(2))
    })
    expect(counts).toEqual({ stored: 3, ...none, outOfOrder: 1 })
    expect(examples).toEqual([
      { position: 't/0@4', fault: 'out of order: is not stored, but the older row of t/0@2, key a' },
    ])
  })

  test('D14: planted: the key column of a row was changed', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'bb', row: { n: 2 } }, at(3))
    })
    expect(counts).toEqual({ stored: 3, ...none, missing: 1, different: 1 })
  })

  test.each([
    ['under the same key', 'b'],
    ['under another key', 'bb'],
  ])('D14: planted: a copy of a row %s', (_, key) => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key, row: { n: 2 } }, at(3))
    })
    expect(counts).toEqual({ stored: 4, ...none, duplicated: 1 })
  })

  test.each([
    ['of no record', at(6)],
    ['of another topic', at(3, { src: 'other/000000/12345678' })],
    ['of a partition that is not there', at(3, { src: 't/000009/12345678' })],
    ['without position attributes', undefined],
  ])('D14: planted: a row %s', (_, position) => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key: 'x', row: { n: 9 } }, position)
    })
    expect(counts).toEqual({ stored: 4, ...none, foreign: 1 })
  })

  test.each(['dead', 'x'])('D14: planted: a row of a record with a dead letter, under key %s', (key) => {
    const plant = (comparer: KeyedComparer, { a, b, c }: Record<'a' | 'b' | 'c', () => void>) => {
      ;[a, b, c].forEach((each) => each())
      comparer.observe({ key, row: { n: 5 } }, at(DEAD))
    }
    const { counts, examples } = audit(plant)
    expect(counts).toEqual({ stored: 4, ...none, different: 1 })
    expect(examples[0]!.fault).toContain('has a dead letter, yet is stored')
  })

  test('a letter that is unfounded lets the row stand, and asks for none', () => {
    const plant =
      (stored: boolean) =>
      (comparer: KeyedComparer, { a, b, c }: Record<'a' | 'b' | 'c', () => void>) => {
        ;[a, b, c].forEach((each) => each())
        if (stored) comparer.observe({ key: 'dead', row: { n: 5 } }, at(DEAD))
      }
    expect(audit(plant(true), { letter: 'unfounded' }).counts).toEqual({ stored: 4, ...none })
    expect(audit(plant(false), { letter: 'unfounded' }).counts).toEqual({ stored: 3, ...none })
  })

  test('what the sink has not reached yet is told apart, stored already or not', () => {
    const due = { due: 4 }
    const reached = { ...none, expected: 2 }
    // a stands at 2, which was due; 4 and 5 have yet to come
    const old = (comparer: KeyedComparer, { b }: Record<'b', () => void>) => {
      b()
      comparer.observe({ key: 'a', row: { n: 1 } }, at(2))
    }
    expect(audit(old, due).counts).toEqual({ stored: 2, ...reached, notYet: 2 })
    const all = audit((_, { a, b, c }) => [a, b, c].forEach((each) => each()), due)
    expect(all.counts).toEqual({ stored: 3, ...reached })
    expect(Math.max(...all.held), 'held against the watermark later').toBe(5)
    expect(audit((_, { b }) => b(), due).counts).toEqual({ stored: 1, ...reached, missing: 1, notYet: 2 })
  })

  test('D14: planted: a record that the mapping skipped', () => {
    const { counts, examples } = audit((_, { a, b }) => [a, b].forEach((each) => each()))
    expect(counts).toEqual({ stored: 2, ...none, missing: 1 })
    expect(examples[0]!.fault).toBe('missing: is not stored: the mapping skipped it, key c')
  })

  test('D14: planted: an epoch that no watermark has', () => {
    const { counts, examples } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: { n: 2 } }, at(3, { epoch: 2 }))
    })
    expect(counts).toEqual({ stored: 3, ...none, different: 1 })
    expect(examples[0]!.fault).toContain('has epoch 2, its watermark 1')
  })

  test('D14: planted: a row that retention should have left behind stands for a newer one', () => {
    const { counts } = audit((comparer, { b, c }) => {
      b()
      c()
      comparer.observe({ key: 'a', row: { n: 0 } }, at(1))
    })
    expect(counts).toEqual({ stored: 3, ...none, outOfOrder: 1 })
  })

  test('rows of records that compaction took are not compared; an older one is out of order all the same', () => {
    const holes = [
      { partition: 0, first: 0, last: 1 },
      { partition: 0, first: 6, last: 6 },
    ]
    const plant =
      (key: string, offset: number) =>
      (comparer: KeyedComparer, { b, c }: Record<'b' | 'c', () => void>) => {
        b()
        c()
        comparer.observe({ key, row: { n: 0 } }, at(offset))
      }
    expect(audit(plant('a', 6), { holes }).counts).toEqual({ stored: 3, ...none, beyondRetention: 1 })
    expect(audit(plant('a', 6)).counts).toEqual({ stored: 3, ...none, different: 1 })
    expect(audit(plant('x', 6), { holes }).counts).toEqual({ stored: 3, ...none, missing: 1, beyondRetention: 1 })
    expect(audit(plant('x', 8), { holes }).counts).toEqual({ stored: 3, ...none, missing: 1, foreign: 1 })
    const old = [{ partition: 0, first: 3, last: 3 }]
    expect(audit(plant('a', 3), { holes: old }).counts).toEqual({ stored: 3, ...none, outOfOrder: 1 })
  })

  test('a row whose time to live has passed may be gone, or stand', () => {
    const plant = (stored: boolean) => (comparer: KeyedComparer, sound: Record<'a' | 'b' | 'c', () => void>) => {
      for (const each of Object.values(sound)) each()
      comparer.expect({ key: 'old', row: { n: 8 }, expired: true }, at(8))
      if (stored) comparer.observe({ key: 'old', row: { n: 8 } }, at(8))
    }
    expect(audit(plant(false)).counts).toEqual({ stored: 3, ...none, expired: 1 })
    expect(audit(plant(true)).counts).toEqual({ stored: 4, ...none, expected: 4 })
  })

  test('copies without end are counted, and few are held', () => {
    const { counts } = audit((comparer, { a, b, c }) => {
      ;[a, b, c].forEach((each) => each())
      for (let i = 0; i < 200; i++) comparer.observe({ key: 'b', row: { n: 2 } }, at(3))
    })
    expect(counts).toEqual({ stored: 203, ...none, duplicated: 200 })
  })

  test('D14: planted: another timestamp', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: { n: 2 } }, at(3, { ts: 1 }))
    })
    expect(counts.different).toBe(1)
  })

  test('rows beyond the audited part of the log are not judged; a later one stands for its key', () => {
    const { counts } = audit((comparer, { b, c }) => {
      b()
      c()
      comparer.observe({ key: 'a', row: { n: 99 } }, at(12))
      comparer.observe({ key: 'expired', row: { n: 0 } }, at(1))
    })
    expect(counts).toEqual({ stored: 4, ...none, outside: 1, beyondRetention: 1 })
  })

  test('a raised epoch is no difference: a rewind wrote the row again', () => {
    const { counts } = audit((comparer, { a, c }) => {
      a()
      c()
      comparer.observe({ key: 'b', row: { n: 2 } }, at(3, { epoch: 1 }))
    })
    expect(counts).toEqual({ stored: 3, ...none })
  })
})

describe("rows ordered by the producer's own version", () => {
  /** Key a comes as version 2, 3, 1, key b once. */
  function audit(...stored: readonly (readonly [key: string, n: number, position: Position])[]) {
    const comparer = createComparer('version')
    comparer.expect({ key: 'a', row: { n: 2 } }, at(2, { version: 2 }))
    comparer.expect({ key: 'b', row: { n: 0 } }, at(3, { version: 'first' }))
    comparer.expect({ key: 'a', row: { n: 3 } }, at(4, { version: 3 }))
    comparer.expect({ key: 'a', row: { n: 1 } }, at(5, { version: 1 }))
    for (const [key, n, position] of [...stored, ['b', 0, at(3, { version: 'first' })]] as const)
      comparer.observe({ key, row: { n } }, position)
    comparer.finish()
    return comparer.tally.result('postgres')
  }

  test('the newest version is asked for, wherever it came in the log', () => {
    expect(audit(['a', 3, at(4, { version: 3 })])).toMatchObject({ ...none, expected: 2, stored: 2 })
  })

  test.each([
    ['the version that came last, but is older', 1, 5],
    ['the version that came first', 2, 2],
  ])('D14: planted: %s', (_, version, offset) => {
    const { outOfOrder, examples } = audit(['a', version, at(offset, { version })])
    expect(outOfOrder).toBe(1)
    expect(examples[0]!.fault).toContain(`is not stored, but the older row of t/0@${offset}`)
  })

  test.each([{ version: 4 }, { version: '3' }, {}])(
    'D14: planted: the row is right, but stored with the version %j, by which the next one is judged',
    (version) => {
      const { different, examples } = audit(['a', 3, at(4, version)])
      expect(different).toBe(1)
      expect(examples[0]!.fault).toContain('differs in its version')
    },
  )

  test('an expired record can have the newest version: its row is not judged; an older one is', () => {
    const { beyondRetention, outOfOrder, missing } = audit(['a', 9, at(1, { version: 9, epoch: 1 })])
    expect({ beyondRetention, outOfOrder, missing }).toEqual({ beyondRetention: 1, outOfOrder: 0, missing: 0 })
    const older = audit(['a', 1, at(1, { version: 1, epoch: 1 })])
    expect(older).toMatchObject({ beyondRetention: 0, outOfOrder: 1, missing: 0 })
  })
})
