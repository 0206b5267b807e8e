/**
 * What `npm test` runs, and how many seconds each stage may take on two cores.
 * A stage over its budget fails; raise a budget only with a reason in the commit message.
 */
export interface Stage {
  readonly name: string
  readonly budgetSeconds: number
  /** Arguments for Node. A suite also gets the arguments that make it write its report. */
  readonly run: readonly string[]
  /** 'gate' counts as one test; 'suite' is a Vitest project and counts the tests it reports. */
  readonly kind: 'gate' | 'suite'
}

/** The whole of `npm test`, bootstrap aside, stays under ten minutes, also where the machine has something else to do. */
export const TOTAL_BUDGET_SECONDS = 600
/** A stage that hangs is stopped at this many times its budget. */
export const STOP_FACTOR = 2

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
      gate('format', 3, 'node_modules/oxfmt/bin/oxfmt', '--check'),
      gate('lint', 15, 'node_modules/oxlint/bin/oxlint', '--type-aware'),
      gate('types', 18, 'node_modules/typescript/bin/tsc'),
      gate('knip', 8, 'node_modules/knip/bin/knip.js', '--no-progress'),
      gate('docs', 3, '--conditions=source', 'scripts/generate-docs.ts', '--check'),
      suite('simulation', 20),
      suite('contract', 75),
      suite('integration', 240),
    ],
  ],
  [[suite('unit', 60), suite('aws', 80), suite('package', 75)], [suite('chaos', 130)]],
]

export const stages: readonly Stage[] = phases.flat(2)

/** Of the longest way through. */
export function budgetSeconds(): number {
  const ofLane = (lane: readonly Stage[]) => lane.reduce((sum, stage) => sum + stage.budgetSeconds, 0)
  return phases.reduce((sum, lanes) => sum + Math.max(...lanes.map(ofLane)), 0)
}
