/** The rules of the house that no tool keeps (CONTRIBUTING.md). Each is seen to fail once, on a planted violation. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROMISE_PAGES } from '../scripts/docs/pages.ts'
import { boundTests, collectTests, disagreements, promisesOf, withTests, BEGIN, END } from '../scripts/docs/promises.ts'
import { completed, missingPlatforms } from '../scripts/lockfile-platforms.ts'
import type { Lockfile } from '../scripts/lockfile-platforms.ts'
import { errorTable } from '../src/core/error-table.ts'
import { arrows, impurities, wrongArrows } from './tidy/arrows.ts'
import { wrongCodes } from './tidy/error-codes.ts'
import { importsOf } from './tidy/imports.ts'
import { unfold } from './tidy/planted.ts'
import { filesUnder, root } from './tidy/tree.ts'
import { bannedWords } from './tidy/words.ts'

const tree = filesUnder('.')

describe('arrows', () => {
  test('every import of src follows the table', () => {
    expect(wrongArrows(tree)).toEqual([])
  })

  test('N2: core has no clock, no chance and no I/O', () => {
    expect(impurities(tree)).toEqual([])
  })

  test('planted ones are found', () => {
    using planted = unfold('arrows')
    const files = filesUnder('src', planted.folder)
    expect(wrongArrows(files).map((fault) => fault.split(': ').slice(0, 2).join(' '))).toEqual([
      'src/bundle/bundle.ts imports ../cli/main.ts',
      'src/cdk/stack.ts imports pg',
      'src/core/loads-sink.ts imports ../sinks/sink.ts',
      'src/core/reads-disk.ts imports node:fs',
      'src/lambda/handler.ts imports ../sinks/a/index.ts',
      'src/oddity/x.ts folder "oddity" is not in the table of arrows (test/tidy/arrows.ts)',
      'src/sinks/a/index.ts imports ../b/index.ts',
    ])
    expect(impurities(files).map((fault) => fault.split(': ').slice(0, 2).join(' '))).toEqual([
      'src/core/chance.ts Math.random',
      'src/core/clock.ts Date.now',
      'src/core/environment.ts process.',
      'src/core/waits.ts setTimeout(',
    ])
  })

  test('imports are read in every form', () => {
    const source = `import a, { b } from './1.ts'
import type { c } from './2.ts'
import {
  d,
} from './3.ts'
import './4.ts'
export * from './5.ts'
export type { e } from './6.ts'
export const f = () => import('./7.ts')
type G = typeof import('./8.ts')
// import './9.ts'
/* import './9.ts' */
const h = 'from'
export const i = './9.ts'
`
    expect(importsOf(source).map(({ specifier, typeOnly }) => specifier + (typeOnly ? ' type' : ''))).toEqual([
      './1.ts',
      './2.ts type',
      './3.ts',
      './4.ts',
      './5.ts',
      './6.ts type',
      './7.ts',
      './8.ts type',
    ])
  })

  test('every folder of src is in the table, and nothing else', () => {
    const folders = new Set(tree.flatMap(({ path }) => /^src\/([^/.]+)\//.exec(path)?.[1] ?? []))
    const named = new Set(Object.keys(arrows).map((part) => part.split('/')[0]!))
    expect([...folders].filter((folder) => !named.has(folder))).toEqual([])
  })
})

describe('promises', () => {
  const page = `- **D1** One. text
  more text.
- **D2** Two. _Not yet: no
  time._
- **N3** Three. _Gap: half._

${BEGIN}
${END}
after
`
  const bound = (...names: string[]) => boundTests(names.map((name) => `test('${name}', x)`).join('\n'), 'a.test.ts')

  test('each names its tests or says "not yet", and each test binds one that is made', () => {
    const promises = PROMISE_PAGES.flatMap((path) => promisesOf(readFileSync(join(root, path), 'utf8')))
    expect(promises.map(({ label }) => label)).toEqual(expect.arrayContaining(['D1', 'D16', 'N1', 'N7', 'E1', 'E35']))
    expect(disagreements(promises, collectTests(root))).toEqual([])
  })

  test('one without a test, one with a test too many and a test without one are found', () => {
    const found = disagreements(promisesOf(page), bound('D2: early', 'N3 D9: odd'))
    expect(found.map((fault) => fault.slice(0, 24))).toEqual([
      'D1 names no test: begin ',
      'D2 says "not yet" but ha',
      'a.test.ts: "D9: odd" bin',
    ])
    expect(disagreements(promisesOf(page), bound('D1: a', 'N3: b'))).toEqual([])
  })

  test('labels are read from the names of tests, in every form', () => {
    const source = `test('D1 D2: a', x)
