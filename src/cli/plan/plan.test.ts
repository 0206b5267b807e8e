/** The verb as a person and as a program see it, on a project of its own. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PipelinePlan } from '../../operations/plan.ts'
import { main } from '../main.ts'
import type { EnvironmentPlan } from './environment.ts'

const project = join(import.meta.dirname, '../../../test/fixtures/projects/planned')

interface Answer {
  readonly pipelines: readonly PipelinePlan[]
  readonly environment: EnvironmentPlan | null
}

let printed: string[]
beforeEach(() => {
  process.env['CDK_VALIDATION'] = 'false' // what templates hold is tested with the constructs
  printed = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((chunk, ...rest: unknown[]) => {
      if (stream === process.stdout) printed.push(String(chunk))
      const done = rest.at(-1)
      if (typeof done === 'function') (done as (error?: Error) => void)()
      return true
    })
})
afterEach(() => vi.restoreAllMocks())

async function plan(...args: string[]): Promise<string> {
  printed = []
  expect(await main(['plan', '--project', project, ...args])).toBe(0)
  return printed.join('')
}
const json = async (...args: string[]) => JSON.parse(await plan('--json', ...args)) as Answer

/** Everything that loads of the command line with these arguments. */
function modulesOf(args: readonly string[]): Promise<{ readonly code: number | null; readonly loaded: string[] }> {
  const logger =
    "import { registerHooks } from 'node:module'\nregisterHooks({ load(url, context, next) { process.stderr.write('loaded ' + url + '\\n'); return next(url, context) } })"
  const command = join(import.meta.dirname, '../main.ts')
  const given = ['--conditions=source', `--import=data:text/javascript,${encodeURIComponent(logger)}`, command, ...args]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, given, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += String(chunk)))
    child.once('close', (code) =>
      resolve({ code, loaded: [...said.matchAll(/^loaded (.*)$/gm)].map(([, url]) => url!) }),
    )
  })
}

describe('without an environment', () => {
  test('the guarantee of each sink, with its reasons, as data', async () => {
    const { pipelines, environment } = await json()
    expect(environment).toBeNull()
    expect(pipelines.map(({ name }) => name)).toEqual(['orders', 'clicks'])
    const [orders, clicks] = pipelines
    expect(orders!.sinks.map(({ id, effect }) => [id, effect])).toEqual([
      ['sql', 'once'],
      ['kv', 'once'],
    ])
    expect(orders!.sinks[1]!.weakenings.map(({ id }) => id)).toEqual(['key-across-partitions', 'rows-apart'])
    expect(clicks!.sinks.flatMap(({ weakenings }) => weakenings.map(({ id }) => id))).toEqual(['s3-waits-for-dynamodb'])
    expect(orders!.everySink.map(({ id }) => id)).toContain('tombstones-ignored')
  })

  test('for a person: every weakening with its promise, keys, indexes, DDL, and how to go on', async () => {
    const text = await plan()
    for (const part of [
      'Guarantee: Each record once in effect, or one dead letter.',
      'key-across-partitions (D3), in sql, kv',
      'of each id the newest row, by offset',
      'clicks/lake/clicks/date=<day>/<partition>-<first offset>-<last offset>.jsonl.gz',
      'table orders, partition key id (S); index byOwner: partition key owner (S), sort key at (N)',
      'table public.clicks, without a key: rows are appended',
      'CREATE TABLE IF NOT EXISTS "public"."orders" (',
      '"total" numeric(12,2)',
      'batch       100 records at most, or what is there at once',
      'What it comes to on AWS: weirhouse plan --env small, or strict',
    ])
      expect(text).toContain(part)
    expect(text).not.toContain('weirhouse.watermark')
    expect(text).not.toContain('Total:')
  })

  test('one pipeline alone', async () => {
    expect((await json('--pipeline', 'clicks')).pipelines.map(({ name }) => name)).toEqual(['clicks'])
  })

  test('nothing of AWS is loaded, and no client of a store', async () => {
    const { code, loaded } = await modulesOf(['plan', '--project', project])
    expect(code).toBe(0)
    expect(loaded.some((url) => url.endsWith('/src/operations/guarantee.ts'))).toBe(true)
    expect(
      loaded.filter((url) => /\/src\/cdk\/|node_modules\/(aws-cdk-lib|constructs|@aws-sdk|pg|@platformatic)/.test(url)),
    ).toEqual([])
  })
})

