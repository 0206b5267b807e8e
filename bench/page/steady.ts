/** The steady load: latency, memory, and the audit. */
import type { Measured } from '../steady-load/measure.ts'
import { markdownTable, number } from './tables.ts'

export function steadySection(result: Measured): string {
  return `${number(result.rate)} records a second of about 200 bytes for ${result.seconds} s, through Kafka, event source mapping and function into all three
stores, every server and client on one machine.

${markdownTable(['What', 'Measured'], rowsOf(result))}

A record is visible when a client that asks again and again gets it for the first time: by primary key in PostgreSQL and DynamoDB, in S3
by listing the prefix and reading each new object. The time begins before the record is handed to the producer, so it holds the
acknowledgement of both brokers, the window of the mapping (500 ms), and up to one interval of asking. One record in a tenth of a second is
sampled; those of the first 3 s, when the function starts cold, are not counted.

The stack process is the sandbox and the mapping, without the servers. Its peak, \`VmHWM\`, includes bundling at the start. That of the
function is \`Max Memory Used\` of its \`REPORT\` lines.`
}

function rowsOf(result: Measured): (readonly [string, string])[] {
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
