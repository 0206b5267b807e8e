import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { processRecord } from '../process.ts'
import { tryLock } from './lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-lock-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('of several that try at once one gets it, and no other while its process lives', async () => {
  const file = join(folder, 'free')
  const taken = await Promise.all([1, 2, 3, 4].map(() => tryLock(file)))
  expect(taken.filter(Boolean)).toHaveLength(1)
  expect(await tryLock(file)).toBe(false)
})

test('that of a dead process is taken over', async () => {
  const file = join(folder, 'dead')
  writeFileSync(file, JSON.stringify({ ...processRecord(process.pid), started: 'before the last boot' }))
  expect(await tryLock(file)).toBe(true)
  expect(existsSync(file)).toBe(true)
})
