import { expect, test } from 'vitest'
import type { AsyncModel } from './explore.ts'
import { sample, seededRandom } from './sample.ts'

/** A walker that must not reach 3 by steps of one, up to ten of them, either way. */
const walker: AsyncModel<readonly [number, number]> = {
  initial: [0, 0],
  next: ([at, steps]) =>
    Promise.resolve(
      steps === 10
        ? []
        : [
            { label: 'up', state: [at + 1, steps + 1] as const },
            { label: 'down', state: [at - 1, steps + 1] as const },
          ],
    ),
  violation: ([at]) => (at === 3 ? 'reached 3' : undefined),
}

test('finds what some walk meets, and its seed shows it again', async () => {
  const { violation, walks } = await sample(walker, { walks: 100, seed: 1 })
  expect(violation?.what).toBe('reached 3')
  expect(walks).toBeLessThan(100)
  const again = await sample(walker, { walks: 1, seed: violation!.seed })
  expect(again.violation).toEqual(violation)
})

test('walks until nothing can happen, and says how far it went', async () => {
  expect(await sample({ ...walker, violation: () => undefined }, { walks: 4, seed: 7 })).toEqual({
    walks: 4,
    steps: 40,
  })
})

test('a step of no weight is taken by no walk', async () => {
  const upwards: typeof walker = {
    ...walker,
    next: async (state) =>
      [...(await walker.next(state))].map((step) => ({ ...step, weight: step.label === 'up' ? 1 : 0 })),
  }
  const { violation } = await sample(upwards, { walks: 1, seed: 1 })
  expect(violation?.trace).toEqual(['up', 'up', 'up'])
})

test('one seed gives one row of numbers in [0, 1)', () => {
  const [a, b, other] = [seededRandom(3), seededRandom(3), seededRandom(4)]
  const row = Array.from({ length: 1000 }, a)
  expect(row).toEqual(Array.from({ length: 1000 }, b))
  expect(row).not.toEqual(Array.from({ length: 1000 }, other))
  expect(Math.min(...row)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...row)).toBeLessThan(1)
  expect(row.reduce((sum, n) => sum + n, 0) / row.length).toBeCloseTo(0.5, 1)
})
