import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judge, noPoison, parsePoison, poisonAllowed, poisonText } from './flood.ts'
import type { PoisonedRange, RecentPoison } from './flood.ts'
import { FLOOD_WINDOW } from './limits.ts'
import type { SourceRecord } from './record.ts'

const source = { cluster: 'c', topic: 't', partition: 0 }
const why = { stage: 'decode', code: 'WEIR_DECODE' } as const
const record = (offset: number): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset,
  timestamp: 0,
  timestampType: 'CREATE_TIME',
  key: null,
  value: null,
  headers: [],
})

function rangeOf(offsets: readonly number[], isPoison: (offset: number) => boolean): PoisonedRange {
  const poison = new Map(offsets.filter(isPoison).map((offset) => [offset, why] as const))
  return { source, records: offsets.map(record), poison }
}

const upTo = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i)

/** Feeds a log in batches as the gate does: only those with poison are judged. Gives the offset it halts at, if any. */
function run(
  offsets: readonly number[],
  isPoison: (offset: number) => boolean,
  cut: (i: number) => number,
  share = 0.5,
  before: RecentPoison = noPoison,
): { readonly halted: number | undefined; readonly state: RecentPoison } {
  let state = before
  for (let i = 0, n = 0; i < offsets.length; n++) {
    const size = Math.max(1, cut(n))
    const range = rangeOf(offsets.slice(i, i + size), isPoison)
    i += size
    if (range.poison.size === 0) continue
    const verdict = judge(state, range, share)
    state = verdict.after
    if (verdict.flood) return { halted: verdict.flood.offset, state }
  }
  return { halted: undefined, state }
}

/** The promise itself: the first poisoned record with more than `share` of the last 200 records poison, itself included. */
function specified(
  offsets: readonly number[],
  isPoison: (offset: number) => boolean,
  share: number,
): number | undefined {
  return offsets.find(
    (offset, i) =>
      isPoison(offset) &&
      offsets.slice(Math.max(0, i + 1 - FLOOD_WINDOW), i + 1).filter(isPoison).length >
        Math.round(share * FLOOD_WINDOW),
  )
}

/** Stretches of a log, each with a share of poison of its own. */
const stretches = fc.array(
  fc.record({ length: fc.integer({ min: 1, max: 260 }), share: fc.constantFrom(0, 0.1, 0.4, 0.6, 1) }),
  {
    minLength: 1,
    maxLength: 6,
  },
)
const logs = fc
  .tuple(stretches, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 97, maxLength: 97 }))
  .map(([parts, chances]) => {
    const bad = new Set<number>()
    let offset = 0
    for (const { length, share } of parts)
      for (let i = 0; i < length; i++, offset++) if (chances[offset % chances.length]! < share) bad.add(offset)
    return { bad, offsets: upTo(0, offset) }
  })
const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 })
const shares = fc.constantFrom(0.05, 0.25, 0.5, 0.57, 0.95)

describe('a log without holes', () => {
  test('D7: whatever the cut, batches of one included, it halts at the record that the promise names, or not at all', () => {
    fc.assert(
      fc.property(logs, cuts, shares, ({ bad, offsets }, sizes, share) => {
        const isPoison = (offset: number) => bad.has(offset)
        const expected = specified(offsets, isPoison, share)
        expect(run(offsets, isPoison, (n) => sizes[n % sizes.length]!, share).halted).toBe(expected)
        expect(run(offsets, isPoison, () => 1, share).halted).toBe(expected)
        expect(run(offsets, isPoison, () => offsets.length, share).halted).toBe(expected)
      }),
    )
  })

  test('D7: a redelivery, cut otherwise, halts nothing that was let in, and the log after it halts where it would have', () => {
    fc.assert(
      fc.property(logs, cuts, cuts, fc.nat(1_000), fc.nat(300), ({ bad, offsets }, sizes, again, at, back) => {
        const isPoison = (offset: number) => bad.has(offset)
        const expected = specified(offsets, isPoison, 0.5)
        const seen = Math.min(at, expected ?? offsets.length)
        const first = run(offsets.slice(0, seen), isPoison, (n) => sizes[n % sizes.length]!)
        const from = Math.max(0, seen - back)
        const second = run(offsets.slice(from, seen), isPoison, (n) => again[n % again.length]!, 0.5, first.state)
        expect(second.halted).toBeUndefined()
        expect(run(offsets.slice(from), isPoison, (n) => again[n % again.length]!, 0.5, second.state).halted).toBe(
          expected,
        )
      }),
    )
  })

  test('D7: the same batch again says nothing new', () => {
    const range = rangeOf(upTo(10, 90), (offset) => offset % 3 === 0)
    const { after } = judge(noPoison, range, 0.5)
    expect(judge(after, range, 0.5)).toEqual({ after, changed: false })
  })

  test('D7: an invocation that comes late takes nothing from what its successors counted', () => {
    const before = run(
      upTo(0, 400),
      (offset) => offset >= 310,
      () => 10,
    ).state
    const late = judge(
      before,
      rangeOf(upTo(100, 110), () => true),
      0.5,
    )
    const next = rangeOf(upTo(400, 420), () => true)
    expect(judge(late.after, next, 0.5).flood).toEqual(judge(before, next, 0.5).flood)
    expect(judge(late.after, next, 0.5).flood?.offset).toBe(410)
  })
})

