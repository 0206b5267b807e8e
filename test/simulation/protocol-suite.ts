/** How the explorations of a sink are run and told, in `npm test` and by `npm run simulate`. */
import { exploreAsync } from '../../src/testing/explorer/explore.ts'
import type { AsyncModel, Parts, Violation } from '../../src/testing/explorer/explore.ts'

const LIMIT = 5_000_000

export type Explorable<State extends Parts> = AsyncModel<State> & { readonly quiet: () => number }

export interface Explored {
  readonly violation: Violation | undefined
  readonly quiet: number
  /** One line: what was explored, how large it is. */
  readonly line: string
}

export async function exploreAll<State extends Parts>(
  name: string,
  scenario: object,
  model: Explorable<State>,
  limit = LIMIT,
): Promise<Explored> {
  const { states, steps, violation } = await exploreAsync(model, limit)
  const quiet = model.quiet()
  const line = `${name} ${JSON.stringify(scenario)}: ${states} states, ${steps} steps, ${quiet} quiet`
  return { violation, quiet, line }
}

export function toldOf({ what, trace }: Violation): string {
  return [what, ...trace].join('\n  ')
}
