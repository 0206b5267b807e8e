import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CLI_PAGE, cliPage } from '../../scripts/generate-cli-docs.ts'
import { isGroup } from './command.ts'
import { main as runMain } from './main.ts'
import { verbs } from './verbs.ts'

const main = join(import.meta.dirname, 'main.ts')
let project: string

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'weirhouse-cli-'))
  writeFileSync(join(project, 'weirhouse.config.ts'), '')
})

afterAll(() => rmSync(project, { recursive: true }))

interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function run(args: readonly string[], more: { readonly env?: NodeJS.ProcessEnv; readonly closed?: boolean } = {}) {
  return new Promise<Result>((resolve) => {
    const child = spawn(process.execPath, ['--conditions=source', main, ...args], {
      cwd: project,
      env: { ...process.env, ...more.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, err]: [Buffer[], Buffer[]] = [[], []]
    if (more.closed) child.stdout.destroy()
    else child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('close', (code) =>
      resolve({ code, stdout: String(Buffer.concat(out)), stderr: String(Buffer.concat(err)) }),
    )
  })
}

/** The same within this process: cheaper by a process each. */
async function runHere(args: readonly string[]): Promise<Result> {
  const out = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const err = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  try {
    const code = await runMain(['--project', project, ...args])
    const text = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join('')
    return { code, stdout: text(out), stderr: text(err) }
  } finally {
    out.mockRestore()
    err.mockRestore()
  }
}

describe('usage', () => {
  test.each<[string, string[], string]>([
    [
      'an unknown verb',
      ['topcs'],
      "WEIR_USAGE: unknown command 'topcs' (Did you mean topics?). See: weirhouse --help\n",
    ],
    [
      'an unknown verb of a group',
      ['topics', 'lst'],
      "unknown command 'lst' (Did you mean list?). See: weirhouse topics --help\n",
    ],
    [
      'an unknown option',
      ['logs', '--folow'],
      "unknown option '--folow' (Did you mean --follow?). See: weirhouse logs --help\n",
    ],
    [
      'an option that is missing',
      ['topics', 'create'],
      "required option '--topic <name>' not specified. See: weirhouse topics create --help\n",
    ],
    [
      'an argument that is missing',
      ['dlq', 'show'],
      "missing required argument 'id'. See: weirhouse dlq show --help\n",
    ],
    ['an argument too many', ['status', 'x'], "too many arguments for 'status'"],
    [
      'a value that does not fit',
      ['topics', 'create', '--topic', 't', '--partitions', '0'],
      "argument '0' is invalid: expected a whole number, 1 to 100000",
    ],
    ['a setting without a value', ['topics', 'create', '--topic', 't', '--config', 'x'], 'expected NAME=VALUE'],
    ['a value that is missing', ['--stack'], "option '--stack <name>' argument missing. See: weirhouse --help\n"],
    ['a name that is none for a stack', ['status', '--stack', '../x'], '"../x" is no name for a stack'],
    [
      'an address without a port',
      ['topics', 'list', '--bootstrap-server', 'kafka'],
      "argument 'kafka' is invalid: expected host:port, or more of them with commas between",
    ],
    [
      'a login without brokers',
      ['topics', 'list', '--command-config', 'c.properties'],
      '--command-config needs --bootstrap-server. Name the brokers: --bootstrap-server HOST:PORT\n',
    ],
    [
      "brokers of one's own where samples would be sent",
      ['start', '--bootstrap-server', 'h:1'],
      "unknown option '--bootstrap-server'",
    ],
    ['options that exclude each other', ['consume', '--topic', 't', '--offset', '1'], '--offset needs --partition'],
  ])('%s: one line, exit 2', async (_, args, text) => {
    const { code, stdout, stderr } = await runHere(args)
    expect(stderr).toContain(text)
    expect(stderr.startsWith('WEIR_USAGE: ')).toBe(true)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('a process of its own says and does the same', async () => {
    expect(await run(['logs', '--folow'])).toEqual(await runHere(['logs', '--folow']))
  })

  test('with --json the error is an object on standard output as well', async () => {
    const { code, stdout, stderr } = await run(['topcs', '--json'])
    expect(code).toBe(2)
    expect(stderr).toContain('WEIR_USAGE: ')
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'WEIR_USAGE',
        message: "unknown command 'topcs' (Did you mean topics?).",
        cure: 'See: weirhouse --help',
      },
    })
  })
})

describe('errors', () => {
  test('no stack is up: code, message, cure, exit 1', async () => {
    const { code, stdout, stderr } = await run(['topics', 'list', '--json'])
    expect(stderr).toBe('WEIR_NOT_UP: No stack named "default" is up. Start it with `weirhouse up --detach`.\n')
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'WEIR_NOT_UP' } })
    expect(code).toBe(1)
  })

  test('D14: where 1 is an answer, as of the audit, what it could not tell is 3, and a wrong line still 2', async () => {
    const { code, stderr } = await run(['audit'])
    expect(stderr).toContain('WEIR_NOT_UP')
    expect(code).toBe(3)
    expect((await run(['audit', '--limit', 'x'])).code).toBe(2)
  })

  test('a folder of no project', async () => {
    const { code, stderr } = await run(['topics', 'list', '--project', tmpdir()])
    expect(stderr).toContain('WEIR_NO_PROJECT: There is no weirhouse.config.ts in ')
    expect(stderr).toContain("write into that file: export default { pipelines: ['./pipeline.ts'] }\n")
    expect(code).toBe(1)
  })

  test('a folder whose package.json says CommonJS, as npm writes it', async () => {
    const folder = mkdtempSync(join(project, 'commonjs-'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }')
    writeFileSync(join(folder, 'weirhouse.config.ts'), "import 'node:os'\nexport default { pipelines: [] }\n")
    const { code, stderr } = await run(['plan', '--project', folder])
    expect(stderr).toContain('the nearest package.json takes it for CommonJS; say otherwise: npm pkg set type=module')
    expect(code).toBe(1)
  })

  test.each([
    ['const a = 1\nexport default {{{', 'weirhouse.config.ts: line 2: Unexpected token `{`'],
    ["\n\nthrow new Error('no such thing.')", 'weirhouse.config.ts: line 3: no such thing. Correct'],
  ])('a definition that does not load is told with its line: %j', async (text, fault) => {
    const folder = mkdtempSync(join(project, 'broken-'))
    writeFileSync(join(folder, 'weirhouse.config.ts'), text)
    const { code, stderr } = await run(['up', '--project', folder])
    expect(stderr).toContain(fault)
    expect(code).toBe(1)
  })

  test('a project folder that holds a file in the way', async () => {
    const folder = mkdtempSync(join(project, 'blocked-'))
    for (const file of ['weirhouse.config.ts', '.weirhouse']) writeFileSync(join(folder, file), '')
    const { code, stderr } = await run(['up', '--detach', '--project', folder])
    expect(stderr).toMatch(/^WEIR_FOLDER: Folder \S+ cannot be written: /)
    expect(code).toBe(1)
  })

  test('the stack of an error is shown with WEIRHOUSE_DEBUG=1 only', async () => {
    const shown = await run(['topics', 'list'], { env: { WEIRHOUSE_DEBUG: '1' } })
    expect(shown.stderr).toContain('    at ')
    const hidden = await run(['topics', 'list'])
    expect(hidden.stderr).not.toContain('    at ')
  })
})

