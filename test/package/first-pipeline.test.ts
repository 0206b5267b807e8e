/**
 * docs/first-pipeline.md, walked through as a reader does it: an empty folder, the packed package in place of the registry's,
 * the files and commands of the page in their order, and what they print against what the page shows.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { cacheFolder } from '../../src/local/jars/ensure.ts'
import type { Target } from '../../src/operations/target.ts'
import { blocksOf } from '../tidy/examples.ts'
import { root } from '../tidy/tree.ts'

/** Real paths: processes are found by them. */
const home = realpathSync(mkdtempSync(join(tmpdir(), 'weirhouse-first-')))
const folder = join(home, 'first-pipeline')
/** Rows come when the event source mapping has fetched: a reader types more slowly than this. */
const ARRIVE_MS = 15_000

const [walk = '', failures = ''] = readFileSync(join(root, 'docs/first-pipeline.md'), 'utf8').split(
  '\n## When a step fails\n',
)
const sections = walk
  .split(/^## \d\. /m)
  .slice(1)
  .map((text) => ({ title: text.split('\n')[0]!, text }))

const nodeFolder = dirname(process.execPath)
/** Nothing of this repository: neither its commands on the PATH, nor what npm and Vitest set. */
const env = {
  HOME: process.env['HOME'],
  JAVA_HOME: process.env['JAVA_HOME'],
  // whom the machine trusts: npm may have to fetch
  ...(process.env['NODE_EXTRA_CA_CERTS'] ? { NODE_EXTRA_CA_CERTS: process.env['NODE_EXTRA_CA_CERTS'] } : {}),
  WEIRHOUSE_CACHE: cacheFolder(),
  PATH: [nodeFolder, ...(process.env['PATH'] ?? '').split(delimiter).filter((each) => !each.startsWith(root))].join(
    delimiter,
  ),
  npm_config_prefer_offline: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
  npm_config_ignore_scripts: 'true',
  npm_config_update_notifier: 'false',
}

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Types a block into a terminal. */
function shell(text: string, cwd = folder, path = env.PATH): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/bash', ['-e', '-c', text], {
      cwd,
      env: { ...env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
  })
}

/** What differs from run to run, and from machine to machine. */
function settled(text: string): string {
  return text
    .replaceAll(`${folder}/`, 'first-pipeline/')
    .replaceAll(/(?<=127\.0\.0\.1:)\d+/g, 'PORT')
    .replaceAll(/(?<=process )\d+/g, 'PID')
    .replaceAll(/ in [\d.]+ s \(\d+\/s\)/g, ' in TIME')
    .trimEnd()
}

/** Writes the files of a section and types its commands, in their order; every one must succeed and print what is shown. */
async function follow({ text }: (typeof sections)[number]): Promise<void> {
  const blocks = blocksOf(text)
  const names = [...text.matchAll(/\b[Ww]rite `([\w.]+)`:\n\n```/g)].map(([, name]) => name!)
  for (const [i, block] of blocks.entries()) {
    if (block.language === 'ts' || block.language === 'js') writeFileSync(join(folder, names.shift()!), block.text)
    if (block.language !== 'sh') continue
    const next = blocks[i + 1]
    await type(block.text, next?.language === '' ? next.text : undefined)
  }
  expect(names).toEqual([])
}

async function type(text: string, shown: string | undefined): Promise<void> {
  const isFirst = text.startsWith('mkdir ')
  const command = text.replace(/(?<=npm install )weirhouse(?= )/, inject('packed').tarball)
  const until = performance.now() + ARRIVE_MS
  const isReading = /^(?:node rows|npx weirhouse (?:audit|dlq))/.test(text)
  for (;;) {
    const { code, stdout, stderr } = await shell(command, isFirst ? home : folder)
    const isThere = code === 0 && (shown === undefined || settled(stdout) === settled(shown))
    if (isReading && !isThere && performance.now() < until) {
      await sleep(250)
      continue
    }
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
    if (shown !== undefined) expect(settled(stdout)).toBe(settled(shown))
    return
  }
}

/** Command lines of processes that were started from the folder. */
function running(): string[] {
  return spawnSync('ps', ['-A', '-ww', '-o', 'args='], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.includes(home))
}

afterAll(async () => {
  await shell('npx weirhouse down')
  rmSync(home, { recursive: true, force: true })
})

describe('the page', () => {
  const step = (title: string) => follow(sections.find((each) => each.title === title)!)

  test('has these steps, and no code outside of them', () => {
    expect(sections.map(({ title }) => title)).toEqual([
      'A folder',
      'The pipeline',
      'Up',
      'Records in',
      'Rows out',
      'Audit',
      'Down',
    ])
    expect(blocksOf(walk.split(/^## /m)[0]!)).toEqual([])
  })

  test('a folder, the files, and a stack: all packages are there, as doctor sees it', async () => {
    await step('A folder')
    await step('The pipeline')
    const [doctor] = await Promise.all([shell('npx weirhouse doctor'), step('Up')])
    expect(doctor.stdout).toMatch(/^packages +ok +4 of 4 *$/m)
    expect(doctor.stdout).not.toContain('FAULT')
    expect(running().length).toBeGreaterThan(3)
  })

  test('records in, rows out', async () => {
    await step('Records in')
    await step('Rows out')
    const { postgres } = JSON.parse((await shell('npx weirhouse status --json')).stdout) as Target
    const sql = new Client({ connectionString: postgres.url })
    await sql.connect()
    const { rows } = await sql.query('SELECT id, room, fahrenheit FROM readings ORDER BY id')
    await sql.end()
    expect(rows).toEqual([
      { id: 'r1', room: 'attic', fahrenheit: 77 },
      { id: 'r2', room: 'cellar', fahrenheit: 50 },
      { id: 'r3', room: 'kitchen', fahrenheit: 68 },
    ])
  })

  test('audit, and down: nothing is left running', async () => {
    await step('Audit')
    await step('Down')
    expect(running()).toEqual([])
  })
})

describe('when a step fails, it is told as the page says', () => {
  const shown = blocksOf(failures).map(({ text }) => settled(text))
  const up = async (path?: string) => {
    const { code, stderr } = await shell('npx weirhouse up --detach', folder, path)
    expect(running()).toEqual([])
    return { code, told: settled(stderr).split('\n').at(-1) }
  }

  test('a package is not installed', async () => {
    const [there, away] = [join(folder, 'node_modules/pg'), join(home, 'pg')]
    renameSync(there, away)
    expect(await up()).toEqual({ code: 1, told: shown[0] })
    const { stdout } = await shell('npx weirhouse doctor || true')
    expect(stdout).toMatch(/^packages +FAULT +not installed; run: npm install pg@8[.\d]+ +/m)
    renameSync(away, there)
  })

  test('package.json says CommonJS', async () => {
    const manifest = join(folder, 'package.json')
    const right = readFileSync(manifest, 'utf8')
    writeFileSync(manifest, right.replace('"module"', '"commonjs"'))
    expect(await up()).toEqual({ code: 1, told: shown[1] })
    writeFileSync(manifest, right)
  })

  test('there is no Java', async () => {
    const bin = join(home, 'bin')
    mkdirSync(bin)
    const npx = (await shell('command -v npx')).stdout.trim()
    for (const program of ['/bin/sh', realpathSync(npx)])
      symlinkSync(program, join(bin, program === '/bin/sh' ? 'sh' : 'npx'))
    expect(await up([nodeFolder, bin].join(delimiter))).toEqual({ code: 1, told: shown[2] })
    expect(shown).toHaveLength(3)
  })
})
