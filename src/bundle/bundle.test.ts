import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import type { WeirError } from '../core/errors.ts'
import { bundleOperations, bundlePipeline, foldersAtFault } from './bundle.ts'

const root = mkdtempSync(join(tmpdir(), 'weirhouse-bundle-'))
afterAll(() => rmSync(root, { recursive: true }))

const PLAIN = `
import { pipeline, text } from 'weirhouse'
const sink = { kind: 'memory', id: 'm', options: {}, grants: [], open: () => Promise.reject(new Error('none')) }
export default pipeline({ name: 'x', source: { topic: 't' }, decode: text(), sinks: [sink] })
`
let count = 0
/** A project of one module, bundled. */
function project(code: string) {
  const folder = join(root, `project-${count++}`)
  mkdirSync(folder)
  const modulePath = join(folder, 'pipeline.ts')
  writeFileSync(modulePath, code)
  return { modulePath, outFolder: join(folder, 'out'), pipelineName: 'x' }
}

const repository = fileURLToPath(new URL('../../', import.meta.url))

describe('bundlePipeline', () => {
  test('writes one ES module whose handler loads in a folder of its own', async () => {
    const bundle = await bundlePipeline(project(PLAIN))
    expect(readdirSync(bundle.folder)).toEqual(['index.mjs'])
    const script = `console.log(typeof (await import(${JSON.stringify(join(bundle.folder, 'index.mjs'))})).handler)`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(output).toBe('function\n')
    expect(bundle.handler).toBe('index.handler')
  })

  test('the same source gives the same bytes, wherever it lies, and no path of the machine', async () => {
    const [one, two] = [await bundlePipeline(project(PLAIN)), await bundlePipeline(project(PLAIN))]
    expect(two.sha256).toBe(one.sha256)
    const code = readFileSync(join(one.folder, 'index.mjs'), 'utf8')
    expect(code).not.toContain(root)
    expect(code).not.toContain(repository)
    expect(code.length).toBeGreaterThan(1_000)
  })

  test('leaves nothing of an earlier bundle behind', async () => {
    const options = project(PLAIN)
    mkdirSync(options.outFolder)
    writeFileSync(join(options.outFolder, 'old.mjs'), '')
    await bundlePipeline(options)
    expect(readdirSync(options.outFolder)).toEqual(['index.mjs'])
  })

  test('the source map is a file of its own that the code does not mention', async () => {
    const options = project(PLAIN)
    const [without, withMap] = [await bundlePipeline(options), await bundlePipeline({ ...options, sourceMap: true })]
    expect(readdirSync(options.outFolder).sort()).toEqual(['index.mjs', 'index.mjs.map'])
    expect(withMap.sha256).toBe(without.sha256)
  })

  test('every file that was read is told, also one of which nothing ended up inside', async () => {
    const options = project(PLAIN.replace('import {', "import './types.ts'\nimport {"))
    const types = join(options.modulePath, '../types.ts')
    writeFileSync(types, 'export const unused = 1\n')
    const { inputs, modules } = await bundlePipeline(options)
    expect(inputs).toEqual(expect.arrayContaining([options.modulePath, types, join(repository, 'src/core/deliver.ts')]))
    expect(Object.keys(modules).some((file) => file.endsWith('types.ts'))).toBe(false)
  })

  test('for a debugger names are kept, and a source map inside leads to the sources', async () => {
    const options = project(PLAIN)
    const { folder } = await bundlePipeline({ ...options, debug: true })
    const code = readFileSync(join(folder, 'index.mjs'), 'utf8')
    expect(code).toMatch(/^async function deliver\(/m)
    const [, encoded] = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\n$/.exec(code)!
    const map = JSON.parse(Buffer.from(encoded!, 'base64').toString()) as { sourceRoot: string; sources: string[] }
    const sources = map.sources.map((file) => fileURLToPath(new URL(file, map.sourceRoot)))
    expect(sources).toContain(options.modulePath)
  })

  test('where a file may appear that mends a bundle: beside what is at fault, and where an import leads', async () => {
    const options = project("import './lib/deep/gone.ts'\nimport 'no-such-package'\n")
    const error: unknown = await bundlePipeline(options).catch((reason: unknown) => reason)
    const folder = join(options.modulePath, '..')
    expect(new Set(foldersAtFault(error as WeirError, options))).toEqual(new Set([folder, join(folder, 'lib/deep')]))
  })

  test.each([
    ['an option', PLAIN.replace("topic: 't'", "topic: ''"), 'source.topic: '],
    ['code', PLAIN.replace('text()', 'null'), 'decode: expected a decoder'],
    ['what is no pipeline', 'export default { name: 1 }', 'its default export is not a pipeline(...)'],
    ['what does not load', "throw new Error('no such thing')\nexport default 1", 'Pipeline "x": no such thing'],
  ])('a definition that is not valid is refused as where it is loaded: %s', async (_, code, message) => {
    const options = project(`import './lib/part.ts'\n${code}`)
    mkdirSync(join(options.modulePath, '../lib'))
    writeFileSync(join(options.modulePath, '../lib/part.ts'), '')
    const error: unknown = await bundlePipeline(options).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'WEIR_DEFINITION_INVALID', message: expect.stringContaining(message) })
    const folder = join(options.modulePath, '..')
    expect(foldersAtFault(error as WeirError, options)).toEqual(expect.arrayContaining([folder, join(folder, 'lib')]))
  })

  test('a definition that is another in the function than when it was bundled is refused there', async () => {
    const { folder } = await bundlePipeline(
      project(PLAIN.replace("topic: 't'", "topic: process.env.WEIRHOUSE_TEST_TOPIC ?? 't'")),
    )
    const script = `import(${JSON.stringify(join(folder, 'index.mjs'))}).then(() => console.log('loaded'), (error) => console.log(error.message))`
    const output = (env: Record<string, string>) =>
      execFileSync(process.execPath, ['-e', script], { env: { ...process.env, ...env }, encoding: 'utf8' })
    expect(output({})).toBe('loaded\n')
    expect(output({ WEIRHOUSE_TEST_TOPIC: 'u' })).toMatch(/^Pipeline "x": it is not what it was when it was bundled/)
  })

  test('a CommonJS dependency that requires a module of Node loads', async () => {
    const options = project(PLAIN.replace('import {', "import './events.cjs'\nimport {"))
    writeFileSync(join(options.modulePath, '../events.cjs'), "globalThis.seen = typeof require('events').once")
    const { folder } = await bundlePipeline(options)
    const script = `await import(${JSON.stringify(join(folder, 'index.mjs'))}); console.log(globalThis.seen)`
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })).toBe(
      'function\n',
    )
  })

  test.each([
    ['a module that is not there', "import './nowhere.ts'\n", /pipeline\.ts:1:8: Could not resolve ".\/nowhere\.ts"/],
    ['a syntax error', 'export default\n  }', /pipeline\.ts:2:3: Unexpected/],
    [
      'a door that weirhouse does not have',
      "import 'weirhouse/cli'\n",
      /pipeline\.ts:1:8: "weirhouse\/cli" is not exported/,
    ],
  ])('%s is WEIR_BUNDLE with its place', async (_, code, message) => {
    await expect(bundlePipeline(project(code))).rejects.toMatchObject({
      code: 'WEIR_BUNDLE',
      message: expect.stringMatching(message),
    })
  })
})

