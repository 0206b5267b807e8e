/**
 * The whole pipeline in memory under faults that seeds draw (test/simulation/whole). A seed that goes wrong prints its history,
 * and is the same when it is run again.
 *
 *   npm run simulate [-- --seeds 100000 --from 1 --json]
 *   npm run simulate -- explore | walk ...       the explorer of the protocols instead (scripts/explore.ts)
 */
import { parseArgs } from 'node:util'
import { table } from '../src/cli/table.ts'
import { sweep, toldOf } from '../test/simulation/whole/seeds.ts'

if (process.argv[2] === 'explore' || process.argv[2] === 'walk') await import('./explore.ts')
else await simulate()

async function simulate(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })

  const begun = performance.now()
  const result = await sweep(Number(values.from), Number(values.seeds), {}, (seeds) => {
    if (seeds % 1000 === 0)
      process.stderr.write(`${seeds} seeds, ${((performance.now() - begun) / 1000).toFixed(0)} s\n`)
  })
  const { seeds, steps, invocations, troubles, failed } = result
  if (values.json) console.log(JSON.stringify(result, null, 2))
  else {
    const rows = Object.entries(troubles).toSorted(([a], [b]) => (a < b ? -1 : 1))
    console.log(table(['trouble', 'times'], rows))
    console.log(
      `\n${seeds} seeds, ${invocations} invocations, ${steps} steps: ${failed ? 'one went wrong' : 'none went wrong'}`,
    )
    if (failed) console.log(`\n${toldOf(failed)}`)
  }
  if (failed) process.exitCode = 1
}
