/** A project of its own, `weirhouse dev` on it as a person runs it, and what it says. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import type { LogLine } from '../../src/operations/logs.ts'
import type { Target } from '../../src/operations/target.ts'
import { weirhouseHere } from '../support/in-process.ts'
import { root, weirhouse } from '../support/weirhouse.ts'
import type { CommandResult } from '../support/weirhouse.ts'

/** A function that says which version of it runs, and works on a record until the file is there that the record names. */
export const PIPELINE = `import { existsSync } from 'node:fs'
import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'
import { stamp } from './stamp.ts'

export default pipeline({
  name: 'loop',
  source: { topic: 'loop', partitions: 1, batch: { records: 10, windowSeconds: 0 } },
  decode: json(),
  transform: async ({ n, until }) => {
    console.log('begun', n, stamp)
    while (until && !existsSync(until)) await new Promise(resolve => setTimeout(resolve, 20))
    console.log('done', n, stamp)
    return { n }
  },
  sinks: [
    s3({ id: 'lake' }),
    postgres({ id: 'sql', table: 'loop', key: ['n'], columns: { n: 'integer' } }),
    dynamodb({ id: 'kv', table: 'loop', partitionKey: { name: 'n', type: 'N' } }),
  ],
})
`

export interface DevWorld {
  readonly target: Target
  /** Saves a file of the project; resolves to when (milliseconds since the epoch). */
  readonly save: (file: string, text: string) => number
  /** What a record waits for, where its `until` is `path`. */
  readonly gate: () => { readonly path: string; readonly open: () => void }
  /** The next log line whose message matches, of those that were not looked at yet. */
  readonly line: (pattern: RegExp, timeoutMs?: number) => Promise<LogLine>
  /** Everything that was said so far. */
  readonly lines: () => readonly LogLine[]
  /** A verb on this stack, within this process: cheaper by a process each. */
  readonly run: (...args: string[]) => Promise<CommandResult>
  readonly audit: () => Promise<CommandResult>
  /** Ctrl-C; resolves to the exit code and to what stood on standard error. */
  readonly interrupt: () => Promise<{ readonly code: number | null; readonly stderr: string }>
  readonly end: () => Promise<void>
}

const WAIT_MS = 60_000

export async function openDevWorld(files: Readonly<Record<string, string>>): Promise<DevWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-dev-'))
  const save = (file: string, text: string): number => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    const at = Date.now()
    writeFileSync(join(folder, file), text)
    return at
  }
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules', 'weirhouse'))
  for (const [file, text] of Object.entries(files)) save(file, text)

  const args = ['--conditions=source', join(root, 'src/cli/main.ts'), 'dev', '--json', '--project', folder]
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close') as Promise<[number | null]>
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const printed = createInterface({ input: child.stdout })
  const said: LogLine[] = []
  const first = Promise.withResolvers<Target>()
  const close = () => first.reject(new Error(`weirhouse dev ended: ${stderr}`))
  printed.once('close', close)
  printed.once('line', (text) => {
    first.resolve(JSON.parse(text) as Target)
    printed.on('line', (more) => said.push(JSON.parse(more) as LogLine))
  })
  const target = await first.promise
  let looked = 0
  const next = (pattern: RegExp): LogLine | undefined => {
    const at = said.findIndex(({ message }, i) => i >= looked && pattern.test(message))
    if (at < 0) return undefined
    looked = at + 1
    return said[at]
  }
  const end = async () => {
    child.kill('SIGKILL')
    await ended
    await weirhouse(['down', '--project', folder])
    rmSync(folder, { recursive: true, force: true })
  }
  let gates = 0
  return {
    target,
    save,
    gate: () => {
      const path = join(folder, '.weirhouse', `gate-${gates++}`)
      return { path, open: () => writeFileSync(path, '') }
    },
    lines: () => said,
    line: async (pattern, timeout = WAIT_MS) => {
      let found: LogLine | undefined
      await expect
        .poll(() => (found ??= next(pattern)), {
          timeout,
          interval: 20,
          message: `a line that matches ${pattern.source}`,
        })
        .toBeDefined()
      return found!
    },
    run: (...words) => weirhouseHere([...words, '--project', folder]),
    audit: () => weirhouse(['audit', '--project', folder]),
    interrupt: async () => {
      child.kill('SIGINT')
      const [code] = await ended
      return { code, stderr }
    },
    end,
  }
}
