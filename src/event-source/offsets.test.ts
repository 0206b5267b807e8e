import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { trackOffsets } from './offsets.ts'

describe('E24: offsets', () => {
  test('the commit is the last processed + 1, and nothing is due twice', () => {
    const offsets = trackOffsets()
    offsets.assign(0, 5, 5)
    offsets.fetched(0, 9, 20)
    expect(offsets.due()).toEqual(new Map())
    offsets.processed(0, 8)
    expect(offsets.due()).toEqual(new Map([[0, 8]]))
    offsets.committed(new Map([[0, 8]]))
    expect(offsets.due()).toEqual(new Map())
  })

  test('a commit that failed stays due', () => {
    const offsets = trackOffsets()
    offsets.assign(0, 0, undefined)
    offsets.processed(0, 1)
    offsets.due()
    expect(offsets.due()).toEqual(new Map([[0, 1]]))
  })

  test('a partition that was lost is never committed', () => {
    const offsets = trackOffsets()
    offsets.assign(0, 0, undefined)
    offsets.forget(0)
    offsets.processed(0, 1)
    expect(offsets.due()).toEqual(new Map())
  })

  test('a commit of the former log, answered after the partition began anew, keeps nothing of the new one from being due', () => {
    const offsets = trackOffsets()
    offsets.assign(0, 0, undefined)
    offsets.processed(0, 500)
    const under = offsets.due()
    offsets.assign(0, 0, undefined)
    offsets.committed(under)
    offsets.processed(0, 3)
    expect(offsets.due()).toEqual(new Map([[0, 3]]))
  })

  test('the lag counts from what is processed, else from where it began', () => {
    const offsets = trackOffsets()
    offsets.assign(0, 10, undefined)
    expect(offsets.lag()).toEqual(new Map())
    offsets.fetched(0, 15, 30)
    expect(offsets.lag()).toEqual(new Map([[0, 20]]))
    offsets.processed(0, 15)
    expect(offsets.lag()).toEqual(new Map([[0, 15]]))
  })

  test('commits never go back, in whatever order batches end', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100), { minLength: 1 }), (ends) => {
        const offsets = trackOffsets()
        offsets.assign(0, 0, undefined)
        let committed = -1
        for (const end of ends) {
          offsets.processed(0, end)
          for (const [, offset] of offsets.due()) {
            expect(offset).toBeGreaterThan(committed)
            committed = offset
          }
          offsets.committed(new Map([[0, committed]]))
        }
        expect(committed).toBe(Math.max(...ends))
      }),
    )
  })
})
