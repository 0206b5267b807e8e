/** Single steps that the explorer's world does not have: re-created topics, rewinds, vanishing objects, many gaps. */
import { describe, expect, test } from 'vitest'
import { recordChecksum } from '../../core/checksum.ts'
import { MAX_CHECKPOINTS, MAX_GAPS } from '../../core/limits.ts'
import type { LedgerItem } from '../ledger.ts'
import { range, sourceRecord, span } from '../../testing/contract-world.ts'
import { decided, holdsClaim } from './claim.ts'
import type { ClaimedItem } from './claim.ts'
import { advance, requestsOf, start, startFrom } from './protocol.ts'
import type { RangeInput, Reply, Running, State } from './protocol.ts'

function input(offsets: readonly number[], generation = 0): RangeInput {
  return {
    pipeline: 'p',
    sink: 's',
    records: range(offsets, { generation }).records.map(({ record }) => record),
    keyOf: (output, first, last, epoch, generation) => `${output}${first}-${last}.e${epoch}~${generation}`,
    outputs: () => [''],
    checksum: (first, last) => `${first}-${last}`,
  }
}

const checkpoint = (offset: number) => ({ offset, checksum: recordChecksum(sourceRecord(offset)) })

const settled: LedgerItem = {
  epoch: 0,
  next: 10,
  checkpoints: [checkpoint(5)],
  gaps: [],
  gapCount: 0,
  pending: null,
  generation: 0,
  version: 4,
}
const claim: ClaimedItem = {
  ...settled,
  checkpoints: [checkpoint(5), checkpoint(10)],
  pending: { first: 10, last: 19, keys: ['k'] },
}

function play(of: RangeInput, ...replies: readonly Reply[]): State {
  let state: State = start
  for (const reply of replies) state = advance(of, state as Running, reply)
  return state
}

const read = (item: LedgerItem | undefined): Reply => ({ to: 'read', item })
const absent: Reply = { to: 'head', key: 'k', object: 'absent' }
const exists: Reply = { to: 'put', key: 'k', created: false }

test('N7: a warm environment claims at once what begins where it ended, and reads before it drops or halts', () => {
  const from = (offsets: readonly number[]) => requestsOf(input(offsets), startFrom(input(offsets), settled))
  expect(from(span(10, 14))).toMatchObject([{ do: 'swap', item: { version: 5, pending: { first: 10, last: 14 } } }])
  expect(from(span(12, 14))).toMatchObject([{ do: 'swap', item: { gaps: [{ first: 10, last: 11 }] } }])
  expect(from(span(9, 14))).toEqual([{ do: 'read' }])
  expect(from(span(0, 4))).toEqual([{ do: 'read' }])
  expect(requestsOf(input([10]), startFrom(input([10]), undefined))).toEqual([{ do: 'read' }])
})

test('D13 N7: what a warm environment knew is no read: a rewind since then is met as by one that reads now', () => {
  const of = input(span(10, 14))
  const lost = (current: LedgerItem) =>
    advance(of, startFrom(of, settled), { to: 'swap', result: { ok: false, current } })
  const rewind = { state: 'reading', target: 5, first: 5, end: 20, removes: true } as const
  expect(lost({ ...settled, version: 5, epoch: 1, next: 5, rewind })).toMatchObject({ code: 'WEIR_REWOUND' })
  expect(lost({ ...settled, version: 6, epoch: 1 })).toMatchObject({ at: 'claim', epoch: 1, item: { version: 7 } })
})

test.each([
  ['while its effects are being removed', 'removing', span(10, 14), 'being removed'],
  ['above the first record that is there to be read', 'reading', span(12, 14), 'above record 10'],
] as const)(
  'D13: after a rewind a range halts before anything is asked of the bucket, %s',
  (_, state, offsets, why) => {
    const rewind = { state, target: 10, first: 10, end: 20, removes: true }
    const halted = play(input(offsets), read({ ...settled, epoch: 1, rewind }))
    expect(halted).toMatchObject({ at: 'failed', code: 'WEIR_REWOUND', next: 10 })
    expect(halted.at === 'failed' && 'why' in halted && halted.why).toContain(why)
  },
)

