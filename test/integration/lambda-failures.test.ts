/** Functions that fail, and what becomes of their processes. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { createFunctionHost } from '../../src/local/lambda/function-host.ts'
import { alive, ECHO, openLambdaWorld, valueOf } from './lambda-world.ts'
import type { Counted } from './lambda-world.ts'

const { root, host, codeFolder, deploy, invoke, logsOf, end } = openLambdaWorld()
afterAll(end)

/** The machine may be busy with other things. */
const WAIT = { timeout: 60_000 }

describe('E15: what counts as a function error', () => {
  test('E15: a throw, with type, message and trace; the instance lives on', async () => {
    const name = await deploy(`let n = 0
      export const handler = async () => { if (n++ === 0) throw new TypeError('no good'); return n }`)
    const result = await invoke(name)
    expect(result).toMatchObject({ statusCode: 200, functionError: 'Unhandled' })
    expect(valueOf(result)).toMatchObject({ errorType: 'TypeError', errorMessage: 'no good', trace: expect.any(Array) })
    expect(valueOf(await invoke(name))).toBe(2)
  })

  test('E15: a timeout kills the instance, the next is cold', async () => {
    const name = await deploy(
      `let n = 0
      export const handler = async ({ hang }) => { n++; if (hang) await new Promise(r => setTimeout(r, 60000)); return { n, pid: process.pid } }`,
      { timeoutSeconds: 1 },
    )
    const { pid } = valueOf(await invoke(name)) as Counted
    const start = performance.now()
    const result = await invoke(name, { hang: true })
    expect(performance.now() - start).toBeLessThan(4_000)
    expect(result.functionError).toBe('Unhandled')
    expect(valueOf(result)).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${result.requestId} Error: Task timed out after 1.00 seconds`,
    })
    expect(logsOf(name).flat().join('\n')).toMatch(/Task timed out after 1\.00 seconds[^]*REPORT.*Status: timeout/)
    expect(alive(pid)).toBe(false)
    expect(valueOf(await invoke(name))).toMatchObject({ n: 1 })
  })

  test('E15: a timeout ends an endless loop as well', async () => {
    const name = await deploy('export const handler = async () => { for (;;); }', { timeoutSeconds: 1 })
    expect(valueOf(await invoke(name))).toMatchObject({ errorType: 'Sandbox.Timedout' })
  })

  test.each([
    ['exit 0', 'process.exit(0)', 'Runtime exited without providing a reason'],
    ['exit 7', 'process.exit(7)', 'Runtime exited with error: exit status 7'],
    ['a signal', "process.kill(process.pid, 'SIGKILL')", 'Runtime exited with error: signal: killed'],
    ['an uncaught error', "setImmediate(() => { throw new Error('x') })", 'Runtime exited with error: exit status 1'],
  ])('E15: the process ends: %s; the next is cold', async (_, statement, reason) => {
    const name = await deploy(`let n = 0
      export const handler = async ({ go }) => { n++; if (go) { ${statement}; await new Promise(() => {}) } return n }`)
    await invoke(name)
    const result = await invoke(name, { go: true })
    expect(result.functionError).toBe('Unhandled')
    expect(valueOf(result)).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${result.requestId} Error: ${reason}`,
    })
    expect(valueOf(await invoke(name))).toBe(1)
  })

  test('E15: out of memory ends the process', async () => {
    const name = await deploy(
      'export const handler = async () => { const a = []; for (;;) a.push(Array.from({ length: 1000 }, Math.random)) }',
      { timeoutSeconds: 30 },
    )
    const result = await invoke(name)
    expect(valueOf(result)).toMatchObject({
      errorType: 'Runtime.ExitError',
      errorMessage: expect.stringContaining('signal: aborted'),
    })
  })

  test('E15: a response that is no JSON is an error of the function', async () => {
    const name = await deploy('export const handler = async () => { const a = {}; a.a = a; return a }')
    expect(await invoke(name)).toMatchObject({ functionError: 'Unhandled' })
  })

  test('E34: a response over 6 MiB fails, one of 6 MiB passes, and the instance lives on', async () => {
    const name = await deploy(`export const handler = async ({ length }) => 'x'.repeat(length)`)
    const tooLarge = await invoke(name, { length: 6 * 1024 * 1024 + 99 })
    expect(tooLarge.functionError).toBe('Unhandled')
    expect(valueOf(tooLarge)).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    })
    const largest = await invoke(name, { length: 6 * 1024 * 1024 + 98 })
    expect([largest.functionError, largest.payload.length]).toEqual([undefined, 6_291_556])
    expect(logsOf(name)).toHaveLength(1)
  })

  test('E34: an event over 6 MiB is refused, one of 6 MiB passes', async () => {
    const name = await deploy('export const handler = async event => event.length')
    const event = (bytes: number) => Buffer.from(JSON.stringify('x'.repeat(bytes - 2)))
    expect((await host.invoke(name, event(6 * 1024 * 1024 + 1))).statusCode).toBe(413)
    expect(valueOf(await host.invoke(name, event(6 * 1024 * 1024)))).toBe(6 * 1024 * 1024 - 2)
  })

  test('E32: the invocation of a caller who gave up goes on', async () => {
    const name = await deploy(`import { setTimeout as sleep } from 'node:timers/promises'
      export const handler = async () => { await sleep(200); console.log('to the end') }`)
    const giveUp = AbortSignal.timeout(100)
    await expect(host.invoke(name, Buffer.from('{}'), giveUp)).rejects.toThrow()
    await expect.poll(() => logsOf(name).flat().join('\n'), WAIT).toMatch(/to the end[^]*REPORT/)
  })
})

