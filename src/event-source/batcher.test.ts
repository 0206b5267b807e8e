import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_PAYLOAD_BYTES } from '../core/limits.ts'
import type { SourceRecord } from '../core/record.ts'
import { createBatcher, type Batch, type BatchLimits } from './batcher.ts'
import { eventEncoder } from './encode.ts'

const encoder = eventEncoder({ topic: 't', bootstrap: ['h:1'], missingKey: 'absent' })
const limits = (given: Partial<BatchLimits> = {}): BatchLimits => ({
  records: 100,
  bytes: MAX_PAYLOAD_BYTES,
  windowMs: 500,
  ...given,
})

function record(partition: number, offset: number, bytes = 1): SourceRecord {
  const value = Buffer.alloc(bytes)
  return { topic: 't', partition, offset, timestamp: 0, timestampType: 'CREATE_TIME', key: null, value, headers: [] }
}

function some(partition: number, from: number, count: number): SourceRecord[] {
  return Array.from({ length: count }, (_, i) => record(partition, from + i))
}

function offsets(batch: Batch | undefined): Record<number, number[]> | undefined {
  return batch && Object.fromEntries(batch.groups.map((g) => [g.partition, g.records.map((r) => r.offset)]))
}

describe('when a batch goes out', () => {
  test('E6: when the window is over, counted from the first record', () => {
    const batcher = createBatcher(limits(), encoder)
    batcher.add(0, some(0, 0, 1), 1000)
    batcher.add(0, some(0, 1, 1), 1400)
    expect(batcher.dueAt()).toBe(1500)
    expect(batcher.take(1499)).toBeUndefined()
    expect(offsets(batcher.take(1500))).toEqual({ 0: [0, 1] })
  })

  test('E6: at once when it is full', () => {
    const batcher = createBatcher(limits({ records: 3 }), encoder)
    batcher.add(0, some(0, 0, 2), 0)
    expect(batcher.take(0)).toBeUndefined()
    batcher.add(0, some(0, 2, 2), 0)
    expect(offsets(batcher.take(0))).toEqual({ 0: [0, 1, 2] })
  })

  test('E6: at once when the encoded event is at 6 MiB, which it never exceeds', () => {
    const batcher = createBatcher(limits({ records: 10_000 }), encoder)
    const all = Array.from({ length: 10 }, (_, i) => record(0, i, 600_000))
    batcher.add(0, all.slice(0, 7), 0)
    expect(batcher.take(0)).toBeUndefined()
    batcher.add(0, all.slice(7), 0)
    const batch = batcher.take(0)!
    expect(offsets(batch)).toEqual({ 0: [0, 1, 2, 3, 4, 5, 6] })
    expect(encoder.encode(batch.groups).length).toBe(batch.bytes)
    expect(batch.bytes).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES)
  })

  test('E6: with window 0 at once with what is there', () => {
    const batcher = createBatcher(limits({ windowMs: 0 }), encoder)
    batcher.add(0, some(0, 0, 1), 7)
    expect(offsets(batcher.take(7))).toEqual({ 0: [0] })
    expect(batcher.take(7)).toBeUndefined()
  })

  test('E8: the next window starts when the previous invocation ends', () => {
    const batcher = createBatcher(limits(), encoder)
    batcher.add(0, some(0, 0, 1), 0)
    batcher.take(500)
    batcher.add(0, some(0, 1, 1), 600)
    expect(batcher.dueAt()).toBeUndefined()
    batcher.release([0], 5000)
    expect(batcher.dueAt()).toBe(5500)
    // and not before there is a record
    expect(offsets(batcher.take(5500))).toEqual({ 0: [1] })
    batcher.release([0], 6000)
    batcher.add(0, some(0, 2, 1), 9000)
    expect(batcher.dueAt()).toBe(9500)
  })

  test('E4: one event may hold several partitions', () => {
    const batcher = createBatcher(limits(), encoder)
    batcher.add(1, some(1, 5, 1), 0)
    batcher.add(0, some(0, 0, 2), 100)
    expect(offsets(batcher.take(500))).toEqual({ 0: [0, 1], 1: [5] })
  })

  test('E10, E11: a held partition is in no second batch, the others go on', () => {
    const batcher = createBatcher(limits({ windowMs: 0, records: 2 }), encoder)
    batcher.add(0, some(0, 0, 5), 0)
    batcher.add(1, some(1, 0, 1), 1)
    expect(offsets(batcher.take(1))).toEqual({ 0: [0, 1] })
    expect(offsets(batcher.take(1))).toEqual({ 1: [0] })
    expect(batcher.take(1)).toBeUndefined()
    batcher.release([0], 2)
    expect(offsets(batcher.take(2))).toEqual({ 0: [2, 3] })
  })

  test('E10: a hold outlives the loss of its partition', () => {
    const batcher = createBatcher(limits({ windowMs: 0 }), encoder)
    batcher.add(0, some(0, 0, 1), 0)
    batcher.take(0)
    batcher.forget(0)
    batcher.add(0, some(0, 0, 1), 1)
    expect(batcher.take(1)).toBeUndefined()
    batcher.release([0], 2)
    expect(offsets(batcher.take(2))).toEqual({ 0: [0] })
  })

  test('E7: a record that alone exceeds 6 MiB is dropped, and the partition goes on', () => {
    const batcher = createBatcher(limits(), encoder)
    batcher.add(0, [record(0, 0), record(0, 1, MAX_PAYLOAD_BYTES), record(0, 2)], 0)
    const batch = batcher.take(500)!
    expect(offsets(batch)).toEqual({ 0: [0, 2] })
    expect(batch.dropped.map((r) => r.offset)).toEqual([1])
    expect(batch.commits).toEqual(new Map([[0, 3]]))
  })

  test('E7: nothing but such a record: an empty batch that still moves the offset', () => {
    const batcher = createBatcher(limits(), encoder)
    batcher.add(0, [record(0, 4, MAX_PAYLOAD_BYTES)], 0)
    const batch = batcher.take(500)!
    expect(batch.groups).toEqual([])
    expect(batch.commits).toEqual(new Map([[0, 5]]))
  })

  test('E7: the biggest record that fits does go out', () => {
    const overhead = encoder.frameBytes + encoder.groupBytes(0) + encoder.recordBytes(record(0, 0, 0))
    const fits = Math.floor((MAX_PAYLOAD_BYTES - overhead) / 4) * 3
    for (const [size, sent] of [
      [fits, 1],
      [fits + 1, 0],
    ] as const) {
      const batcher = createBatcher(limits({ windowMs: 0 }), encoder)
      batcher.add(0, [record(0, 0, size)], 0)
      expect(batcher.take(0)!.groups).toHaveLength(sent)
    }
  })
})

