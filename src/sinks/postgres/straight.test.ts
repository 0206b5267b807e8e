import { expect, test } from 'vitest'
import { afterDisappointment, afterUpsert, isTrusting, trusting } from './straight.ts'

/** Of so many batches, how many are tried straight; each try is told whether it went well. */
function tries(batches: number, goesWell: (batch: number) => boolean): number {
  let trust = trusting
  let tried = 0
  for (let batch = 0; batch < batches; batch++) {
    const straight = isTrusting(trust)
    if (straight) tried++
    trust = !straight ? afterUpsert(trust) : goesWell(batch) ? trusting : afterDisappointment(trust)
  }
  return tried
}

test('a stream of new keys goes straight in', () => {
  expect(tries(1_000, () => true)).toBe(1_000)
})

test('a stream of updates tries ever more rarely, and never gives up for good', () => {
  expect(tries(1_000, () => false)).toBe(21)
  expect(tries(10_000, () => false) - tries(9_870, () => false)).toBe(2)
})

test('one key that was there costs two upserts', () => {
  expect(tries(100, (batch) => batch !== 10)).toBe(99)
})
