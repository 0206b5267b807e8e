/** Every example in the documentation is a part of something that is checked (CONTRIBUTING.md). */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import lake from '../examples/lake/pipeline.ts'
import orders from '../examples/typed-orders/pipeline.ts'
import { table } from '../src/cli/table.ts'
import { rowsOf } from '../src/core/rows.ts'
import { parseClientProperties } from '../src/kafka/properties.ts'
import { sourceRecord } from '../src/testing/index.ts'
import { createAuthority } from './support/certificates.ts'
import { blocksOf, commandsOf, looseCode, wrongCommands, wrongLinks } from './tidy/examples.ts'
import { filesUnder, root } from './tidy/tree.ts'

const tree = filesUnder('.')
const pages = tree.filter(({ path }) => /^(?:[A-Z]+\.md|docs\/.*\.md)$/.test(path))
const shown = tree.filter(({ path }) => /^(?:examples|pipelines|samples)\/.*\.ts$|^weirhouse\.config\.ts$/.test(path))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

describe('code', () => {
  test('every block of TypeScript stands in a file that the type checker reads', () => {
    expect(looseCode(pages, shown)).toEqual([])
  })

  test('a block that stands nowhere is found', () => {
    const page = { path: 'a.md', text: '```ts\nconst a = 1\n```\n\n  ```ts\n  const b = 2\n  ```\n' }
    expect(looseCode([page], [{ path: 'a.ts', text: 'x\nconst b = 2\n' }])).toEqual([
      'a.md: no file holds the block that begins with "const a = 1"',
    ])
  })

  test('the example of typed orders takes an order, and makes a dead letter of what is none', async () => {
    const order = { id: 'o1', revision: 2, customer: 'ANN', total: '12.50', placed: '2026-01-31T12:00:00Z' }
    const rowsFor = (value: unknown) =>
      rowsOf(orders, { ...sourceRecord(0), value: Buffer.from(JSON.stringify(value)) })
    expect(await rowsFor(order)).toEqual({ rows: [{ ...order, customer: 'ann' }], versions: [2] })
    expect(await rowsFor({ ...order, total: 12.5 })).toMatchObject({ rows: [], poison: { code: 'WEIR_VALIDATE' } })
  })
})

test('the example of a lake takes a sale in each of its formats, and refuses what one of them cannot hold', async () => {
  const refusals = async (sale: object) => {
    const record = { ...sourceRecord(0), value: Buffer.from(JSON.stringify(sale)) }
    const { rows } = await rowsOf(lake, record)
    const ranges = [{ source: { cluster: 'c', topic: 'sales', partition: 0 }, records: [{ record, rows }] }]
    const refused = lake.sinks.map(async (sink) => (await sink.refusals!('log'))(ranges).map(({ text }) => text))
    return Promise.all(refused)
  }
  const sale = { id: 's1', region: 'eu', cents: '9007199254740993', at: '2026-01-31T12:00:00Z', cart: [] }
  expect(await refusals(sale)).toEqual([[], [], []])
  expect(await refusals({ ...sale, cents: 1.5 })).toEqual([
    [expect.stringMatching(/"cents": expected a whole/)],
    [],
    [],
  ])
  expect(await refusals({ ...sale, at: 1 })).toEqual([[expect.stringMatching(/partition/)], [], []])
})

test('every client.properties that is shown is one that is taken whole', () => {
  const pem = createAuthority('shown').issue('me')
  const shown = pages.flatMap(({ path, text }) => blocksOf(text).map((block) => ({ path, ...block })))
  const blocks = shown.filter(({ language }) => language === 'properties')
  expect(blocks.length).toBeGreaterThan(2)
  for (const { path, text } of blocks)
    expect(parseClientProperties({ file: path, text }, () => pem.key + pem.certificate).ignored).toEqual([])
})

describe('commands', () => {
  test('every line of weirhouse has verbs and options that there are', async () => {
    expect(commandsOf(read('README.md')).length).toBeGreaterThan(5)
    expect(await wrongCommands(pages)).toEqual([])
  })

  test('wrong ones are found: in blocks, pipes, substitutions and running text', async () => {
    const lines = [
      'echo 1 | npx weirhouse fly',
      'psql "$(weirhouse status --jsonn)"',
      'npm start -- --twice',
      'npx weirhouse produce < a',
      "npx weirhouse dlq show 'a b' # fine",
    ]
    const text = `\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n\`weirhouse produce\` is fine, \`weirhouse logs --since\` too, \`weirhouse sing\` is not`
    expect(
      (await wrongCommands([{ path: 'a.md', text }])).map((fault) => fault.split(': ').slice(1, 2).join()),
    ).toEqual([
      'weirhouse fly',
      'weirhouse status --jsonn',
      'weirhouse start --twice',
      'weirhouse produce',
      'weirhouse sing',
    ])
  })

  test('every script that is named is in package.json', () => {
    const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }
    const named = pages.flatMap(({ text }) => [...text.matchAll(/npm run ([a-z]+)/g)].map(([, name]) => name!))
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
    expect(Object.keys(scripts).filter((name) => !read('CONTRIBUTING.md').includes(name))).toEqual([])
  })
})

describe('pages', () => {
  test('links lead to files, and sections that are named are there', () => {
    const sources = tree.filter(({ path }) => /^(?:src|bin|scripts)\//.test(path))
    expect(wrongLinks(pages, [...pages, ...sources], (path) => existsSync(join(root, path)))).toEqual([])
  })

  test('dead ones are found', () => {
    const page = {
      path: 'docs/a.md',
      text: '# A\n## B\n[x](b.md) [y](../c.md) [z](https://d) docs/a.md, "B"; docs/a.md, "C"',
    }
    expect(wrongLinks([page], [page], (path) => path === 'c.md')).toEqual([
      'docs/a.md: docs/b.md is not there',
      'docs/a.md: docs/a.md has no section "C"',
    ])
  })

  test('the table of npm start in README.md is as it is printed', () => {
    const block = blocksOf(read('README.md')).find(({ text }) => /^pipeline +topic/.test(text))!
    const [header, ...rows] = block.text
      .trimEnd()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/))
    const cells = rows.map((row) => row.map((cell) => (/^\d+$/.test(cell) ? Number(cell) : cell)))
    expect(block.text.trimEnd()).toBe(table(header!, cells))
    const source = read('src/cli/commands/start.ts').replaceAll(/\s+/g, ' ')
    expect(source).toContain(`[ ${header!.map((name) => `'${name}', `).join('')}]`)
  })
})