describe('what settles it', () => {
  const bad = run(
    upTo(0, 300),
    () => true,
    () => 1,
  )

  test('D7: a hundred are let in under the default, the next one halts, and again each time it comes', () => {
    expect(bad.halted).toBe(100)
    const again = judge(
      bad.state,
      rangeOf(upTo(100, 150), () => true),
      0.5,
    )
    expect([again.flood, again.changed]).toEqual([{ offset: 100, poisoned: 101 }, false])
  })

  test.each<[string, number[]]>([
    ['in the batch that halted', upTo(100, 160)],
    ['in a later one', upTo(120, 160)],
    ['in one of its own', [150]],
  ])('D7: once it is past, what came before is forgotten: a single bad record does not halt anew, %s', (_, offsets) => {
    const after = judge(
      bad.state,
      rangeOf(offsets, (offset) => offset === 150),
      0.5,
    )
    expect(after.flood).toBeUndefined()
    expect(after.after.halted).toBeNull()
    expect(after.after.marks.filter(({ poison }) => poison).map(({ offset }) => offset)).toEqual([150])
  })

  test('D4 D7: and stays forgotten when an invocation of the bad definition that is still under way comes late', () => {
    const settled = judge(
      bad.state,
      rangeOf(upTo(100, 160), (offset) => offset === 150),
      0.5,
    )
    const late = judge(
      settled.after,
      rangeOf(upTo(0, 100), () => true),
      0.5,
    )
    expect(late.flood).toBeUndefined()
    for (const offsets of [upTo(100, 160), upTo(160, 170)]) {
      const next = judge(
        late.after,
        rangeOf(offsets, (offset) => offset === 150 || offset === 165),
        0.5,
      )
      expect(next.flood).toBeUndefined()
    }
  })

  test('D7: a definition that is still bad halts again, within as many records', () => {
    const next = run(
      upTo(100, 400),
      (offset) => offset > 100,
      () => 1,
      0.5,
      bad.state,
    )
    expect(next.halted).toBe(201)
  })

  test('D7: a greater share lets it pass, and the mark of the halt goes', () => {
    const range = rangeOf(upTo(100, 150), () => true)
    const verdict = judge(bad.state, range, 0.9)
    expect(verdict.flood).toBeUndefined()
    expect(verdict.after.halted).toBeNull()
  })
})

describe('a log with holes', () => {
  const every = (step: number, n: number) => Array.from({ length: n }, (_, i) => i * step)

  test.each([2, 10, 1_000])('D7: records count, not offsets: one in %i is there', (step) => {
    const offsets = every(step, 400)
    for (const size of [2, 10, 100, 400])
      expect(
        run(
          offsets,
          () => true,
          () => size,
        ).halted,
      ).toBe(100 * step)
  })

  test('D7: half poison is no flood there either', () => {
    const offsets = every(7, 1_000)
    expect(
      run(
        offsets,
        (offset) => (offset / 7) % 2 === 0,
        () => 10,
      ).halted,
    ).toBeUndefined()
  })

  test('D7: ranks ascend with offsets, whatever comes in whatever order', () => {
    const batches = fc.array(
      fc.tuple(fc.nat(2_000), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })),
      { minLength: 1, maxLength: 12 },
    )
    fc.assert(
      fc.property(batches, (all) => {
        let state = noPoison
        for (const [first, steps] of all) {
          const offsets = steps.reduce<number[]>((list, step) => [...list, list.at(-1)! + step], [first])
          state = judge(
            state,
            rangeOf(offsets, (offset) => offset % 3 === 0),
            0.95,
          ).after
          state.marks.forEach((mark, i) => {
            if (i > 0) expect(mark.offset).toBeGreaterThan(state.marks[i - 1]!.offset)
            if (i > 0) expect(mark.rank).toBeGreaterThan(state.marks[i - 1]!.rank)
          })
        }
      }),
    )
  })
})

test('D7 D11: what is kept is bounded: a batch of 10,000, and a zombie beside it', () => {
  const { state } = run(
    upTo(0, 10_000),
    (offset) => offset % 3 === 0,
    () => 10_000,
  )
  const late = judge(
    state,
    rangeOf(upTo(0, 5_000), (offset) => offset % 3 === 0),
    0.5,
  ).after
  expect(state.marks.length).toBeLessThanOrEqual(FLOOD_WINDOW + 1)
  expect(late.marks.length).toBeLessThanOrEqual(2 * (FLOOD_WINDOW + 1))
  expect(poisonText(late).length).toBeLessThan(8_000)
})

test('D7: kept as text it says the same', () => {
  fc.assert(
    fc.property(logs, cuts, ({ bad, offsets }, sizes) => {
      const { state } = run(
        offsets,
        (offset) => bad.has(offset),
        (n) => sizes[n % sizes.length]!,
      )
      expect(parsePoison(poisonText(state))).toEqual(state)
    }),
  )
  expect(
    poisonText(
      run(
        upTo(0, 100),
        () => true,
        () => 1,
      ).state,
    ),
  ).toBe('{"halted":null,"runs":[[0,0,100]]}')
})

test.each([
  [0.05, 10],
  [0.5, 100],
  [0.57, 114],
  [0.95, 190],
])('D7: a share of %d lets %i of the window pass', (share, allowed) => {
  expect(poisonAllowed(share)).toBe(allowed)
})
