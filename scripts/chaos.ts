/**
 * Faults drawn by chance, on real brokers, stores and functions, while records flow; then the audit.
 *
 *   npm run chaos [-- --minutes 10 --seed N --outage-seconds 5 --json]
 *
 * Ends with 1 where anything was lost, doubled, altered, out of order, or a dead letter that it should not be.
 */
import { parseArgs } from 'node:util'
import { table } from '../src/cli/table.ts'
import { chaos } from '../test/support/chaos.ts'
import type { ChaosResult } from '../test/support/chaos.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    'outage-seconds': { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

const begun = performance.now()
const seconds = () => ((performance.now() - begun) / 1000).toFixed(0).padStart(4)
const say = (line: string) => void process.stderr.write(`${seconds()} s  ${line}\n`)

say(`seed ${values.seed}`)
const result = await chaos({
  seed: Number(values.seed),
  seconds: Number(values.minutes) * 60,
  outageSeconds: Number(values['outage-seconds']),
  say,
})
console.log(values.json ? JSON.stringify(result, null, 2) : shown(result))
if (!result.report.ok || result.healthyDead > 0) process.exitCode = 1

function shown({ faults, report, invocations, processes, healthyDead, seed }: ChaosResult): string {
  const perMillion = (count: number) => ((count / report.produced) * 1e6).toFixed(0)
  const sinks = Object.entries(report.sinks).map(([id, sink]) => [
    id,
    sink.expected,
    ...[sink.missing, sink.duplicated, sink.different].map((count) => `${count} (${perMillion(count)})`),
  ])
  return [
    table(
      ['fault', 'times'],
      Object.entries(faults).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
    '',
    table(['sink', 'expected', 'missing (a million)', 'duplicated', 'different'], sinks),
    '',
    `seed ${seed}: ${report.produced} records, ${invocations} invocations in ${processes} processes, ` +
      `${report.deadLetters} dead letters, ${healthyDead} of them of healthy records`,
  ].join('\n')
}
