import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { recordChecksum } from './checksum.ts'
import { MAX_CHECKPOINTS, MAX_GAPS } from './limits.ts'
import type { SourceRecord } from './record.ts'
import { admit, lowerBound } from './watermark.ts'
import type { Admission, Watermark } from './watermark.ts'

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

function admitted(watermark: Watermark | undefined, offsets: readonly number[]): Extract<Admission, { from: number }> {
  const admission = admit(watermark, records(offsets))
  if (admission.kind !== 'admitted') throw new Error(admission.why)
  return admission
}

/** The watermark after ranges that all took effect. */
function after(...ranges: readonly (readonly number[])[]): Watermark | undefined {
  return ranges.reduce<Watermark | undefined>((watermark, offsets) => admitted(watermark, offsets).after, undefined)
}

describe('what is new', () => {
  test.each<[string, before: number[][], range: number[], from: number, next: number, gaps: [number, number][]]>([
    ['D9: the first range of a log that starts at 0', [], [0, 1, 2], 0, 3, []],
    ['D9: the first range of a log that starts later is no gap', [], [50, 51], 0, 52, []],
    ['D2: the same range again', [[0, 1, 2]], [0, 1, 2], 3, 3, []],
    ['D2: a shorter one', [[0, 1, 2]], [0, 1], 2, 3, []],
    ['D2: a longer one', [[0, 1, 2]], [0, 1, 2, 3, 4], 3, 5, []],
    ['D2: a shifted one', [[0, 1, 2]], [2, 3], 1, 4, []],
    ['D1: the next one', [[0, 1, 2]], [3, 4], 0, 5, []],
    ['D9: one above the watermark', [[0, 1, 2]], [5, 6], 0, 7, [[3, 4]]],
    [
      'D9: one with holes',
      [[0]],
      [1, 3, 7],
      0,
      8,
      [
        [2, 2],
        [4, 6],
      ],
    ],
    ['D9: holes below the watermark are not counted again', [[0, 1, 5]], [0, 5, 6], 2, 7, []],
    ['D9: a hole across the watermark counts from it', [[0, 1, 2]], [1, 6], 1, 7, [[3, 5]]],
    ['D9: a hole in the first range', [], [0, 2], 0, 3, [[1, 1]]],
  ])('%s', (_, before, range, from, next, gaps) => {
    const admission = admitted(after(...before), range)
    expect(admission.from).toBe(from)
    expect(admission.after.next).toBe(next)
    expect(admission.gaps.map(({ first, last }) => [first, last])).toEqual(gaps)
  })

  test('D9: gaps and checkpoints are kept, oldest first, up to their bounds', () => {
    const heads = Array.from({ length: 150 }, (_, i) => i * 2)
    const watermark = after(...heads.map((head) => [head]))!
    const offsets = watermark.checkpoints.map(({ offset }) => offset)
    expect(offsets).toHaveLength(MAX_CHECKPOINTS)
    expect(offsets[0]).toBe(0)
    expect(offsets.slice(-6)).toEqual(heads.slice(-6))
    for (const { offset, checksum } of watermark.checkpoints) expect(checksum).toBe(recordChecksum(record(offset)))
    expect(watermark.gaps).toHaveLength(MAX_GAPS)
    expect(watermark.gaps.at(-1)).toEqual({ first: 297, last: 297 })
    expect(watermark.gapCount).toBe(149)
  })

  test('D5 D9: an event that comes again and again, longer each time, while another sink is down, is no restart', () => {
    const growing = Array.from({ length: 30 }, (_, i) => Array.from({ length: i + 1 }, (_, offset) => 5 + offset))
    const watermark = after([3, 4], ...growing)!
    expect(watermark.next).toBe(35)
    expect(watermark.checkpoints).toHaveLength(MAX_CHECKPOINTS)
    expect(watermark.checkpoints[0]!.offset).toBe(3)
    expect(admit(watermark, records([3, 4, 5, 6], 1)).kind).toBe('restarted')
    expect(admit(watermark, records([2, 3])).kind).toBe('restarted')
  })

  test('D5 D9: a group that goes on far behind the watermark, as one that lost its commits, is no restart; another log is one', () => {
    const ranges = Array.from({ length: 2_000 }, (_, i) => [3 + i * 2, 4 + i * 2])
    const watermark = after(...ranges)!
    for (const first of [3, 50, 1_999, 3_333, 3_990]) {
      expect(admitted(watermark, [first, first + 1])).toMatchObject({ from: 2, after: watermark })
      const rest = Array.from({ length: 4_003 - first }, (_, i) => first + i)
      expect(admit(watermark, records(rest, 1)).kind).toBe('restarted')
    }
  })

  test('checkpoints lie the denser the nearer: no gap among them is longer than what it is from the end', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 20, maxLength: 400 }), (sizes) => {
        let next = 0
        const heads = sizes.map((size) => (next += size) - size)
        const offsets = after(...heads.map((head) => [head]))!.checkpoints.map(({ offset }) => offset)
        const newest = offsets.at(-1)!
        offsets.slice(1, -6).forEach((offset, i) => {
          expect(offset - offsets[i]!).toBeLessThanOrEqual(Math.max(100, 0.9 * (newest - offsets[i]!)))
        })
      }),
      { numRuns: 50 },
    )
  })

  test('a range that brings nothing new leaves the watermark as it is', () => {
    const watermark = after([0, 1], [2, 3])!
    expect(admitted(watermark, [0, 1, 2]).after).toBe(watermark)
  })

  test('the epoch stays', () => {
    const watermark = { ...after([0])!, epoch: 3 }
    expect(admitted(watermark, [1]).after.epoch).toBe(3)
  })
})

