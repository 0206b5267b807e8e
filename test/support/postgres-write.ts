/**
 * Run as a process of its own, since NODE_EXTRA_CA_CERTS counts at its start alone: writes one row with the sink of the binding in
 * the first argument, into table "tls" of pipeline "tls". Prints `{"rows": 1}`, or the error's code, message and cure.
 */
import { postgres } from 'weirhouse/sinks/postgres'
import { WeirError } from '../../src/core/errors.ts'
import { deliverTo, range } from '../../src/testing/contract-world.ts'

const noLedger = () => Promise.reject(new Error('the PostgreSQL sink has no ledger'))
const sink = postgres({ id: 'sql', table: 'tls', columns: { id: 'text', n: 'integer', note: 'text' } })
const writer = await sink.open({
  pipeline: 'tls',
  order: 'log',
  binding: JSON.parse(process.argv[2]!) as Record<string, unknown>,
  ledger: { read: noLedger, compareAndSet: noLedger },
  log: () => undefined,
})
try {
  const report = await deliverTo(writer, [range([Number(process.argv[3])])])
  process.stdout.write(JSON.stringify({ rows: report.ranges[0]!.rows }))
} catch (error) {
  if (!(error instanceof WeirError)) throw error
  const { code, message, cure } = error
  process.stdout.write(JSON.stringify({ code, message, cure }))
} finally {
  await writer.close()
}
