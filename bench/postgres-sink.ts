/**
 * How fast the PostgreSQL sink writes, and where one statement with arrays stops being faster than COPY.
 *
 *   node --conditions=source bench/postgres-sink.ts [seconds a case]
 *
 * Starts a PostgreSQL of its own on loopback. Rows of about 120 bytes, primary key on text; server and client share the
 * machine. CPU is that of this process alone: encoding, compaction and protocol, without decoding of the event.
 * Medians over the batches of a case.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { choosePorts } from '../src/local/ports.ts'
import type { PostgresEndpoint } from '../src/local/service.ts'
import { startPostgres } from '../src/local/services/postgres.ts'
import { ddl, postgres } from '../src/sinks/postgres/index.ts'
import { migrate } from '../src/sinks/postgres/migrate.ts'
import { openWriter } from '../src/sinks/postgres/writer.ts'
import type { SinkRange } from '../src/sinks/sink.ts'

interface Case {
  readonly name: string
  readonly keyed: boolean
  readonly batch: number
  /** Of upserts: above this many rows COPY is used, 0 forces it, Infinity forbids it. Where not given, rows go straight in. */
  readonly smallRows?: number
  /** Keys are drawn from this many; where not given, every row has a new one. */
  readonly keys?: number
}

const seconds = Number(process.argv[2] ?? 2)
const padding = 'x'.repeat(72)

const threshold = [50, 100, 200, 500, 1_000, 2_000].flatMap((batch): Case[] => [
  { name: `threshold, ${batch} rows: arrays`, keyed: true, batch, smallRows: Infinity },
  { name: `threshold, ${batch} rows: COPY`, keyed: true, batch, smallRows: 0 },
])
const cases: readonly Case[] = [
  { name: 'keyed, new keys, 10,000 a batch', keyed: true, batch: 10_000 },
  { name: 'keyed, new keys upserted, 10,000 a batch', keyed: true, batch: 10_000, smallRows: 0 },
  { name: 'keyed, 100,000 keys updated, 10,000 a batch', keyed: true, batch: 10_000, smallRows: 0, keys: 100_000 },
  { name: 'append, 10,000 a batch', keyed: false, batch: 10_000 },
  { name: 'keyed, new keys, 100 a batch', keyed: true, batch: 100 },
  { name: 'keyed, new keys upserted, 100 a batch', keyed: true, batch: 100, smallRows: Infinity },
  { name: 'append, 100 a batch', keyed: false, batch: 100 },
  ...threshold,
]

/** Medians, because other work on the machine makes some batches slow. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1]!
}

/** One range of `batch` records from `first` on; made before the clock starts. */
function rangeAt(first: number, { batch, keys }: Case): SinkRange {
  const value = Buffer.alloc(120, 'v')
  return {
    source: { cluster: 'bench', topic: 'bench', partition: 0 },
    records: Array.from({ length: batch }, (_, i) => {
      const offset = first + i
      const id = `key-${keys === undefined ? offset : (offset * 7_919) % keys}`
      return {
        record: {
          topic: 'bench',
          partition: 0,
          offset,
          timestamp: 1_700_000_000_000 + offset,
          timestampType: 'CREATE_TIME',
          key: Buffer.from(id),
          value,
          headers: [],
        },
        rows: [{ id, n: offset, at: 1_700_000_000_000 + offset, amount: offset / 8, note: padding }],
      }
    }),
  }
}

async function run(endpoint: PostgresEndpoint, client: Client, one: Case, number: number): Promise<void> {
  const definition = postgres({
    id: 'bench',
    table: `bench_${number}`,
    columns: { id: 'text', n: 'bigint', at: 'timestamptz', amount: 'double precision', note: 'text' },
    ...(one.keyed ? { key: ['id'] } : {}),
  })
  await migrate(client, ddl(definition, 'log'))
  const none = () => Promise.reject(new Error('no ledger here'))
  const writer = openWriter(
    definition.options,
    {
      pipeline: `bench-${number}`,
      order: 'log',
      binding: { ...endpoint },
      ledger: { read: none, compareAndSet: none },
      log: (level, message, fields) => console.error(level, message, fields),
    },
    one.smallRows === undefined ? {} : { smallRows: one.smallRows, straight: false },
  )
  let offset = 0
  const elapsed: number[] = []
  const cpu: number[] = []
  const warmUp = Math.max(2, Math.ceil(3_000 / one.batch))
  const end = performance.now() + seconds * 1_000
  for (let turn = 0; turn < warmUp + 5 || performance.now() < end; turn++) {
    const range = rangeAt(offset, one)
    offset += one.batch
    const before = process.cpuUsage()
    const start = performance.now()
    await writer.prepare([range]).write({
      requestId: 'bench',
      deadline: { remaining: () => 60_000, signal: new AbortController().signal },
      log: () => undefined,
      putDeadLetters: () => Promise.resolve(),
    })
    const used = process.cpuUsage(before)
    if (turn < warmUp) continue
    elapsed.push(performance.now() - start)
    cpu.push((used.user + used.system) / one.batch)
  }
  await writer.close()
  await client.query(`DROP TABLE bench_${number}`)
  const batchMs = median(elapsed)
  const rate = Math.round((one.batch / batchMs) * 1_000).toLocaleString('en')
  console.log(
    `${one.name.padEnd(46)} ${rate.padStart(9)} rows/s  ${median(cpu).toFixed(2).padStart(6)} us CPU/row  ${batchMs.toFixed(2).padStart(7)} ms/batch`,
  )
}

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
const { postgres: port } = await choosePorts(['postgres'])
const server = await startPostgres({ folder, ports: [port], password: randomBytes(16).toString('hex') })
try {
  await server.ready()
  const client = new Client({ ...server.endpoint })
  await client.connect()
  for (const [number, one] of cases.entries()) await run(server.endpoint, client, one, number)
  await client.end()
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
