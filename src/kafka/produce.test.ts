import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { partitionOfKey, rounds } from './produce.ts'

/** Hashes from Kafka's own UtilsTest.testMurmur2; partition = hash without its sign bit modulo the count. */
const MURMUR2: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

describe('partition of a key', () => {
  test.each(MURMUR2)('%s goes where the Java client puts it', (key, hash) => {
    for (const count of [1, 2, 3, 12, 100])
      expect(partitionOfKey(Buffer.from(key), count)).toBe((hash & 0x7fffffff) % count)
  })
})

const record = fc.record({
  topic: fc.constantFrom('a', 'b'),
  partition: fc.nat(2),
  timestamp: fc.constantFrom(0, 1, 2 ** 30, 2 ** 40, 2 ** 40 + 1),
  value: fc.integer({ min: 0, max: 400_000 }).map((n) => Buffer.alloc(n)),
})

describe('rounds', () => {
  test('every record is sent once, in order within its partition, and no batch is too big unless one record is', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 30 }), (records) => {
        const cut = rounds(records)
        for (const topic of ['a', 'b']) {
          for (const partition of [0, 1, 2]) {
            const mine = (all: typeof records) => all.filter((r) => r.topic === topic && r.partition === partition)
            expect(cut.flatMap(mine)).toEqual(mine(records))
            for (const round of cut.map(mine).filter((r) => r.length > 1)) {
              expect(round.reduce((sum, r) => sum + r.value.length, 0)).toBeLessThanOrEqual(512 * 1024)
              for (const r of round) expect(Math.abs(r.timestamp - round[0]!.timestamp)).toBeLessThan(2 ** 30)
            }
          }
        }
      }),
      { numRuns: 50 },
    )
  })
})