describe('E6, E7: the byte limit to the byte', () => {
  const two = some(0, 0, 2)
  const sizeOf = (records: SourceRecord[]) => encoder.encode([{ partition: 0, records }]).length
  const sent = (bytes: number) => {
    const batcher = createBatcher(limits({ windowMs: 0, bytes }), encoder)
    batcher.add(0, two, 0)
    const batch = batcher.take(0)!
    return { sent: batch.groups.flatMap((g) => g.records).length, dropped: batch.dropped.length }
  }
  test.each([
    ['two fit', sizeOf(two), { sent: 2, dropped: 0 }],
    ['one byte short: one goes, one waits', sizeOf(two) - 1, { sent: 1, dropped: 0 }],
    ['one fits', sizeOf(two.slice(1)), { sent: 1, dropped: 0 }],
    ['one byte short: neither can ever go', sizeOf(two.slice(1)) - 1, { sent: 0, dropped: 2 }],
  ])('%s', (_, bytes, expected) => {
    expect(sent(bytes)).toEqual(expected)
  })
})

type Step =
  | { readonly kind: 'add'; readonly partition: number; readonly sizes: readonly number[] }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'release'; readonly pick: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    partition: fc.nat(3),
    sizes: fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(700) }),
  fc.record({ kind: fc.constant('release' as const), pick: fc.nat(9) }),
)

describe('whatever comes in which order', () => {
  test('E4, E6, E7, E10: every record once, in order, within the limits, no partition in two batches, nothing stuck', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (steps, records) => {
        const bound = limits({ records, bytes: 2500 })
        const batcher = createBatcher(bound, encoder)
        const added: number[][] = [[], [], [], []]
        const seen: number[][] = [[], [], [], []]
        const flying: Batch[] = []
        let now = 0
        const takeAll = () => {
          for (let batch = batcher.take(now); batch; batch = batcher.take(now)) {
            for (const held of flying) for (const p of batch.commits.keys()) expect(held.commits.has(p)).toBe(false)
            flying.push(batch)
            const count = batch.groups.reduce((sum, g) => sum + g.records.length, 0)
            expect(count).toBeLessThanOrEqual(records)
            if (count > 0) expect(encoder.encode(batch.groups).length).toBe(batch.bytes)
            expect(batch.bytes).toBeLessThanOrEqual(bound.bytes)
            for (const r of batch.dropped) expect(encoder.recordBytes(r)).toBeGreaterThan(bound.bytes - 100)
            const taken = [...batch.groups.flatMap((g) => g.records), ...batch.dropped].sort(
              (a, b) => a.offset - b.offset,
            )
            for (const r of taken) seen[r.partition]!.push(r.offset)
            for (const [p, next] of batch.commits) expect(next).toBe(seen[p]!.at(-1)! + 1)
          }
        }
        for (const s of steps) {
          if (s.kind === 'wait') now += s.ms
          if (s.kind === 'release' && flying.length > 0) {
            const [batch] = flying.splice(s.pick % flying.length, 1)
            batcher.release(batch!.commits.keys(), now)
          }
          if (s.kind === 'add') {
            const known = added[s.partition]!
            const fresh = s.sizes.map((size, i) => record(s.partition, known.length + i, size))
            batcher.add(s.partition, fresh, now)
            known.push(...fresh.map((r) => r.offset))
          }
          takeAll()
        }
        for (let left = 0; left < 200; left++) {
          for (const batch of flying.splice(0)) batcher.release(batch.commits.keys(), now)
          now += bound.windowMs
          takeAll()
        }
        expect(seen).toEqual(added)
        for (const partition of [0, 1, 2, 3]) expect(batcher.waiting(partition)).toEqual({ records: 0, bytes: 0 })
      }),
    )
  })
})
