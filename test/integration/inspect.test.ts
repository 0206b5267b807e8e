/** A debugger on a function: attached by the protocol that Chrome and editors speak. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { choosePorts } from '../../src/local/ports.ts'
import { alive, openLambdaWorld, valueOf } from './lambda-world.ts'
import type { Counted } from './lambda-world.ts'
import { eventually } from './mapping-world.ts'

const { host, codeFolder, invoke, logsOf, end } = openLambdaWorld()
afterAll(end)

/** Stops at the first line of the handler wherever a debugger is attached; else it does nothing of the kind. */
const STOPS = `let n = 0
export const handler = async (event, context) => {
  debugger
  return { pid: process.pid, n: ++n, left: context.getRemainingTimeInMillis() }
}`

interface Session {
  readonly send: (method: string) => Promise<unknown>
  /** Resolves at the next event of that name. */
  readonly next: (method: string) => Promise<unknown>
}

async function attach(address: string): Promise<Session> {
  const socket = new WebSocket(address)
  const waiting = new Map<string, (value: unknown) => void>()
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  onTestFinished(() => socket.close())
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result } = JSON.parse(String(data)) as Record<string, unknown>
    const name = typeof method === 'string' ? method : String(id)
    waiting.get(name)?.(params ?? result)
    waiting.delete(name)
  })
  let last = 0
  const next = (name: string) => new Promise((resolve) => waiting.set(name, resolve))
  return {
    next,
    send: (method) => {
      const id = ++last
      socket.send(JSON.stringify({ id, method }))
      return next(String(id))
    },
  }
}

let count = 0
/** Deploys under a debugger; resolves with its address. */
async function deployed(code: string, name = `inspected-${count++}`, port?: number) {
  const inspect = port ?? (await choosePorts(['debugger'])).debugger
  const told = Promise.withResolvers<string>()
  const requests: string[] = []
  const spec = { name, codeFolder: codeFolder(code), handler: 'index.handler', timeoutSeconds: 1, memoryMb: 128 }
  await host.deploy(
    { ...spec, environment: {}, inspect },
    { onDebugger: told.resolve, onFirst: (id) => requests.push(id) },
  )
  return { name, inspect, address: await told.promise, requests }
}

test('a debugger attaches before the first record, and what it stops does not time out', async () => {
  const { name, inspect, address } = await deployed(STOPS)
  expect(address).toMatch(new RegExp(`^ws://127\\.0\\.0\\.1:${inspect}/[0-9a-f-]{36}$`))
  const about = (await (await fetch(`http://127.0.0.1:${inspect}/json/version`)).json()) as { Browser: string }
  expect(about.Browser).toBe(`node.js/${process.version}`)

  const { send, next } = await attach(address)
  await send('Debugger.enable')
  const stopped = next('Debugger.paused')
  const running = invoke(name)
  await stopped
  // Two and a half times its timeout.
  await sleep(2500)
  await send('Debugger.resume')
  const result = await running
  expect(result.functionError).toBeUndefined()
  expect(valueOf(result)).toMatchObject({ n: 1 })
  expect((valueOf(result) as { left: number }).left).toBeGreaterThan(60_000)
  expect(logsOf(name).flat().join('\n')).not.toMatch(/timed out|Debugger listening/)
})

test('there is one instance: invocations wait for their turn, and it is not frozen in between', async () => {
  const { name, inspect } = await deployed(
    `import { setTimeout as sleep } from 'node:timers/promises'
let n = 0
let now = 0
export const handler = async () => {
  if (++now > 1) throw new Error('two at a time')
  await sleep(30)
  now--
  return { pid: process.pid, n: ++n }
}`,
  )
  const counted = (await Promise.all([1, 2, 3].map(() => invoke(name)))).map(valueOf) as Counted[]
  expect(counted.map(({ n }) => n)).toEqual([1, 2, 3])
  expect(new Set(counted.map(({ pid }) => pid)).size).toBe(1)
  const answer = await fetch(`http://127.0.0.1:${inspect}/json/version`, { signal: AbortSignal.timeout(2000) })
  expect(answer.status).toBe(200)
})

test('a new version takes the port over once what stands at a breakpoint has ended', async () => {
  const old = await deployed(STOPS)
  const { send, next } = await attach(old.address)
  await send('Debugger.enable')
  const stopped = next('Debugger.paused')
  const running = invoke(old.name)
  await stopped
  const replacing = deployed(STOPS.replace('++n', '100'), old.name, old.inspect)
  const second = invoke(old.name)
  await sleep(300)
  await send('Debugger.resume')
  const first = valueOf(await running) as Counted
  expect(first.n).toBe(1)
  const { address, requests } = await replacing
  expect(address).not.toBe(old.address)
  const result = await second
  expect(valueOf(result)).toMatchObject({ n: 100 })
  expect(requests).toEqual([result.requestId])
  await eventually(() => alive(first.pid), false)
})

test('a function that ends under the debugger has another instance on the same port', async () => {
  const { name, inspect } = await deployed(
    'export const handler = async ({ exit }) => exit ? process.exit(3) : process.pid',
  )
  const [first, failed] = [await invoke(name), await invoke(name, { exit: true })]
  expect(failed.functionError).toBe('Unhandled')
  const again = await invoke(name)
  expect(valueOf(again)).not.toBe(valueOf(first))
  expect((await fetch(`http://127.0.0.1:${inspect}/json/version`)).status).toBe(200)
})
