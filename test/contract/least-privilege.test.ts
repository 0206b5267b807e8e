/**
 * Least privilege, shown: the very bundle runs in the sandbox through everything that it does, a proxy writes down each
 * request, and the policy of the role that a deployment would give it is asked. What it allows beyond them is a list.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import * as v from 'valibot'
import { createClients } from '../../src/aws/index.ts'
import type { AwsClients } from '../../src/aws/index.ts'
import { bundlePipeline } from '../../src/bundle/index.ts'
import { environmentApp } from '../../src/cdk/assemble.ts'
import { settingsOf } from '../../src/cdk/settings.ts'
import { environmentOptions } from '../../src/config/environments.ts'
import { replayHeader } from '../../src/core/replay.ts'
import { DEAD_LETTERS, functionEnvironment, LEDGER_TABLE, RECORDS_BUCKET } from '../../src/local/deployment.ts'
import { provisionStores } from '../../src/local/provision.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import type { EventRecord } from '../../src/testing/event-builder.ts'
import { allowedTo } from '../aws/policies.ts'
import type { Allowed } from '../aws/policies.ts'
import { worldOf } from '../aws/reachability.ts'
import allSinks from '../fixtures/bundles/all-sinks.ts'
import { openLambdaWorld } from '../integration/lambda-world.ts'
import type { LambdaWorld } from '../integration/lambda-world.ts'
import { recordingProxy } from '../support/recording-proxy.ts'
import type { Call, RecordingProxy } from '../support/recording-proxy.ts'
import { root } from '../tidy/tree.ts'

const stores = inject('stores')
const work = mkdtempSync(join(tmpdir(), 'weirhouse-privileges-'))
const fixture = join(root, 'test/fixtures/bundles/all-sinks.ts')
let s3: RecordingProxy
let dynamodb: RecordingProxy
let lambda: LambdaWorld
let allowed: Allowed[]

/** What stands on AWS under these symbols stands here under these names. */
const LOCAL: readonly (readonly [symbol: string, name: string])[] = [
  ['Store/RecordsBucket.Arn', RECORDS_BUCKET],
  ['Store/DeadLettersPayloads.Arn', DEAD_LETTERS.bucket],
  ['Store/TablesQuakes.Arn', 'table/quakes'],
  ['Store/LedgerTable.Arn', `table/${LEDGER_TABLE}`],
  ['Store/DeadLettersTable.Arn', `table/${DEAD_LETTERS.table}`],
]

beforeAll(async () => {
  const bundle = await bundlePipeline({ modulePath: fixture, outFolder: join(work, 'code'), pipelineName: 'all-sinks' })
  allowed = policyOf(bundle.folder)
  await provisionStores([allSinks], stores)
  s3 = await recordingProxy('s3', stores.s3.endpoint)
  dynamodb = await recordingProxy('dynamodb', stores.dynamodb.endpoint)
  lambda = openLambdaWorld()
  const through = {
    ...stores,
    s3: { ...stores.s3, endpoint: s3.endpoint },
    dynamodb: { ...stores.dynamodb, endpoint: dynamodb.endpoint },
  }
  const environment = functionEnvironment(allSinks, through)
  const { folder, handler } = bundle
  await lambda.host.deploy({ name: 'f', codeFolder: folder, handler, timeoutSeconds: 20, memoryMb: 512, environment })
})
afterAll(async () => {
  await Promise.all([lambda?.end(), s3?.close(), dynamodb?.close()])
  rmSync(work, { recursive: true, force: true })
})

function policyOf(codeFolder: string): Allowed[] {
  process.env['CDK_VALIDATION'] = 'false' // templates are held to rules elsewhere
  const settings = settingsOf('test', v.parse(environmentOptions, { preset: 'minimal' }))
  const { stage } = environmentApp({
    settings,
    pipelines: [{ pipeline: allSinks, codeFolder }],
    operationsFolder: codeFolder,
    outdir: join(work, 'out'),
  })
  const templates = stage
    .synth()
    .stacks.map(({ hierarchicalId, template }) => [hierarchicalId.split('/')[1]!, template])
  return allowedTo(worldOf(Object.fromEntries(templates) as never), 'Process/AllSinks')
}

async function invoke(records: readonly EventRecord[]): Promise<string | undefined> {
  const event = kafkaEvent({ topic: 'quakes', eventSourceArn: 'arn:aws:kafka:test', records })
  const { payload, functionError } = await lambda.host.invoke('f', Buffer.from(JSON.stringify(event)))
  return functionError === undefined ? undefined : payload.toString('utf8')
}

const record = (offset: number, key: string, value = '{"m":1}'): EventRecord => ({
  offset,
  key,
  value,
  timestamp: offset,
})

