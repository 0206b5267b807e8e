/** A clone on its first run: what `npm start` and the command do before any package is there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { root } from '../tidy/tree.ts'

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly version: string }>>
}

/** Two packages of our own lockfile, small and without dependencies, so that npm's cache has them. */
const ONE = '@standard-schema/spec'
const TWO = 'valibot'

const temporary = mkdtempSync(join(tmpdir(), 'weirhouse-bootstrap-'))
const ours = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile
let clone: string
let count = 0

beforeEach(() => {
  clone = join(temporary, `clone ${(count += 1)}`)
  for (const folder of ['bin', 'scripts/node-runtime', 'src/cli']) mkdirSync(join(clone, folder), { recursive: true })
  const runtime = ['package.json', 'package-lock.json', '.npmrc'].map((file) => `scripts/node-runtime/${file}`)
  for (const file of ['bin/weirhouse.mjs', 'scripts/bootstrap.mjs', '.npmrc', ...runtime])
    copyFileSync(join(root, file), join(clone, file))
  writeFileSync(join(clone, 'src/cli/main.ts'), MAIN)
  lock(ONE)
})
afterEach(() => rmSync(clone, { recursive: true, force: true }))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

/** Stands for the command: says how it was called. */
const MAIN = `const say: object = { args: process.argv.slice(2), conditions: process.execArgv, node: process.versions.node }
console.log(JSON.stringify(say))
`

/** Makes the clone's lockfile hold these packages. */
function lock(...names: string[]): void {
  const dependencies = Object.fromEntries(names.map((name) => [name, ours.packages[`node_modules/${name}`]!.version]))
  const own = { name: 'clone', version: '1.0.0', dependencies }
  const packages = Object.fromEntries(
    names.map((name) => [`node_modules/${name}`, ours.packages[`node_modules/${name}`]]),
  )
  writeFileSync(join(clone, 'package.json'), JSON.stringify({ ...own, type: 'module' }))
  const lockfile = { ...own, lockfileVersion: 3, requires: true, packages: { '': own, ...packages } }
  writeFileSync(join(clone, 'package-lock.json'), JSON.stringify(lockfile))
}

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly program?: string
  readonly flags?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

