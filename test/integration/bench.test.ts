/** The end-to-end measurement runs: a few records through mapping and sandbox into all three stores. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { endToEnd } from '../../bench/end-to-end/part.ts'
import { tinyEndToEnd } from '../../bench/end-to-end/runs.ts'
import { forkStub } from '../../bench/servers.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a preloaded topic is carried through, every record counted in the stores', async () => {
  const [stores, kafka] = [inject('stores'), inject('kafka')]
  const stub = await forkStub()
  const servers = {
    folder,
    stores,
    kafka,
    stub: { ...stores.dynamodb, endpoint: stub.endpoint },
    reset: () => Promise.resolve(), // the stores are those of all tests, and hold nothing of this
    stop: () => Promise.reject(new Error('the servers are those of all tests')),
  }
  try {
    const { runs } = await endToEnd(tinyEndToEnd(), () => undefined, servers)
    const [run] = runs
    expect(runs).toHaveLength(1)
    expect(run).toMatchObject({ batch: 1_000, environments: 2, failures: 0 })
    expect(run!.invocations).toBeGreaterThanOrEqual(2)
    if (process.platform === 'linux') expect(run!.functionCpuMicroseconds).toBeGreaterThan(0)
  } finally {
    stub.stop()
  }
})
