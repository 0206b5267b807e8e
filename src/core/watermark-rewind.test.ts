/** D13, the pure part: what a rewind makes of a watermark, and which ranges a rewound one admits. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordChecksum } from './checksum.ts'
import type { SourceRecord } from './record.ts'
import { admit, expecting, finished, hasCaughtUp, leftOut, opened, rewoundTo } from './watermark.ts'
import type { Checkpoint, RewindPlan, Watermark } from './watermark.ts'

const record = (offset: number, log = 0): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset,
  timestamp: offset,
  timestampType: 'CREATE_TIME',
  key: null,
  value: Buffer.from(`${log}/${offset}`),
  headers: [],
})
const records = (offsets: readonly number[], log = 0) => offsets.map((offset) => record(offset, log))
const checkpoint = (offset: number, log = 0): Checkpoint => ({ offset, checksum: recordChecksum(record(offset, log)) })

function after(watermark: Watermark | undefined, ...ranges: readonly (readonly number[])[]): Watermark {
  let current = watermark
  for (const offsets of ranges) {
    const admission = admit(current, records(offsets))
    if (admission.kind !== 'admitted') throw new Error(`${admission.kind}: ${admission.why}`)
    current = admission.after
  }
  return current!
}

const plan = (target: number, more: Partial<RewindPlan> = {}): RewindPlan => ({
  epoch: 1,
  target,
  first: target,
  end: 12,
  removes: true,
  head: checkpoint(target),
  ...more,
})
/** 0..11 in three ranges. */
const full = after(undefined, [0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11])

describe('what a rewind makes of a watermark', () => {
  test('D13: epoch raised, next at the target, checkpoints and gaps above it forgotten', () => {
    const before = after(undefined, [0], [3], [5], [9])
    const rewound = rewoundTo(before, plan(7, { first: 9, head: checkpoint(9) }))
    expect(rewound).toEqual({
      epoch: 1,
      next: 7,
      checkpoints: [checkpoint(9)],
      gaps: [
        { first: 1, last: 2 },
        { first: 4, last: 4 },
        { first: 6, last: 6 },
      ],
      gapCount: 3,
      rewind: { state: 'removing', target: 7, first: 9, end: 12, removes: true },
    })
  })

  test('D13: a gap across the target is cut there; a sink that wrote nothing yet is set up to begin at the target', () => {
    expect(rewoundTo(after(undefined, [0], [5]), plan(3)).gaps).toEqual([{ first: 1, last: 2 }])
    expect(rewoundTo(undefined, plan(3))).toMatchObject({ epoch: 1, next: 3, gaps: [], gapCount: 0 })
  })

  test('D13: of a topic created anew nothing is remembered', () => {
    const rewound = rewoundTo(after(undefined, [0], [5]), plan(0, { removes: false, head: checkpoint(0, 1) }))
    expect(rewound).toMatchObject({ next: 0, checkpoints: [checkpoint(0, 1)], gaps: [], gapCount: 0 })
    expect(admit(opened(rewound), records([0, 1], 1)).kind).toBe('admitted')
    expect(admit(opened(rewound), records([0, 1], 0)).kind).toBe('restarted')
  })

  test('D13: caught up where all that the log held has effect again; finished, nothing of the rewind is left', () => {
    const reading = opened(rewoundTo(full, plan(4)))
    const removing = rewoundTo(full, plan(12))
    expect([hasCaughtUp(full, 12), hasCaughtUp(removing, 12), hasCaughtUp(reading, 12)]).toEqual([true, false, false])
    expect(hasCaughtUp(after(reading, [4, 5, 6, 7]), 12)).toBe(false)
    const caughtUp = after(reading, [4, 5, 6, 7], [8, 9, 10, 11])
    expect(hasCaughtUp(caughtUp, 12)).toBe(true)
    expect(finished(caughtUp)).toEqual({ ...full, epoch: 1, checkpoints: [checkpoint(4), checkpoint(8)] })
  })

  test('D2 D13: what is left out is remembered until the rewind is finished', () => {
    const reading = opened(rewoundTo(full, plan(4)), [5, 7])
    expect([...leftOut(after(reading, [4, 5, 6, 7]))!]).toEqual([5, 7])
    expect([leftOut(finished(reading)), leftOut(opened(rewoundTo(full, plan(4))))]).toEqual([undefined, undefined])
    expect(leftOut(rewoundTo(reading, plan(4, { epoch: 2 })))).toBeUndefined()
  })

  test('D1 D13: not caught up where an invocation from before the rewind wrote the end, and the log has not been read to it', () => {
    const reading = opened(rewoundTo(full, plan(4)))
    const passedOver = after(reading, [4, 5], [10, 11]) // 6 to 9 would be taken for done, were the rewind finished now
    expect(passedOver.next).toBe(12)
    expect(hasCaughtUp(passedOver, 6)).toBe(false)
  })
})

