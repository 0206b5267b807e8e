/** Runs a plan: in each cell every contestant in a process of its own, in turns, so that what else goes on meets them all. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { bundlePipeline } from '../../src/bundle/index.ts'
import { functionEnvironment, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { memoryArguments } from '../../src/local/lambda/variables.ts'
import { provisionStores } from '../../src/local/provision.ts'
import { ddl } from '../../src/sinks/postgres/index.ts'
import { median } from '../statistics.ts'
import { TARGET_SIZE } from './cells.ts'
import type { Cell, Combination, Plan } from './cells.ts'
import type { Targets } from './contestant.ts'
import { sql } from '../pipelines/sinks.ts'
import { moduleOf, pipelineOf } from '../pipelines.ts'
import { MEMORY_MB, startStores, storesOf } from '../servers.ts'
import type { BenchServers } from '../servers.ts'
import { SMALL } from './records.ts'
import { START_VARIABLE } from './start.ts'
import type { ContestantName, Spent, Start, Turn } from './start.ts'

export interface HandlerResult {
  readonly turns: number
  readonly turnMs: number
  readonly longTurnMs: number
  readonly cells: readonly CellResult[]
}

export interface CellResult {
  readonly combination: string
  readonly bytes: number
  readonly size: number
  readonly updating: boolean
  readonly contestants: readonly ContestantResult[]
}

/** Medians over the turns. */
export interface ContestantResult {
  readonly name: ContestantName
  readonly recordsPerSecond: number
  /** Of the contestant's process. */
  readonly cpuMicroseconds: number
  readonly p50Ms: number
  readonly peakMb: number
  /** Records a second of every turn. */
  readonly turns: readonly number[]
}

/** Servers that are given are left running. */
export async function runPlan(
  plan: Plan,
  progress: (line: string) => void,
  given?: BenchServers,
): Promise<HandlerResult> {
  const servers = given ?? (await startStores())
  const { postgres } = servers.stores
  const client = new Client({ ...postgres })
  try {
    await client.connect()
    const bundles = await deployAll(plan, servers, client)
    const results: CellResult[] = []
    for (const [partition, cell] of plan.cells.entries()) {
      const result = await runCell({ cell, partition, plan, servers, client, bundles })
      results.push(result)
      progress(lineOf(result))
    }
    return { turns: plan.turns, turnMs: plan.turnMs, longTurnMs: plan.longTurnMs, cells: results }
  } finally {
    await client.end()
    if (!given) await servers.stop()
  }
}

function lineOf({ combination, bytes, size, updating, contestants }: CellResult): string {
  const each = contestants.map(
    ({ name, recordsPerSecond, cpuMicroseconds }) => `${name} ${recordsPerSecond}/s ${cpuMicroseconds} us`,
  )
  return `${combination}, ${bytes} B, ${size} an event${updating ? ', updates' : ''}: ${each.join(' | ')}`
}

/** Bundles, tables and buckets. Gives the bundle's file by pipeline. */
export async function deployAll(
  plan: Pick<Plan, 'cells'>,
  servers: BenchServers,
  client: Client,
  debug = false,
): Promise<Map<string, string>> {
  const bundles = new Map<string, string>()
  for (const { pipeline: name, stub } of new Set(plan.cells.map(({ combination }) => combination))) {
    await provisionStores([await pipelineOf(name)], storesOf(stub, servers))
    if (bundles.has(name)) continue
    const { folder } = await bundlePipeline({
      modulePath: moduleOf(name),
      outFolder: join(servers.folder, 'bundles', name),
      pipelineName: name,
      debug,
    })
    bundles.set(name, join(folder, 'index.mjs'))
  }
  const columns = 'id text PRIMARY KEY, category text, value double precision, ts bigint'
  for (const peer of ['careful', 'naive']) await client.query(`CREATE TABLE public.bench_${peer} (${columns})`)
  for (const statement of ddl(sql('bench_ceiling'), 'log')) await client.query(statement)
  return bundles
}

interface CellRun {
  readonly cell: Cell
  readonly partition: number
  readonly plan: Plan
  readonly servers: BenchServers
  readonly client: Client
  readonly bundles: ReadonlyMap<string, string>
}