test.each([["E1-E3: b", 1]])
const cases = { 'N7: c': 1 }
test(\`D4, N1: d\`, x)
test('not D5: e', x)
const text = 'D6'
`
    expect(boundTests(source, 'f').map(({ label, name }) => `${label} ${name}`)).toEqual([
      'D1 a',
      'D2 a',
      'E1 b',
      'E2 b',
      'E3 b',
      'N7 c',
      'D4 d',
      'N1 d',
    ])
  })

  test('a number that stands twice is refused', () => {
    expect(() => promisesOf(`${page}\n- **D1** again`)).toThrow('D1 is promised twice')
  })

  test('the table is made between its marks', () => {
    expect(withTests(page, bound('D1: a', 'D1: b', 'N3: c'))).toBe(
      page.replace(
        `${BEGIN}\n`,
        `${BEGIN}

| Promise | State | Tests that bind it |
|---|---|---|
| D1 | kept | [a.test.ts](../a.test.ts) |
| D2 | not yet: no time. |  |
| N3 | kept, but: half. | [a.test.ts](../a.test.ts) |

`,
      ),
    )
  })
})

describe('errors', () => {
  const planted = [
    { path: 'src/a.ts', text: "new WeirError('WEIR_DECODE')" },
    { path: 'docs/a.md', text: 'see `WEIR_GONE`' },
    { path: 'src/a.test.ts', text: "'WEIR_DEADLINE'" },
  ]

  test('every code of the table is raised somewhere, and no other is spoken of', () => {
    expect(wrongCodes(tree, Object.keys(errorTable))).toEqual([])
  })

  test('planted ones are found', () => {
    expect(wrongCodes(planted, ['WEIR_DECODE', 'WEIR_DEADLINE']).map((fault) => fault.split(' is ')[0])).toEqual([
      'docs/a.md: WEIR_GONE',
      'WEIR_DEADLINE',
    ])
  })
})

describe('words', () => {
  test('no path of a machine, no registry host, nothing left for later, no skipped test', () => {
    expect(bannedWords(tree)).toEqual([])
  })

  test('planted ones are found', () => {
    const lines = [
      `see ${['', 'home', 'me', 'x'].join('/')}`,
      `https://${['registry', 'npmjs', 'org'].join('.')}/x`,
      `// ${['TO', 'DO'].join('')} later`,
      `${['test', 'skip'].join('.')}('x')`,
      'the homepage of /homely things, a hack-free toDo list',
    ]
    expect(bannedWords([{ path: 'src/a.ts', text: lines.join('\n') }]).map((fault) => fault.split(':')[1])).toEqual([
      '1',
      '2',
      '3',
      '4',
    ])
  })
})

describe('lockfile', () => {
  const lockfile = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lockfile

  test('it holds the packages of every platform: else run node scripts/complete-lockfile.ts', () => {
    expect(missingPlatforms(lockfile).map(([path]) => path)).toEqual([])
  })

  test('a missing one is found and filled in', () => {
    const cut = {
      packages: {
        'node_modules/x': { optionalDependencies: { '@x/binding-linux-x64-musl': '1.2.3' }, dev: true, license: 'MIT' },
      },
    }
    expect(completed(cut).packages).toEqual({
      ...cut.packages,
      'node_modules/@x/binding-linux-x64-musl': {
        version: '1.2.3',
        cpu: ['x64'],
        dev: true,
        libc: ['musl'],
        license: 'MIT',
        optional: true,
        os: ['linux'],
      },
    })
    expect(missingPlatforms(completed(cut))).toEqual([])
  })
})
