/** `weirhouse try` as a person runs it. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
let folder: string

const PIPELINE = `import { json, pipeline } from 'weirhouse'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
export default pipeline({
  name: 'one', source: { topic: 't' }, decode: json(), tombstone: 'keep',
  transform: (value, { key, headers }) => value && ({ id: key?.toString() ?? 'none', n: value.n, from: headers[0]?.value.toString() }),
  sinks: [
    s3({ id: 'lake' }),
    postgres({ id: 'sql', table: 't', columns: { n: 'integer' }, row: ({ n }) => ({ n }) }),
    dynamodb({ id: 'kv', table: 'ttt', partitionKey: 'id' }),
  ],
})
`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weirhouse-try-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules', 'weirhouse'))
  writeFileSync(join(folder, 'one.ts'), PIPELINE)
  writeFileSync(join(folder, 'two.ts'), PIPELINE.replace("name: 'one'", "name: 'two'"))
  writeFileSync(join(folder, 'weirhouse.config.ts'), config('./one.ts'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const config = (...modules: string[]) =>
  `export default { pipelines: ${JSON.stringify(modules)}, samples: {}, environments: {} }\n`

interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly milliseconds: number
}

function run(args: readonly string[], input: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const start = performance.now()
    const main = join(root, 'src/cli/main.ts')
    const child = spawn(process.execPath, ['--conditions=source', main, 'try', ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('close', (code) => resolve({ code, stdout, stderr, milliseconds: performance.now() - start }))
    child.stdin.end(input)
  })
}

test('a tombstone that deletes: its keys, and the sinks that have them', async () => {
  const deleting = PIPELINE.replace(
    "tombstone: 'keep'",
    "tombstone: 'delete', keyOf: ({ key }) => ({ id: key.toString() })",
  )
    .replace("columns: { n: 'integer' }", "columns: { n: 'integer' }, key: ['n']")
    .replace('value &&', '')
  writeFileSync(join(folder, 'deleting.ts'), deleting.replace("name: 'one'", "name: 'deleting'"))
  writeFileSync(join(folder, 'weirhouse.config.ts'), config('./deleting.ts'))
  try {
    const args = ['--key-separator', ':', '--null-marker', 'NULL']
    const ran = await run(args, 'k:NULL')
    expect(ran.stdout).toContain(`line 1, a tombstone: deletes from kv
  { id: 'k' }
  sql: WEIR_ENCODE (encode): column "n" must have a value`)
    const json = JSON.parse((await run([...args, '--json'], 'k:NULL')).stdout.split('\n')[0]!) as object
    expect(json).toMatchObject({ tombstone: true, deletes: { keys: [{ id: 'k' }], sinks: ['kv'] } })
  } finally {
    writeFileSync(join(folder, 'weirhouse.config.ts'), config('./one.ts'))
  }
})

test('records of standard input: rows by sink, dead letters, a sum, exit 1', async () => {
  const lines = ['k:{"n":1}', 'k:NULL', 'k:{"n":"x"}', ':{"n":2}', 'k:{']
  const ran = await run(['--key-separator', ':', '--null-marker', 'NULL', '--header', 'from=here'], lines.join('\n'))
  expect(ran.stdout).toBe(`line 1:
  lake, kv: { id: 'k', n: 1, from: 'here' }
  sql: { n: 1 }
line 2, a tombstone: no rows
line 3: dead letter of sql
  lake, kv: { id: 'k', n: 'x', from: 'here' }
  sql: { n: 'x' }
  sql: WEIR_ENCODE (encode): column "n" (integer): expected a whole number, got a value of type string
line 4: dead letter of kv
  lake: { id: '', n: 2, from: 'here' }
  sql: { n: 2 }
  kv: WEIR_ENCODE (encode): id: the key is empty
line 5: dead letter
  every sink: WEIR_DECODE (decode): not valid JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)
5 records, 3 rows, 3 records would be dead letters. What only a live table refuses (a constraint, a type that differs) shows when it is written.
`)
  expect(ran).toMatchObject({ code: 1, stderr: '' })
})

test('with --json one object a line; a whole file is one record; exit 0 where none is a dead letter', async () => {
  writeFileSync(join(folder, 'record.json'), '{\n  "n": 3\n}\n')
  const { code, stdout } = await run(['--whole', 'record.json', '--json', '--key', 'a'], '')
  expect(JSON.parse(stdout)).toEqual({
    line: 1,
    tombstone: false,
    rows: { lake: [{ id: 'a', n: 3 }], sql: [{ n: 3 }], kv: [{ id: 'a', n: 3 }] },
    faults: [],
  })
  expect(code).toBe(0)
})

test('a pipeline is named where there are several, and a name that there is not is told', async () => {
  writeFileSync(join(folder, 'weirhouse.config.ts'), config('./one.ts', './two.ts'))
  expect((await run([], '')).stderr).toBe(
    'WEIR_USAGE: the project has 2 pipelines. Name one with --pipeline: one, two.\n',
  )
  expect((await run(['--pipeline', 'three'], '')).stderr).toContain('WEIR_UNKNOWN: There is no pipeline "three"')
  expect((await run(['--pipeline', 'two', '--key', 'k'], '{"n":1}\n')).code).toBe(0)
})

/** Prints the address of each module that is loaded. */
const loadLogger = `data:text/javascript,${encodeURIComponent(
  "import { registerHooks } from 'node:module'\nregisterHooks({ load(url, context, next) { if (url.startsWith('file:')) process.stderr.write('loaded ' + url + '\\n'); return next(url, context) } })",
)}`

test('it loads no client of a store and nothing of the local stack, so that it starts at once', async () => {
  const { stderr } = await run(['--pipeline', 'one'], '{"n":1}\n', { NODE_OPTIONS: `--import=${loadLogger}` })
  const loaded = stderr.split('\n').filter((line) => line.startsWith('loaded '))
  expect(loaded.some((line) => line.includes('/src/sinks/postgres/batch.ts'))).toBe(true)
  expect(
    loaded.filter((line) =>
      /\/node_modules\/(?:pg|@aws-sdk|@platformatic|esbuild)|\/src\/(?:kafka|local\/(?!stack-files))/.test(line),
    ),
  ).toEqual([])
  const { milliseconds } = await run(['--pipeline', 'one', '--key', 'k'], '{"n":1}\n')
  process.stderr.write(`weirhouse try, one record: ${Math.round(milliseconds)} ms\n`)
  expect(milliseconds).toBeLessThan(2000)
})