describe('a topic created anew', () => {
  const restarted = (watermark: Watermark | undefined, offsets: readonly number[], log: number) =>
    admit(watermark, records(offsets, log)).kind === 'restarted'

  test.each<[string, before: number[][], range: number[], log: number, restarted: boolean]>([
    ['D9: below the oldest checkpoint', [[5, 6]], [0, 1], 0, true],
    ['D9: another record at a checkpoint', [[5, 6]], [5, 6], 1, true],
    [
      'D9: another record at an inner checkpoint',
      [
        [5, 6],
        [7, 8],
      ],
      [6, 7, 8],
      1,
      true,
    ],
    ['D9: another record past the checkpoints cannot be told', [[5, 6, 7]], [6, 7, 8], 1, false],
    ['D9: a range above every checkpoint cannot be told', [[5, 6]], [20], 1, false],
    [
      'D9: the very log',
      [
        [5, 6],
        [7, 8],
      ],
      [5, 6, 7, 8],
      0,
      false,
    ],
    [
      'D9: a checkpoint record compacted away',
      [
        [5, 6],
        [7, 8],
      ],
      [5, 6, 8, 9],
      0,
      false,
    ],
    ['D9: below where the log was first read', Array.from({ length: 40 }, (_, i) => [i + 2]), [0, 1], 0, true],
  ])('%s', (_, before, range, log, expected) => {
    expect(restarted(after(...before), range, log)).toBe(expected)
  })
})

test('D2 D9: against a plain model, however the log is cut, repeated and skipped', () => {
  const cut = fc.record({ back: fc.nat(6), skip: fc.nat(2), length: fc.integer({ min: 1, max: 8 }) })
  const log = fc.uniqueArray(fc.nat(80), { minLength: 1 }).map((offsets) => offsets.sort((a, b) => a - b))
  fc.assert(
    fc.property(log, fc.array(cut, { maxLength: 30 }), (offsets, cuts) => {
      let watermark: Watermark | undefined
      let done = 0 // index into offsets: what stands below has taken effect or was skipped
      const effects = new Map<number, number>()
      const gone = new Set<number>() // offsets recorded as gaps
      for (const { back, skip, length } of cuts) {
        const start = Math.max(0, done - back + skip)
        const range = offsets.slice(start, start + length)
        if (range.length === 0) continue
        const admission = admit(watermark, records(range))
        if (admission.kind !== 'admitted') {
          expect(range[0]).toBeLessThan(watermark!.checkpoints[0]!.offset)
          continue
        }
        for (const offset of range.slice(admission.from)) effects.set(offset, (effects.get(offset) ?? 0) + 1)
        for (const { first, last } of admission.gaps)
          for (let offset = first; offset <= last; offset++) gone.add(offset)
        watermark = admission.after
        done = Math.max(done, start + range.length)
      }
      if (!watermark) return
      for (const [offset, times] of effects) expect([offset, times]).toEqual([offset, 1])
      const first = Math.min(...effects.keys())
      for (let offset = first; offset < watermark.next; offset++)
        expect([offset, effects.has(offset)]).toEqual([offset, !gone.has(offset)])
    }),
  )
})

test('lowerBound is the first record at or above', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), fc.nat(60), (offsets, wanted) => {
      const sorted = offsets.sort((a, b) => a - b)
      expect(lowerBound(records(sorted), wanted)).toBe(sorted.filter((offset) => offset < wanted).length)
    }),
  )
})
