/** The audit's memory is bounded: with a small heap it gets through a topic whose rows would not fit. */
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sourceMark } from '../../src/core/record.ts'
import { openAuditWorld, TABLES } from '../support/audit-world.ts'
import type { AuditWorld } from '../support/audit-world.ts'
import { root } from '../support/weirhouse.ts'
import { run } from '../support/foreign.ts'
import pipeline from '../fixtures/audit/large.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'

/** More for a measurement: WEIRHOUSE_AUDIT_RECORDS=500000. */
const RECORDS = Number(process.env.WEIRHOUSE_AUDIT_RECORDS ?? 60_000)
const CHUNK = 5000
const HEAP_MB = 64
/** Of now: retention would take what is a week old. */
const FIRST_MS = Date.now()
const ITEMS = process.env.WEIRHOUSE_AUDIT_ITEMS === '1'

let world: AuditWorld

beforeAll(async () => {
  world = await openAuditWorld('large', undefined, pipeline)
  const line = (i: number) => JSON.stringify({ id: `key-${i}`, n: i })
  const src = sourceMark({ cluster: 'audit-test', topic: 'large', partition: 0 })
  for (let first = 0; first < RECORDS; first += CHUNK) {
    const numbers = Array.from({ length: CHUNK }, (_, i) => first + i)
    await world.produce(numbers.map((i) => ({ partition: 0, value: Buffer.from(line(i)), timestamp: FIRST_MS + i })))
    const key = `large/lake/large/000000-${String(first).padStart(16, '0')}-${first + CHUNK - 1}.jsonl`
    await world.objects.put(key, `${numbers.map(line).join('\n')}\n`)
    if (ITEMS) await putItems(numbers, src)
  }
  await world.sql.query(
    `INSERT INTO large SELECT 'key-' || i, i, $1, 0, i, 0, $2::bigint + i FROM generate_series(0, $3::bigint - 1) i`,
    [src, FIRST_MS, RECORDS],
  )
  await world.sql.query(
    `INSERT INTO weirhouse.watermark (pipeline, sink, cluster, topic, partition, next_offset)
     VALUES ('large', 'sql', 'audit-test', 'large', 0, $1)`,
    [RECORDS],
  )
  for (const sink of ['lake', 'kv']) {
    const [zero, none] = [{ N: '0' }, { S: '[]' }]
    const next = { N: String(sink === 'lake' || ITEMS ? RECORDS : 0) }
    const counts = { version: { N: '1' }, epoch: zero, generation: zero, gapCount: zero, next }
    const id = { S: `large#${sink}#audit-test#large#0` }
    await world.items.put(TABLES.ledger, { id, ...counts, gaps: none, checkpoints: none, pending: { NULL: true } })
  }
}, 900_000)
afterAll(() => world.close())

async function putItems(numbers: readonly number[], src: string): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = world.target.dynamodb
  const client = new DynamoDBClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } })
  const zero = { N: '0' }
  const item = (i: number) => {
    const [number, time] = [{ N: String(i) }, { N: String(FIRST_MS + i) }]
    return {
      id: { S: `key-${i}` },
      n: number,
      _src: { S: src },
      _epoch: zero,
      _offset: number,
      _index: zero,
      _ts: time,
    }
  }
  for (let at = 0; at < numbers.length; at += 25) {
    const large = numbers.slice(at, at + 25).map((i) => ({ PutRequest: { Item: item(i) } }))
    await client.send(new BatchWriteItemCommand({ RequestItems: { large } }))
  }
  client.destroy()
}

async function auditApart(records: number, heapMb: number) {
  const input = JSON.stringify({ target: world.target, to: { offset: records } })
  const script = `${root}/test/fixtures/audit/run.ts`
  const args = ['--conditions=source', `--max-old-space-size=${heapMb}`, script]
  const out = await run(process.execPath, args, input, 600_000)
  return JSON.parse(out) as { readonly report: AuditReport; readonly peakMiB: number; readonly cpuMs: number }
}

test('D14: memory does not grow with the topic', { timeout: 900_000 }, async () => {
  const small = await auditApart(RECORDS / 10, HEAP_MB)
  const { report, peakMiB, cpuMs } = await auditApart(RECORDS, HEAP_MB)
  expect(report).toMatchObject({ ok: true, produced: RECORDS })
  expect(report.sinks).toMatchObject({
    lake: { expected: RECORDS, stored: RECORDS },
    sql: { expected: RECORDS, stored: RECORDS },
    kv: { expected: ITEMS ? RECORDS : 0 },
  })
  // what the process itself takes is most of it, and what it takes more is no matter of ten times the records
  expect(peakMiB, `${cpuMs} ms of CPU`).toBeLessThan(small.peakMiB * 1.5)
})
