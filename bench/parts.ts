/** What `npm run bench` measures, each part by its name. */
import { compareClients } from './aws-client/part.ts'
import { measureBundles } from './bundle/part.ts'
import { endToEnd } from './end-to-end/part.ts'
import { fullEndToEnd, quickEndToEnd } from './end-to-end/runs.ts'
import { fullPlan, profiledCells, quickPlan } from './handler/cells.ts'
import { profileHandler } from './handler/profile.ts'
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
  profile: ({ quick, progress }: PartOptions) => profileHandler(profiledCells(), quick ? 5 : 40, progress),
  'end-to-end': ({ quick, progress }: PartOptions) => endToEnd(quick ? quickEndToEnd() : fullEndToEnd(), progress),
  steady: steadyPart,
  'aws-client': ({ quick, progress }: PartOptions) => compareClients(quick ? 400 : 4_000, progress),
  bundle: ({ quick, progress }: PartOptions) => measureBundles(quick ? 5 : 15, progress),
} satisfies Record<string, (options: PartOptions) => Promise<unknown>>

export type PartName = keyof typeof parts
export type PartResult<Name extends PartName> = Awaited<ReturnType<(typeof parts)[Name]>>