describe('D13: what a rewound watermark admits', () => {
  const reading = opened(rewoundTo(full, plan(4)))
  test.each<[string, Watermark, number[], 'admitted' | 'rewound' | 'restarted', why: string]>([
    ['nothing while effects are removed', rewoundTo(full, plan(4)), [4, 5], 'rewound', 'being removed'],
    ['a range from the target on', reading, [4, 5], 'admitted', ''],
    ['a range that begins above it, a zombie', reading, [8, 9], 'rewound', 'above record 4'],
    ['a range past the end that it had', reading, [12], 'rewound', 'above record 4'],
    [
      'a range from the first record there is, above a hole at the target',
      opened(rewoundTo(full, plan(4, { first: 6, head: checkpoint(6) }))),
      [6, 7],
      'admitted',
      '',
    ],
    [
      'a range above the first record, though a claim of that record moved next',
      { ...opened(rewoundTo(full, plan(4, { first: 6 }))), next: 6 },
      [7],
      'rewound',
      'above record 6',
    ],
    [
      'anything, where the log had no record from the target on',
      opened(rewoundTo(full, plan(12, { first: null, head: undefined }))),
      [14],
      'admitted',
      '',
    ],
    ['the next range', after(reading, [4, 5]), [6], 'admitted', ''],
    ['a hole in what is read again', after(reading, [4, 5]), [7], 'admitted', ''],
    [
      'a record that a later range, a zombie, passed over',
      after(reading, [4, 5], [8, 9]),
      [6, 7],
      'rewound',
      'record 6',
    ],
    ['such a record within a range', after(reading, [4, 5], [8, 9]), [4, 5, 6, 7, 8], 'rewound', 'record 6'],
    ['the range that passed over it, again', after(reading, [4, 5], [8, 9]), [8, 9], 'admitted', ''],
    [
      'the same once the rewind is finished: it is not told',
      finished(after(reading, [4, 5], [8, 9])),
      [6, 7],
      'admitted',
      '',
    ],
    ['another log', reading, [2, 3], 'restarted', 'oldest checkpoint 4'],
  ])('%s', (_, watermark, offsets, kind, why) => {
    const admission = admit(watermark, records(offsets))
    expect(admission.kind).toBe(kind)
    if (admission.kind !== 'admitted') expect(admission.why).toContain(why)
  })

  test('the rewind stays until it is finished, and records below the target are done', () => {
    const admission = admit(reading, records([2, 3, 4, 5]).slice(2))
    expect(admission).toMatchObject({ from: 0, after: { epoch: 1, next: 6, rewind: { state: 'reading', target: 4 } } })
    const lower = opened(rewoundTo(full, plan(4, { head: checkpoint(0) })))
    expect(admit(lower, records([0, 1, 2, 3, 4]))).toMatchObject({ kind: 'admitted', from: 4 })
  })

  test('a source without watermark begins in the epoch of the others', () => {
    expect(admit(undefined, records([0]), 3)).toMatchObject({ after: { epoch: 3 } })
    expect(admit(full, records([12]), 3)).toMatchObject({ after: { epoch: 0 } })
  })
})

describe('D9 D13: a sink that is not rewound while the log is read again for another', () => {
  const many = after(undefined, ...Array.from({ length: 20 }, (_, i) => [10 + i]))
  test('takes an event from there on for the same log, and drops what it has', () => {
    expect(admit(many, records([5, 6])).kind).toBe('restarted')
    expect(admit(expecting(many, checkpoint(5)), records([5, 6]))).toMatchObject({ kind: 'admitted', from: 2 })
    expect(admit(expecting(many, checkpoint(5)), records([4, 5])).kind).toBe('restarted')
    expect(admit(expecting(many, checkpoint(5)), records([5, 6], 1)).kind).toBe('restarted')
  })

  test('keeps the checkpoint that stands there: another record is another log', () => {
    const { offset: known } = many.checkpoints[4]!
    const other = expecting(many, checkpoint(known, 1))
    expect(other.checkpoints).toEqual(many.checkpoints.slice(4))
  })
})

/**
 * Ranges of the log before the rewind; then the log from the target on, in order, cut anew, some of it again, with zombies in
 * between: ranges as they were delivered before, whole and late.
 */
test('D1 D2 D13: with zombies in between, what is read again has effect once, or halts', () => {
  const log = fc.uniqueArray(fc.nat(30), { minLength: 2, maxLength: 20 }).map((all) => all.sort((a, b) => a - b))
  const step = fc.record({
    zombie: fc.boolean(),
    at: fc.nat(19),
    back: fc.nat(2),
    length: fc.integer({ min: 1, max: 5 }),
  })
  fc.assert(
    fc.property(log, fc.nat(30), fc.array(step, { maxLength: 40 }), (offsets, asked, steps) => {
      const before = after(undefined, offsets)
      const target = Math.min(asked, before.next)
      const from = offsets.findIndex((offset) => offset >= target)
      const first = from === -1 ? null : offsets[from]!
      const head = first === null ? undefined : checkpoint(first)
      let watermark = opened(rewoundTo(before, plan(target, { first, end: before.next, head })))
      const effects = new Map<number, number>()
      const take = (range: readonly number[]): boolean => {
        if (range.length === 0) return true
        const admission = admit(watermark, records(range))
        if (admission.kind !== 'admitted') return false
        for (const offset of range.slice(admission.from)) effects.set(offset, (effects.get(offset) ?? 0) + 1)
        watermark = admission.after
        return true
      }
      let done = from === -1 ? offsets.length : from
      const start = done
      for (const { zombie, at, back, length } of steps) {
        if (zombie) {
          take(offsets.slice(at, at + length))
          continue
        }
        const begin = Math.max(start, done - back)
        if (!take(offsets.slice(begin, begin + length))) return
        done = Math.max(done, Math.min(offsets.length, begin + length))
      }
      if (!take(offsets.slice(done))) return
      for (const offset of offsets)
        expect([offset, effects.get(offset) ?? 0]).toEqual([offset, offset >= target ? 1 : 0])
      expect(hasCaughtUp(watermark, before.next)).toBe(true)
    }),
    { numRuns: 500 },
  )
})
