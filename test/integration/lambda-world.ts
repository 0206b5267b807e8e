/** What the tests of the sandbox share: a host of their own, functions from source text, the logs that they leave. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createFunctionHost } from '../../src/local/lambda/function-host.ts'
import type { FunctionHost, FunctionSpec, InvocationResult } from '../../src/local/lambda/function-host.ts'

export const ECHO = 'export const handler = async event => event'
/** Which process ran it, and for which time. */
export const COUNT = `import { setTimeout as sleep } from 'node:timers/promises'
let n = 0
export const handler = async ({ ms = 0 }) => { await sleep(ms); return { pid: process.pid, n: ++n } }`

export interface Counted {
  readonly pid: number
  readonly n: number
}

export interface LambdaWorld {
  readonly root: string
  readonly host: FunctionHost
  readonly logsFolder: string
  /** Writes a module into a folder, as a bundle would be. */
  readonly codeFolder: (code: string) => string
  /** Deploys a module as a function of a new name, or of the one given. */
  readonly deploy: (code: string, spec?: Partial<FunctionSpec>) => Promise<string>
  readonly invoke: (name: string, event?: unknown) => Promise<InvocationResult>
  /** The messages of each of a function's log streams; none before it first ran. */
  readonly logsOf: (name: string) => string[][]
  readonly end: () => Promise<void>
}

/** @param initMs how long an init phase may take; Lambda's 10 s where not given. */
export function openLambdaWorld(initMs?: number): LambdaWorld {
  const root = mkdtempSync(join(tmpdir(), 'weirhouse-lambda-test-'))
  const logsFolder = join(root, 'logs')
  const host = createFunctionHost({ logsFolder, ...(initMs === undefined ? {} : { initMs }) })
  let count = 0
  const codeFolder = (code: string): string => {
    const folder = join(root, 'code', String(count++))
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'index.mjs'), code)
    return folder
  }
  return {
    root,
    host,
    logsFolder,
    codeFolder,
    deploy: async (code, spec = {}) => {
      const name = spec.name ?? `f${count++}`
      const rest = { handler: 'index.handler', timeoutSeconds: 5, memoryMb: 128, environment: {} }
      await host.deploy({ name, codeFolder: codeFolder(code), ...rest, ...spec })
      return name
    },
    invoke: (name, event = {}) => host.invoke(name, Buffer.from(JSON.stringify(event))),
    logsOf: (name) =>
      (existsSync(join(logsFolder, name)) ? readdirSync(join(logsFolder, name)) : []).map((file) => {
        const lines = readFileSync(join(logsFolder, name, file), 'utf8')
          .trimEnd()
          .split('\n')
        return lines.map((line) => (JSON.parse(line) as { message: string }).message)
      }),
    end: async () => {
      await host.close()
      rmSync(root, { recursive: true })
    },
  }
}

export const valueOf = ({ payload }: InvocationResult): unknown => JSON.parse(payload.toString('utf8')) as unknown

/** Still there, and no zombie. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
