/** The verbs that reach AWS, without an account: each ends in one line, and none hangs. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { weirhouse } from '../support/weirhouse.ts'

const home = mkdtempSync(join(tmpdir(), 'weirhouse-home-'))
/** Takes connections and never answers: a metadata service as bad as can be. */
const silent = createServer()
let nobody: NodeJS.ProcessEnv

beforeAll(async () => {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const rest = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))
  nobody = {
    ...Object.fromEntries(rest),
    HOME: home,
    AWS_REGION: 'eu-west-1',
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
  }
})
afterAll(() => {
  silent.close()
  rmSync(home, { recursive: true, force: true })
})

describe('without credentials', () => {
  test.each([
    ['deploy', ['--ssh-from', '203.0.113.7/32', '--yes']],
    ['destroy', ['--yes']],
    ['outputs', []],
    ['connect', ['--host', 'kafka']],
    ['migrate', []],
  ])('%s says so in one line, within seconds', async (verb, more) => {
    const { code, stdout, stderr } = await weirhouse([verb, '--env', 'spec', ...more], { env: nobody })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    const lines = stderr.trim().split('\n')
    expect(lines.at(-1)).toMatch(/^WEIR_AWS_CREDENTIALS: AWS does not let in: .*AWS_PROFILE/)
    expect(lines.filter((line) => !line.endsWith(' ...'))).toHaveLength(1)
  })

  test('without a region, too', async () => {
    const { AWS_REGION: _, ...env } = nobody
    const { code, stderr } = await weirhouse(['outputs', '--env', 'spec', '--json'], { env })
    expect(code).toBe(1)
    expect(stderr).toContain('WEIR_AWS_CREDENTIALS: AWS does not let in: Region is missing')
  })
})

describe('wrong words', () => {
  test.each([
    [['deploy', '--env', 'staging'], 1, /WEIR_UNKNOWN: There is no environment "staging"; there are: spec, minimal/],
    [['deploy'], 2, /required option '--env <name>' not specified/],
    [['deploy', '--env', 'spec', '--ssh-from', '0.0.0.0/0'], 2, /--ssh-from: SshRange got "0\.0\.0\.0\/0", but wider/],
    [['connect', '--env', 'spec', '--host', 'brokers'], 2, /expected kafka or bastion/],
  ])('%j', async (args, code, said) => {
    const ran = await weirhouse(args, { env: nobody })
    expect(ran.code).toBe(code)
    expect(ran.stderr).toMatch(said)
  })
})

test('synth needs no credentials, and writes the same bytes again', async () => {
  const [one, two] = ['one', 'two'].map((name) => join(home, name))
  const made = await weirhouse(['synth', '--env', 'minimal', '--out', one!, '--json'], { env: nobody })
  expect(made.code, made.stderr).toBe(0)
  const { stacks } = JSON.parse(made.stdout) as { stacks: { stackName: string }[] }
  expect(stacks.map(({ stackName }) => stackName)).toEqual(
    ['network', 'stream', 'store', 'access', 'process', 'observe'].map((name) => `weirhouse-minimal-${name}`),
  )
  expect((await weirhouse(['synth', '--env', 'minimal', '--out', two!], { env: nobody })).code).toBe(0)
  expect(filesOf(two!)).toEqual(filesOf(one!))
})

/** Path and sum of every file. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => `${path.slice(folder.length)} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`)
    .toSorted()
}
