import { describe, expect, test } from 'vitest'
import type { SinkKind } from '../../sinks/sink.ts'
import { createCourse } from './course.ts'
import type { Progress } from './progress.ts'
import { createTally } from './report.ts'

const log = { topic: 't', partitions: [{ partition: 0, first: 2, start: 2, end: 20 }] }
const ENDS = new Map([[0, 20]])

function progress(next: number, more: Partial<Progress> = {}): Progress {
  return { epoch: 0, next, pending: undefined, gaps: [], gapCount: 0, ...more }
}

interface Situation {
  readonly kind?: SinkKind
  readonly before?: Progress
  readonly after?: Progress
  readonly committed?: number
  /** Offset and epoch of the newest row that stands. */
  readonly held?: readonly [offset: number, epoch: number]
  readonly records?: readonly number[]
}

function judge({ kind = 's3', before, after = before, committed, held, records = [] }: Situation) {
  const tally = createTally()
  const of = (one: Progress | undefined) => new Map(one ? [[0, one]] : [])
  const course = createCourse({ kind, log, tally, before: of(before), committed: new Map([[0, committed]]) })
  for (const offset of records) course.record(0, offset)
  course.gap({ partition: 0, first: 7, last: 7, why: 'marker' })
  if (held) course.onHeld(0, ...held)
  const gaps = course.finish(of(after), ENDS)
  return { gaps, faults: tally.result(kind).examples.map(({ position, fault }) => `${position} ${fault}`), course }
}

describe('how far a sink says that it is', () => {
  test('a store that its watermark agrees with has no fault', () => {
    expect(judge({ before: progress(12), held: [11, 0], committed: 12 }).faults).toEqual([])
  })

  test('what flows meanwhile is no fault: the watermark has moved on when the store has been read', () => {
    expect(judge({ before: progress(8), after: progress(12), held: [11, 0] }).faults).toEqual([])
  })

  test.each([
    ['s3', 1],
    ['postgres', 1],
    // its effects come before its watermark, always
    ['dynamodb', 0],
  ] as const)('D14: planted: the watermark of %s moved back', (kind, faults) => {
    const found = judge({ kind, before: progress(8), held: [11, 0] }).faults
    expect(found).toEqual(['t/0@11 out of order: is stored, but its watermark says that 8 is next'].slice(0, faults))
  })

  test('an object that is being written, and a row that a rewind will write again, are not ahead', () => {
    expect(judge({ before: progress(8, { pending: { first: 8, last: 11 } }), held: [11, 0] }).faults).toEqual([])
    expect(judge({ before: progress(8, { epoch: 1 }), held: [11, 0] }).faults).toEqual([])
    expect(judge({ before: progress(8, { epoch: 1 }), held: [11, 1] }).faults).toHaveLength(1)
  })

  test('D14: planted: a watermark beyond the log', () => {
    expect(judge({ before: progress(21) }).faults).toEqual([
      't/0@21 out of order: its watermark expects that record next, but the log ends at 20: what comes in between would be dropped',
    ])
  })

  test('what is due: below the watermark, and below what the group has passed', () => {
    const { isDue, whyMissing } = judge({ before: progress(8), committed: 10 }).course
    expect([7, 8, 9, 10].map((offset) => isDue(0, offset))).toEqual([true, true, true, false])
    expect([7, 8].map((offset) => whyMissing(0, offset))).toEqual([undefined, 'the mapping skipped it'])
    expect(judge({}).course.isDue(0, 2)).toBe(false)
  })

  test('D14: gaps of the sink, each with its reason, those that lost records first', () => {
    const gaps = [
      { first: 0, last: 1 },
      { first: 4, last: 5 },
      { first: 7, last: 7 },
      { first: 9, last: 9 },
    ]
    const found = judge({ before: progress(12, { gaps, gapCount: 40 }), committed: 14, records: [4, 6, 8, 12, 13] })
    expect(found.gaps).toEqual({
      recorded: 40,
      skipped: 3,
      listed: [
        { partition: 0, first: 12, last: 13, records: 2, why: 'skipped: the group has passed it' },
        { partition: 0, first: 4, last: 5, records: 1, why: 'skipped by the mapping' },
        { partition: 0, first: 9, last: 9, records: 0, why: 'nothing that the log knows' },
        { partition: 0, first: 7, last: 7, records: 0, why: 'transaction markers' },
        { partition: 0, first: 0, last: 1, records: 0, why: 'retention' },
      ],
    })
  })

  test('D14: planted: a watermark of DynamoDB behind the group, with every row in its place', () => {
    expect(
      judge({ kind: 'dynamodb', before: progress(8), committed: 12, held: [11, 0], records: [8, 9] }).faults,
    ).toEqual(['t/0@8 out of order: its watermark expects that record next, but the group has passed 11'])
  })
})
