/** The package as users get it: built, packed, installed into an empty folder, imported and type-checked there. */
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { publint } from 'publint'
import { mustRun, run } from '../support/npm.ts'
import { root } from '../tidy/tree.ts'

interface Manifest {
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly peerDependencies: Readonly<Record<string, string>>
}
/** The tarball; most of it is the build and its source maps. */
const PACKED_BUDGET_BYTES = 1_000_000

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
const consumer = mkdtempSync(join(tmpdir(), 'weirhouse-consumer-'))
const { tarball, files } = inject('packed')

beforeAll(() => {
  writeFileSync(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const flags = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional']
  mustRun('npm', ['install', ...flags, tarball], consumer)
})
afterAll(() => rmSync(consumer, { recursive: true, force: true }))

describe('the tarball', () => {
  test('holds the build, the command and its bootstrap, and no source, test or fixture', () => {
    const paths = files
    for (const wanted of [
      'LICENSE',
      'README.md',
      'bin/weirhouse.mjs',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
    ])
      expect(paths).toContain(wanted)
    expect(paths.filter((path) => /(?<!\.d)\.ts$|\.test\.|^(src|test)\/|fixtures/.test(path))).toEqual([])
  })

  test(`weighs no more than ${PACKED_BUDGET_BYTES} bytes`, () => {
    expect(statSync(tarball).size).toBeLessThanOrEqual(PACKED_BUDGET_BYTES)
  })

  test('publint finds nothing to mend', async () => {
    const { messages } = await publint({ pkgDir: root, pack: false, strict: true })
    expect(messages.map(({ code, path }) => `${code} ${path.join('.')}`)).toEqual([])
  })
})

const doors = Object.keys(manifest.exports)
  .filter((door) => door !== './package.json')
  .map((door) => door.replace(/^\./, 'weirhouse'))
/** Its classes extend those of the AWS CDK, so it cannot load without. */
const CDK_DOOR = 'weirhouse/cdk'

describe('installed', () => {
  test.each(doors.filter((door) => door !== CDK_DOOR))('%s loads without any of the optional packages', (door) => {
    const script = `console.log(Object.keys(await import(${JSON.stringify(door)})).length)`
    expect(Number(mustRun('node', ['--input-type=module', '-e', script], consumer))).toBeGreaterThan(0)
  })

  test('optional packages are not brought along', () => {
    const listed = run('npm', ['ls', '--json', '--depth=0', ...Object.keys(manifest.peerDependencies)], consumer)
    expect(JSON.parse(listed.stdout)).not.toHaveProperty('dependencies')
  })

  test('the command says its version', () => {
    const said = mustRun('node', ['node_modules/weirhouse/bin/weirhouse.mjs', '--version'], consumer)
    expect(said.trim()).toBe(manifest.version)
  })

  test('weirhouse/cdk says what it lacks, and loads beside the AWS CDK', () => {
    const script = `console.log(Object.keys(await import('${CDK_DOOR}')).length)`
    const load = () => run('node', ['--input-type=module', '-e', script], consumer)
    expect(load().output).toMatch(/Cannot find package '(aws-cdk-lib|constructs)'/)
    for (const name of ['aws-cdk-lib', 'constructs'])
      symlinkSync(join(root, 'node_modules', name), join(consumer, 'node_modules', name))
    expect(Number(load().stdout)).toBeGreaterThan(0)
  })

  test('its types hold for a strict consumer, and refuse a wrong definition', () => {
    writeFileSync(join(consumer, 'good.ts'), GOOD)
    writeFileSync(join(consumer, 'stack.ts'), STACK)
    writeFileSync(join(consumer, 'wrong.ts'), GOOD.replace("topic: 'quakes'", 'topic: 1'))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const flags = [
      '--noEmit',
      '--strict',
      '--allowImportingTsExtensions',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--pretty',
      'false',
    ]
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
    const good = run('node', [tsc, ...flags, ...types, '--skipLibCheck', 'good.ts', 'stack.ts'], consumer)
    expect(good.output).toBe('')
    const wrong = run('node', [tsc, ...flags, ...types, '--skipLibCheck', 'wrong.ts'], consumer)
    expect(wrong.output).toMatch(/wrong\.ts.* error TS2322/)
  })
})

const STACK = `import { App, Stack } from 'aws-cdk-lib'
import {
  BrokerSize,
  DeadLetters,
  KafkaCluster,
  KafkaTopic,
  LedgerTable,
  Network,
  OperatorAccess,
  RecordBucket,
  SshRange,
  TopicConsumer,
} from 'weirhouse/cdk'
import { quakes } from './good.ts'

const stack = new Stack(new App(), 'Stream')
const network = new Network(stack, 'Network')
const cluster = new KafkaCluster(stack, 'Kafka', { network, size: BrokerSize.of({ storageGib: 20 }) })
export const topic = new KafkaTopic(stack, 'Orders', { cluster, name: 'orders', partitions: 4 })
new OperatorAccess(stack, 'Access', { network, cluster, sshFrom: SshRange.of('203.0.113.7/32') })
export const consumer = new TopicConsumer(stack, 'Quakes', {
  pipeline: quakes,
  codeFolder: 'build/quakes',
  topic: new KafkaTopic(stack, 'Topic', { cluster, name: 'quakes' }),
  stores: { s3: new RecordBucket(stack, 'Records', { keepData: false }) },
  ledger: new LedgerTable(stack, 'Ledger'),
  deadLetters: new DeadLetters(stack, 'DeadLetters'),
})
`

const GOOD = `import { json, pipeline } from 'weirhouse'
import { s3 } from 'weirhouse/sinks/s3'
import { createHandler } from 'weirhouse/lambda'

export const quakes = pipeline({
  name: 'quakes',
  source: { topic: 'quakes' },
  decode: json<{ id: string }>(),
  transform: ({ id }, record) => ({ id: id.toUpperCase(), offset: record.offset }),
  order: (row) => row.offset,
  sinks: [s3({ id: 'lake' })],
})
export const name: string = quakes.name
export const handler = createHandler(quakes)
`
