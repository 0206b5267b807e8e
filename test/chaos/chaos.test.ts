/** A minute of `npm run chaos`, always with the same faults in the same order: real parts, drawn by chance once. */
import { expect, test } from 'vitest'
import { chaos, randomOf } from '../support/chaos.ts'

const SECONDS = 70
const SEED = 20

test('D1 D2 D3 D4 D5 D6 D8: under faults upon faults nothing is lost, doubled or out of order, and only poison is dead', async () => {
  const said: string[] = []
  const result = await chaos({ seed: SEED, seconds: SECONDS, outageSeconds: 3, say: (line) => said.push(line) })
  const { report, healthyDead, faults } = result
  expect({ ...report, examples: Object.values(report.sinks).flatMap(({ examples }) => examples) }).toMatchObject({
    ok: true,
    examples: [],
  })
  expect(healthyDead).toBe(0)
  expect(report.deadLetters).toBeGreaterThan(0)
  expect(report.produced).toBeGreaterThan(3_000)
  expect(Object.keys(faults).length, said.join('\n')).toBeGreaterThanOrEqual(8)
})

test('the same seed draws the same', () => {
  const [one, same, other] = [randomOf(1), randomOf(1), randomOf(2)].map((random) => Array.from({ length: 5 }, random))
  expect(one).toEqual(same)
  expect(one).not.toEqual(other)
})
