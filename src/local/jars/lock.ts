import { randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../../core/errors.ts'
import { isAlive, processRecord } from '../process.ts'
import type { ProcessRecord } from '../service.ts'

const POLL_MS = 200
/** Longer than any download that still makes progress. */
const LOCK_MS = 1_200_000

/**
 * Does `work` while no other process does it under the same lock file. A lock whose process is dead is taken over.
 * Throws WEIR_FOLDER when the file cannot be written.
 */
export async function withLock<Result>(
  file: string,
  onProgress: ((line: string) => void) | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  const until = Date.now() + LOCK_MS
  let told = false
  while (!(await take(file))) {
    const holder = await holderOf(file)
    if (holder !== undefined && !isAlive(holder)) await breakLock(file, holder)
    else {
      if (!told && holder?.pid !== process.pid)
        onProgress?.(`Waiting for process ${holder?.pid ?? ''} that is fetching`)
      told = true
      if (Date.now() > until)
        throw new WeirError('WEIR_FOLDER', { folder: file, reason: `process ${holder?.pid} holds it` })
      await sleep(POLL_MS)
    }
  }
  try {
    return await work()
  } finally {
    await rm(file, { force: true })
  }
}

/** Takes the lock unless a living process holds it; whoever took it removes the file. Throws WEIR_FOLDER. */
export async function tryLock(file: string): Promise<boolean> {
  if (await take(file)) return true
  const holder = await holderOf(file)
  if (holder !== undefined && isAlive(holder)) return false
  if (holder !== undefined) await breakLock(file, holder)
  return take(file)
}

/** Written aside and linked, so that a lock is never seen empty. */
async function take(file: string): Promise<boolean> {
  const own = `${file}.${randomUUID()}`
  try {
    await writeFile(own, JSON.stringify(processRecord(process.pid)))
    await link(own, file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw new WeirError('WEIR_FOLDER', { folder: file, reason: messageOf(error) }, { cause: error })
  } finally {
    await rm(own, { force: true })
  }
}

async function holderOf(file: string): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessRecord
  } catch {
    // Given back in between.
    return undefined
  }
}

/** Moves the dead one's lock away; puts it back if it turns out to be that of a faster successor. */
async function breakLock(file: string, dead: ProcessRecord): Promise<void> {
  const away = `${file}.${randomUUID()}`
  try {
    await rename(file, away)
  } catch {
    // Another process broke it first.
    return
  }
  const moved = await holderOf(away)
  if (moved !== undefined && (moved.pid !== dead.pid || moved.started !== dead.started))
    await link(away, file).catch(() => undefined)
  await rm(away, { force: true })
}
