/**
 * From a bare clone to a running command: the right Node.js, the packages of the lockfile, then the work itself.
 * Plain JavaScript for Node.js 18 and newer, and nothing but its standard library: it runs before anything is installed.
 *
 *   node scripts/bootstrap.mjs start [...]     the local stack and the demo
 *   node scripts/bootstrap.mjs test [...]      every suite
 *   node scripts/bootstrap.mjs run -- COMMAND  any command, with the right Node.js first on the PATH
 *
 * All it says goes to standard error, since `--json` owns standard output.
 */
import { spawn } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The oldest Node.js that runs the sources: types stripped, no flag, no warning; `engines` in package.json says the same. */
const OLDEST = { major: 24, minor: 6 }
const STAMP = '.weirhouse-installed'
const LOCK_POLL_MS = 200
/** Longer than any installation that still makes progress. */
const LOCK_MS = 900_000
/** With nothing fetched yet, this many failed requests mean that there is no network. */
const FAILURES = 20
const EXIT_USAGE = 2

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
/** Package and lockfile of a Node.js from npm; see docs/decisions. */
export const RUNTIME = join(ROOT, 'scripts', 'node-runtime')

/** A fault with a code of the error table (src/core/error-table.ts) and what to do about it. */
class BootstrapError extends Error {
  constructor(code, message, cure) {
    super(`${code}: ${message} ${cure}`)
  }
}

/**
 * Makes a clone ready: returns the Node.js to run it with. Throws BootstrapError, whose message is one line.
 * @param {string} root folder of package.json and package-lock.json
 * @returns {Promise<string>} path of `node`
 */
export async function prepareClone(root = ROOT) {
  const locks = join(root, '.weirhouse')
  const node = await ensureNode({ folder: RUNTIME, locks })
  await ensureInstalled(root, { node, locks, what: 'the packages' })
  return node
}

/**
 * The running Node.js where it is new enough, else one that npm installs into `folder`.
 * @param {{folder: string, locks: string}} where `folder` holds package.json and package-lock.json of node-runtime
 * @returns {Promise<string>} path of `node`
 */
export async function ensureNode({ folder, locks }) {
  if (isNewEnough(process.versions.node)) return process.execPath
  const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  const name = `node-${platform}`
  const lockfile = readJson(join(folder, 'package-lock.json'))
  if (lockfile.packages[`node_modules/${name}`] === undefined) throw unsupported(platform)
  const node = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  await ensureInstalled(folder, { node: process.execPath, locks, what: `Node.js ${OLDEST.major}`, result: node })
  return node
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)
}

function unsupported(platform) {
  const command = process.platform === 'darwin' ? 'brew install node@24' : 'see https://nodejs.org/en/download'
  return new BootstrapError(
    'WEIR_PREREQUISITE',
    `Node.js ${OLDEST.major}.${OLDEST.minor} is missing: this is ${process.versions.node}, and npm has none for ${platform}.`,
    `Install it: ${command}`,
  )
}

/** Runs `npm ci` unless the folder holds already what its lockfile says. One process at a time. */
async function ensureInstalled(folder, { node, locks, what, result = folder }) {
  if (isInstalled(folder) && existsSync(result)) return
  makeFolder(locks)
  await withLock(join(locks, 'install.lock'), async () => {
    if (isInstalled(folder) && existsSync(result)) return
    say(`Installing ${what} with npm, once`)
    await npmCi(folder, node, what)
    if (!existsSync(result))
      throw fault('WEIR_DOWNLOAD', what, folder, 'npm left it out; is `omit=optional` set for npm?')
    writeStamp(folder)
  })
}

function isInstalled(folder) {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const stamp = join(folder, 'node_modules', STAMP)
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8').trim() === digest(lock)
  // Installed by hand, with `npm ci` or `npm install`: npm's own record says what is there once it is all there.
  const record = join(folder, 'node_modules', '.package-lock.json')
  return existsSync(record) && agrees(JSON.parse(lock).packages, readJson(record).packages)
}

