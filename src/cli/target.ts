import { readFile, rm } from 'node:fs/promises'
import { findRoot } from '../config/load.ts'
import { WeirError } from '../core/errors.ts'
import { isAlive, stopStale } from '../local/process.ts'
import { isStackName, statusFile } from '../local/stack-files.ts'
import type { Target, TargetPipeline } from '../operations/target.ts'
import type { Io } from './io.ts'

/** The running stack that `--stack` and `--project` name. Throws WEIR_NOT_UP where there is none or its process is gone. */
export async function openTarget(io: Pick<Io, 'stack' | 'project'>): Promise<Target> {
  const target = await findTarget(io)
  if (!target) throw new WeirError('WEIR_NOT_UP', { stack: io.stack })
  return target
}

/** As `openTarget`, but undefined where no stack is up. */
export async function findTarget({ stack, project }: Pick<Io, 'stack' | 'project'>): Promise<Target | undefined> {
  if (!isStackName(stack))
    throw new WeirError('WEIR_USAGE', {
      reason: `"${stack}" is no name for a stack`,
      advice: 'Use a-z, 0-9, _ and -, at most 40.',
    })
  const target = await readTarget(statusFile(findRoot(project), stack))
  return target?.processes[0] !== undefined && isAlive(target.processes[0]) ? target : undefined
}

/** Stops what a stack left running whose own process was killed. False where there was nothing. */
export async function stopLeftovers({ stack, project }: Pick<Io, 'stack' | 'project'>): Promise<boolean> {
  const file = statusFile(findRoot(project), stack)
  const target = await readTarget(file)
  if (target === undefined) return false
  await stopStale(target.processes)
  await rm(file, { force: true })
  return true
}

async function readTarget(file: string): Promise<Target | undefined> {
  const text = await readOrUndefined(file)
  return text === undefined ? undefined : (JSON.parse(text) as Target)
}

/** The pipelines named, or all. Throws WEIR_UNKNOWN. */
export function pipelinesOf(target: Target, name: string | undefined): readonly TargetPipeline[] {
  if (name === undefined) return target.pipelines
  const found = target.pipelines.filter((pipeline) => pipeline.name === name)
  if (found.length === 0)
    throw new WeirError('WEIR_UNKNOWN', {
      what: 'pipeline',
      name,
      known: target.pipelines.map((pipeline) => pipeline.name).join(', ') || 'none',
    })
  return found
}

/** Functions named, or all. Throws WEIR_UNKNOWN. */
export function functionsOf(target: Target, name: string | undefined): readonly string[] {
  const known = target.pipelines.map((pipeline) => pipeline.function)
  if (name === undefined) return known
  if (!known.includes(name))
    throw new WeirError('WEIR_UNKNOWN', { what: 'function', name, known: known.join(', ') || 'none' })
  return [name]
}

async function readOrUndefined(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    // ENOTDIR: a file stands where a folder would be; who writes there says so.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
