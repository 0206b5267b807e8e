import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isAlive, processRecord } from '../local/process.ts'
import { statusFile } from '../local/stack-files.ts'
import { findTarget, stopLeftovers } from './target.ts'

const project = mkdtempSync(join(tmpdir(), 'weirhouse-target-'))
writeFileSync(join(project, 'weirhouse.config.ts'), '')
afterAll(() => rmSync(project, { recursive: true }))

const self = processRecord(process.pid)!
const dead = { ...self, started: 'before the last boot' }

/** Writes a status with these processes; returns where to look and the file. */
function stackOf(stack: string, processes: readonly object[]) {
  const file = statusFile(project, stack)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, JSON.stringify({ state: 'running', stack, pid: process.pid, processes }))
  return { at: { stack, project }, file }
}

test('a stack is up while its own process runs', async () => {
  expect(await findTarget(stackOf('up', [self]).at)).toMatchObject({ stack: 'up' })
  expect(await findTarget({ stack: 'none', project })).toBeUndefined()
})

test('a later process with its pid is not it: nobody else is taken for the stack, and signalled', async () => {
  expect(await findTarget(stackOf('reused', [dead]).at)).toBeUndefined()
})

test('servers that a killed stack left are stopped, once', async () => {
  const server = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' })
  await once(server, 'spawn')
  const record = processRecord(server.pid!)!
  const { at, file } = stackOf('killed', [dead, record])
  expect(await stopLeftovers(at)).toBe(true)
  expect(isAlive(record)).toBe(false)
  expect(existsSync(file)).toBe(false)
  expect(await stopLeftovers(at)).toBe(false)
})