/** Whether every package of the lockfile that this machine wants is installed in that version. */
function agrees(wanted, installed) {
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const there = installed[path]
    if (there !== undefined) return there.version === entry.version
    return entry.optional === true && !(entry.libc === undefined && isForThisMachine(entry))
  })
}

function isForThisMachine({ os, cpu }) {
  return os?.includes(process.platform) === true && cpu?.includes(process.arch) === true
}

function writeStamp(folder) {
  const lock = readFileSync(join(folder, 'package-lock.json'), 'utf8')
  onFolder(folder, () => writeFileSync(join(folder, 'node_modules', STAMP), `${digest(lock)}\n`))
}

/**
 * `npm ci`, run by the given Node.js: the npm of an older one resolves older packages. Nothing in the tree needs its
 * install scripts, so none are run, whatever the user's npmrc says.
 */
async function npmCi(folder, node, what) {
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
  // Without a network npm goes on with every other package for minutes: that is cut short.
  const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-factor=2']
  const fetching = ['--prefer-offline', '--loglevel=http', ...patience]
  const env = { ...pathWith(node), NODE_ENV: 'development' }
  const { code, output } = await capture(
    node,
    [npmCli(), ...args, ...fetching],
    { cwd: folder, env },
    (text) => unreachable(text) !== undefined,
  )
  if (code === 0) return
  throw npmFault(output, folder, what)
}

/** npm's program: the one that runs us, else the one beside this Node.js, else the one on the PATH. */
function npmCli() {
  const own = process.env.npm_execpath
  const bin = dirname(realpathSync(process.execPath))
  const beside = ['../lib/node_modules/npm/bin/npm-cli.js', 'node_modules/npm/bin/npm-cli.js'].map((path) =>
    join(bin, path),
  )
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .filter(existsSync)
  const candidates = [own, ...beside, ...onPath.map((path) => realpathSync(path))]
  const found = candidates.find((path) => path?.endsWith('npm-cli.js') && existsSync(path))
  if (found !== undefined) return found
  throw new BootstrapError(
    'WEIR_PREREQUISITE',
    'npm is missing: it is not on the PATH.',
    'Install it: sudo apt-get install npm',
  )
}

/** The system's word for why npm gets nowhere, from its log of requests; undefined while it gets on. */
function unreachable(output) {
  const failures = [...output.matchAll(/attempt (\d) failed with (E[A-Z_]+)/g)]
  const isCut = failures.length >= FAILURES && !/http fetch GET 200/.test(output)
  return (failures.find(([, attempt]) => attempt === '3') ?? (isCut ? failures[0] : undefined))?.[2]
}

function npmFault(output, folder, what) {
  const cause = unreachable(output)
  if (cause !== undefined) return fault('WEIR_DOWNLOAD', what, folder, `no connection to npm's registry (${cause})`)
  const code = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? ''
  if (code in reasons) return fault('WEIR_FOLDER', what, folder, code)
  const lines = output.split('\n').filter((line) => /^npm (error|ERR!) (?!code|A complete log)/.test(line))
  const text = lines.slice(0, 2).map((line) => line.replace(/^npm (error|ERR!) /, ''))
  return fault('WEIR_DOWNLOAD', what, folder, [code, ...text].join(' ').trim() || 'npm ended without a word')
}

function fault(code, what, folder, reason) {
  const text = reasons[reason] ?? reason
  if (code === 'WEIR_FOLDER')
    return new BootstrapError(
      code,
      `Folder ${folder} cannot be written: ${text}.`,
      'Free some space, or work in a folder that can be written.',
    )
  const cure = 'The first run needs the network; check it and start again. Later runs work offline.'
  return new BootstrapError(code, `${what} could not be fetched: ${text}.`, cure)
}

const reasons = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file is in its place',
  EEXIST: 'a file is in its place',
}

/** Throws a BootstrapError where the folder cannot be made. */
export function makeFolder(folder) {
  onFolder(folder, () => mkdirSync(folder, { recursive: true }))
}

