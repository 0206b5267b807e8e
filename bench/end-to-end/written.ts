/** Speed without the rows is none: what the stores hold is counted, every record once. */
import { gunzipSync } from 'node:zlib'
import { Client } from 'pg'
import { createClients } from '../../src/aws/index.ts'
import { functionEnvironment, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { pipelineOf } from '../pipelines.ts'
import type { BenchServers } from '../servers.ts'
import type { EndToEndRun } from './runs.ts'

const TIMEOUT_MS = 60_000
const NEWLINE = 0x0a
const GZIP = 0x1f

/** Throws where a store holds another number than `records`. */
export async function checkWritten(run: EndToEndRun, records: number, servers: BenchServers): Promise<void> {
  const counts = { postgres: countRows, dynamodb: countItems, s3: countLines }
  for (const store of run.stores) {
    const found = await counts[store](run.pipeline, servers)
    if (found !== records) throw new Error(`${store} holds ${found} of ${records} records of "${run.name}"`)
  }
}

async function countRows(pipeline: string, { stores }: BenchServers): Promise<number> {
  const client = new Client({ ...stores.postgres })
  await client.connect()
  const { rows } = await client.query<{ rows: string }>(`SELECT count(*) AS rows FROM public.bench_${pipeline}`)
  await client.end()
  return Number(rows[0]!.rows)
}

async function countItems(pipeline: string, { stub }: BenchServers): Promise<number> {
  const counts = (await (await fetch(`${stub.endpoint}/counts`)).json()) as Record<string, number>
  const own = Object.entries(counts).filter(([name]) => name.endsWith(` bench-${pipeline}`))
  return own.reduce((sum, [, items]) => sum + items, 0)
}

/** Lines of every object under the pipeline's prefix. */
async function countLines(pipeline: string, { stores }: BenchServers): Promise<number> {
  const clients = createClients(functionEnvironment(await pipelineOf(pipeline), stores))
  const deadline = { remaining: () => TIMEOUT_MS, signal: AbortSignal.timeout(TIMEOUT_MS) }
  const ask = (operation: string, more: { key: string } | { query: Record<string, string> }) =>
    clients.s3.request({ operation, method: 'GET', bucket: RECORDS_BUCKET, deadline, ...more })
  let lines = 0
  let after = ''
  try {
    for (;;) {
      const query = { 'list-type': '2', prefix: `${pipeline}/`, ...(after === '' ? {} : { 'start-after': after }) }
      const { body: listing } = await ask('ListObjectsV2', { query })
      const keys = [...listing.toString().matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key]) => key!)
      if (keys.length === 0) return lines
      for (const key of keys) {
        const { body } = await ask('GetObject', { key })
        for (const byte of body[0] === GZIP ? gunzipSync(body) : body) if (byte === NEWLINE) lines++
      }
      after = keys.at(-1)!
    }
  } finally {
    clients.close()
  }
}
