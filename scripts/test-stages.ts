/**
 * What `npm test` runs, and how many seconds each stage may take on two cores. One that takes more is named at the end, and does
 * not fail for it: on a machine that others use too, the same tests took 68 s, and 279 s the next day. Raise a budget only with
 * a reason in the commit message.
 */
export interface Stage {
  readonly name: string
  readonly budgetSeconds: number
  /** Arguments for Node. A suite also gets the arguments that make it write its report. */
  readonly run: readonly string[]
  /** 'gate' counts as one test; 'suite' is a Vitest project and counts the tests it reports. */
  readonly kind: 'gate' | 'suite'
}

/**
 * On a quiet machine the whole of `npm test` takes about ten minutes, which is what it should stay under. Budgets leave each stage
 * about twice of what it takes there.
 */
export const TOTAL_BUDGET_SECONDS = 1_380
/** A stage that hangs is stopped at this many times its budget: all of them within the 90 minutes that CI has. */
export const STOP_FACTOR = 3.5

function gate(name: string, budgetSeconds: number, ...run: string[]): Stage {
  return { name, budgetSeconds, run, kind: 'gate' }
}

function suite(name: string, budgetSeconds: number): Stage {
  return { name, budgetSeconds, run: ['node_modules/vitest/vitest.mjs', 'run', '--project', name], kind: 'suite' }
}

/**
 * One after the other. Of each, the lanes run side by side, and the stages of a lane one after the other: the stage `chaos`
 * waits more than it works, and what it waits for does not mind company.
 */
export const phases: readonly (readonly (readonly Stage[])[])[] = [
  [
    [
      gate('format', 5, 'node_modules/oxfmt/bin/oxfmt', '--check'),
      gate('lint', 30, 'node_modules/oxlint/bin/oxlint', '--type-aware'),
      gate('types', 20, 'node_modules/typescript/bin/tsc'),
      gate('knip', 15, 'node_modules/knip/bin/knip.js', '--no-progress'),
      gate('docs', 8, '--conditions=source', 'scripts/generate-docs.ts', '--check'),
      suite('simulation', 150),
      suite('contract', 180),
      suite('integration', 420),
    ],
  ],
  [[suite('unit', 180), suite('aws', 180), suite('package', 180)], [suite('chaos', 240)]],
]

export const stages: readonly Stage[] = phases.flat(2)

/** Of the longest way through. */
export function budgetSeconds(): number {
  const ofLane = (lane: readonly Stage[]) => lane.reduce((sum, stage) => sum + stage.budgetSeconds, 0)
  return phases.reduce((sum, lanes) => sum + Math.max(...lanes.map(ofLane)), 0)
}
