/** Runs the command as a person would: a child process of its own. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../../', import.meta.url))
const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  readonly input?: string | Buffer
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** What to give to `spawn`: program and arguments. */
export function command(args: readonly string[]): [program: string, args: string[]] {
  return [process.execPath, ['--conditions=source', main, ...args]]
}

export function weirhouse(
  args: readonly string[],
  { input = '', cwd = root, env = process.env }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(...command(args), { cwd, env })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
    child.stdin.on('error', () => child.kill()).end(input)
  })
}

/** The JSON that a verb prints; rejects where it failed. */
export async function weirhouseJson<T>(args: readonly string[], options?: CommandOptions): Promise<T> {
  const { code, stdout, stderr } = await weirhouse([...args, '--json'], options)
  if (code !== 0) throw new Error(`weirhouse ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as T
}
