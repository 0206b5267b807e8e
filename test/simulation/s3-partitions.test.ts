/** The S3 protocol with several output partitions, explored: one claim, several objects, and a crash between any two of them. */
import { describe, expect, test } from 'vitest'
import { explore } from '../../src/testing/explorer/explore.ts'
import { s3Model } from './s3-protocol-world.ts'
import type { Plant, Scenario } from './s3-protocol-scenario.ts'

const LIMIT = 500_000

function run(scenario: Scenario) {
  const model = s3Model(scenario)
  const result = explore(model, LIMIT)
  return { ...result, quiet: model.quiet() }
}

const [A, B] = ['a/', 'b/'] as const
const partitioned: readonly Scenario[] = [
  { records: 1, invocations: 3, skips: 0, outputs: [[A, B]] },
  { records: 2, invocations: 2, skips: 2, outputs: [[A], [B]] },
  {
    records: 2,
    invocations: 2,
    skips: 1,
    outputs: [
      [A, B],
      [A, B],
    ],
  },
  { records: 2, invocations: 2, skips: 1, outputs: [[A, B], [B]], compactable: [0] },
  { records: 3, invocations: 2, skips: 1, outputs: [[A], [B], [A]] },
  { records: 3, invocations: 2, skips: 0, outputs: [[A, B], [A], [B]] },
]

describe('D1 D2 D4 D9 N1: so with two output partitions, where one may be ahead of the other', () => {
  test.each(partitioned)('$records records in $outputs, $invocations invocations, $skips given up', (scenario) => {
    const { violation, states, steps, quiet } = run(scenario)
    expect(violation, violation?.trace.join('\n')).toBeUndefined()
    expect(quiet).toBeGreaterThan(0)
    // oxlint-disable-next-line no-console -- the size of the proof is part of its result
    console.log(`s3 protocol ${JSON.stringify(scenario)}: ${states} states, ${steps} steps, ${quiet} quiet`)
  })
})

describe('D2 D4: the explorer sees each planted bug of several keys', () => {
  const planted: Readonly<Partial<Record<Plant, RegExp>>> = {
    'no void': /D2/,
    'no generation': /no progress/,
    'no look': /D9/,
    'ahead forgotten': /D2: [01] of [ab]\/ is in two objects/,
    'ahead not compared': /D2: [01] of [ab]\/ is in two objects/,
    'only the first key looked at': /D1|D9/,
    'only the first key written': /D1|D9/,
    'one void key counts for all': /D2: [01] of [ab]\/ is in two objects/,
    'one written key counts for all': /D1|D9/,
    'one refill for all': /D1|D9/,
  }
  test.each(Object.entries(planted) as [Plant, RegExp][])('%s', (plant, expected) => {
    const { violation } = run({ records: 2, invocations: 2, skips: 1, outputs: [[A, B], [B]], plant })
    expect(violation?.what).toMatch(expected)
  })
})
