/** What `npm run bench` measures, each part by its name. */
import { fullPlan, quickPlan } from './handler/cells.ts'
import { runPlan } from './handler/run.ts'
import { steadyPart } from './steady-load/part.ts'

export interface PartOptions {
  /** Small sizes and short turns: shows the direction, and is written nowhere. */
  readonly quick: boolean
  /** Gets a line for every figure as it is measured. */
  readonly progress: (line: string) => void
}

export const parts = {
  handler: ({ quick, progress }: PartOptions) => runPlan(quick ? quickPlan() : fullPlan(), progress),
  steady: steadyPart,
} satisfies Record<string, (options: PartOptions) => Promise<unknown>>

export type PartName = keyof typeof parts
export type PartResult<Name extends PartName> = Awaited<ReturnType<(typeof parts)[Name]>>
