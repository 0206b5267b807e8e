/**
 * The whole road, looked at from outside: the stack runs as a person runs it, Kafka's own console producer and kafka-python
 * send, boto3 and pg8000 read.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Target } from '../../src/operations/target.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import { foreignClient, foreignPython, kafkaTool } from '../support/foreign.ts'
import { binaryMessages, lineMessages } from '../support/messages.ts'
import type { Expected } from '../support/messages.ts'
import { weirhouse, weirhouseJson } from '../support/weirhouse.ts'

const STACK = 'first-light-test'
const LINES = 900
const BINARY = 100
/** Issue: "within 10 s each is in PostgreSQL, S3 and DynamoDB once". */
const VISIBLE_MS = 10_000

interface StoredRow extends Expected {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
}
type Stored = Readonly<Record<'postgres' | 's3' | 'dynamodb', StoredRow[]>>

const stores = ['postgres', 's3', 'dynamodb'] as const

let target: Target
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weirhouse-first-light-'))
  await foreignPython()
  await weirhouse(['down', '--stack', STACK])
  await weirhouseJson(['up', '--detach', '--stack', STACK])
  target = await weirhouseJson<Target>(['status', '--stack', STACK])
})

afterAll(async () => {
  const { code } = await weirhouse(['down', '--stack', STACK])
  rmSync(folder, { recursive: true, force: true })
  expect(code).toBe(0)
})

interface Letter {
  readonly sink: string
  readonly stage: string
  readonly code: string
}
const deadLetters = async () => weirhouseJson<Letter[]>(['dlq', 'list', '--stack', STACK])
const read = async () => (await foreignClient('read', target)) as Stored
const position = (row: StoredRow) => `${row.topic}/${row.partition}/${row.offset}`
const byPosition = (rows: readonly StoredRow[]) =>
  rows.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset)

test('D1 D2 E1 E2 E24: a thousand messages of every kind by foreign clients are in each store once, bytes intact', async () => {
  const lines = lineMessages(LINES)
  const binary = binaryMessages(BINARY)
  const text = lines.map(({ key, value }) => `${key}\t${value ?? 'NULL'}\n`).join('')
  await kafkaTool(
    'org.apache.kafka.tools.ConsoleProducer',
    [
      '--bootstrap-server',
      target.kafka.bootstrap,
      '--topic',
      'demo_topic',
      ...['parse.key=true', 'key.separator=\t', 'null.marker=NULL'].flatMap((each) => ['--property', each]),
    ],
    text,
  )
  const raw = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
  await foreignClient('produce', {
    bootstrap: target.kafka.bootstrap,
    topic: 'demo_topic',
    messages: binary.map(({ key, value }) => ({ key: raw(key), value: raw(value) })),
  })
  const until = performance.now() + VISIBLE_MS
  let stored = await read()
  while (Object.values(stored).some((rows) => rows.length < LINES + BINARY) && performance.now() < until) {
    await sleep(250)
    stored = await read()
  }

  for (const [store, rows] of Object.entries(stored)) {
    expect(rows.length, store).toBe(LINES + BINARY)
    expect(new Set(rows.map(position)).size, `${store}: positions`).toBe(LINES + BINARY)
    const found = rows.map(({ key, kind, value }) => ({ key, kind, value }))
    expect(canonical(found), store).toEqual(canonical([...lines, ...binary].map((each) => each.expected)))
  }
  expect(byPosition(stored.s3)).toEqual(byPosition(stored.postgres))
  expect(byPosition(stored.dynamodb)).toEqual(byPosition(stored.postgres))

  const audit = await weirhouse(['audit', '--stack', STACK])
  expect(audit.code, audit.stdout + audit.stderr).toBe(0)
})

test("E24: kafka-consumer-groups shows the mapping's group at the end of the log", async () => {
  const pipeline = target.pipelines[0]!
  const output = await kafkaTool('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
    '--bootstrap-server',
    target.kafka.bootstrap,
    '--describe',
    '--group',
    pipeline.consumerGroup,
  ])
  // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
  const rows = output
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[1] === 'demo_topic')
  expect(new Set(rows.map((cells) => cells[2]))).toEqual(new Set(['0', '1']))
  expect(rows.map((cells) => cells[5])).toEqual(['0', '0'])
  expect(rows.reduce((sum, cells) => sum + Number(cells[3]), 0)).toBe(LINES + BINARY)
})

test('D6: a message over 400 KB becomes a dead letter of the DynamoDB sink alone', async () => {
  const before = await read()
  const large = 'large '.repeat(80_000)
  const sent = await weirhouse(['produce', '--topic', 'demo_topic', '--stack', STACK], { input: `${large}\n` })
  expect(sent.code, sent.stderr).toBe(0)
  const until = performance.now() + VISIBLE_MS
  let letters = await deadLetters()
  while (letters.length === 0 && performance.now() < until) {
    await sleep(250)
    letters = await deadLetters()
  }
  expect(letters.map(({ sink, stage, code }) => ({ sink, stage, code }))).toEqual([
    { sink: 'kv', stage: 'encode', code: 'WEIR_ENCODE' },
  ])
  const after = await read()
  expect(after.dynamodb.length).toBe(before.dynamodb.length)
  for (const store of ['postgres', 's3'] as const) {
    expect(after[store].length, store).toBe(before[store].length + 1)
    expect(after[store].filter(({ value }) => value === large).length, store).toBe(1)
  }
  const audit = await weirhouse(['audit', '--stack', STACK])
  expect(audit.code, audit.stdout + audit.stderr).toBe(0)
})

test('D2: the same event twice by invoke, and cut differently the second time, changes no store', async () => {
  const before = await read()
  const last = Math.max(...before.postgres.filter((row) => row.partition === 0).map((row) => row.offset))
  const event = (first: number, count: number) => {
    const records = Array.from({ length: count }, (_, i) => ({
      topic: 'demo_topic',
      partition: 0,
      offset: first + i,
      timestamp: 1_700_000_000_000 + first + i,
      key: `again-${first + i}`,
      value: `{"n":${first + i}}`,
    }))
    const file = join(folder, `event-${first}-${count}.json`)
    writeFileSync(file, JSON.stringify(kafkaEvent({ eventSourceArn: target.pipelines[0]!.cluster, records })))
    return file
  }
  const invoke = async (file: string) => {
    const { code, stdout, stderr } = await weirhouse(['invoke', '--event', file, '--stack', STACK])
    expect(code, stdout + stderr).toBe(0)
  }
  await invoke(event(last + 1, 20))
  const once = await read()
  for (const store of stores) expect(once[store].length, store).toBe(before[store].length + 20)
  await invoke(event(last + 1, 20))
  await invoke(event(last + 1, 7))
  await invoke(event(last + 5, 16))
  const again = await read()
  for (const store of ['postgres', 's3', 'dynamodb'] as const)
    expect(byPosition(again[store])).toEqual(byPosition(once[store]))
})

/** Order of rows and of names in objects aside. */
function canonical(rows: readonly Expected[]): string[] {
  const ordered = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(ordered)
    if (typeof value !== 'object' || value === null) return value
    const names = Object.keys(value).toSorted(compare)
    return names.map((name) => [name, ordered((value as Record<string, unknown>)[name])])
  }
  return rows.map((row) => JSON.stringify(ordered(row))).toSorted(compare)
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
