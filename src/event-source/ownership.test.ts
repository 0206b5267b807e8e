import { describe, expect, test } from 'vitest'
import type { Assignment } from '../kafka/group.ts'
import { createOwnership } from './ownership.ts'

const assigned = (generation: number, partitions: number[], memberId = 'm'): Assignment => ({
  memberId,
  generation,
  partitions,
})

/** Owns 0 and 1 since generation 1. */
function owner() {
  const owned = createOwnership()
  for (const partition of owned.change(assigned(1, [0, 1])).gained) owned.renew(partition)
  return owned
}

describe('E24: what a rebalance leaves and takes', () => {
  test.each([
    ['the next generation: what stays goes on undisturbed', assigned(2, [1, 2]), { lost: [0], gained: [2] }],
    ['a generation was missed: another may have had them', assigned(3, [0, 1]), { lost: [0, 1], gained: [0, 1] }],
    ['another member id: this one was thrown out', assigned(2, [0, 1], 'n'), { lost: [0, 1], gained: [0, 1] }],
    ['nothing left', assigned(2, []), { lost: [0, 1], gained: [] }],
  ])('%s', (_, next, expected) => {
    expect(owner().change(next)).toEqual(expected)
  })

  test('a partition that was never begun is gained again', () => {
    const owned = createOwnership()
    owned.change(assigned(1, [0]))
    expect(owned.change(assigned(2, [0]))).toEqual({ lost: [], gained: [0] })
  })

  test('each beginning has a token of its own, and ends a pause', () => {
    const owned = owner()
    const before = owned.token(0)
    owned.pause(0)
    owned.renew(0)
    expect(owned.token(0)).not.toBe(before)
    expect(owned.paused(0)).toBe(false)
    owned.lose(0)
    expect(owned.token(0)).toBeUndefined()
  })
})
