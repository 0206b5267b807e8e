/** From a preloaded topic into the stores. */
import type { EndToEndResult, RunResult } from '../end-to-end/part.ts'
import { endToEndTargets } from '../targets.ts'
import { markdownTable, number, verdict } from './tables.ts'

export function endToEndSection({ records, partitions, runs }: EndToEndResult): string {
  const head = ['stores', 'records a batch', 'environments', 'records/s', 'CPU of the function', 'of the mapping']
  const rows = runs.map((run) => [
    run.name,
    number(run.batch),
    String(run.environments),
    number(run.recordsPerSecond),
    String(run.functionCpuMicroseconds),
    String(run.mappingCpuMicroseconds),
    String(run.functionPeakMb),
    number(run.invocations),
    String(run.failures),
  ])
  return `${number(records)} records of 66 bytes wait in ${partitions} partitions; event source mapping and sandbox carry them into the stores, exactly once in effect,
two Kafka brokers, the controller, PostgreSQL and s3proxy on the same cores. Records a second count from the first invocation, a cold
start, until nothing is left. DynamoDB is the stub, the ledger of S3 included. Every function environment has 1,769 MB, with which Lambda
gives one core. CPU is in µs a record: of all function environments together, and of the process of mapping and sandbox. What
PostgreSQL and DynamoDB hold afterwards is counted.

${targetsTable(runs)}

${markdownTable([...head, 'peak MB', 'invocations', 'failed'], rows)}`
}

/** The better of one and two environments. */
function targetsTable(runs: readonly RunResult[]): string {
  const rows = endToEndTargets.map(({ name, batch, recordsPerSecond }) => {
    const of = runs.filter((run) => run.name === name && run.batch === batch)
    const best = of.toSorted((a, b) => b.recordsPerSecond - a.recordsPerSecond)[0]
    const told = best
      ? [number(best.recordsPerSecond), verdict(best.recordsPerSecond, recordsPerSecond, true)]
      : ['not measured', '']
    return [name, number(batch), number(recordsPerSecond), ...told]
  })
  return markdownTable(['best of one and two environments', 'records a batch', 'reach', 'measured', ''], rows)
}
