import { describe, expect, test } from 'vitest'
import { budgetSeconds, STOP_FACTOR, TOTAL_BUDGET_SECONDS } from '../scripts/test-stages.ts'
import { judge, total } from '../scripts/test-verdict.ts'
import type { StageOutcome } from '../scripts/test-verdict.ts'

const suite = { name: 'unit', kind: 'suite', budgetSeconds: 10 } as const
const gate = { name: 'lint', kind: 'gate', budgetSeconds: 10 } as const

const counts = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }
const ran = (changes: Partial<StageOutcome> & { readonly counts?: object }): StageOutcome => {
  const { counts: more, ...rest } = changes
  return { exitCode: 0, seconds: 1, stopped: false, report: JSON.stringify({ ...counts, ...more }), ...rest }
}
const file = (status: string, ...tests: string[]) => ({
  name: 'a.test.ts',
  status,
  assertionResults: tests.map((each) => ({ status: each })),
})

describe('a suite', () => {
  test.each<[string, StageOutcome, passed: number, failed: number, problems: string[], slow?: string]>([
    ['all passed', ran({}), 5, 0, []],
    ['failed tests', ran({ exitCode: 1, counts: { numFailedTests: 2 } }), 5, 2, ['unit: 2 failed']],
    [
      'skipped and todo tests count as failed',
      ran({ counts: { numPendingTests: 1, numTodoTests: 2 } }),
      5,
      3,
      ['unit: 3 skipped, which counts as failed'],
    ],
    [
      'a file that did not load',
      ran({
        exitCode: 1,
        counts: { testResults: [file('failed'), file('failed', 'failed'), file('passed', 'passed')] },
      }),
      5,
      1,
      ['unit: 1 files failed outside of a test'],
    ],
    ['an unhandled error', ran({ exitCode: 1 }), 5, 1, ['unit: exit code 1 though no test failed']],
    ['no test', ran({ counts: { numPassedTests: 0 } }), 0, 1, ['unit: it holds no test']],
    [
      'a crash without a report',
      ran({ exitCode: null, report: undefined }),
      0,
      1,
      ['unit: no report was written (exit code null)'],
    ],
    [
      'a report cut short',
      ran({ exitCode: 0, report: '{"numPassedTests": 5' }),
      0,
      1,
      ['unit: no report was written (exit code 0)'],
    ],
    ['over budget', ran({ seconds: 10.04 }), 5, 0, [], 'unit took 10.0 s, over its budget of 10 s'],
    ['on the budget', ran({ seconds: 10 }), 5, 0, []],
    [
      'hung',
      ran({ seconds: 20, stopped: true, exitCode: null, report: undefined }),
      0,
      2,
      ['unit: no report was written (exit code null)', 'unit was stopped after 20.0 s: it hung'],
      'unit took 20.0 s, over its budget of 10 s',
    ],
  ])('%s', (_, outcome, passed, failed, problems, slow) => {
    expect(judge(suite, outcome)).toEqual({ passed, failed, problems, slow })
  })
})

describe('a gate counts as one test', () => {
  test.each<[string, StageOutcome, passed: number, failed: number]>([
    ['passed', ran({ report: undefined }), 1, 0],
    ['failed', ran({ report: undefined, exitCode: 2 }), 0, 1],
    ['killed', ran({ report: undefined, exitCode: null }), 0, 1],
    ['over budget', ran({ report: undefined, seconds: 11 }), 1, 0],
  ])('%s', (_, outcome, passed, failed) => {
    expect(judge(gate, outcome)).toMatchObject({ passed, failed })
    expect(judge(gate, outcome).problems.length > 0).toBe(failed > 0)
  })
})

test('the last line adds up, and the exit code is the answer', () => {
  const good = { passed: 3, failed: 0, problems: [] }
  const bad = { passed: 2, failed: 1, problems: ['x'] }
  expect(total([good, good])).toEqual({ line: '6 passed, 0 failed', exitCode: 0 })
  expect(total([good, bad])).toEqual({ line: '5 passed, 1 failed', exitCode: 1 })
  expect(total([])).toEqual({ line: '0 passed, 0 failed', exitCode: 1 })
})

test('the budgets add up to less than the whole may take', () => {
  expect(budgetSeconds()).toBeLessThan(TOTAL_BUDGET_SECONDS)
  expect(budgetSeconds() * STOP_FACTOR).toBeLessThan(90 * 60)
})
