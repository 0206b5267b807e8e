/** What users ship is the bundle of their pipeline: it holds that pipeline's sinks and nothing of the control plane. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { bundleOperations, bundlePipeline } from '../../src/bundle/bundle.ts'
import { REACHED } from '../../src/bundle/unreached.ts'
import { LETTER_CODES } from '../../src/core/error-table.ts'
import { root } from '../tidy/tree.ts'

const out = mkdtempSync(join(tmpdir(), 'weirhouse-content-'))
afterAll(() => rmSync(out, { recursive: true, force: true }))

const CONTROL_PLANE = /\/(cli|local|cdk|kafka|event-source|operations|bundle|testing)\//

/** Bytes are ceilings, a few percent above what they hold: docs/performance.md has the figures. */
describe.each([
  {
    name: 's3-only',
    module: 'test/fixtures/bundles/s3-only.ts',
    holds: /src\/sinks\/s3\//,
    // Signing in the query is for the tokens of RDS, and for nobody else.
    // Parquet has a door of its own.
    lacks: /node_modules\/(pg|hyparquet)|sinks\/(postgres|dynamodb)\/|sinks\/s3\/parquet|aws\/(presign|secrets)/,
    bytes: 77_000,
  },
  {
    name: 's3-parquet',
    module: 'test/fixtures/bundles/s3-parquet.ts',
    holds: /node_modules\/hyparquet-writer\//,
    lacks: /node_modules\/pg|sinks\/(postgres|dynamodb)\/|@aws-sdk|@platformatic/,
    bytes: 150_000,
  },
  {
    name: 'all-sinks',
    module: 'test/fixtures/bundles/all-sinks.ts',
    holds: /sinks\/postgres\/client\//,
    lacks: /node_modules\/pg|@aws-sdk|@platformatic/,
    bytes: 150_000,
  },
  {
    name: 'earthquakes',
    module: 'pipelines/earthquakes.ts',
    holds: /valibot/,
    lacks: /vega-datasets|samples\/|node_modules\/pg|@aws-sdk|@platformatic/,
    bytes: 150_000,
  },
])('the bundle of $name', ({ name, module, holds, lacks, bytes }) => {
  const bundled = bundlePipeline({
    modulePath: join(root, module),
    outFolder: join(out, name),
    pipelineName: name,
  })

  test('holds its sinks, none other, and nothing of the control plane', async () => {
    const modules = Object.keys((await bundled).modules)
    expect(modules.some((path) => holds.test(path))).toBe(true)
    expect(modules.filter((path) => lacks.test(path))).toEqual([])
    expect(
      modules.filter((path) => /\/src\//.test(path) && CONTROL_PLANE.test(path.slice(path.indexOf('/src/')))),
    ).toEqual([])
  })

  test('has in its table every error that it can raise, and none else', async () => {
    const code = readFileSync(join((await bundled).folder, 'index.mjs'), 'utf8')
    const named = new Set(code.match(/WEIR_[A-Z_]+/g))
    const rows = new Set(Array.from(code.matchAll(/(WEIR_[A-Z_]+):[\w$]+\(["'`]/g), ([, name]) => name))
    expect(rows.has('WEIR_DEADLINE')).toBe(true)
    const letters: readonly string[] = LETTER_CODES
    expect([...named].filter((name) => !rows.has(name) && !letters.includes(name))).toEqual([])
    expect(letters.filter((name) => rows.has(name))).toEqual([])
  })

  test(`weighs no more than ${bytes} bytes`, async () => {
    expect((await bundled).bytes).toBeLessThanOrEqual(bytes)
  })
})

test.each([
  ['nothing beyond its sinks', 'all-sinks', ['sinks/postgres/encode-json']],
  ['all that there is', 'every-option', Object.keys(REACHED)],
])('a definition that asks for %s has in its bundle what that takes, and no more', async (_, name, reached) => {
  const { folder } = await bundlePipeline({
    modulePath: join(root, 'test/fixtures/bundles', `${name}.ts`),
    outFolder: join(out, `reached-${name}`),
    pipelineName: name,
  })
  const code = readFileSync(join(folder, 'index.mjs'), 'utf8')
  const left = Object.keys(REACHED).filter((path) => code.includes(`("${path}")`))
  expect(left).toEqual(Object.keys(REACHED).filter((path) => !reached.includes(path)))
})

/** What a cold start waits for. */
describe('loading the bundle of earthquakes', () => {
  /** Milliseconds of CPU, the median of 15 processes: other work on the machine does not count. */
  const cpuOf = (load: string): number => {
    const code = `const before = process.cpuUsage(); await ${load}; const { user, system } = process.cpuUsage(before); console.log(user + system)`
    const once = () => Number(execFileSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' }))
    return Array.from({ length: 15 }, once).sort((a, b) => a - b)[7]! / 1_000
  }

  test('takes 50 ms, or hardly more than those modules of Node alone that any client of AWS needs', async () => {
    const { folder } = await bundlePipeline({
      modulePath: join(root, 'pipelines/earthquakes.ts'),
      outFolder: join(out, 'loading'),
      pipelineName: 'earthquakes',
    })
    const builtIn = cpuOf(`Promise.all(['http', 'https', 'crypto', 'zlib'].map((name) => import('node:' + name)))`)
    expect(cpuOf(`import(${JSON.stringify(join(folder, 'index.mjs'))})`)).toBeLessThan(Math.max(50, builtIn * 1.5))
  })
})

/** The operations function is the one thing of the control plane that is shipped: of operations/, what it runs. */
describe('the bundle of the operations function', () => {
  const bundled = bundleOperations({
    modulePaths: ['s3-only', 'all-sinks'].map((name) => join(root, 'test/fixtures/bundles', `${name}.ts`)),
    outFolder: join(out, 'operations'),
  })

  test('holds the client of PostgreSQL and the migration, and nothing else of the control plane', async () => {
    const modules = Object.keys((await bundled).modules)
    expect(modules.some((path) => path.includes('sinks/postgres/client/'))).toBe(true)
    expect(modules.filter((path) => /node_modules\/pg|@aws-sdk|@platformatic/.test(path))).toEqual([])
    const shipped = modules.filter(
      (path) => /\/src\//.test(path) && CONTROL_PLANE.test(path.slice(path.indexOf('/src/'))),
    )
    expect(shipped.map((path) => path.slice(path.indexOf('/src/'))).sort()).toEqual([
      '/src/operations/function.ts',
      '/src/operations/migrate.ts',
    ])
  })

  test('weighs no more than 70000 bytes', async () => {
    expect((await bundled).bytes).toBeLessThanOrEqual(70_000)
  })
})
