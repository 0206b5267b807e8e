/** The verbs against real servers; the audit against stores that were tampered with. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { DeleteItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { readPartition } from '../../src/kafka/read.ts'
import { createHandler } from '../../src/lambda/index.ts'
import { DEAD_LETTERS, functionEnvironment, LEDGER_TABLE, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { provision } from '../../src/local/provision.ts'
import { processRecord } from '../../src/local/process.ts'
import { statusFile } from '../../src/local/stack-files.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import type { Target } from '../../src/operations/target.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import pipeline from '../fixtures/audit/pipeline.ts'
import { root, weirhouse, weirhouseJson } from '../support/weirhouse.ts'

const kafka = inject('kafka')
const stores = inject('stores')
const { postgres, s3, dynamodb } = stores
let project: string
const sql = new Client({ ...postgres })
const kv = new DynamoDBClient(clientOptions(dynamodb))
const lake = new S3Client({ ...clientOptions(s3), forcePathStyle: true })

function clientOptions({ endpoint, region, accessKeyId, secretAccessKey }: Target['s3']) {
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey } }
}

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'weirhouse-cli-'))
  writeFileSync(join(project, 'weirhouse.config.ts'), '')
  const { user, password, host, port, database } = postgres
  const target: Target = {
    state: 'running',
    stack: 'default',
    pid: process.pid,
    processes: [processRecord(process.pid)!],
    kafka: { bootstrap: kafka.bootstrap.join(',') },
    postgres: { url: `postgresql://${user}:${password}@${host}:${port}/${database}` },
    s3,
    dynamodb,
    lambda: { endpoint: 'http://127.0.0.1:1' },
    ledgerTable: LEDGER_TABLE,
    deadLetters: DEAD_LETTERS,
    logs: join(project, 'logs'),
    pipelines: [
      {
        name: pipeline.name,
        topic: pipeline.source.topic,
        function: 'weirhouse-audited',
        module: join(root, 'test/fixtures/audit/pipeline.ts'),
        cluster: 'cli-test',
        mappingId: 'none',
        consumerGroup: 'none',
        bucket: RECORDS_BUCKET,
        prefix: 'audited/lake/audited/',
        table: 'public.audited',
        dynamodbTable: 'audited',
        custom: [],
      },
    ],
  }
  const file = statusFile(project, 'default')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify(target))
  await provision([pipeline], { ...stores, kafka })
  for (const [name, value] of Object.entries(functionEnvironment(pipeline, stores))) vi.stubEnv(name, value)
  await sql.connect()
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await sql.end()
  kv.destroy()
  lake.destroy()
  rmSync(project, { recursive: true })
})

const run = (args: readonly string[], input: string | Buffer = '') =>
  weirhouse([...args, '--project', project], { input })
const json = <T>(args: readonly string[]) => weirhouseJson<T>([...args, '--project', project])

describe('topics, produce, consume', () => {
  test('a topic is created as asked, listed, described, deleted', async () => {
    const size = ['--partitions', '3', '--replication-factor', '2']
    const create = ['topics', 'create', '--topic', 'cli-a', ...size, '--config', 'retention.ms=60000']
    expect((await run(create)).stdout).toBe('Topic cli-a created: 3 partitions, replication 2\n')
    const again = await run(create)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('WEIR_TOPIC_EXISTS: Topic "cli-a" exists already.')
    expect(await json([...create, '--if-not-exists'])).toMatchObject({ created: false, partitions: 3 })
    expect((await run(['topics', 'list'])).stdout).toMatch(/^cli-a +3 +2$/m)
    expect(await json(['topics', 'describe', '--topic', 'cli-a'])).toMatchObject({
      configs: { 'retention.ms': '60000' },
      layout: [{ start: 0, end: 0 }, {}, {}],
    })
    expect((await run(['topics', 'delete', '--topic', 'cli-a'])).code).toBe(0)
    expect((await run(['topics', 'delete', '--topic', 'cli-a'])).stderr).toContain(
      'WEIR_UNKNOWN: There is no topic "cli-a"',
    )
    expect(await json(['topics', 'delete', '--topic', 'cli-a', '--if-exists'])).toEqual({
      topic: 'cli-a',
      deleted: false,
    })
  })

  test('bytes go in and come out as they are, and a reader that leaves is no error', async () => {
    await run(['topics', 'create', '--topic', 'cli-b', '--partitions', '2', '--replication-factor', '2'])
    const input = Buffer.concat([Buffer.from('k:{"a":1}\nk:\nk:grüße\nk:'), Buffer.from([0xff, 0x00, 0x0d])])
    const sent = await run(['produce', '--topic', 'cli-b', '--key-separator', ':'], input)
    expect(sent.stdout).toMatch(/^4 messages sent to cli-b in [\d.]+ s \(\d+\/s\)\n$/)
    const { stdout, code } = await run([
      'consume',
      '--topic',
      'cli-b',
      '--from-beginning',
      '--max-messages',
      '4',
      '--json',
    ])
    expect(code).toBe(0)
    const records = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(records.map(({ key, value, valueEncoding }) => [key, value, valueEncoding])).toEqual([
      ['k', '{"a":1}', 'utf8'],
      ['k', '', 'utf8'],
      ['k', 'grüße', 'utf8'],
      ['k', '/wAN', 'base64'],
    ])
    const plain = await run(['consume', '--topic', 'cli-b', '--from-beginning', '--timeout-ms', '1500'])
    expect(plain).toMatchObject({ code: 0, stdout: expect.stringContaining('{"a":1}\n\ngrüße\n') })
    expect(await leave(['consume', '--topic', 'cli-b', '--from-beginning'])).toEqual({ code: 0, stderr: '' })
  })

  test('a topic that is not there is told before anything is read', async () => {
    const { code, stderr } = await run(['produce', '--topic', 'cli-none'], 'x\n')
    expect(code).toBe(1)
    expect(stderr).toContain('WEIR_UNKNOWN: There is no topic "cli-none"')
  })
})

/** Reads the first bytes of an endless output, then closes it, as `| head` does. */
function leave(args: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const main = join(root, 'src/cli/main.ts')
    const child = spawn(process.execPath, ['--conditions=source', main, ...args, '--project', project])
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.stdout.once('data', () => {
      child.stdout.destroy()
      void run(['produce', '--topic', 'cli-b'], 'more\n'.repeat(500))
    })
    child.once('close', (code) => resolve({ code, stderr }))
  })
}

