import { describe, expect, test } from 'vitest'
import { createObjectMerge } from './objects.ts'
import { dayOf } from './s3.ts'
import type { MergeContext, ObjectContent, ObjectRef, RecordRows } from './objects.ts'
import type { Fault, SinkAudit } from './report.ts'
import { createTally } from './report.ts'
import type { Hole } from './strays.ts'

const log = { topic: 't', partitions: [{ partition: 0, first: 0, start: 0, end: 10 }] }

type Lines = readonly (string | undefined)[]
type Planted = Partial<ObjectRef> & { readonly lines: Lines } & Pick<ObjectContent, 'foreign'>

/** Tells the records in parts of two offsets, and judges each object as soon as it can be. */
function merge(
  records: readonly RecordRows[],
  planted: readonly Planted[],
  { holes = [], ...more }: Partial<MergeContext> & { readonly holes?: readonly Hole[] } = {},
) {
  const tally = createTally()
  const held: number[] = []
  const contents = new Map<string, ObjectContent>()
  const refs = planted.map(({ lines, foreign, ...rest }, i): ObjectRef => {
    const ref = { partition: 0, first: 0, last: 0, epoch: 0, folder: '', ...rest }
    const key = rest.key ?? `k${ref.first}-${ref.last}${contents.has(`k${ref.first}-${ref.last}`) ? `~${i}` : ''}`
    contents.set(key, { rows: lines, foreign })
    return { ...ref, key }
  })
  refs.sort((a, b) => a.partition - b.partition || a.first - b.first || a.last - b.last)
  const context = {
    log,
    tally,
    isDue: () => true,
    whyMissing: () => undefined,
    onHeld: (_: number, offset: number) => void held.push(offset),
    folderOf: () => '',
    ...more,
  }
  const merging = createObjectMerge(context, refs.values())
  const counted: string[] = []
  const judge = (partition: number, offset: number) => {
    for (const { ref, countOnly, judge: tell } of merging.upTo(partition, offset)) {
      if (countOnly) counted.push(ref.key)
      tell(contents.get(ref.key)!)
    }
    merging.settle()
  }
  for (let offset = 0; offset < 10; offset += 2) {
    merging.holes(holes.filter(({ first }) => first >= offset && first < offset + 2))
    merging.records(records.filter((each) => each.offset >= offset && each.offset < offset + 2))
    judge(0, offset + 2)
  }
  judge(0, Infinity)
  judge(Infinity, 0)
  return { ...tally.result('s3'), held, counted }
}

function record(offset: number, rows: readonly string[], more: Partial<RecordRows> = {}): RecordRows {
  return { offset, timestamp: 0, rows, dead: undefined, ...more }
}

/** Offsets 0 to 5 ask for a line each, `"r0"` and so on; offset 3 for none, offset 4 for two. */
const asked = [
  record(0, [row(0)]),
  record(1, [row(1)]),
  record(2, [row(2)]),
  record(3, []),
  record(4, [row(4, 0), row(4, 1)]),
  record(5, [row(5)]),
]

function audit(objects: readonly (readonly [first: number, last: number, lines: Lines])[]) {
  const { examples, ...result } = merge(
    asked,
    objects.map(([first, last, lines]) => ({ first, last, lines })),
  )
  expect(result.expected, 'rows that the log asks for').toBe(6)
  return { counts: countsOf(result), examples }
}

type Counts = Pick<SinkAudit, Fault | 'stored' | 'outside' | 'beyondRetention' | 'notYet'>

function countsOf(result: Counts): Counts {
  const { stored, missing, duplicated, different, outOfOrder, foreign, outside, beyondRetention, notYet } = result
  return { stored, missing, duplicated, different, outOfOrder, foreign, outside, beyondRetention, notYet }
}

function row(offset: number, index = 0): string {
  return JSON.stringify(`r${offset}.${index}`)
}

