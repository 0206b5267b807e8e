/** The benchmark runs: every contestant writes every combination of stores, in sizes that say nothing about speed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { compareClients } from '../../bench/aws-client/part.ts'
import { measureBundles } from '../../bench/bundle/part.ts'
import { tinyPlan } from '../../bench/handler/cells.ts'
import { hotSpots } from '../../bench/handler/hot-spots.ts'
import { runPlan } from '../../bench/handler/run.ts'
import { forkStub } from '../../bench/servers.ts'
import { handlerSection } from '../../bench/page/handler.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('every contestant writes in every cell, and the page shows each', async () => {
  const stores = inject('stores')
  const stub = await forkStub()
  const plan = tinyPlan()
  const never = () => Promise.reject(new Error('the servers are those of all tests'))
  const standIn = { ...stores.dynamodb, endpoint: stub.endpoint }
  const servers = { folder, stores, stub: standIn, reset: never, stop: never }
  try {
    const result = await runPlan(plan, () => undefined, servers)
    expect(result.cells.map(({ contestants }) => contestants.map(({ name }) => name))).toEqual(
      plan.cells.map(({ contestants }) => contestants),
    )
    for (const { recordsPerSecond, cpuMicroseconds, peakMb } of result.cells.flatMap((each) => each.contestants))
      expect([recordsPerSecond, cpuMicroseconds, peakMb].every((figure) => figure > 0)).toBe(true)
    const page = handlerSection(result)
    for (const { combination } of plan.cells) expect(page).toContain(`**${combination.name}**`)
    // The stub kept the items: writes found them, and the ledger moved on it.
    const counts = (await (await fetch(`${stub.endpoint}/counts`)).json()) as Record<string, number>
    expect(counts['BatchExecuteStatement bench-all']).toBe(40)
    const kept = Object.entries(counts).filter(([name]) => name.endsWith(' kept-dynamodb'))
    expect(kept.reduce((sum, [, items]) => sum + items, 0)).toBe(150)
  } finally {
    stub.stop()
  }
})

test('both clients of AWS send the same batches', async () => {
  const { clients } = await compareClients(20, () => undefined)
  expect(clients.map(({ name }) => name)).toEqual(['ours', 'AWS SDK'])
  for (const each of clients) expect(each.cpuMicroseconds).toBeGreaterThan(0)
})

test('bundles are weighed and loaded', async () => {
  const { bundles } = await measureBundles(1, () => undefined)
  expect(bundles.map(({ name }) => name)).toEqual(['earthquakes', 'demo', 'S3 only'])
  for (const { bytes, loadMs, contents } of bundles) {
    expect(loadMs).toBeGreaterThan(0)
    expect(contents.reduce((sum, [, each]) => sum + each, 0)).toBeLessThanOrEqual(bytes)
  }
})

test('a profile names what the CPU was spent in', async () => {
  const hot = await hotSpots(() => {
    for (const end = performance.now() + 100; performance.now() < end;) spin()
    return Promise.resolve()
  })
  expect(hot.reduce((sum, { share }) => sum + share, 0)).toBeGreaterThan(0.5)
  expect(hot.slice(0, 4).map(({ name }) => name)).toContain('spin')
})

function spin(): number {
  let sum = 0
  for (let i = 0; i < 100_000; i++) sum = (sum * 31 + i) | 0
  return sum
}
