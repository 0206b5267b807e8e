import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { messageOf, WeirError } from '../../core/errors.ts'
import { folderNameOf, type JarSet, jarSets, type JarsName, pomOf } from './catalog.ts'
import { findMaven } from './java.ts'
import { withLock } from './lock.ts'

const run = promisify(execFile)

/** Pinned: the version that comes with Maven depends on Maven's own. */
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
/** Some 50 MB at 100 KB/s. */
const FETCH_MS = 600_000
const STAMP = '.verified.json'

export interface EnsureOptions {
  /** Gets a line when something takes a while. */
  readonly onProgress?: (line: string) => void
  /** Default: that of this process. `WEIRHOUSE_CACHE`, `XDG_CACHE_HOME`, `JAVA_HOME` and `PATH` are read. */
  readonly env?: NodeJS.ProcessEnv
}

/** The per-user folder for what is fetched once: WEIRHOUSE_CACHE, else weirhouse in XDG_CACHE_HOME or ~/.cache. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env['WEIRHOUSE_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'weirhouse')
}

/**
 * The folder with a server's jars, fetched by Maven the first time. Its files are those of the committed SHA-256 list:
 * all are hashed when fetched, and again whenever one has another size or time than then.
 * Throws WEIR_PREREQUISITE (no Maven), WEIR_DOWNLOAD, WEIR_CHECKSUM, WEIR_FOLDER.
 */
export function ensureJars(name: JarsName, options: EnsureOptions = {}): Promise<string> {
  return ensureSet(jarSets[name], options)
}

/** The same for any set of files. */
export async function ensureSet(set: JarSet, options: EnsureOptions = {}): Promise<string> {
  const cache = cacheFolder(options.env)
  const folder = join(cache, folderNameOf(set))
  if (await isVerified(folder, set)) return folder
  await makeFolder(cache)
  // One Maven at a time: its local repository is not made for several.
  await withLock(join(cache, 'fetching.lock'), options.onProgress, async () => {
    if (await isVerified(folder, set)) return
    await fetchInto(folder, set, options)
  })
  return folder
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw folderFault(folder, error)
  }
}

function folderFault(folder: string, error: unknown): WeirError {
  const reason = `${messageOf(error)}; WEIRHOUSE_CACHE may name another one`
  return new WeirError('WEIR_FOLDER', { folder, reason }, { cause: error })
}

/** Fetches beside the final place and renames, so that a folder of that name is always whole. */
async function fetchInto(folder: string, set: JarSet, options: EnsureOptions): Promise<void> {
  const count = Object.keys(set.checksums).length
  options.onProgress?.(`Fetching ${set.title} ${set.version} with Maven: ${count} files, once`)
  const work = await mkdtemp(`${folder}.`).catch((error: unknown) => {
    throw folderFault(folder, error)
  })
  try {
    const lib = await runMaven(work, set, options)
    await verify(lib, set, 'its copy in the local Maven repository (~/.m2/repository)')
    await rename(lib, folder)
  } catch (error) {
    throw isFull(error) ? folderFault(folder, error) : error
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Runs Maven and returns the folder with the files. Others use it to make checksum lists. */
export async function runMaven(work: string, set: JarSet, options: EnsureOptions): Promise<string> {
  const maven = await findMaven(options.env)
  const lib = join(work, 'lib')
  await writeFile(join(work, 'pom.xml'), pomOf(set))
  const args = ['--quiet', '--batch-mode', '--strict-checksums', COPY_DEPENDENCIES]
  try {
    await run(maven, [...args, '-DincludeScope=runtime', `-DoutputDirectory=${lib}`], {
      cwd: work,
      env: options.env ?? process.env,
      timeout: FETCH_MS,
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch (error) {
    const reason = mavenFault(error)
    if (/no space left/i.test(reason)) throw folderFault(work, new Error(reason))
    throw new WeirError('WEIR_DOWNLOAD', { what: `${set.title} ${set.version}`, reason }, { cause: error })
  }
  return lib
}

/** Maven's own reason: its first error line, without the advice about switches that follows. */
function mavenFault(error: unknown): string {
  if (error instanceof Error && 'killed' in error && error.killed === true)
    return `Maven took over ${FETCH_MS / 1000} s`
  const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
  const full = output.split('\n').find((each) => /no space left/i.test(each))
  const line = full ?? output.split('\n').find((each) => each.includes('ERROR'))
  return (line ?? messageOf(error)).replace(/^.*\[.*?ERROR.*?\]\s*/, '').slice(0, 400)
}

function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EROFS')
}

/** Size and time of every file as they were when their sums were right. */
type Stamp = Readonly<Record<string, readonly [size: number, modifiedMs: number]>>

async function isVerified(folder: string, set: JarSet): Promise<boolean> {
  const files = await readdir(folder).catch(() => undefined)
  if (files === undefined) return false
  const stamp = await readStamp(folder)
  if (stamp === undefined || !sameStamp(stamp, await stampOf(folder, set).catch(() => undefined)))
    await verify(folder, set, folder)
  return true
}

async function readStamp(folder: string): Promise<Stamp | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, STAMP), 'utf8')) as Stamp
  } catch {
    // Absent or cut short: the sums decide.
    return undefined
  }
}

function sameStamp(stamp: Stamp, now: Stamp | undefined): boolean {
  return now !== undefined && JSON.stringify(stamp) === JSON.stringify(now)
}

async function stampOf(folder: string, set: JarSet): Promise<Stamp> {
  const names = Object.keys(set.checksums).sort()
  const stats = await Promise.all(names.map((name) => stat(join(folder, name))))
  return Object.fromEntries(names.map((name, i) => [name, [stats[i]!.size, stats[i]!.mtimeMs] as const]))
}

/** Hashes every file and stamps the folder. Throws WEIR_CHECKSUM for a wrong, missing or additional one. */
async function verify(folder: string, set: JarSet, culprit: string): Promise<void> {
  const present = (await readdir(folder)).filter((name) => name !== STAMP)
  for (const name of new Set([...present, ...Object.keys(set.checksums)])) {
    const sum = present.includes(name) ? await sha256(join(folder, name)) : undefined
    if (sum === undefined || sum !== set.checksums[name])
      throw new WeirError('WEIR_CHECKSUM', { file: `${set.title}: ${name}`, folder: culprit })
  }
  // A read-only cache is a fine one, if its sums are right.
  await writeFile(join(folder, STAMP), JSON.stringify(await stampOf(folder, set))).catch((error: unknown) => {
    if (isFull(error)) return
    throw folderFault(folder, error)
  })
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
