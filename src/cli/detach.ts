import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findRoot } from '../config/load.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import { stackFolder } from '../local/stack-files.ts'
import type { Target } from '../operations/target.ts'
import type { Io } from './io.ts'
import type { OwnKafka } from './kafka.ts'
import { findTarget } from './target.ts'

const POLL_MS = 50

interface DetachOptions {
  readonly dataDir: string | undefined
  readonly portBase: number | undefined
  readonly kafka: OwnKafka | undefined
  readonly inspect: number | undefined
}

/**
 * Starts `weirhouse up` in a session of its own and resolves once it is running. Where it fails, throws with the line it
 * ended with.
 */
export async function startDetached(io: Io, options: DetachOptions): Promise<Target> {
  const { dataDir, portBase, kafka, inspect } = options
  const folder = stackFolder(findRoot(io.project), io.stack)
  const log = join(folder, 'up.log')
  const output = openLog(folder, log)
  const args = ['up', '--stack', io.stack, '--project', io.project]
  if (dataDir !== undefined) args.push('--data-dir', dataDir)
  if (portBase !== undefined) args.push('--port-base', String(portBase))
  if (kafka) args.push('--bootstrap-server', kafka.target.bootstrap)
  if (kafka?.commandConfig !== undefined) args.push('--command-config', kafka.commandConfig)
  if (inspect !== undefined) args.push(`--inspect=${inspect}`)
  const main = fileURLToPath(import.meta.resolve(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js'))
  const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
    detached: true,
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  let ended = false
  child.once('exit', () => (ended = true))
  io.progress('starting servers and functions in the background')
  for (;;) {
    const target = await findTarget(io)
    if (target?.state === 'running' && target.pid === child.pid) {
      child.unref()
      return target
    }
    if (ended) throw new WeirError('WEIR_UP_FAILED', { reason: lastLine(log), log })
    if (io.signal.aborted) child.kill('SIGTERM')
    await sleep(POLL_MS)
  }
}

function openLog(folder: string, log: string): number {
  try {
    mkdirSync(folder, { recursive: true })
    return openSync(log, 'w', 0o600)
  } catch (error) {
    throw new WeirError('WEIR_FOLDER', { folder, reason: messageOf(error) }, { cause: error })
  }
}

function lastLine(log: string): string {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n')
  return lines.findLast((line) => line.startsWith('WEIR_')) ?? 'the background process ended'
}
