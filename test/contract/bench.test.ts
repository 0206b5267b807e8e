/** The benchmark runs: every contestant writes every combination of stores, in sizes that say nothing about speed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { tinyPlan } from '../../bench/handler/cells.ts'
import { runPlan } from '../../bench/handler/run.ts'
import { forkStub } from '../../bench/handler/servers.ts'
import { handlerSection } from '../../bench/page/handler.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('every contestant writes in every cell, and the page shows each', async () => {
  const stores = inject('stores')
  const stub = await forkStub()
  const plan = tinyPlan()
  const servers = {
    folder,
    stores,
    stub: { ...stores.dynamodb, endpoint: stub.endpoint },
    stop: () => Promise.resolve(),
  }
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
}, 60_000)
