/** `weirhouse start` as a person runs it, on the pipelines and samples of this repository; what it says, and what the stores hold. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { gunzipSync } from 'node:zlib'
import { DynamoDBClient, paginateQuery, paginateScan } from '@aws-sdk/client-dynamodb'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import samples from '../../samples/earthquakes.ts'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import { getDeadLetter } from '../../src/operations/dead-letters.ts'
import type { Target, TargetPipeline } from '../../src/operations/target.ts'
import { command, weirhouse, weirhouseJson } from '../support/weirhouse.ts'

const STACK = 'start-test'
const EVENTS = 1707
const REVISED = 60

interface Feature {
  readonly id: string
  readonly properties: Readonly<{ mag: number; place: string; time: number; updated: number }>
}

/** What both databases must hold, in comparable form. */
interface Quake {
  readonly id: string
  readonly magnitude: number
  readonly region: string
  readonly time: number
  readonly updated: number
}

const sound = samples().filter(({ key }) => !/^(broken|missing|wrong|invalid|infinite)-/.test(key as string))
const published = sound.map(({ value }) => JSON.parse(value as string) as Feature)
const revisions = published.map(({ id, properties: { updated } }) => `${id} ${updated}`)
const newest = Object.values(Object.groupBy(published, ({ id }) => id)).map((all): Quake => {
  const { id, properties } = all!.toSorted((a, b) => b.properties.updated - a.properties.updated)[0]!
  const { mag, place, time, updated } = properties
  return { id, magnitude: mag, region: place.split(', ').at(-1)!, time, updated }
})
const byId = (quakes: readonly Quake[]) => quakes.toSorted((a, b) => (a.id < b.id ? -1 : 1))

let start: ChildProcess
let report: unknown
let target: Target
let quakes: TargetPipeline
let sql: Client
let kv: DynamoDBClient
let lake: S3Client

beforeAll(async () => {
  await weirhouse(['down', '--stack', STACK])
  start = spawn(...command(['start', '--json', '--stack', STACK]), { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: start.stdout! })) {
    report = JSON.parse(line)
    break
  }
  target = await weirhouseJson<Target>(['status', '--stack', STACK])
  quakes = target.pipelines.find(({ name }) => name === 'earthquakes')!
  const options = ({ endpoint, region, ...credentials }: Target['s3']) => ({ endpoint, region, credentials })
  sql = new Client({ connectionString: target.postgres.url })
  kv = new DynamoDBClient(options(target.dynamodb))
  lake = new S3Client({ ...options(target.s3), forcePathStyle: true })
  await sql.connect()
})

afterAll(async () => {
  await sql?.end()
  kv?.destroy()
  lake?.destroy()
  start.kill('SIGINT')
  expect(await once(start, 'exit')).toEqual([0, null])
})

test('D1 D2 D6: start says of every store how many rows it was to hold, and that it holds them', () => {
  const sound = { missing: 0, duplicated: 0, different: 0 }
  const holds = (rows: number) => ({ expected: rows, stored: rows, ...sound })
  const lines = EVENTS + 2 * REVISED
  expect(report).toEqual({
    ok: true,
    pipelines: [
      {
        name: 'demo',
        topic: 'demo_topic',
        produced: 1000,
        deadLetters: 0,
        sinks: { s3: holds(1000), postgres: holds(1000), dynamodb: holds(1000) },
      },
      {
        name: 'earthquakes',
        topic: 'earthquakes',
        produced: lines + 5,
        deadLetters: 5,
        sinks: { s3: holds(lines), postgres: holds(EVENTS), dynamodb: holds(EVENTS) },
      },
    ],
    seconds: expect.any(Number) as number,
  })
})

test('D6: the five malformed messages, and none other, are dead letters with their reasons', async () => {
  const listed = await weirhouseJson<{ id: string }[]>(['dlq', 'list', '--stack', STACK])
  const { signal } = new AbortController()
  const letters = await Promise.all(listed.map(({ id }) => getDeadLetter(target, id, signal)))
  expect(
    letters
      .map(({ pipeline, sink, stage, code, text, record }) => [String(record.key), pipeline, sink, stage, code, text])
      .toSorted(([a], [b]) => (a! < b! ? -1 : 1)),
  ).toEqual([
    ['broken-json', 'earthquakes', '*', 'decode', 'WEIR_DECODE', 'not valid JSON'],
    ['infinite-magnitude', 'earthquakes', '*', 'validate', 'WEIR_VALIDATE', expect.stringContaining('Infinity')],
    ['invalid-utf-8', 'earthquakes', '*', 'decode', 'WEIR_DECODE', 'not valid UTF-8'],
    ['missing-field', 'earthquakes', '*', 'validate', 'WEIR_VALIDATE', expect.stringContaining('"updated"')],
    ['wrong-type', 'earthquakes', '*', 'validate', 'WEIR_VALIDATE', expect.stringContaining('Expected number')],
  ])
})