const BATCH = 10
const KEYS = 10

/** 40 readings of 10 keys, then one that is poison. */
async function fill(): Promise<void> {
  const readings = Array.from({ length: 4 * BATCH }, (_, i) =>
    JSON.stringify({ id: `id-${i % KEYS}`, n: i / 4, at: new Date(i * 1001).toISOString(), tags: ['a', `b${i}`] }),
  )
  await run(['produce', '--topic', 'audited', '--partition', '0'], `${readings.join('\n')}\nnot json\n`)
  const handler = createHandler(pipeline, { write: () => undefined })
  const end = 4 * BATCH + 1
  let batch = 0
  for await (const all of readPartition(kafka, { topic: 'audited', partition: 0, from: 0, to: end }))
    for (let at = 0; at < all.length; at += BATCH) {
      const records = all.slice(at, at + BATCH)
      const context = { awsRequestId: `batch-${batch++}`, getRemainingTimeInMillis: () => 30_000 }
      await handler(kafkaEvent({ topic: 'audited', records }), context)
    }
}

async function audited(): Promise<{ code: number | null; report: AuditReport; text: string }> {
  const plain = await run(['audit'])
  const { code, stdout } = await run(['audit', '--pipeline', 'audited', '--json'])
  const { pipelines } = JSON.parse(stdout) as { pipelines: [AuditReport] }
  expect(plain.code).toBe(code)
  return { code, report: pipelines[0], text: plain.stdout }
}

const clean = { missing: 0, duplicated: 0, different: 0, outOfOrder: 0, foreign: 0, notYet: 0, outside: 0 }

