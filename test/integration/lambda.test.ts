/** The function's world: what a handler meets in the sandbox. */
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { COUNT, ECHO, openLambdaWorld, valueOf } from './lambda-world.ts'
import type { Counted } from './lambda-world.ts'

const { root, host, deploy, invoke, logsOf, end } = openLambdaWorld()
afterAll(end)

describe('E32: the function runs in the real runtime client', () => {
  test('E32: an event goes in and a response comes out unaltered, whatever characters it holds', async () => {
    const event = { text: 'é 漢 😀 \u0000 \u2028 "\\', nested: [1, null, { a: -0.5 }] }
    const result = await invoke(await deploy(ECHO), event)
    expect(result).toMatchObject({ statusCode: 200, executedVersion: '$LATEST' })
    expect(result.functionError).toBeUndefined()
    expect(valueOf(result)).toEqual(event)
  })

  test('E32: the first invocation is cold, the next use the same process', async () => {
    const name = await deploy(COUNT)
    const results = [await invoke(name), await invoke(name), await invoke(name)].map((each) => valueOf(each) as Counted)
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(1)
    expect(results.map(({ n }) => n)).toEqual([1, 2, 3])
  })

  test('E32: the context has name, ARN, memory, log stream, deadline and request id', async () => {
    const name = await deploy(
      `export const handler = async (event, context) => ({ ...context, left: context.getRemainingTimeInMillis() })`,
      { timeoutSeconds: 7, memoryMb: 256 },
    )
    const result = await invoke(name)
    expect(valueOf(result)).toMatchObject({
      functionName: name,
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      logGroupName: `/aws/lambda/${name}`,
      logStreamName: expect.stringMatching(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/),
      invokedFunctionArn: expect.stringMatching(new RegExp(`^arn:aws:lambda:.*:function:${name}$`)),
      awsRequestId: result.requestId,
    })
    const { left } = valueOf(result) as { left: number }
    expect(left).toBeGreaterThan(5_000)
    expect(left).toBeLessThanOrEqual(7_000)
  })

  test("E32: the environment is Lambda's and the function's own, and nothing of the machine's", async () => {
    process.env['WEIRHOUSE_LEAK'] = 'leak'
    const name = await deploy('export const handler = async () => ({ ...process.env })', {
      environment: { MINE: 'yes', AWS_REGION: 'eu-central-1', _HANDLER: 'other.handler' },
    })
    const seen = valueOf(await invoke(name)) as Record<string, string>
    delete process.env['WEIRHOUSE_LEAK']
    expect(seen).toMatchObject({
      MINE: 'yes',
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      _HANDLER: 'index.handler',
      TZ: ':UTC',
      _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/),
    })
    const known = /^(AWS_|LAMBDA_|_HANDLER$|_X_AMZN_TRACE_ID$|PATH$|LANG$|TZ$|TMPDIR$|MINE$|NODE_EXTRA_CA_CERTS$)/
    expect(Object.keys(seen).filter((key) => !known.test(key))).toEqual([])
    expect(seen['NODE_EXTRA_CA_CERTS']).toBe(process.env['NODE_EXTRA_CA_CERTS'])
    expect(seen['PATH']).not.toContain('node_modules')
  })

  test('E33: it runs in a copy of the bundle, with no package in reach and a temporary folder of its own', async () => {
    const name = await deploy(`import { writeFileSync } from 'node:fs'
      import { tmpdir } from 'node:os'
      export const handler = async () => {
        writeFileSync(tmpdir() + '/mine', 'x')
        const found = await import('esbuild').then(() => true, () => false)
        return { cwd: process.cwd(), root: process.env.LAMBDA_TASK_ROOT, tmp: tmpdir(), found }
      }`)
    const seen = valueOf(await invoke(name)) as { cwd: string; root: string; tmp: string; found: boolean }
    expect(seen).toMatchObject({ cwd: seen.root, found: false })
    expect(seen.root.startsWith(root)).toBe(false)
    expect(readdirSync(seen.tmp)).toEqual(['mine'])
  })

  test('E32: a frozen instance makes no progress between invocations', async () => {
    const name = await deploy(`let ticks = 0
      setInterval(() => ticks++, 5)
      export const handler = async () => ticks`)
    const before = valueOf(await invoke(name)) as number
    await sleep(400)
    const after = valueOf(await invoke(name)) as number
    expect(after - before).toBeLessThan(20)
  })

  test('E32: one invocation an instance; as many instances as invocations at a time; idle ones are used again', async () => {
    const name = await deploy(COUNT)
    const three = await Promise.all([1, 2, 3].map(() => invoke(name, { ms: 200 })))
    const pids = three.map((each) => (valueOf(each) as Counted).pid)
    expect(new Set(pids).size).toBe(3)
    expect(pids).toContain((valueOf(await invoke(name)) as Counted).pid)
    expect(logsOf(name)).toHaveLength(3)
  })

  test('E32: over the reserved concurrency is 429 at once', async () => {
    const name = await deploy(COUNT, { reservedConcurrency: 1 })
    const [first, second] = await Promise.all([invoke(name, { ms: 300 }), invoke(name)])
    expect([first.statusCode, second.statusCode]).toEqual([200, 429])
    expect((await invoke(name)).statusCode).toBe(200)
  })

  test('E32: START, the lines of the function, END and REPORT stand in the stream of the instance', async () => {
    const name = await deploy(`export const handler = async event => {
      process.stdout.write('one\\n')
      console.log('two\\nlines')
      process.stderr.write('three\\n')
    }`)
    const { requestId, logTail } = await invoke(name)
    await invoke(name)
    await sleep(20)
    const [messages, ...others] = logsOf(name)
    expect(others).toEqual([])
    expect(messages!.slice(0, 6)).toEqual([
      `START RequestId: ${requestId} Version: $LATEST`,
      expect.any(String),
      expect.any(String),
      expect.any(String),
      `END RequestId: ${requestId}`,
      expect.stringMatching(
        /^REPORT RequestId: \S+\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t$/,
      ),
    ])
    expect(messages!.slice(1, 4)).toEqual(
      expect.arrayContaining(['one', expect.stringMatching(/two\nlines$/), 'three']),
    )
    expect(messages).toHaveLength(12)
    expect(messages![11]).not.toContain('Init Duration')
    expect(logTail.toString()).toContain(`START RequestId: ${requestId}`)
  })

  test('E32: what a function writes right before its end is in the log, however much', async () => {
    const name = await deploy(`export const handler = async () => {
      for (let i = 0; i < 5000; i++) process.stdout.write('x'.repeat(99) + '\\n')
      process.stdout.write('last\\n')
      process.exit(3)
    }`)
    const { requestId } = await invoke(name)
    const [messages] = logsOf(name)
    expect(messages!.filter((line) => line === 'x'.repeat(99))).toHaveLength(5_000)
    expect(messages!.indexOf('last')).toBeLessThan(messages!.indexOf(`END RequestId: ${requestId}`))
  })

  test('a new deployment takes over; what runs finishes on the old version', async () => {
    const name = await deploy(COUNT)
    const running = invoke(name, { ms: 300 })
    await sleep(150)
    await deploy("export const handler = async () => 'new'", { name })
    expect(valueOf(await invoke(name))).toBe('new')
    expect(valueOf(await running)).toMatchObject({ n: 1 })
    expect(host.list().filter((each) => each.name === name)).toHaveLength(1)
  })

  test('200 invocations in a row: the fastest tenth takes less than 10 ms each', async () => {
    const name = await deploy(ECHO)
    await invoke(name)
    const times: number[] = []
    for (let i = 0; i < 200; i++) {
      const start = performance.now()
      await invoke(name, { i })
      times.push(performance.now() - start)
    }
    times.sort((a, b) => a - b)
    process.stdout.write(`invoke warm: p50 ${times[100]!.toFixed(2)} ms, p99 ${times[197]!.toFixed(2)} ms\n`)
    // A tenth, because the machine may be busy with other things.
    expect(times[20]).toBeLessThan(10)
  })
})