/** A fault of `work` is a fault of the folder. */
export function onFolder(folder, work) {
  try {
    return work()
  } catch (error) {
    throw fault('WEIR_FOLDER', '', folder, error.code ?? error.message)
  }
}

/** Two at once would empty node_modules under each other's feet. A lock whose process is dead is taken over. */
async function withLock(file, work) {
  const until = Date.now() + LOCK_MS
  for (let told = false; !take(file);) {
    const holder = holderOf(file)
    if (holder !== undefined && !isAlive(holder)) {
      breakLock(file, holder)
      continue
    }
    if (!told && holder !== undefined) say(`Waiting for process ${holder.pid}, which is installing`)
    told ||= holder !== undefined
    if (Date.now() > until) throw fault('WEIR_FOLDER', '', dirname(file), `process ${holder?.pid} holds ${file}`)
    await sleep(LOCK_POLL_MS)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** Written aside and linked, so that a lock is never seen empty. */
function take(file) {
  const own = `${file}.${randomUUID()}`
  try {
    writeFileSync(own, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }))
    linkSync(own, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw fault('WEIR_FOLDER', '', dirname(file), error.code ?? error.message)
  } finally {
    rmSync(own, { force: true })
  }
}

function holderOf(file) {
  try {
    return readJson(file)
  } catch {
    // Given back in between.
    return undefined
  }
}

/** Moved away, so that only one breaks it; put back if it turns out to be that of a faster successor. */
function breakLock(file, dead) {
  const away = `${file}.${randomUUID()}`
  try {
    renameSync(file, away)
    const moved = readJson(away)
    if (moved.pid !== dead.pid || moved.started !== dead.started) linkSync(away, file)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(away, { force: true })
  }
}

function isAlive({ pid, started }) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (error.code === 'ESRCH') return false
  }
  return startTime(pid) === started
}

/** Tells a process from a later one with its pid: field 22 of proc(5). Elsewhere than on Linux the pid has to do. */
function startTime(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19]
  } catch {
    return ''
  }
}

/** Environment with the given Node.js first on the PATH. */
export function pathWith(node) {
  return { ...process.env, PATH: [dirname(node), process.env.PATH ?? ''].join(delimiter) }
}

/** Runs to the end, or until the output `isEnough`. */
function capture(command, args, options, isEnough) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text
        if (isEnough(output)) child.kill()
      })
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output }))
  })
}

/**
 * Runs a command in our place: same terminal, signals handed on, its exit code.
 * @returns {Promise<number>} exit code, 128 + number for a signal
 */
export function handOver(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env })
    // Ctrl-C in a terminal goes to the child as well, by itself: handing it on would be a second one.
    const handed = { SIGTERM: true, SIGHUP: true, SIGINT: !process.stdin.isTTY }
    for (const [signal, passOn] of Object.entries(handed)) process.on(signal, () => void (passOn && child.kill(signal)))
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}

function say(line) {
  process.stderr.write(`${line} ...\n`)
}

function digest(text) {
  return createHash('sha256').update(text).digest('hex')
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Runs `main`; a fault of the bootstrap is one line and exit code 1. */
export async function runMain(main) {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  }
}

/** The sources of a clone, run without a build. */
export function runSource(node, root, file, args) {
  return handOver(node, ['--conditions=source', join(root, file), ...args], pathWith(node))
}

async function main([verb, ...args]) {
  if (verb === 'start') return runSource(await prepareClone(), ROOT, 'src/cli/main.ts', ['start', ...args])
  if (verb === 'test') return runSource(await prepareClone(), ROOT, 'scripts/test.ts', args)
  const [command, ...rest] = args[0] === '--' ? args.slice(1) : args
  if (verb === 'run' && command !== undefined) return handOver(command, rest, pathWith(await prepareClone()))
  process.stderr.write('Usage: node scripts/bootstrap.mjs start | test | run -- COMMAND\n')
  return EXIT_USAGE
}

if (process.argv[1] !== undefined && pathToFileURL(realpathSync(process.argv[1])).href === import.meta.url)
  await runMain(() => main(process.argv.slice(2)))