describe('help', () => {
  test('names every verb, and so does no verb at all', async () => {
    const [asked, bare] = await Promise.all([run(['--help']), run([])])
    for (const { name } of verbs) expect(asked.stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(bare).toEqual(asked)
    expect(asked).toMatchObject({ code: 0, stderr: '' })
  })

  test('loads no verb and nothing that verbs depend on', async () => {
    const { stderr } = await run(['--help'], {
      env: { NODE_DEBUG: 'module_hook', NODE_OPTIONS: `--import=${loadLogger}` },
    })
    const loaded = stderr.split('\n').filter((line) => line.startsWith('loaded '))
    expect(loaded.some((line) => line.includes('/src/cli/parser.ts'))).toBe(true)
    const outside = loaded.filter(
      (line) => !/\/src\/(cli\/\w+|core\/(errors|error-table)|local\/stack-files)\.ts$|\/commander\//.test(line),
    )
    expect(outside).toEqual([])
  })

  test('the version', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  test('a closed pipe is no error', async () => {
    const { code, stderr } = await run(['--help'], { closed: true })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  test('a group without its verb prints its help, with examples', async () => {
    const { code, stdout } = await runHere(['topics'])
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: weirhouse topics')
    expect(stdout).toContain('$ weirhouse topics list')
  })
})

/** Prints the address of each module that is loaded. */
const loadLogger = `data:text/javascript,${encodeURIComponent(
  "import { registerHooks } from 'node:module'\nregisterHooks({ load(url, context, next) { if (url.startsWith('file:')) process.stderr.write('loaded ' + url + '\\n'); return next(url, context) } })",
)}`

const commandLines = (
  await Promise.all(verbs.map(async ({ name, load }) => ({ name, verb: (await load()).command })))
).flatMap(({ name, verb }) =>
  isGroup(verb)
    ? Object.entries(verb.commands).map(([inner, command]) => ({ words: [name, inner], command }))
    : [{ words: [name], command: verb }],
)

describe('every verb', () => {
  test.each(verbs.map((verb) => [verb.name, verb] as const))(
    '%s says of itself what verbs.ts says',
    async (_, verb) => {
      expect((await verb.load()).command.summary).toBe(verb.summary)
    },
  )

  test('has --help with an example, --json, --stack and --project', async () => {
    for (const { words, command } of commandLines) {
      const { code, stdout, stderr } = await runHere([...words, '--help'])
      expect({ code, stderr }, words.join(' ')).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain(`Example:\n  $ ${command.example[0]}`)
      for (const option of ['--json', '--stack', '--project']) expect(stdout, words.join(' ')).toContain(option)
    }
  })

  test.each(commandLines.map(({ words, command }) => [words.join(' '), command] as const))(
    '%s: its examples name it',
    (name, { example }) => {
      for (const line of example) expect(line).toContain(`weirhouse ${name}`)
    },
  )
})

test('docs/cli.md is what the verbs declare', async () => {
  const page = await readFile(join(import.meta.dirname, '../..', CLI_PAGE), 'utf8')
  expect(page, 'run: node --conditions=source scripts/generate-cli-docs.ts').toBe(await cliPage())
})
