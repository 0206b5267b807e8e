/**
 * What a record costs in the shipped handler: CPU of this process, and the rate, with events that are in memory already.
 *
 *   node --conditions=source [--cpu-prof] bench/hot-path.ts [case,... | every] [records an event,...] [seconds a case]
 *
 * PostgreSQL is a real server of its own on loopback, S3 and DynamoDB a stub that counts (hot-path/process.ts). Records of 66
 * bytes, `{"id", "category", "value", "ts"}`. Medians over the events of a case, and the least CPU, which other work on the machine disturbs least; an event is parsed before its clock starts.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { json, pipeline } from '../src/index.ts'
import type { Pipeline } from '../src/core/pipeline.ts'
import { createHandler } from '../src/lambda/index.ts'
import { choosePorts } from '../src/local/ports.ts'
import type { PostgresEndpoint } from '../src/local/service.ts'
import { startPostgres } from '../src/local/services/postgres.ts'
import { dynamodb } from '../src/sinks/dynamodb/index.ts'
import { ddl, postgres } from '../src/sinks/postgres/index.ts'
import { migrate } from '../src/sinks/postgres/migrate.ts'
import { s3 } from '../src/sinks/s3/index.ts'
import type { SinkDefinition } from '../src/sinks/sink.ts'

const [wanted = 'every', sizes = '10000', seconds = '3'] = process.argv.slice(2)

interface Reading {
  readonly id: string
  readonly category: string
  readonly value: number
  readonly ts: number
}

const columns = { id: 'text', category: 'text', value: 'double precision', ts: 'bigint' }

/** Takes rows and does nothing: what is left is the event, decoding and the transform. */
const nothing: SinkDefinition<object> = {
  kind: 'memory',
  id: 'nothing',
  options: {},
  grants: [],
  open: () =>
    Promise.resolve({
      prepare: () => ({ refusals: [], write: () => Promise.resolve({ ranges: [] }) }),
      close: () => Promise.resolve(),
    }),
}

const sinks = {
  decode: () => [nothing],
  postgres: () => [postgres({ id: 'sql', table: 'postgres', key: ['id'], columns })],
  append: () => [postgres({ id: 'sql', table: 'append', columns })],
  s3: () => [s3({ id: 'lake', compress: 'gzip' })],
  's3-plain': () => [s3({ id: 'lake', compress: 'none' })],
  dynamodb: () => [dynamodb({ id: 'kv', table: 'bench', partitionKey: 'id' })],
  's3+postgres': () => [s3({ id: 'lake' }), postgres({ id: 'sql', table: 's3+postgres', key: ['id'], columns })],
  all: () => [
    s3({ id: 'lake' }),
    postgres({ id: 'sql', table: 'all', key: ['id'], columns }),
    dynamodb({ id: 'kv', table: 'bench', partitionKey: 'id' }),
  ],
} as const satisfies Record<string, () => SinkDefinition[]>

type Case = keyof typeof sinks

function definition(name: Case, cluster: string): Pipeline {
  return pipeline({
    name: 'bench',
    source: { topic: 'bench', cluster },
    decode: json<Reading>(),
    transform: ({ id, category, value, ts }) => ({ id, category, value, ts }),
    sinks: sinks[name](),
  })
}

const START_MS = 1_700_000_000_000

/** The event as Lambda's runtime hands it over: strings fresh from JSON.parse. Every record has a key of its own. */
function eventAt(first: number, size: number): unknown {
  const records = Array.from({ length: size }, (_, i) => {
    const offset = first + i
    const id = `r${String(offset).padStart(9, '0')}`
    const value = `{"id":"${id}","category":"c${offset % 10}","value":${(offset % 9973) / 8 + 0.5},"ts":${START_MS + offset}}`
    const [key64, value64] = [Buffer.from(id).toString('base64'), Buffer.from(value).toString('base64')]
    return `{"topic":"bench","partition":0,"offset":${offset},"timestamp":${START_MS + offset},"timestampType":"CREATE_TIME","key":"${key64}","value":"${value64}","headers":[]}`
  })
  return JSON.parse(
    `{"eventSource":"SelfManagedKafka","bootstrapServers":"b:9092","records":{"bench-0":[${records.join(',')}]}}`,
  )
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >>> 1]!
}