describe('audit and dead letters', () => {
  test('D14: stores that hold what the log asks for pass; the dead letter is counted, listed and shown', async () => {
    await fill()
    const { code, report } = await audited()
    expect(report).toMatchObject({ produced: 41, deadLetters: 1, ok: true, complete: true })
    expect(report.sinks).toMatchObject({
      lake: { kind: 's3', stored: 40, ...clean },
      sql: { kind: 'postgres', stored: KEYS, ...clean },
      kv: { kind: 'dynamodb', stored: KEYS, ...clean },
    })
    expect(code).toBe(0)
    const [letter] = await json<{ id: string }[]>(['dlq', 'list', '--pipeline', 'audited'])
    expect(letter).toMatchObject({ sink: '*', stage: 'decode', code: 'WEIR_DECODE', offset: 40 })
    const shown = await run(['dlq', 'show', letter!.id])
    expect(shown.stdout).toContain('value     not json\n')
    expect((await run(['dlq', 'list', '--sink', 'kv'])).stdout).toBe('There are no dead letters.\n')
  })

  test('D14: planted in PostgreSQL: a row gone, one changed, one twice', async () => {
    await sql.query(`DELETE FROM audited WHERE id = 'id-1'`)
    await sql.query(`UPDATE audited SET n = n + 0.01 WHERE id = 'id-2'`)
    await sql.query(
      `INSERT INTO audited SELECT 'copy', n, at, tags, _src, _epoch, _offset, _index, _ts FROM audited WHERE id = 'id-3'`,
    )
    const { code, report, text } = await audited()
    expect(code).toBe(1)
    expect(report.sinks['sql']).toMatchObject({ stored: KEYS, missing: 1, duplicated: 1, different: 1 })
    expect(report.sinks['kv']).toMatchObject(clean)
    expect(text).toContain('audited sql audited/0@32: different: differs in n, key ("id-2")')
  })

  test('D14: planted in DynamoDB: an item gone, one changed, one twice, one without position', async () => {
    const key = (id: string) => ({ TableName: 'audited', Key: { id: { S: id } } })
    await kv.send(new DeleteItemCommand(key('id-1')))
    const { Item: second } = await kv.send(new GetItemCommand(key('id-2')))
    const put = (item: typeof second) => kv.send(new PutItemCommand({ TableName: 'audited', Item: item }))
    await put({ ...second, n: { S: '8' } })
    const { Item: third } = await kv.send(new GetItemCommand(key('id-3')))
    await put({ ...third, id: { S: 'copy' } })
    await put({ id: { S: 'foreign' } })
    const { report } = await audited()
    expect(report.sinks['kv']).toMatchObject({ stored: KEYS + 1, missing: 1, duplicated: 1, different: 1, foreign: 1 })
  })

  test('D14: planted in S3: an object gone, one twice, a line changed', async () => {
    const listed = await lake.send(new ListObjectsV2Command({ Bucket: RECORDS_BUCKET, Prefix: 'audited/lake/' }))
    const [gone, twice, changed] = listed.Contents!.map(({ Key }) => ({ Bucket: RECORDS_BUCKET, Key: Key! }))
    await lake.send(new DeleteObjectCommand(gone!))
    const copy = twice!.Key.replace('.jsonl', '~1.jsonl')
    await lake.send(
      new CopyObjectCommand({ Bucket: RECORDS_BUCKET, Key: copy, CopySource: `${RECORDS_BUCKET}/${twice!.Key}` }),
    )
    const { Body } = await lake.send(new GetObjectCommand(changed!))
    const lines = gunzipSync(await Body!.transformToByteArray())
      .toString()
      .replace('"id-5"', '"id-x"')
    await lake.send(new PutObjectCommand({ ...changed!, Body: gzipSync(lines) }))
    const { report } = await audited()
    expect(report.sinks['lake']).toMatchObject({ stored: 40, missing: BATCH, duplicated: BATCH, different: 1 })
  })

  test('doctor finds the servers that answer, and the one that does not', async () => {
    const { code, stdout } = await run(['doctor', '--json'])
    expect(code).toBe(1)
    const findings = JSON.parse(stdout) as { check: string; ok: boolean }[]
    const by = Object.fromEntries(findings.map(({ check, ok }) => [check, ok]))
    expect(by).toMatchObject({ Kafka: true, PostgreSQL: true, S3: true, DynamoDB: true, Lambda: false, Java: true })
  })
})

describe('migrate', () => {
  test('nothing to do; then what is missing: told by --dry-run, added, and nothing to do again', async () => {
    expect(await json(['migrate'])).toEqual({ statements: [], applied: false })
    await sql.query('ALTER TABLE audited DROP COLUMN tags')
    const add = 'ALTER TABLE "public"."audited"\n  ADD COLUMN IF NOT EXISTS "tags" text[]'
    expect(await json(['migrate', '--dry-run'])).toEqual({ statements: [add], applied: false })
    expect((await run(['migrate', '--dry-run'])).stdout).toBe(`${add};\n-- 1 statement to apply\n`)
    expect((await run(['migrate'])).stdout).toBe(`${add};\n-- 1 statement applied\n`)
    expect((await run(['migrate'])).stdout).toBe('Nothing to do: the database fits the definitions.\n')
  })

  test('what adding does not mend is refused, in one line that holds the statement', async () => {
    await sql.query('ALTER TABLE audited ALTER COLUMN at TYPE text')
    const { code, stdout, stderr } = await run(['migrate'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^WEIR_MIGRATION_BREAKS: .*"at" of public\.audited is text, .*Nothing was changed\./)
    expect(stderr).toContain(
      'ALTER TABLE "public"."audited" ALTER COLUMN "at" TYPE timestamptz USING "at"::timestamptz',
    )
    await sql.query('ALTER TABLE audited ALTER COLUMN at TYPE timestamptz USING at::timestamptz')
  })
})