/** Everything that the function does to its stores: first light, again, newer, refused, large, several rows of a record, older items, cut off in mid-claim. */
async function work_(): Promise<void> {
  expect(await invoke([record(0, 'a'), record(1, 'b')])).toBeUndefined()
  expect(await invoke([record(0, 'a'), record(1, 'b'), record(2, 'a', '{"m":2}')])).toBeUndefined()
  expect(await invoke([record(3, ''), record(4, '', `"${'x'.repeat(400_000)}"`)])).toBeUndefined()
  // The claim stands, its object too, and the settling of it is refused: the next invocation looks whether it is there.
  dynamodb.denyOnce(({ action, leadingKey }, body) => action === 'dynamodb:PutItem' && isSettling(leadingKey, body))
  expect(await invoke([record(5, 'c')])).toContain('denied by the test')
  expect(await invoke([record(5, 'c'), record(6, 'd')])).toBeUndefined()
  await replayLarge()
  expect(await invoke([record(8, 'p+q')])).toBeUndefined()
  await unmark('b')
  expect(await invoke([record(9, 'b')])).toBeUndefined()
}

/** An item as of before there were marks of shapes: no update takes it, it is looked at and put. */
async function unmark(id: string): Promise<void> {
  const clients = storeClients()
  const input = { TableName: 'quakes', Key: { id: { S: id } }, UpdateExpression: 'REMOVE #shape' }
  const within = { remaining: () => 10_000, signal: AbortSignal.timeout(10_000) }
  await clients.dynamodb.call('UpdateItem', { ...input, ExpressionAttributeNames: { '#shape': '_shape' } }, within)
  clients.close()
}

/** The letter whose payload lies in an object comes again: it is looked at, taken, and, as it fails again, put back. */
async function replayLarge(): Promise<void> {
  const clients = storeClients()
  const letters = openDeadLetters({ ...DEAD_LETTERS, clients })
  const within = { remaining: () => 10_000, signal: AbortSignal.timeout(10_000) }
  const all = (await letters.list({ pipeline: 'all-sinks', fromOffset: 4, toOffset: 4 }, within)).letters
  const large = (await letters.get(all[0]!.id, within))!
  await letters.change(large, { to: 'replaying', attempts: 1, scanFrom: 7 }, within)
  const { key, value, headers } = large.record
  const copy = { key, value, headers: [...headers, replayHeader({ ...large, attempt: 1 })] }
  expect(await invoke([{ offset: 7, timestamp: 4, ...copy }])).toBeUndefined()
  expect(await letters.get(large.id, within)).toMatchObject({ state: 'new', attempts: 1 })
  clients.close()
}

function storeClients(): AwsClients {
  const { dynamodb: table, s3: objects } = stores
  return createClients({
    AWS_REGION: table.region,
    AWS_ACCESS_KEY_ID: table.accessKeyId,
    AWS_SECRET_ACCESS_KEY: table.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_ENDPOINT_URL_S3: objects.endpoint,
  })
}

function isSettling(leadingKey: string | undefined, body: string): boolean {
  return leadingKey?.startsWith('all-sinks#lake#') === true && body.includes('"pending":{"NULL":true}')
}

const matches = (pattern: string, text: string) =>
  new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  ).test(text)

function localOf(resource: string): string {
  const found = LOCAL.find(([symbol]) => resource === symbol || resource.startsWith(`${symbol}/`))
  return found === undefined ? resource : resource.replace(found[0], found[1])
}

function admits({ actions, resource, condition }: Allowed, { action, resource: asked, leadingKey }: Call): boolean {
  if (!actions.includes(action) || !matches(localOf(resource), asked)) return false
  const [operator] = Object.values((condition ?? {}) as Record<string, Record<string, string[]>>)
  const keys = operator?.['dynamodb:LeadingKeys']
  return keys === undefined || (leadingKey !== undefined && keys.some((key) => matches(key, leadingKey)))
}

test('what the function asks of its stores, its role is allowed; what it is allowed beyond that is this list', async () => {
  await work_()
  const calls = [...s3.calls, ...dynamodb.calls]
  expect(calls.filter((call) => !allowed.some((statement) => admits(statement, call)))).toEqual([])
  const unused = allowed.flatMap((statement) =>
    statement.actions
      .filter((action) => !calls.some((call) => call.action === action && admits(statement, call)))
      .map((action) => `${action} on ${localOf(statement.resource)}`),
  )
  expect(unused.filter((each) => !Object.keys(BEYOND).some((pattern) => matches(pattern, each)))).toEqual([])
  const stale = Object.keys(BEYOND).filter((pattern) => !unused.some((each) => matches(pattern, each)))
  expect(stale).toEqual([])
})

/** What stands in the policy and was not asked for here: what for. */
const BEYOND: Readonly<Record<string, string>> = {
  'logs:* on Process/*': 'the Lambda service writes the log with the role of the function',
  'ec2:* on *': 'the Lambda service makes network interfaces with it: within the VPC, and for the pollers',
  'kafka*': 'the event source mapping reads the topic with it',
  'rds-db:connect on *':
    'a policy of the login alone: the database is reached by its own protocol, through no proxy here',
  'dynamodb:DescribeTable on table/quakes':
    'asked where DynamoDB itself refuses an item: is it the record or the table?',
}
