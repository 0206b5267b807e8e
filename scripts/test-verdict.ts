/** What a stage's outcome counts for. Pure, so that "green" can be tested: what is not reported passed has failed. */
import type { Stage } from './test-stages.ts'

export interface StageOutcome {
  readonly exitCode: number | null
  readonly seconds: number
  /** Stopped because it hung. */
  readonly stopped: boolean
  /** Text of Vitest's JSON report; undefined where none was written. Gates have none. */
  readonly report?: string | undefined
}

export interface Verdict {
  readonly passed: number
  readonly failed: number
  /** One line each. Empty exactly when `failed` is 0. */
  readonly problems: readonly string[]
  /** Where it took longer than it should: told, and no failure, for that may be the machine's doing. */
  readonly slow?: string
}

/** The part of Vitest's JSON report that counts. */
interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/** Judges one stage: failed tests, skipped ones, files that did not load, crashes without a report; and its time. */
export function judge(stage: Pick<Stage, 'name' | 'kind' | 'budgetSeconds'>, outcome: StageOutcome): Verdict {
  const counted = stage.kind === 'gate' ? judgeGate(outcome) : judgeSuite(outcome)
  const { name, budgetSeconds } = stage
  const took = outcome.seconds.toFixed(1)
  const hung = outcome.stopped ? [`${name} was stopped after ${took} s: it hung`] : []
  return {
    passed: counted.passed,
    failed: counted.failed + hung.length,
    problems: [...counted.problems.map((problem) => `${name}: ${problem}`), ...hung],
    ...(outcome.seconds > budgetSeconds
      ? { slow: `${name} took ${took} s, over its budget of ${budgetSeconds} s` }
      : {}),
  }
}

function judgeGate({ exitCode }: StageOutcome): Verdict {
  return exitCode === 0
    ? { passed: 1, failed: 0, problems: [] }
    : { passed: 0, failed: 1, problems: [`exit code ${exitCode}`] }
}

function judgeSuite({ exitCode, report: text }: StageOutcome): Verdict {
  const report = parse(text)
  if (!report) return { passed: 0, failed: 1, problems: [`no report was written (exit code ${exitCode})`] }
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const counts: readonly (readonly [number, string])[] = [
    [report.numFailedTests, 'failed'],
    [report.numPendingTests + report.numTodoTests, 'skipped, which counts as failed'],
    [unloaded, 'files failed outside of a test'],
  ]
  const problems = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  let failed = counts.reduce((sum, [count]) => sum + count, 0)
  const fault = failed > 0 ? undefined : faultWithoutFailure(report, exitCode)
  if (fault) {
    problems.push(fault)
    failed = 1
  }
  return { passed: report.numPassedTests, failed, problems }
}

function faultWithoutFailure(report: VitestReport, exitCode: number | null): string | undefined {
  if (exitCode !== 0) return `exit code ${exitCode} though no test failed`
  if (report.numPassedTests === 0) return 'it holds no test'
  return undefined
}

function parse(text: string | undefined): VitestReport | undefined {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as VitestReport
  } catch {
    return undefined // half written by a crash: the caller reports it missing
  }
}

/** Adds up; `line` is the last line of `npm test`, in the form that every CI reads. */
export function total(verdicts: readonly Verdict[]): { readonly line: string; readonly exitCode: 0 | 1 } {
  const passed = verdicts.reduce((sum, verdict) => sum + verdict.passed, 0)
  const failed = verdicts.reduce((sum, verdict) => sum + verdict.failed, 0)
  return { line: `${passed} passed, ${failed} failed`, exitCode: failed === 0 && passed > 0 ? 0 : 1 }
}