async function runCell(run: CellRun): Promise<CellResult> {
  const { cell, plan, client } = run
  const { combination, bytes, size, keys } = cell
  const { rows } = await client.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'bench%'",
  )
  for (const { name } of rows) await client.query(`TRUNCATE public.${name}`)
  const names = cell.contestants
  const children = await Promise.all(names.map((name) => startContestant(run, name)))
  try {
    const warmUp = Math.max(1, Math.ceil((keys ?? plan.warmUpRecords) / size))
    const sent = new Map<ContestantName, number>()
    const turns = new Map<ContestantName, Spent[]>(names.map((name) => [name, []]))
    const turn = async (index: number, wanted: Turn): Promise<Spent> => {
      const spent = await takeTurn(children[index]!, wanted)
      sent.set(names[index]!, (sent.get(names[index]!) ?? 0) + spent.records)
      return spent
    }
    const milliseconds = bytes === SMALL && size === TARGET_SIZE ? plan.longTurnMs : plan.turnMs
    for (const index of names.keys()) await turn(index, { milliseconds: 2 * milliseconds, events: warmUp })
    for (let round = 0; round < plan.turns; round++)
      for (const at of names.keys()) {
        const index = (at + round) % names.length
        turns.get(names[index]!)!.push(await turn(index, { milliseconds, events: 1 }))
      }
    await checkWritten(run, sent)
    const contestants = names.map((name) => summary(name, turns.get(name)!))
    return { combination: combination.name, bytes, size, updating: keys !== undefined, contestants }
  } finally {
    for (const child of children) child.kill()
  }
}

export async function startContestant(
  run: Omit<CellRun, 'plan' | 'client'>,
  contestant: ContestantName,
): Promise<ChildProcess> {
  const { cell, partition, servers, bundles } = run
  const { combination, bytes, size, keys } = cell
  const start: Start = {
    contestant,
    workload: { bytes, size, partition, keys },
    targets: targetsOf(combination, contestant, servers),
    bundle: bundles.get(combination.pipeline)!,
  }
  const env = functionEnvironment(await pipelineOf(combination.pipeline), storesOf(combination.stub, servers))
  const child = fork(fileURLToPath(new URL('process.ts', import.meta.url)), {
    env: { ...process.env, ...env, [START_VARIABLE]: JSON.stringify(start) },
    execArgv: ['--conditions=source', ...memoryArguments(MEMORY_MB)],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await answerOf(child)
  return child
}

function targetsOf(
  { stores, kept, raw = false, pipeline }: Combination,
  name: ContestantName,
  servers: BenchServers,
): Targets {
  return {
    stores,
    raw,
    table: tableOf(name, pipeline),
    dynamodbTable: `${kept ? 'kept' : 'bench'}-${name}`,
    bucket: RECORDS_BUCKET,
    prefix: `peers/${name}/`,
    postgres: servers.stores.postgres,
  }
}

function tableOf(name: ContestantName, pipeline: string): string {
  return `bench_${name === 'weirhouse' ? pipeline.replaceAll('-', '_') : name}`
}

export function takeTurn(child: ChildProcess, turn: Turn): Promise<Spent> {
  child.send(turn)
  return answerOf(child) as Promise<Spent>
}

/** A process that ends instead has told why on standard error. */
async function answerOf(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const gone = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`a contestant's process ended with code ${code}`)
  })
  const answered = once(child, 'message', { signal: ended.signal }).then(([message]) => message as unknown)
  try {
    return await Promise.race([answered, gone])
  } finally {
    ended.abort()
    await Promise.allSettled([answered, gone])
  }
}

/** Speed without the rows is none. */
async function checkWritten({ cell, client }: CellRun, sent: ReadonlyMap<ContestantName, number>): Promise<void> {
  const { combination, keys } = cell
  if (!combination.stores.includes('postgres')) return
  for (const [name, records] of sent) {
    const { rows } = await client.query<{ rows: string }>(
      `SELECT count(*) AS rows FROM public.${tableOf(name, combination.pipeline)}`,
    )
    const wanted = keys === undefined ? records : Math.min(keys, records)
    if (Number(rows[0]!.rows) !== wanted) throw new Error(`${name} wrote ${rows[0]!.rows} rows out of ${wanted}`)
  }
}

function summary(name: ContestantName, turns: readonly Spent[]): ContestantResult {
  const rates = turns.map(({ records, milliseconds }) => Math.round(records / (milliseconds / 1000)))
  return {
    name,
    recordsPerSecond: median(rates),
    cpuMicroseconds: round(median(turns.map(({ cpuMicroseconds, records }) => cpuMicroseconds / records)), 2),
    p50Ms: round(median(turns.flatMap(({ each }) => each)), 2),
    peakMb: Math.round(Math.max(...turns.map(({ peakBytes }) => peakBytes)) / 2 ** 20),
    turns: rates,
  }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