test('D3: PostgreSQL holds the newest revision of each event', async () => {
  const { rows } = await sql.query<Omit<Quake, 'time' | 'updated'> & { time: Date; updated: Date }>(
    'SELECT id, magnitude, region, time, updated FROM earthquakes',
  )
  const found = rows.map((row) => ({ ...row, time: row.time.getTime(), updated: row.updated.getTime() }))
  expect(newest).toHaveLength(EVENTS)
  expect(byId(found)).toEqual(byId(newest))
})

test('D3: DynamoDB holds the newest revision of each event, and an index by region and time', async () => {
  const table = { TableName: quakes.dynamodbTable!, ConsistentRead: true }
  const found: Quake[] = []
  for await (const { Items } of paginateScan({ client: kv }, table)) found.push(...Items!.map(quakeOf))
  expect(byId(found)).toEqual(byId(newest))

  const nevada: Quake[] = []
  const query = {
    TableName: quakes.dynamodbTable!,
    IndexName: 'byRegion',
    KeyConditionExpression: '#region = :region AND #time >= :since',
    ExpressionAttributeNames: { '#region': 'region', '#time': 'time' },
    ExpressionAttributeValues: { ':region': { S: 'Nevada' }, ':since': { S: '2018-02-05' } },
  }
  for await (const { Items } of paginateQuery({ client: kv }, query)) nevada.push(...Items!.map(quakeOf))
  const wanted = newest.filter(({ region, time }) => region === 'Nevada' && time >= Date.parse('2018-02-05'))
  expect(nevada.length).toBeGreaterThan(20)
  expect(nevada).toEqual(wanted.toSorted((a, b) => a.time - b.time))
})

function quakeOf({ id, magnitude, region, time, updated }: Record<string, AttributeValue>): Quake {
  return {
    id: id!.S!,
    magnitude: Number(magnitude!.N),
    region: region!.S!,
    time: Date.parse(time!.S!),
    updated: Date.parse(updated!.S!),
  }
}

const bucket = () => ({ Bucket: quakes.bucket! })
async function keys(): Promise<string[]> {
  const { Contents, IsTruncated } = await lake.send(new ListObjectsV2Command({ ...bucket(), Prefix: quakes.prefix! }))
  expect(IsTruncated).toBe(false)
  return Contents!.map(({ Key }) => Key!)
}

test('D2: S3 holds every revision once, in objects under the day on which they came', async () => {
  const found: string[] = []
  const days = new Set<string | undefined>()
  for (const key of await keys()) {
    days.add(/^earthquakes\/lake\/earthquakes\/date=(\d{4}-\d\d-\d\d)\/[^/]+\.jsonl\.gz$/.exec(key)?.[1])
    const { Body } = await lake.send(new GetObjectCommand({ ...bucket(), Key: key }))
    const lines = gunzipSync(await Body!.transformToByteArray()).toString()
    for (const line of lines.trimEnd().split('\n')) {
      const { id, updated } = JSON.parse(line) as { id: string; updated: string }
      found.push(`${id} ${Date.parse(updated)}`)
    }
  }
  expect(found.toSorted()).toEqual(revisions.toSorted())
  const now = Date.now()
  const today = [now, now - 10 * 60_000].map((ms) => new Date(ms).toISOString().slice(0, 10))
  expect([...days].filter((day) => !today.includes(day!))).toEqual([])
})

test('D14: planted: an older revision, versions changed, an object under another day', async () => {
  const [revised] = newest.filter(({ id }) => published.filter((each) => each.id === id).length === 3)
  const [other] = newest.filter(({ id }) => id !== revised!.id)
  await sql.query(`UPDATE earthquakes SET magnitude = magnitude - 0.1 WHERE id = $1`, [revised!.id])
  await sql.query(`UPDATE earthquakes SET _version = 't2000-01-01T00:00:00.000Z' WHERE id = $1`, [other!.id])
  const [moved] = await keys()
  const Key = moved!.replace(/date=[^/]+/, 'date=2001-02-03')
  await lake.send(new CopyObjectCommand({ ...bucket(), Key, CopySource: `${quakes.bucket!}/${moved!}` }))
  await lake.send(new DeleteObjectCommand({ ...bucket(), Key: moved! }))

  const { code, stdout } = await weirhouse(['audit', '--pipeline', 'earthquakes', '--json', '--stack', STACK])
  expect(code).toBe(1)
  const { pipelines } = JSON.parse(stdout) as { pipelines: [AuditReport] }
  const { lake: s3, sql: postgres, kv: dynamodb } = pipelines[0].sinks
  expect(s3).toMatchObject({ missing: 0, duplicated: 0, different: 1 })
  expect(s3!.examples[0]).toMatchObject({ position: Key, fault: expect.stringContaining('date=') })
  expect(postgres).toMatchObject({ missing: 0, duplicated: 0, different: 2 })
  const faults = postgres!.examples.map(({ fault }) => fault.split(',')[0])
  expect(new Set(faults)).toEqual(new Set(['different: differs in its version', 'different: differs in magnitude']))
  expect(dynamodb).toMatchObject({ expected: EVENTS, missing: 0, duplicated: 0, different: 0 })
})