describe('E34: the init phase', () => {
  test('E34: a module that throws is an error with its reason, after a second try', async () => {
    const name = await deploy("console.log('loading'); throw new RangeError('not today')")
    const result = await invoke(name)
    expect(result.functionError).toBe('Unhandled')
    expect(valueOf(result)).toMatchObject({ errorType: 'RangeError', errorMessage: 'not today' })
    const lines = logsOf(name).flat()
    expect(lines.filter((line) => line.endsWith('loading'))).toHaveLength(2)
    expect(
      lines.filter((line) => line.startsWith('INIT_REPORT')).map((line) => line.replace(/[\d.]+ ms/, 'N')),
    ).toEqual([
      'INIT_REPORT Init Duration: N\tPhase: init\tStatus: error\tError Type: RangeError',
      'INIT_REPORT Init Duration: N\tPhase: invoke\tStatus: error\tError Type: RangeError',
    ])
  })

  test.each([
    ['no such module', 'other.handler', 'Runtime.ImportModuleError'],
    ['no such export', 'index.other', 'Runtime.HandlerNotFound'],
  ])('E34: %s has the type that Lambda gives it', async (_, handler, errorType) => {
    expect(valueOf(await invoke(await deploy(ECHO, { handler })))).toMatchObject({ errorType })
  })

  test("E34: one that takes too long is tried once more, on the function's own timeout", async () => {
    const short = openLambdaWorld(1_500)
    const slow = `await new Promise(r => setTimeout(r, 1800))\n${ECHO}`
    const passes = await short.deploy(slow, { timeoutSeconds: 15 })
    const late = await short.deploy(slow, { timeoutSeconds: 1 })
    const [first, second] = await Promise.all([short.invoke(passes, { a: 1 }), short.invoke(late)])
    expect(valueOf(first)).toEqual({ a: 1 })
    expect(short.logsOf(passes).flat()[0]).toMatch(
      /^INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: timeout$/,
    )
    expect(valueOf(second)).toMatchObject({ errorType: 'Sandbox.Timedout' })
    await short.end()
  })
})

describe('nothing stays behind', () => {
  test('closing the host kills every process, frozen or running, and what those started', async () => {
    const other = createFunctionHost({ logsFolder: join(root, 'other') })
    const code = `import { spawn } from 'node:child_process'
      const child = spawn('/bin/sleep', ['1000'])
      export const handler = async ({ hang }) => { if (hang) await new Promise(() => setInterval(() => {}, 1000)); return [process.pid, child.pid] }`
    const spec = {
      codeFolder: codeFolder(code),
      handler: 'index.handler',
      timeoutSeconds: 60,
      memoryMb: 128,
      environment: {},
    }
    await other.deploy({ name: 'frozen', ...spec })
    await other.deploy({ name: 'running', ...spec })
    const pids = valueOf(await other.invoke('frozen', Buffer.from('{}'))) as number[]
    await other.invoke('running', Buffer.from('{}'))
    const running = other.invoke('running', Buffer.from('{"hang":true}'))
    await sleep(100)
    await other.close()
    expect(pids.filter(alive)).toEqual([])
    expect((await running).functionError).toBe('Unhandled')
  })

  test('closing the host ends an init phase that hangs, for good', async () => {
    const other = openLambdaWorld()
    const name = await other.deploy("console.log('loading'); await new Promise(() => setInterval(() => {}, 1000))")
    const running = other.invoke(name)
    const log = () => other.logsOf(name).flat().join('\n')
    await expect.poll(log, WAIT).toContain('loading')
    await other.host.close()
    expect((await running).functionError).toBe('Unhandled')
    expect(other.logsOf(name)).toHaveLength(1)
    expect(log().match(/loading/g)).toHaveLength(1)
    expect(log()).toMatch(/REPORT/)
    await other.end()
  })

  test('after kill -9 of the host its frozen instances go as well', async () => {
    const code = codeFolder('export const handler = async () => process.pid')
    const script = `
      import { createFunctionHost } from ${JSON.stringify(new URL('../../src/local/lambda/function-host.ts', import.meta.url).href)}
      const host = createFunctionHost({ logsFolder: ${JSON.stringify(join(root, 'orphan-logs'))} })
      await host.deploy({ name: 'f', codeFolder: ${JSON.stringify(code)}, handler: 'index.handler', timeoutSeconds: 5, memoryMb: 128, environment: {} })
      const { payload } = await host.invoke('f', Buffer.from('{}'))
      console.log(payload.toString())
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), 100)`
    const output = await new Promise<string>((resolve) => {
      try {
        resolve(
          execFileSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          }),
        )
      } catch (error) {
        resolve((error as { stdout: string }).stdout)
      }
    })
    const pid = Number(output)
    expect(pid).toBeGreaterThan(0)
    await expect.poll(() => alive(pid), WAIT).toBe(false)
  })
})
