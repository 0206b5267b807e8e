/** The page of the measurements is made from their results, and says what was reached and what was not. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { fullPlan } from '../bench/handler/cells.ts'
import { eventAt, LARGE, rowsIn, SMALL, valueText } from '../bench/handler/records.ts'
import type { CellResult, ContestantResult } from '../bench/handler/run.ts'
import { fullEndToEnd } from '../bench/end-to-end/runs.ts'
import { endToEndSection } from '../bench/page/end-to-end.ts'
import { handlerSection } from '../bench/page/handler.ts'
import { performancePage } from '../bench/page/page.ts'
import { readResults } from '../bench/results.ts'
import { endToEndTargets, handlerTargets } from '../bench/targets.ts'
import { root } from './tidy/tree.ts'

function contestant(name: ContestantResult['name'], recordsPerSecond: number): ContestantResult {
  return { name, recordsPerSecond, cpuMicroseconds: 5, p50Ms: 7.5, peakMb: 200, turns: [recordsPerSecond] }
}

function cell(combination: string, ours: number, size = 10_000): CellResult {
  const contestants = [contestant('weirhouse', ours), contestant('careful', 50_000), contestant('naive', 6_000)]
  return {
    combination,
    bytes: SMALL,
    size,
    updating: false,
    contestants: [...contestants, contestant('ceiling', 200_000)],
  }
}

/** The row of a table that begins with this cell. */
function row(page: string, first: string): string {
  return page.split('\n').find((line) => line.startsWith(`| ${first} |`)) ?? ''
}

describe('page', () => {
  test('the page in docs/ is the one that the results make', () => {
    expect(readFileSync(join(root, 'docs/performance.md'), 'utf8')).toBe(performancePage(root, readResults(root)))
  })

  test('what was not measured is told, with the command', () => {
    const page = performancePage(root, {})
    for (const part of ['handler', 'profile', 'end-to-end', 'steady', 'bundle', 'aws-client'])
      expect(page).toContain(`Not measured yet: \`npm run bench -- ${part}\`.`)
  })

  test('a target stands beside its figure: reached, or missed by so much', () => {
    const cells = [
      cell('PostgreSQL upsert', 160_000),
      cell('all three (stub)', 45_000),
      cell('S3 + PostgreSQL', 60_000, 100),
    ]
    const page = handlerSection({ turns: 3, turnMs: 400, longTurnMs: 400, cells })
    expect(row(page, 'PostgreSQL upsert')).toBe(
      '| PostgreSQL upsert | 150,000 · 4 | 160,000 · 5; 80 % of its ceiling, wanted 75 % | reached | missed by 25 % |',
    )
    expect(row(page, 'all three (stub)')).toContain('| missed by 50 % | reached |')
    expect(row(page, 'S3, raw lines')).toContain('| not measured |')
    expect(row(page, '66 B, 10,000')).toContain('| 3.20 | 26.67 | 0.80 |')
    expect(row(page, '100')).toContain('| careful, naive |')
    expect(page).toContain('p50 at 100 records an event: 7.5 ms, wanted under 10 ms: reached')
  })

  test('end to end the better of one and two environments counts', () => {
    const figures = {
      invocations: 100,
      failures: 0,
      functionCpuMicroseconds: 5,
      mappingCpuMicroseconds: 3,
      functionPeakMb: 150,
    }
    const run = (environments: number, recordsPerSecond: number) => ({
      ...figures,
      name: 'PostgreSQL upsert',
      batch: 10_000,
      environments,
      recordsPerSecond,
    })
    const page = endToEndSection({ records: 1_000_000, partitions: 16, runs: [run(1, 90_000), run(2, 135_000)] })
    expect(page).toContain('| PostgreSQL upsert | 10,000 | 180,000 | 135,000 | missed by 25 % |')
  })
})

describe('plans', () => {
  test('every target names something that is measured', () => {
    const cells = fullPlan().cells.filter(({ size, bytes }) => size === 10_000 && bytes === SMALL)
    const measured = new Set(cells.map(({ combination }) => combination.name))
    expect(Object.keys(handlerTargets).filter((name) => !measured.has(name))).toEqual([])
    const runs = new Set(fullEndToEnd().runs.map(({ name, batch }) => `${name} ${batch}`))
    const missing = endToEndTargets.filter(({ name, batch }) => !runs.has(`${name} ${batch}`))
    expect(missing.map(({ name }) => name)).toEqual([])
  })

  test.each([SMALL, LARGE])('a value has %i bytes, and ids come once or from the keys given', (bytes) => {
    const workload = { bytes, size: 500, partition: 3 }
    for (let n = 0; n < 500; n++) expect(Buffer.byteLength(valueText(n, workload))).toBe(bytes)
    const ids = (keys?: number) =>
      new Set(rowsIn(eventAt(250, { ...workload, keys })).map(({ row: { id } }) => id)).size
    expect([ids(), ids(100)]).toEqual([500, 100])
  })

  test('a part that there is not is refused', () => {
    const run = () =>
      execFileSync(process.execPath, ['--conditions=source', join(root, 'bench/run.ts'), 'fast'], { stdio: 'pipe' })
    expect(run).toThrow(
      /There is no part "fast". Give one of: handler, profile, end-to-end, steady, aws-client, bundle, all/,
    )
  })
})
