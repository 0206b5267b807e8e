import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { WeirError } from '../core/errors.ts'
import { claimFolder, isAlive, processRecord, recordProcesses, startProcess, stopStale, waitReady } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-process-'))
const log = join(folder, 'server.log')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const node = (script: string) => startProcess({ server: 'Test', command: process.execPath, args: ['-e', script], log })

test('a server is ready once its probe says so, and its output is in the log', async () => {
  const server = await node('console.log("hello"); setInterval(() => {}, 1000)')
  await waitReady(server, async () => readFileSync(log, 'utf8').includes('hello'), 10_000)
  expect(isAlive(server.record)).toBe(true)
  await server.stop()
  expect(isAlive(server.record)).toBe(false)
  await server.stop()
})

test('a server that ends is reported at once, with the fault it logged and the log', async () => {
  const server = await node('console.error("fatal: no such disk"); process.exit(3)')
  await expect(waitReady(server, async () => false, 10_000)).rejects.toMatchObject({
    code: 'WEIR_SERVER_START',
    message: 'Test did not start: it ended with exit code 3: fatal: no such disk.',
    cure: `Its log: ${log}`,
  })
})

test('a server that never answers is given up, with the last reason', async () => {
  const server = await node('setInterval(() => {}, 1000)')
  await expect(waitReady(server, () => Promise.reject(new Error('connection refused')), 200)).rejects.toMatchObject({
    code: 'WEIR_SERVER_START',
    message: expect.stringContaining('connection refused') as string,
  })
  await server.stop()
})

test('a probe that fails is tried again, but at once told where waiting is no cure', async () => {
  const server = await node('setInterval(() => {}, 1000)')
  let probes = 0
  const slow = () => (++probes < 3 ? Promise.reject(new Error('no answer')) : Promise.resolve(true))
  await waitReady(server, slow, 10_000)
  expect(probes).toBe(3)
  const fault = new WeirError('WEIR_FOLDER', { folder, reason: 'it keeps no metadata' })
  await expect(waitReady(server, () => Promise.reject(fault), 10_000)).rejects.toBe(fault)
  await server.stop()
})

test('a server deaf to SIGTERM is killed', async () => {
  const server = await node('process.on("SIGTERM", () => {}); console.log("deaf"); setInterval(() => {}, 1000)')
  await waitReady(server, async () => readFileSync(log, 'utf8').includes('deaf'), 10_000)
  await server.stop('SIGTERM', 100)
  expect(isAlive(server.record)).toBe(false)
})

test('a process that ends without stopping its servers takes them along', async () => {
  const script = `
    import { startProcess } from ${JSON.stringify(new URL('./process.ts', import.meta.url).href)}
    const spec = { server: 'Test', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], log: ${JSON.stringify(log)} }
    console.log(JSON.stringify((await startProcess(spec)).record))
    process.exit(1)`
  const owner = spawn(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(owner.stdout, 'data')) as [Buffer]
  const record = JSON.parse(said.toString()) as { pid: number; started: string }
  await expect.poll(() => isAlive(record), { timeout: 5000 }).toBe(false)
})

test('a program that is not there is reported', async () => {
  const gone = startProcess({ server: 'Test', command: '/no/such/program', args: [], log })
  await expect(gone).rejects.toMatchObject({ code: 'WEIR_SERVER_START' })
})

test('stopStale stops the process that was recorded and spares one that only has its pid', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  await once(child, 'spawn')
  const record = processRecord(child.pid!)!
  await stopStale([{ ...record, started: 'another time' }])
  expect(isAlive(record)).toBe(true)
  await stopStale([record])
  expect(isAlive(record)).toBe(false)
})

test('a folder whose owner is dead is taken over and its servers stopped', async () => {
  const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  await once(child, 'spawn')
  const record = processRecord(child.pid!)!
  recordProcesses(folder, [record])
  const file = join(folder, 'processes.json')
  const claim = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, JSON.stringify({ ...claim, owner: { pid: 999_999_999, started: 'long ago' } }))
  await claimFolder(folder)
  expect(isAlive(record)).toBe(false)
})

test('a folder whose owner lives and has servers there is refused', async () => {
  const owner = spawn('sleep', ['60'], { stdio: 'ignore' })
  const server = spawn('sleep', ['60'], { stdio: 'ignore' })
  await Promise.all([once(owner, 'spawn'), once(server, 'spawn')])
  const claim = { owner: processRecord(owner.pid!), processes: [processRecord(server.pid!)] }
  writeFileSync(join(folder, 'processes.json'), JSON.stringify(claim))
  await expect(claimFolder(folder)).rejects.toMatchObject({ code: 'WEIR_FOLDER' })
  owner.kill()
  server.kill()
})
