import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { folderNameOf, type JarSet, jarSets, pomOf } from './catalog.ts'
import { cacheFolder, ensureSet } from './ensure.ts'
import { findJava, findMaven } from './java.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weirhouse-jars-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const sum = (text: string) => createHash('sha256').update(text).digest('hex')
const set: JarSet = {
  name: 'tiny',
  title: 'Tiny',
  version: '1.0',
  dependencies: [{ group: 'g', artifact: 'a', version: '1.0' }],
  checksums: { 'a.jar': sum('a'), 'b.jar': sum('b') },
}

/** An environment whose PATH has only the given programs, each a script of `sh`, and a cache of its own. */
function world(programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`, { mode: 0o755 })
  }
  return { PATH: bin, WEIRHOUSE_CACHE: join(folder, 'cache') }
}

/** A Maven that writes the jars where it is told, and counts its runs. */
const maven = (files: Readonly<Record<string, string>>) =>
  [
    '[ "$1" = --version ] && exit 0',
    'for each; do case $each in -DoutputDirectory=*) lib=${each#*=};; esac; done',
    'mkdir -p "$lib"; echo run >> "${0%/*}/runs"; sleep 0.2',
    ...Object.entries(files).map(([name, text]) => `printf %s ${text} > "$lib/${name}"`),
  ].join('\n')
const runs = () => readFileSync(join(folder, 'bin', 'runs'), 'utf8').split('\n').length - 1

describe('jars', () => {
  test('are fetched once, and checked by size and time afterwards', async () => {
    const env = world({ mvn: maven({ 'a.jar': 'a', 'b.jar': 'b' }) })
    const lines: string[] = []
    const lib = await ensureSet(set, { env, onProgress: (line) => void lines.push(line) })
    expect(lib).toBe(join(folder, 'cache', folderNameOf(set)))
    expect(readFileSync(join(lib, 'a.jar'), 'utf8')).toBe('a')
    expect(lines).toEqual(['Fetching Tiny 1.0 with Maven: 2 files, once'])
    await ensureSet(set, { env: { ...env, PATH: '' } })
    expect(runs()).toBe(1)
    expect(readdirSync(join(folder, 'cache'))).toEqual([folderNameOf(set)])
  })

  test('are fetched by one of several starts at once', async () => {
    const env = world({ mvn: maven({ 'a.jar': 'a', 'b.jar': 'b' }) })
    await Promise.all([1, 2, 3].map(() => ensureSet(set, { env })))
    expect(runs()).toBe(1)
  })

  test.each([
    ['another content', { 'a.jar': 'a', 'b.jar': 'x' }, 'b.jar'],
    ['one missing', { 'a.jar': 'a' }, 'b.jar'],
    ['one too many', { 'a.jar': 'a', 'b.jar': 'b', 'c.jar': 'c' }, 'c.jar'],
  ])('with %s are refused', async (_, files, name) => {
    const env = world({ mvn: maven(files) })
    await expect(ensureSet(set, { env })).rejects.toMatchObject({
      code: 'WEIR_CHECKSUM',
      message: `Tiny: ${name} has another SHA-256 than the committed list says.`,
    })
    expect(existsSync(join(folder, 'cache', folderNameOf(set)))).toBe(false)
  })

  test('changed later are refused, with the folder to delete', async () => {
    const env = world({ mvn: maven({ 'a.jar': 'a', 'b.jar': 'b' }) })
    const lib = await ensureSet(set, { env })
    appendFileSync(join(lib, 'a.jar'), 'x')
    await expect(ensureSet(set, { env })).rejects.toMatchObject({
      code: 'WEIR_CHECKSUM',
      cure: `Delete ${lib} and start again; if it comes again, do not run it.`,
    })
  })

  test('that Maven cannot fetch are told in its words', async () => {
    const said = '[ERROR] Failed to execute goal: Unknown host repo.example: Name or service not known -> [Help 1]'
    const env = world({ mvn: `[ "$1" = --version ] && exit 0\necho '${said}'\nexit 1` })
    await expect(ensureSet(set, { env })).rejects.toMatchObject({
      code: 'WEIR_DOWNLOAD',
      message: expect.stringContaining('Unknown host repo.example') as string,
    })
  })

  test('on a full disk name the folder and how to choose another', async () => {
    const env = world({ mvn: '[ "$1" = --version ] && exit 0\necho "[ERROR] a.jar: No space left on device"\nexit 1' })
    await expect(ensureSet(set, { env })).rejects.toMatchObject({
      code: 'WEIR_FOLDER',
      message: expect.stringContaining('WEIRHOUSE_CACHE may name another one') as string,
    })
  })

  test('in a folder that cannot be made name it', async () => {
    const env = world({})
    writeFileSync(join(folder, 'cache'), 'a file')
    await expect(ensureSet(set, { env })).rejects.toMatchObject({ code: 'WEIR_FOLDER' })
  })
})

describe('prerequisites', () => {
  const java = (version: string) => `echo 'openjdk version "${version}" 2025-04-15' >&2`

  test.each(['17.0.15', '21', '25.0.1'])('Java %s will do', async (version) => {
    expect(await findJava(world({ java: java(version) }))).toBe('java')
  })

  test('JAVA_HOME comes first', async () => {
    const env = world({ java: java('21') })
    const home = join(folder, 'jdk')
    mkdirSync(join(home, 'bin'), { recursive: true })
    writeFileSync(join(home, 'bin', 'java'), `#!/bin/sh\n${java('11.0.2')}\n`, { mode: 0o755 })
    await expect(findJava({ ...env, JAVA_HOME: home })).rejects.toMatchObject({ code: 'WEIR_PREREQUISITE' })
  })

  test.each([
    ['none', {}, 'there is no `java`'],
    ['too old', { java: java('11.0.2') }, '`java` is Java 11'],
    ['as old as 8', { java: java('1.8.0_402') }, '`java` is Java 8'],
    ['a stub', { java: 'echo Unable to locate a Java Runtime. >&2; exit 1' }, 'Unable to locate a Java Runtime.'],
  ])('Java %s is told with how to install it', async (_, programs, reason) => {
    await expect(findJava(world(programs))).rejects.toMatchObject({
      code: 'WEIR_PREREQUISITE',
      message: expect.stringContaining(reason) as string,
      cure: expect.stringContaining('apt-get install default-jre-headless') as string,
    })
  })

  test('Maven missing is told with how to install it, when jars have to be fetched', async () => {
    const missing = { code: 'WEIR_PREREQUISITE', cure: expect.stringContaining('apt-get install maven') as string }
    await expect(findMaven(world({}))).rejects.toMatchObject(missing)
    await expect(ensureSet(set, { env: world({}) })).rejects.toMatchObject(missing)
  })
})

test('the cache is one folder a user, or where the environment says', () => {
  expect(cacheFolder({ WEIRHOUSE_CACHE: '/a' })).toBe('/a')
  expect(cacheFolder({ XDG_CACHE_HOME: '/b' })).toBe('/b/weirhouse')
  expect(cacheFolder({})).toMatch(/\.cache\/weirhouse$/)
})

test('every set has a sum for every file and a pom with its dependencies', () => {
  for (const each of Object.values(jarSets)) {
    expect(Object.keys(each.checksums).length).toBeGreaterThan(40)
    for (const value of Object.values(each.checksums)) expect(value).toMatch(/^[0-9a-f]{64}$/)
    for (const { artifact, version } of each.dependencies)
      expect(pomOf(each)).toContain(`<artifactId>${artifact}</artifactId><version>${version}</version>`)
  }
})