test('a package that the user is to install is told with its command, not as a fault of a source', async () => {
  const options = project("import 'pg'\nimport 'aws-cdk-lib'\nimport 'pg'\n")
  const error: unknown = await bundlePipeline(options).catch((reason: unknown) => reason)
  expect((error as WeirError).toLine()).toMatch(
    /^WEIR_MODULE_MISSING: Package "pg" is not installed, and pipeline "x" needs it\. Install it: npm install pg@8[.\d]+ aws-cdk-lib@2[.\d]+$/,
  )
})

describe('bundleOperations', () => {
  const handlerOf = (folder: string) =>
    execFileSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { handler } = await import(${JSON.stringify(join(folder, 'index.mjs'))})
        const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 5000 }
        console.log(JSON.stringify(await handler({ verb: 'migrate' }, context)))`,
      ],
      { cwd: root, encoding: 'utf8' },
    )

  test('holds every pipeline, wherever each lies, in one module; the same source gives the same bytes', async () => {
    const bundles = []
    for (let i = 0; i < 2; i++) {
      const [one, two] = [project(PLAIN), project(PLAIN.replace("'x'", "'y'"))]
      const modulePaths = [one.modulePath, two.modulePath]
      bundles.push(await bundleOperations({ modulePaths, outFolder: one.outFolder }))
    }
    const [first, second] = bundles as [(typeof bundles)[0], (typeof bundles)[0]]
    expect(second.sha256).toBe(first.sha256)
    expect(readdirSync(first.folder)).toEqual(['index.mjs'])
    const code = readFileSync(join(first.folder, 'index.mjs'), 'utf8')
    expect(code).not.toContain(root)
    for (const name of ['x', 'y']) expect(code).toContain(`name:"${name}"`)
    const answer = JSON.parse(handlerOf(first.folder).trimEnd().split('\n').at(-1)!) as unknown
    expect(answer).toEqual({ verb: 'migrate', statements: [], applied: false })
  })

  test('what does not build is WEIR_BUNDLE with its place', async () => {
    const [good, bad] = [project(PLAIN), project("import './nowhere.ts'\n")]
    const options = { modulePaths: [good.modulePath, bad.modulePath], outFolder: good.outFolder }
    await expect(bundleOperations(options)).rejects.toMatchObject({
      code: 'WEIR_BUNDLE',
      message: expect.stringMatching(/^The operations function does not bundle: .*pipeline\.ts:1:8: Could not resolve/),
    })
  })
})