const head = [0, 2, [row(0), row(1), row(2)]] as const
const tail = [3, 5, [row(4, 0), row(4, 1), row(5)]] as const
const none = {
  missing: 0,
  duplicated: 0,
  different: 0,
  outOfOrder: 0,
  foreign: 0,
  outside: 0,
  beyondRetention: 0,
  notYet: 0,
}

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
      foreign: 1,
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
    const { counts, examples } = audit([[0, 2, [row(1), row(0), row(2)]], tail])
    expect(counts).toEqual({ stored: 6, ...none, outOfOrder: 1 })
    expect(examples).toEqual([{ position: 't/0@0', fault: 'out of order: stands behind later ones in k0-2' }])
  })

  test('D14: planted: ranges overlap, though no line stands twice', () => {
    const { counts, examples } = audit([head, [1, 5, [row(4, 0), row(4, 1), row(5)]]])
    expect(counts).toEqual({ stored: 6, ...none, outOfOrder: 1 })
    expect(examples).toEqual([{ position: 'k1-5', fault: 'out of order: its offsets overlap those of k0-2' }])
  })

  test('D14: planted: an object of a partition that is not there, and one of another sink', () => {
    const found = merge(asked, [
      { first: 0, last: 2, lines: head[2] },
      { first: 3, last: 5, lines: tail[2] },
      { partition: 9, first: 0, last: 0, lines: ['1', '2'] },
      { first: 0, last: 2, lines: ['"x"'], foreign: 'says that sink "x" of pipeline "y" wrote it' },
    ])
    expect(found).toMatchObject({ ...none, foreign: 2 })
    expect(found.examples.map(({ fault }) => fault)).toEqual([
      'foreign: says that sink "x" of pipeline "y" wrote it',
      'foreign: the topic has no such partition',
    ])
  })

  test('D14: planted: an object that claims the whole topic holds nothing back', () => {
    const found = merge(
      asked,
      [
        { first: 0, last: 1e12, lines: [] },
        { first: 0, last: 2, lines: head[2] },
        { first: 3, last: 5, lines: tail[2] },
      ],
      { maxRecords: 3 },
    )
    expect(found).toMatchObject({ ...none, stored: 6, foreign: 1 })
    expect(found.examples[0]).toEqual({
      position: 'k0-1000000000000',
      fault: 'foreign: says that it holds over 3 records: no invocation does',
    })
  })

  test('D14: planted: a line of a record with a dead letter', () => {
    const dead = asked.map((each) => (each.offset === 1 ? { ...each, dead: 'due' as const } : each))
    const objects = [
      { first: 0, last: 2, lines: head[2] },
      { first: 3, last: 5, lines: tail[2] },
    ]
    expect(merge(dead, objects)).toMatchObject({ ...none, expected: 5, different: 1 })
    const unfounded = asked.map((each) => (each.offset === 1 ? { ...each, dead: 'unfounded' as const } : each))
    expect(merge(unfounded, objects)).toMatchObject({ ...none, expected: 5 })
  })

  test('a record with a dead letter asks for no line', () => {
    const dead = asked.map((each) => (each.offset === 1 ? { ...each, dead: 'due' as const } : each))
    const found = merge(dead, [
      { first: 0, last: 2, lines: [row(0), row(2)] },
      { first: 3, last: 5, lines: tail[2] },
    ])
    expect(found).toMatchObject({ ...none, expected: 5, stored: 5 })
  })

  test('what the sink has not reached yet is told apart, stored already or not', () => {
    const due = { isDue: (_: number, offset: number) => offset < 3 }
    expect(merge(asked, [{ first: 0, last: 2, lines: head[2] }], due)).toMatchObject({
      ...none,
      expected: 3,
      notYet: 3,
    })
    const ahead = merge(asked, [
      { first: 0, last: 2, lines: head[2] },
      { first: 3, last: 5, lines: tail[2] },
    ])
    expect(Math.max(...ahead.held), 'held against the watermark later').toBe(5)
  })

  test('D14: planted: a record that the mapping skipped', () => {
    const skipped = { whyMissing: (_: number, offset: number) => (offset === 2 ? 'the mapping skipped it' : undefined) }
    const objects = [
      { first: 0, last: 1, lines: [row(0), row(1)] },
      { first: 3, last: 5, lines: tail[2] },
    ]
    const { missing, examples } = merge(asked, objects, skipped)
    expect(missing).toBe(1)
    expect(examples).toEqual([{ position: 't/0@2', fault: 'missing: is in no object: the mapping skipped it' }])
  })

  test('lines of records that compaction took are not compared; others between them are foreign', () => {
    const left = asked.filter(({ offset }) => offset !== 1 && offset !== 4)
    const holes = [1, 4].map((offset) => ({ partition: 0, first: offset, last: offset }))
    const objects = [
      { first: 0, last: 2, lines: head[2] },
      { first: 3, last: 5, lines: tail[2] },
    ]
    expect(merge(left, objects, { holes })).toMatchObject({ ...none, expected: 3, stored: 6, beyondRetention: 3 })
    expect(merge(left, objects)).toMatchObject({ ...none, expected: 3, stored: 6, foreign: 3 })
    const planted = [{ ...objects[0]!, lines: [...head[2], '"planted"'] }, objects[1]!]
    expect(merge(left, planted, { holes })).toMatchObject({ ...none, beyondRetention: 3, foreign: 1 })
  })

  test('equal rows pair in order: none is taken for a copy', () => {
    const same = [0, 1, 2].map((offset) => record(offset, ['"same"']))
    const found = merge(same, [{ first: 0, last: 2, lines: ['"same"', '"same"', '"same"'] }])
    expect(found).toMatchObject({ stored: 3, ...none })
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
    const records = [first, first, first + 1, -1, first - DAY_MS / 2].map((timestamp, offset) =>
      record(offset, offset === 2 || offset < from ? [] : [row(offset)], { timestamp }),
    )
    const lines = [0, 1, 3, 4].filter((offset) => offset >= from).map((offset) => row(offset))
    const folder = date === undefined ? '' : `date=${date}/`
    const folderOf = (timestamp: number) => (dated ? `date=${dayOf(timestamp)}/` : '')
    return merge(records, [{ key: 'k', first: from, last: 4, folder, lines }], { folderOf })
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

  test('one that begins before the log does, as after retention, is not judged but for what is left', () => {
    const late = { topic: 't', partitions: [{ partition: 0, first: 5, start: 5, end: 10 }] }
    const found = merge(
      [record(5, ['"5"'])],
      [
        { first: 0, last: 3, folder: 'date=1999-01-01/', lines: ['"0"', '"1"'] },
        { first: 4, last: 5, folder: 'date=1999-01-01/', lines: ['"4"', '"5"'] },
      ],
      { log: late, folderOf: () => 'date=2024-02-28/' },
    )
    expect(found).toMatchObject({ ...none, stored: 4, beyondRetention: 3 })
    expect(found.counted, 'not even read').toEqual(['k0-3'])
  })
})