describe('with an environment', () => {
  test('stacks, what holds data, roles, pollers, the bill of all pipelines, warnings by id', async () => {
    const { pipelines, environment } = await json('--env', 'small', '--pipeline', 'clicks')
    expect(pipelines.map(({ name }) => name)).toEqual(['clicks'])
    expect(environment).toMatchObject({ name: 'small', preset: 'minimal', region: null, poller: { mode: 'onDemand' } })
    const stacks = environment!.stacks.map(({ stackName }) => stackName)
    expect(stacks.slice(0, 2)).toEqual(['weirhouse-small-network', 'weirhouse-small-stream'])
    const data = environment!.stacks.flatMap((each) => each.data)
    expect(data).toContainEqual({ type: 'AWS::MSK::Cluster', name: 'weirhouse-small', fate: 'destroyed' })
    expect(data).toContainEqual({ type: 'AWS::MSK::Topic', name: 'orders', fate: 'destroyed' })
    expect(environment!.bill.lines.map(({ what }) => what)).toContain('Database, db.t4g.micro')
    expect(environment!.bill.totalUsd).toBeGreaterThan(100)
    expect(environment!.records.map((each) => each.pipeline)).toEqual(['clicks'])
    expect(environment!.warnings.map(({ id }) => id)).toContain('weirhouse:one-copy-at-patch')
  })

  test('a mapping that gives up weakens every sink, and is said in words', async () => {
    const { pipelines, environment } = await json('--env', 'strict')
    for (const { everySink, sinks } of pipelines) {
      expect(sinks.map(({ effect }) => effect)).not.toContain('once')
      expect(everySink.slice(0, 2).map(({ id }) => id)).toEqual(['given-up-after-retries', 'given-up-by-age'])
    }
    expect(environment!.poller.means.join(' ')).toContain('halved and sent again 3 times at most, then given up')
    const pollers = environment!.bill.lines.find(({ unit }) => unit === 'poller unit')
    expect(pollers).toMatchObject({ quantity: 2, levers: ['poller', 'poller.minimum'] })
  })

  test('for a person: warnings last, and then the total in one line', async () => {
    const lines = (await plan('--env', 'small')).trimEnd().split('\n')
    const at = (start: string) => lines.findIndex((line) => line.startsWith(start))
    const order = [
      'Environment small',
      'Stacks, ',
      'Pollers ',
      'Bill ',
      'A million records of orders',
      'Warnings',
      'Total: ',
    ]
    expect(order.map(at)).toEqual(order.map(at).sort((a, b) => a - b))
    expect(order.map(at)).not.toContain(-1)
    expect(at('Total: ')).toBe(lines.length - 1)
    expect(lines.at(-1)).toMatch(/^Total: \$\d+\.\d\d a month$/)
  })

  test('a price that is not known: said in its line, and of the total; another region too', async () => {
    const text = await plan('--env', 'strict')
    expect(text).toMatch(/^ +Database, db\.r8g\.large +1 instance +unknown {2}database\.instance/m)
    expect(text).toMatch(/^Total: \$[\d.,]+ a month at least, without Database, db\.r8g\.large$/m)
    expect(text.replaceAll(/\s+/g, ' ')).toContain('Prices of eu-west-1 are others')
  })

  test('no line is wider than 100 columns, but a word that is', async () => {
    const lines = `${await plan('--env', 'small')}${await plan('--env', 'strict')}`.split('\n')
    expect(lines.filter((line) => line.length > 100 && line.trim().includes(' '))).toEqual([])
  })

  test('nothing is left behind', async () => {
    const own = mkdtempSync(join(tmpdir(), 'weirhouse-left-'))
    vi.stubEnv('TMPDIR', own)
    try {
      await plan('--env', 'small', '--json')
      expect(readdirSync(own).filter((name) => name.startsWith('weirhouse-'))).toEqual([])
    } finally {
      vi.unstubAllEnvs()
      rmSync(own, { recursive: true, force: true })
    }
  })
})

test.each([
  [['--env', 'prod'], 'There is no environment "prod"; there are: small, strict.'],
  [['--pipeline', 'order'], 'There is no pipeline "order"; there are: orders, clicks.'],
])('%j: known ones are named', async (args, message) => {
  expect(await main(['plan', '--json', '--project', project, ...args])).toBe(1)
  expect(JSON.parse(printed.join(''))).toMatchObject({ error: { code: 'WEIR_UNKNOWN', message } })
})