async function run(name: Case, size: number, endpoint: PostgresEndpoint): Promise<void> {
  const definitionOf = definition(name, `${name}-${size}`)
  const bindings: Record<string, object> = {
    nothing: {},
    lake: { bucket: 'bench' },
    sql: endpoint,
    kv: { table: 'bench' },
  }
  let failed = false
  const handler = createHandler(definitionOf, {
    variables: {
      ...process.env,
      AWS_LAMBDA_LOG_LEVEL: 'WARN',
      WEIRHOUSE_BINDINGS: JSON.stringify({
        sinks: Object.fromEntries(definitionOf.sinks.map(({ id }) => [id, bindings[id]])),
        ledger: { table: 'ledger' },
        deadLetters: { table: 'letters', bucket: 'bench' },
      }),
    },
    write: (line) => {
      if (!line.startsWith('{"timestamp"')) return
      failed = true
      console.error(line)
    },
  })
  const elapsed: number[] = []
  const cpu: number[] = []
  const warmUp = Math.min(300, Math.max(3, Math.ceil(60_000 / size)))
  let offset = 0
  const end = performance.now() + Number(seconds) * 1_000
  for (let turn = 0; turn < warmUp + 5 || performance.now() < end; turn++) {
    const event = eventAt(offset, size)
    offset += size
    const before = process.cpuUsage()
    const start = performance.now()
    await handler(event, { awsRequestId: 'bench', getRemainingTimeInMillis: () => 60_000 })
    const took = performance.now() - start
    const used = process.cpuUsage(before)
    if (failed) throw new Error(`${name}: the handler complained`)
    if (turn < warmUp) continue
    elapsed.push(took)
    cpu.push((used.user + used.system) / size)
  }
  const ms = median(elapsed)
  console.log(
    `${name.padEnd(14)} ${String(size).padStart(6)} an event  ${Math.round((size / ms) * 1_000)
      .toLocaleString('en')
      .padStart(9)} records/s  ` +
      `${median(cpu).toFixed(2).padStart(7)} us CPU/record (best ${Math.min(...cpu).toFixed(2)})  p50 ${ms.toFixed(2).padStart(7)} ms  (${elapsed.length} events)`,
  )
}

const stub = spawn(process.execPath, [join(import.meta.dirname, 'hot-path/process.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const [port] = (await once(stub.stdout, 'data')) as [Buffer]
Object.assign(process.env, {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_ENDPOINT_URL: `http://127.0.0.1:${port.toString().trim()}`,
})
const folder = mkdtempSync(join(tmpdir(), 'weirhouse-hot-path-'))
const { postgres: sqlPort } = await choosePorts(['postgres'])
const server = await startPostgres({ folder, ports: [sqlPort], password: randomBytes(16).toString('hex') })
try {
  await server.ready()
  const client = new Client({ ...server.endpoint })
  client.on('error', () => undefined) // the server is stopped before it, should a case fail
  await client.connect()
  const names = (Object.keys(sinks) as Case[]).filter((name) => wanted === 'every' || wanted.split(',').includes(name))
  for (const size of sizes.split(',').map(Number))
    for (const name of names) {
      for (const sink of definition(name, name).sinks)
        if (sink.kind === 'postgres') {
          await client.query(`DROP TABLE IF EXISTS "${name}"; DROP SCHEMA IF EXISTS weirhouse CASCADE`)
          await migrate(client, ddl(sink as ReturnType<typeof postgres>, 'log'))
        }
      await run(name, size, server.endpoint)
    }
  await client.end()
} finally {
  stub.kill()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
