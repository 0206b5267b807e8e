/** Half of the seeds; the other file has the other half, so that both cores are used. */
import { expect, test } from 'vitest'
import { sweep, toldOf, TROUBLES } from './seeds.ts'

const SEEDS = 1_000

test('D1 D2 D3 D4 D5 D6 D9 D13 N1 N7: the whole pipeline under what the first thousand seeds draw', async () => {
  const { failed, troubles } = await sweep(1, SEEDS)
  expect(failed && toldOf(failed)).toBeUndefined()
  expect(Object.keys(troubles).toSorted()).toEqual(TROUBLES)
})
