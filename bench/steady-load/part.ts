/**
 * A steady load through the whole local stack, servers and all on this machine: throughput, memory, how long until a record
 * is visible in each store, and the audit. Throws where the stores do not agree with the log.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Target } from '../../src/operations/target.ts'
import type { PartOptions } from '../parts.ts'
import { measure, type Measured } from './measure.ts'

const run = promisify(execFile)
const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const SECONDS = 60
const QUICK_SECONDS = 8
/** Records a second. */
const RATE = 1000

function weirhouse(...args: string[]) {
  const command = ['--conditions=source', path('../../src/cli/main.ts'), ...args]
  return run(process.execPath, [...command, '--stack', 'steady-load', '--project', path('.')])
}

export async function steadyPart({ quick }: PartOptions): Promise<Measured> {
  try {
    const { stdout } = await weirhouse('up', '--detach', '--json')
    const target = JSON.parse(stdout) as Target
    const measured = await measure(target, quick ? QUICK_SECONDS : SECONDS, RATE)
    if (!measured.ok) throw new Error(`the stores do not agree with the log: ${JSON.stringify(measured)}`)
    return measured
  } finally {
    await weirhouse('down')
  }
}
