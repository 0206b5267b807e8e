import { vi } from 'vitest'
import { main } from '../../src/cli/main.ts'
import type { CommandResult } from './weirhouse.ts'

function writeNothing(_: unknown, second?: unknown, third?: unknown): boolean {
  for (const each of [second, third]) if (typeof each === 'function') (each as () => void)()
  return true
}

/** Runs the command within this process: cheaper by a process, but one at a time, and without standard input. */
export async function weirhouseHere(args: readonly string[]): Promise<CommandResult> {
  const streams = [process.stdout, process.stderr].map((each) =>
    vi.spyOn(each, 'write').mockImplementation(writeNothing),
  )
  try {
    const code = await main([...args])
    const [stdout, stderr] = streams.map(({ mock }) => mock.calls.map(([chunk]) => String(chunk)).join(''))
    return { code, stdout: stdout!, stderr: stderr! }
  } finally {
    for (const stream of streams) stream.mockRestore()
  }
}
