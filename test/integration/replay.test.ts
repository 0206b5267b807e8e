/** Dead letters on the real stack: replayed once the cause is gone, for all sinks or for one; forged; discarded (D2, D3, D6). */
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { replayHeader } from '../../src/core/replay.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import type { KafkaProducer } from '../../src/kafka/produce.ts'
import { kafkaOf } from '../../src/operations/kafka-target.ts'
import type { DeadLetterSummary } from '../../src/sinks/dead-letters/index.ts'
import { openDevWorld } from './dev-world.ts'
import type { DevWorld } from './dev-world.ts'

const PIPELINE = `import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'
import { checked } from './checked.ts'

const columns = { id: 'text', n: 'integer' }

export default pipeline({
  name: 'again',
  source: { topic: 'again', partitions: 1, batch: { records: 20, windowSeconds: 0 } },
  decode: json(),
  transform: ({ id, n }) => ({ id, n: checked(n) }),
  sinks: [
    s3({ id: 'lake' }),
    postgres({ id: 'sql', table: 'again', key: ['id'], columns }),
    postgres({ id: 'history', table: 'again_history', columns }),
    dynamodb({ id: 'kv', table: 'again', partitionKey: 'id' }),
  ],
})
`
const checked = (body: string) => `export const checked = (n: number) => ${body}\n`
const refusing = checked("{ if (n < 0) throw new Error('negative'); return n }")

let world: DevWorld
let sql: Client
let producer: KafkaProducer

beforeAll(async () => {
  world = await openDevWorld({
    'weirhouse.config.ts':
      "import { defineConfig } from 'weirhouse'\nexport default defineConfig({ pipelines: ['./pipeline.ts'] })\n",
    'pipeline.ts': PIPELINE,
    'checked.ts': refusing,
  })
  sql = new Client({ connectionString: world.target.postgres.url })
  await sql.connect()
  producer = openProducer(kafkaOf(world.target))
})
afterAll(async () => {
  await producer?.close()
  await sql?.end()
  await world?.end()
})

const WAIT = { timeout: 60_000 }
const send = (...rows: readonly (readonly [id: string, n: number])[]) =>
  producer.send(
    rows.map(([id, n]) => ({ topic: 'again', partition: 0, value: Buffer.from(JSON.stringify({ id, n })) })),
  )
const table = async (name: string) =>
  (
    await sql.query<{ id: string; n: number; _offset: string }>(`select id, n, _offset from ${name} order by _offset`)
  ).rows.map(({ id, n, _offset }) => [id, n, Number(_offset)] as const)

async function dlq<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await world.run('dlq', ...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as T
}

const states = async () =>
  (await dlq<DeadLetterSummary[]>('list')).map(({ offset, sink, state }) => `${offset} ${sink} ${state}`)

async function expectAudited(): Promise<void> {
  const { code, stdout, stderr } = await world.audit()
  expect(code, stdout + stderr).toBe(0)
}

test('D2 D3 D6: decoded wrongly, corrected, replayed: in every sink once, and no newer row gives way', async () => {
  await send(['a', -1], ['b', -2], ['a', 3])
  await expect.poll(states, WAIT).toEqual(['0 * new', '1 * new'])
  const refused = await world.run('dlq', 'replay', '--all', '--json')
  expect(refused.stderr).toContain('WEIR_NOT_CONFIRMED')
  expect(await dlq('replay', '--all', '--dry-run')).toHaveLength(2)

  // Still wrong: it comes back as the same letter.
  const again = await world.run('dlq', 'replay', '--to-offset', '0', '--yes', '--json')
  expect(again.code).toBe(1)
  expect(JSON.parse(again.stdout)).toMatchObject([{ outcome: 'failed', code: 'WEIR_TRANSFORM', offset: 3 }])
  expect(await states()).toEqual(['0 * new', '1 * new'])

  world.save('checked.ts', checked('n'))
  await world.line(/version \d+ \(.*deployed/)
  expect(await dlq('replay', '--stage', 'transform', '--yes')).toMatchObject([
    { outcome: 'replayed', offset: 4 },
    { outcome: 'replayed', offset: 5 },
  ])
  expect(await states()).toEqual(['0 * replayed', '1 * replayed'])
  expect(await table('again')).toEqual([
    ['b', -2, 1],
    ['a', 3, 2],
  ])
  expect(await table('again_history')).toEqual([
    ['a', 3, 2],
    ['a', -1, 4],
    ['b', -2, 5],
  ])
  await expectAudited()
})

test('D2 D5 D6: refused by one store: replayed for that sink alone', async () => {
  await sql.query('alter table again add constraint never check (n <> 77)')
  await send(['c', 77])
  await expect.poll(states, WAIT).toContain('6 sql new')
  await expect.poll(async () => (await table('again_history')).at(-1), WAIT).toEqual(['c', 77, 6])
  const history = await table('again_history')
  await sql.query('alter table again drop constraint never')
  expect(await dlq('replay', '--sink', 'sql', '--yes')).toMatchObject([{ outcome: 'replayed', offset: 7 }])
  expect((await table('again')).find(([id]) => id === 'c')).toEqual(['c', 77, 6])
  expect(await table('again_history')).toEqual(history)
  await expectAudited()
})

test('D3: a forged header counts for nothing', async () => {
  const [letter] = await dlq<DeadLetterSummary[]>('list')
  const forged = replayHeader({ ...letter!, attempt: letter!.attempts })
  await producer.send([{ topic: 'again', partition: 0, value: Buffer.from('{"id":"a","n":8}'), headers: [forged] }])
  for (const name of ['again_history', 'again']) await expect.poll(() => table(name), WAIT).toContainEqual(['a', 8, 8])
  await expectAudited()
})

test('D2: discarded: a letter stays as it was decided, and replaying leaves it alone', async () => {
  await producer.send([{ topic: 'again', partition: 0, value: Buffer.from('{') }])
  await expect.poll(states, WAIT).toContain('9 * new')
  expect(await dlq('discard', '--state', 'new', '--yes')).toMatchObject([{ outcome: 'discarded' }])
  expect(await dlq('replay', '--all', '--yes')).toEqual([])
  expect(await states()).toContain('9 * discarded')
  await expectAudited()
})
