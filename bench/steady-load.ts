/**
 * A steady load through the whole local stack, servers and all on this machine: throughput, memory, how long until a record
 * is visible in each store, and the audit.
 *
 *   npm run bench [-- seconds [records a second]] [-- --json]
 *
 * Writes docs/performance.md and bench/results/steady-load.json. Exits 1 where the stores do not agree with the log.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { KAFKA_VERSION } from '../src/core/kafka-release.ts'
import { table } from '../src/cli/table.ts'
import type { Target } from '../src/operations/target.ts'
import { measure, type Measured } from './steady-load/measure.ts'

const run = promisify(execFile)
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const [seconds = 60, rate = 1000] = process.argv
  .slice(2)
  .filter((word) => word !== '--json')
  .map(Number)

interface Result extends Measured {
  readonly date: string
  readonly machine: string
  /** Processes that wanted a core as the run began and as it ended: over the number of cores, others were at work. */
  readonly load: readonly [before: number, after: number]
  readonly versions: Readonly<Record<string, string>>
}

function weirhouse(...args: string[]) {
  const command = ['--conditions=source', path('../src/cli/main.ts'), ...args]
  return run(process.execPath, [...command, '--stack', 'steady-load', '--project', path('steady-load')])
}

function load(): number {
  return Math.round(loadavg()[0]! * 10) / 10
}

async function bench(): Promise<Result> {
  const { stdout } = await weirhouse('up', '--detach', '--json')
  const target = JSON.parse(stdout) as Target
  const before = load()
  const measured = await measure(target, seconds, rate)
  const { version } = JSON.parse(readFileSync(path('../package.json'), 'utf8')) as { version: string }
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} x ${cpus()[0]!.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    load: [before, load()],
    versions: { weirhouse: version, node: process.versions.node, kafka: KAFKA_VERSION },
    ...measured,
  }
}

const number = (value: number) => value.toLocaleString('en')

function rowsOf(result: Result): (readonly [string, string])[] {
  return [
    ['produced', `${number(result.produced)} records, ${number(result.producedPerSecond)}/s`],
    ['delivered to all three stores', `${number(result.deliveredPerSecond)}/s`],
    ['lag as the load ended', `${number(result.lagAtEnd)} records, gone after ${number(result.drainedMs)} ms`],
    ['invocations', number(result.invocations)],
    ['peak memory of the function', `${number(result.functionPeakMb)} MB`],
    ['peak memory of the stack process', `${number(result.stackPeakMb)} MB`],
    ...result.latencies.map(({ store, pollMs, samples, p50, p99 }): readonly [string, string] => [
      `visible in ${store}`,
      `p50 ${number(p50)} ms, p99 ${number(p99)} ms (${number(samples)} samples, asked every ${pollMs} ms)`,
    ]),
    ...result.audit.map(({ sink, stored, missing, duplicated, different }): readonly [string, string] => [
      `audit of ${sink}`,
      `${number(stored)} stored, ${missing} missing, ${duplicated} duplicated, ${different} different`,
    ]),
  ]
}

function page(result: Result): string {
  const {
    date,
    machine,
    versions,
    load: [before, after],
  } = result
  const rows = rowsOf(result).map(([what, value]) => `| ${what} | ${value} |`)
  return `# Performance

Measured, not promised. This page is written by \`npm run bench\` (\`bench/steady-load.ts\`); all numbers are from that one run.

${number(result.rate)} records a second of about 200 bytes for ${result.seconds} s, through Kafka, event source mapping and function into all three
stores, every server and client on one machine.

- Date: ${date}
- Machine: ${machine}
- Load average over one minute: ${before} as it began, ${after} as it ended. Above the number of cores, other work took part of the
  machine, and the times say as much about that work as about this one.
- Versions: ${Object.entries(versions)
    .map(([name, each]) => `${name} ${each}`)
    .join(', ')}

| What | Measured |
|---|---|
${rows.join('\n')}

A record is visible when a client that asks again and again gets it for the first time: by primary key in PostgreSQL and DynamoDB, in S3
by listing the prefix and reading each new object. The time begins before the record is handed to the producer, so it holds the
acknowledgement of both brokers, the window of the mapping (500 ms), and up to one interval of asking. One record in a tenth of a second is
sampled; those of the first 3 s, when the function starts cold, are not counted.

The stack process is the sandbox and the mapping, without the servers. Its peak, \`VmHWM\`, includes bundling at the start. That of the
function is \`Max Memory Used\` of its \`REPORT\` lines.
`
}

let result: Result
try {
  result = await bench()
} finally {
  await weirhouse('down')
}
writeFileSync(path('results/steady-load.json'), `${JSON.stringify(result, null, 2)}\n`)
writeFileSync(path('../docs/performance.md'), page(result))
console.log(process.argv.includes('--json') ? JSON.stringify(result) : table(['what', 'measured'], rowsOf(result)))
process.exitCode = result.ok ? 0 : 1
