/** The S3 protocol, explored: every cut, order, crash, zombie and lost answer, on the machine that ships. */
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

const clean: readonly Scenario[] = [
  { records: 1, invocations: 3, skips: 1 },
  { records: 2, invocations: 2, skips: 2 },
  { records: 3, invocations: 2, skips: 1 },
  { records: 3, invocations: 2, skips: 1, compactable: [1] },
  { records: 3, invocations: 2, skips: 0, rowless: [1] },
  { records: 2, invocations: 2, skips: 1, rowless: [0] },
  { records: 2, invocations: 2, skips: 1, rowless: [1] },
  { records: 2, invocations: 2, skips: 1, rowless: [0, 1] },
  { records: 3, invocations: 2, skips: 1, warm: 1 },
  { records: 3, invocations: 2, skips: 1, warm: 1, compactable: [1] },
  { records: 3, invocations: 2, skips: 1, warm: 1, rowless: [1] },
]

describe('D1 D2 D4 D9 N1: nothing is lost, doubled or skipped in silence, and from every quiet state a fresh invocation finishes', () => {
  test.each(clean)(
    '$records records, $invocations invocations, $skips given up, rowless $rowless, compactable $compactable, warm $warm',
    (scenario) => {
      const { violation, states, steps, quiet } = run(scenario)
      expect(violation, violation?.trace.join('\n')).toBeUndefined()
      expect(quiet).toBeGreaterThan(0)
      // oxlint-disable-next-line no-console -- the size of the proof is part of its result
      console.log(`s3 protocol ${JSON.stringify(scenario)}: ${states} states, ${steps} steps, ${quiet} quiet`)
    },
  )
})

describe('D2 D4: the explorer sees each planted bug', () => {
  const planted: Readonly<Partial<Record<Plant, RegExp>>> = {
    'no void': /D2: 0 is in two objects/,
    'no generation': /no progress/,
    'no compare-and-set': /D1|D2|D9/,
    'no settle': /N1: 0 is acknowledged, the watermark is at 0/,
    'no look': /D9: 0 is skipped in silence/,
    'no condition': /D1: 0 is acknowledged and lost/,
    'key without end': /no progress/,
    'cache believed': /N1: 1 is acknowledged, the watermark is at 1/,
  }
  test.each(Object.entries(planted) as [Plant, RegExp][])('%s', (plant, expected) => {
    const warm = plant === 'cache believed' ? ({ records: 3, warm: 1 } as const) : {}
    const { violation } = run({ records: 2, invocations: 2, skips: 1, ...warm, plant })
    expect(violation?.what).toMatch(expected)
    // oxlint-disable-next-line no-console -- the trace is the proof
    console.log([`${plant}: ${violation!.what}`, ...violation!.trace].join('\n  '))
  })
})