function start(args: readonly string[], { program = 'scripts/bootstrap.mjs', flags = [], env = {} }: RunOptions = {}) {
  const { NODE_OPTIONS: _, ...inherited } = process.env
  return spawn(process.execPath, [...flags, join(clone, program), ...args], {
    cwd: clone,
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = start(args, options)
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

/** Has this Node.js pass for another one, for the bootstrap alone. */
const disguise = (version: string, platform: string = process.platform) => [
  '--import',
  `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });Object.defineProperty(process, 'platform', { value: '${platform}' })`,
]
const isThere = (name: string) => existsSync(join(clone, 'node_modules', name, 'package.json'))
const HELLO = ['run', '--', 'node', '-p', '"hello"']

describe('packages', () => {
  test('are installed once by one of two starts, whatever npmrc says, and again when the lockfile changes', async () => {
    const env = { npm_config_ignore_scripts: 'true', npm_config_omit: 'optional', NODE_ENV: 'production' }
    const both = await Promise.all([run(HELLO, { env }), run(HELLO, { env })])
    expect(both.map(({ code, stdout }) => ({ code, stdout }))).toEqual(
      [1, 2].map(() => ({ code: 0, stdout: 'hello\n' })),
    )
    expect(both.filter(({ stderr }) => stderr.includes('Installing the packages'))).toHaveLength(1)
    expect(isThere(ONE)).toBe(true)

    expect(await run(HELLO)).toEqual({ code: 0, stdout: 'hello\n', stderr: '' })

    lock(ONE, TWO)
    expect((await run(HELLO)).stderr).toContain('Installing the packages')
    expect(isThere(TWO)).toBe(true)
  })

  test('installed by hand are left as they are', async () => {
    mkdirSync(join(clone, 'node_modules'))
    const lockfile = JSON.parse(readFileSync(join(clone, 'package-lock.json'), 'utf8')) as Lockfile
    const { '': _, ...packages } = lockfile.packages
    writeFileSync(join(clone, 'node_modules/.package-lock.json'), JSON.stringify({ packages }))
    expect(await run(HELLO)).toEqual({ code: 0, stdout: 'hello\n', stderr: '' })
  })

  test('a lock left by a killed start does not hold up the next', async () => {
    mkdirSync(join(clone, '.weirhouse'))
    writeFileSync(join(clone, '.weirhouse/install.lock'), JSON.stringify({ pid: 999_999_999, started: '1' }))
    expect(await run(HELLO)).toMatchObject({ code: 0 })
    expect(existsSync(join(clone, '.weirhouse/install.lock'))).toBe(false)
  })
})

describe('faults are one line with the cure', () => {
  const lastLine = ({ stderr }: Ran) => stderr.trimEnd().split('\n').at(-1)

  test('no network on the first run', async () => {
    const env = { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: join(temporary, 'no-cache') }
    const ran = await run(HELLO, { env })
    expect(ran).toMatchObject({ code: 1, stdout: '' })
    expect(lastLine(ran)).toMatch(/^WEIR_DOWNLOAD: .*ECONNREFUSED.* The first run needs the network/)
    expect(ran.stderr.trim().split('\n')).toHaveLength(2)
  })

  test('a folder that cannot be written', async () => {
    writeFileSync(join(clone, '.weirhouse'), 'in its place')
    expect(await run(HELLO)).toEqual({
      code: 1,
      stdout: '',
      stderr: `WEIR_FOLDER: Folder ${join(clone, '.weirhouse')} cannot be written: a file is in its place. Free some space, or work in a folder that can be written.\n`,
    })
  })

  test('an old Node.js where npm has no new one: the command that installs it', async () => {
    expect(await run(HELLO, { flags: disguise('20.19.0', 'darwin') })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^WEIR_PREREQUISITE: Node.js 24.6 is missing: this is 20.19.0.* brew install node@24\n$/,
      ) as string,
    })
  })

  test('a verb there is not', async () => {
    expect(await run(['dance'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Usage:') as string })
  })
})

describe('the work', () => {
  beforeEach(() => {
    // Only what is handed on matters here.
    mkdirSync(join(clone, 'node_modules'))
    cpSync(join(clone, 'package-lock.json'), join(clone, 'node_modules/.package-lock.json'))
  })

  test('gets its arguments, the condition for sources, and standard output to itself', async () => {
    const ran = await run(['start', '--once', '--json'])
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ran.stdout)).toMatchObject({
      args: ['start', '--once', '--json'],
      conditions: ['--conditions=source'],
    })
  })

  test('is what the command runs in a clone, from any folder', async () => {
    const ran = await run(['topics', 'list'], { program: 'bin/weirhouse.mjs' })
    expect(JSON.parse(ran.stdout)).toMatchObject({ args: ['topics', 'list'] })
  })

  test('hands its exit code back', async () => {
    expect(await run(['run', '--', 'node', '-e', 'process.exit(7)'])).toMatchObject({ code: 7 })
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('is told of %s, and ends in its own time', async (signal) => {
    const script = `process.on('${signal}', () => setTimeout(() => process.exit(5), 50)); console.log('up'); setInterval(() => {}, 1000)`
    const child = start(['run', '--', 'node', '-e', script])
    await once(child.stdout, 'data')
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([5, null])
  })

  test('stopped by a signal ends as shells tell it', async () => {
    expect(await run(['run', '--', 'node', '-e', 'process.kill(process.pid, "SIGKILL")'])).toMatchObject({ code: 137 })
  })
})

describe('where the running Node.js is old', () => {
  const flags = disguise('20.19.0')
  const cache = join(temporary, 'cache')
  const runtime = () =>
    join(
      cache,
      readdirSync(cache).find((name) => name.startsWith('node-'))!,
      'node_modules',
    )

  test('an installed package runs its build on one from npm in the cache of the user', async () => {
    const installed = join(clone, 'node_modules/weirhouse')
    for (const folder of ['bin', 'scripts']) cpSync(join(clone, folder), join(installed, folder), { recursive: true })
    mkdirSync(join(installed, 'dist/cli'), { recursive: true })
    writeFileSync(join(installed, 'package.json'), '{"type":"module"}')
    writeFileSync(join(installed, 'dist/cli/main.js'), 'console.log(process.argv[2], process.versions.node)')
    const program = 'node_modules/weirhouse/bin/weirhouse.mjs'
    expect((await run(['doctor'], { program })).stdout).toBe(`doctor ${process.versions.node}\n`)
    expect(await run(['doctor'], { program, flags, env: { WEIRHOUSE_CACHE: cache } })).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^doctor 24\./) as string,
      stderr: 'Installing Node.js 24 with npm, once ...\n',
    })
    expect(existsSync(join(installed, 'scripts/node-runtime/node_modules'))).toBe(false)
  })

  test('a clone runs on the one beside its bootstrap', async () => {
    // The very installation of the test before: unpacking it takes longer than all else here.
    symlinkSync(runtime(), join(clone, 'scripts/node-runtime/node_modules'))
    const { code, stdout } = await run(['run', '--', 'node', '-p', 'process.execPath'], { flags })
    expect({ code, folder: dirname(stdout) }).toEqual({ code: 0, folder: expect.stringContaining(runtime()) as string })
  })
})