describe('D9: a topic that restarted halts before anything is asked of the bucket', () => {
  test.each([
    ['a range below the oldest checkpoint', input(span(0, 4)), settled],
    ['another record at a checkpoint', input(span(5, 12), 1), settled],
    ['another record at the checkpoint of a pending claim', input(span(10, 12), 1), claim],
  ])('%s', (_, of, item) => {
    expect(play(of, read(item))).toMatchObject({ at: 'failed', code: 'WEIR_TOPIC_RESTARTED', next: 10 })
  })
})

test('D13: an invocation keeps the epoch of its first read, and fails when it changes', () => {
  const lost: Reply = { to: 'swap', result: { ok: false, current: { ...settled, epoch: 1, version: 5 } } }
  expect(play(input(span(10, 19)), read(settled), lost)).toMatchObject({ at: 'failed', code: 'WEIR_TAKEN_OVER' })
})

test('D13: under a raised epoch keys carry it', () => {
  const state = play(input(span(10, 19)), read({ ...settled, epoch: 2, generation: 1 }))
  expect(requestsOf(input(span(10, 19)), state as Running)[0]).toMatchObject({
    do: 'swap',
    item: { epoch: 2, next: 10, version: 5, pending: { first: 10, last: 19, keys: ['10-19.e2~1'] } },
  })
})

test('N3: a key that is never there and always taken is looked at a bounded number of times', () => {
  const of = input(span(10, 14))
  const state = play(of, read(claim), ...Array.from({ length: 4 }, () => [absent, exists]).flat(), absent)
  expect(state).toMatchObject({ at: 'failed', code: 'WEIR_CONTENDED' })
})

test('N3: the third lost compare-and-set is the last', () => {
  const of = input(span(10, 19))
  const lost: Reply = { to: 'swap', result: { ok: false, current: settled } }
  expect(play(of, read(settled), lost, lost)).toMatchObject({ at: 'claim', returns: 2 })
  expect(play(of, read(settled), lost, lost, lost)).toMatchObject({ at: 'failed', code: 'WEIR_CONTENDED' })
})

test('a reply that was not asked for is a fault of the program', () => {
  expect(() => play(input([10]), exists)).toThrow('the machine is at "read" and did not ask for "put"')
})

describe('D9: gaps and checkpoints of a claim', () => {
  const gap = (first: number) => ({ first, last: first })
  const old = Array.from({ length: MAX_GAPS }, (_, i) => gap(-2 * (i + 1))).toReversed()
  const many = Array.from({ length: MAX_CHECKPOINTS }, (_, i) => checkpoint(i - MAX_CHECKPOINTS))
  const full: ClaimedItem = {
    ...claim,
    checkpoints: [...many, checkpoint(10)],
    gaps: [...old, gap(12), gap(15)],
    gapCount: MAX_GAPS + 2,
  }

  test("a void takes out the claim's own and forgets none of the older ones", () => {
    expect(decided(full, [false])).toMatchObject({
      next: 10,
      pending: null,
      generation: 1,
      gaps: old,
      gapCount: MAX_GAPS,
      checkpoints: many,
    })
  })

  test('counted, the lists are cut to their limits, and the count stays', () => {
    const item = decided(full, [true])
    expect(item).toMatchObject({ next: 20, pending: null, generation: 0, gapCount: MAX_GAPS + 2 })
    expect(item.gaps).toEqual([...old, gap(12), gap(15)].slice(-MAX_GAPS))
    expect(item.checkpoints).toHaveLength(MAX_CHECKPOINTS)
    expect([item.checkpoints[0], item.checkpoints.at(-1)]).toEqual([many[0], checkpoint(10)])
  })

  test.each([
    ['the same holes', [10, 11, 13, 14, 16, 17, 18, 19], true],
    ['more around it', [9, 10, 11, 13, 14, 16, 17, 18, 19, 20], true],
    ['a hole more', [10, 11, 13, 14, 16, 17, 19], false],
    ['a hole less', [10, 11, 12, 13, 14, 16, 17, 18, 19], false],
    ['a wider hole', [10, 11, 13, 16, 17, 18, 19], false],
    ['another hole', [10, 12, 13, 14, 16, 17, 18, 19], false],
    ['a later beginning', [11, 13, 14, 16, 17, 18, 19], false],
    ['an earlier end', [10, 11, 13, 14, 16, 17, 18], false],
    ['nothing of it', [1, 2], false],
  ])("an event holds the claim's records or not: %s", (_, offsets, expected) => {
    expect(holdsClaim(full, input(offsets).records)).toBe(expected)
  })
})
