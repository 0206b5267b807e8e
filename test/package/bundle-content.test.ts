/** What users ship is the bundle of their pipeline: it holds that pipeline's sinks and nothing of the control plane. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { bundleOperations, bundlePipeline } from '../../src/bundle/bundle.ts'
import { root } from '../tidy/tree.ts'

const out = mkdtempSync(join(tmpdir(), 'weirhouse-content-'))
afterAll(() => rmSync(out, { recursive: true, force: true }))

const CONTROL_PLANE = /\/(cli|local|cdk|kafka|event-source|operations|bundle|testing)\//

/** Bytes are ceilings: what was measured and a third of room. */
describe.each([
  {
    name: 's3-only',
    module: 'test/fixtures/bundles/s3-only.ts',
    holds: /src\/sinks\/s3\//,
    // Signing in the query is for the tokens of RDS, and for nobody else.
    // Parquet has a door of its own.
    lacks: /node_modules\/(pg|hyparquet)|sinks\/(postgres|dynamodb)\/|sinks\/s3\/parquet|aws\/(presign|secrets)/,
    bytes: 100_000,
  },
  {
    name: 's3-parquet',
    module: 'test/fixtures/bundles/s3-parquet.ts',
    holds: /node_modules\/hyparquet-writer\//,
    lacks: /node_modules\/pg|sinks\/(postgres|dynamodb)\/|@aws-sdk|@platformatic/,
    bytes: 180_000,
  },
  {
    name: 'all-sinks',
    module: 'test/fixtures/bundles/all-sinks.ts',
    holds: /node_modules\/pg\//,
    lacks: /@aws-sdk|@platformatic/,
    bytes: 260_000,
  },
  {
    name: 'earthquakes',
    module: 'pipelines/earthquakes.ts',
    holds: /valibot/,
    lacks: /vega-datasets|samples\/|@aws-sdk|@platformatic/,
    bytes: 260_000,
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

  test(`weighs no more than ${bytes} bytes`, async () => {
    expect((await bundled).bytes).toBeLessThanOrEqual(bytes)
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
    expect(modules.some((path) => path.includes('node_modules/pg/'))).toBe(true)
    expect(modules.filter((path) => /@aws-sdk|@platformatic/.test(path))).toEqual([])
    const shipped = modules.filter(
      (path) => /\/src\//.test(path) && CONTROL_PLANE.test(path.slice(path.indexOf('/src/'))),
    )
    expect(shipped.map((path) => path.slice(path.indexOf('/src/'))).sort()).toEqual([
      '/src/operations/function.ts',
      '/src/operations/migrate.ts',
    ])
  })

  test('weighs no more than 300000 bytes', async () => {
    expect((await bundled).bytes).toBeLessThanOrEqual(300_000)
  })
})
