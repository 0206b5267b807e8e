/** A bad deployment in mid-stream, on the real stack: it halts, and the next good one goes on (D7). */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeadLetterSummary } from '../../src/sinks/dead-letters/index.ts'
import { openDevWorld, PIPELINE } from './dev-world.ts'
import type { DevWorld } from './dev-world.ts'

const config =
  "import { defineConfig } from 'weirhouse'\nexport default defineConfig({ pipelines: ['./pipeline.ts'] })\n"
/** Of the definition: more than one batch, and less than what is let in before a halt. */
const BATCH = 40
const pipeline = PIPELINE.replace('records: 10', `records: ${BATCH}`).replace(
  'return { n }',
  'return { n: checked(n) }',
)
const good = "export const stamp = 'good'\n"
const checked = (body: string) => `export const checked = (n: number) => ${body}\n`

let world: DevWorld
let sql: Client

beforeAll(async () => {
  const files = {
    'weirhouse.config.ts': config,
    'pipeline.ts': pipeline.replace("from './stamp.ts'", "from './stamp.ts'\nimport { checked } from './checked.ts'"),
    'stamp.ts': good,
    'checked.ts': checked('n'),
  }
  world = await openDevWorld(files)
  sql = new Client({ connectionString: world.target.postgres.url })
  await sql.connect()
})
afterAll(async () => {
  await sql?.end()
  await world?.end()
})

const letters = async () =>
  JSON.parse((await world.run('dlq', 'list', '--limit', '1000', '--json')).stdout) as DeadLetterSummary[]
const rows = async () => (await sql.query<{ n: number }>('select n from loop order by n')).rows.map(({ n }) => n)
const upTo = (first: number, end: number) => Array.from({ length: end - first }, (_, i) => first + i)

async function produce(first: number, end: number): Promise<void> {
  const file = join(world.target.logs, `records-${first}.txt`)
  writeFileSync(
    file,
    upTo(first, end)
      .map((n) => `{"n":${n}}\n`)
      .join(''),
  )
  const { code, stderr } = await world.run('produce', '--topic', 'loop', file)
  expect(code, stderr).toBe(0)
}

test('D7 D1: a bad deployment halts with the topic not drained; a good one goes on, and nothing is lost', async () => {
  await produce(0, 50)
  await expect.poll(rows, { timeout: 60_000 }).toEqual(upTo(0, 50))

  world.save('checked.ts', checked("{ throw new Error('a bad deployment') }"))
  await world.line(/version \d+ \(.*deployed/)
  await produce(50, 450)
  await world.line(/are poison, more than a share of 0\.5/)
  await world.line(/are poison, more than a share of 0\.5/)
  const written = await letters()
  expect(written.length).toBeGreaterThan(0)
  expect(written.length).toBeLessThanOrEqual(100)
  expect(await rows()).toEqual(upTo(0, 50))

  world.save('checked.ts', checked('n'))
  await world.line(/version \d+ \(.*deployed/)
  const lost = new Set(written.map(({ offset }) => offset))
  await expect.poll(rows, { timeout: 60_000 }).toEqual(upTo(0, 450).filter((n) => !lost.has(n)))
  expect(await letters()).toEqual(written)

  // One bad record does not halt a sound pipeline anew.
  world.save('checked.ts', checked("{ if (n === 460) throw new Error('one'); return n }"))
  await world.line(/version \d+ \(.*deployed/)
  await produce(450, 500)
  await expect.poll(rows, { timeout: 60_000 }).toContain(499)
  expect((await letters()).map(({ offset }) => offset)).toEqual([...written.map(({ offset }) => offset), 460])
})
