/** The first tables on AWS, as far as a laptop goes: the bundle of the operations function, invoked as the command line does. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import demo from '../../pipelines/demo.ts'
import { bundleOperations, bundlePipeline } from '../../src/bundle/index.ts'
import { functionEnvironment } from '../../src/local/deployment.ts'
import { serveLambdaApi } from '../../src/local/lambda/http.ts'
import type { LambdaApi } from '../../src/local/lambda/http.ts'
import { provision } from '../../src/local/provision.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { invokeOperations } from '../../src/operations/aws/invoke-operations.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import { startRdsLike } from '../contract/migrate-world.ts'
import type { RdsLike } from '../contract/migrate-world.ts'
import { SECRET_ARN, startSecretsStub } from '../support/secrets-stub.ts'
import type { SecretsStub } from '../support/secrets-stub.ts'
import { root } from '../support/weirhouse.ts'
import { openLambdaWorld } from './lambda-world.ts'

const MODULE = join(root, 'pipelines/demo.ts')
const OPERATIONS = 'weirhouse-operations'
const { host, deploy, invoke, logsOf, end } = openLambdaWorld()
const folder = mkdtempSync(join(tmpdir(), 'weirhouse-operations-'))
const stores = inject('stores')
let api: LambdaApi
let rds: RdsLike
let stub: SecretsStub
let database: PostgresEndpoint

beforeAll(async () => {
  ;[api, rds, stub] = await Promise.all([serveLambdaApi({ host }), startRdsLike(), startSecretsStub()])
  database = await rds.database()
  stub.secrets = [JSON.stringify({ username: 'master', password: 'master' })]
  vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', api.endpoint)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'any')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'any')
  const bundle = await bundleOperations({ modulePaths: [MODULE], outFolder: join(folder, 'operations') })
  await host.deploy({ ...operationsOf(bundle.folder), name: OPERATIONS })
})
afterAll(async () => {
  vi.unstubAllEnvs()
  stub.close()
  await api.close()
  await Promise.all([rds.stop(), end()])
  rmSync(folder, { recursive: true })
})

function operationsOf(codeFolder: string) {
  const { host, port } = database
  return {
    codeFolder,
    handler: 'index.handler',
    timeoutSeconds: 30,
    memoryMb: 256,
    environment: {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'token',
      AWS_ENDPOINT_URL_SECRETS_MANAGER: stub.endpoint,
      WEIRHOUSE_OPERATIONS: JSON.stringify({
        postgres: { host, port, database: database.database, secretArn: SECRET_ARN },
      }),
    },
  }
}

const { signal } = new AbortController()
const operate = (functionName: string, dryRun = false) =>
  invokeOperations({ functionName, region: 'eu-west-1', verb: 'migrate', dryRun, signal })

test('it migrates, a second call changes nothing, and the function of the pipeline then works as its own role', async () => {
  const planned = await operate(OPERATIONS, true)
  expect(planned).toMatchObject({ verb: 'migrate', applied: false })
  expect(await operate(OPERATIONS)).toEqual({ ...planned, applied: true })
  expect(await operate(OPERATIONS)).toEqual({ verb: 'migrate', statements: [], applied: false })

  await provision([demo], { ...stores, kafka: inject('kafka') })
  await rds.server.asSuperuser('postgres', "ALTER ROLE weirhouse_demo PASSWORD 'its-own'")
  const bundle = await bundlePipeline({ modulePath: MODULE, outFolder: join(folder, 'demo'), pipelineName: 'demo' })
  const postgres = { ...database, user: 'weirhouse_demo', password: 'its-own' }
  const environment = functionEnvironment(demo, { ...stores, postgres })
  const name = await deploy('', { codeFolder: bundle.folder, timeoutSeconds: 30, environment })
  const eventSourceArn = 'arn:aws:kafka:eu-west-1:123456789012:cluster/operations/0'
  const records = ['{"a":1}', 'text', null].map((value, offset) => ({ offset, value, timestamp: 1_700_000_000_000 }))
  const event = kafkaEvent({ topic: 'demo_topic', eventSourceArn, records })
  for (const _ of ['once', 'again'])
    expect((await invoke(name, event)).functionError, logsOf(name).join()).toBeUndefined()
  const rows = await rds.server.asSuperuser(database.database, 'SELECT kind, value FROM demo ORDER BY "offset"')
  expect(rows).toEqual([
    { kind: 'json', value: { a: 1 } },
    { kind: 'text', value: 'text' },
    { kind: 'tombstone', value: null },
  ])
})

describe('what the function threw comes back as what it was there', () => {
  test('with its code, its words and its cure', async () => {
    const bundle = await bundleOperations({ modulePaths: [MODULE], outFolder: join(folder, 'unbound') })
    const name = await deploy('', { codeFolder: bundle.folder })
    await expect(operate(name)).rejects.toMatchObject({
      name: 'WeirError',
      code: 'WEIR_BINDING_MISSING',
      message: expect.stringMatching(/^The function has no object in WEIRHOUSE_OPERATIONS\. Start it/),
    })
  })

  test.each([
    ['an error without a code', "throw new Error('odd')", 'Error: odd'],
    ['one that looks like a code', "throw Object.assign(new Error('odd'), { name: 'toString' })", 'toString: odd'],
    ['too little time', 'await new Promise(() => setInterval(() => undefined, 1000))', 'timed out'],
    ['an answer of something else', "return 'hello'", 'Is it the operations function?'],
  ])('%s', async (_, body, reason) => {
    const name = await deploy(`export const handler = async () => { ${body} }`, { timeoutSeconds: 1 })
    const error = await operate(name).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'WEIR_REQUEST_FAILED', message: expect.stringContaining(name) })
    expect((error as Error).message).toContain(reason)
  })

  test('no such function; nobody there', async () => {
    await expect(operate('nobody')).rejects.toMatchObject({
      code: 'WEIR_REQUEST_FAILED',
      message: expect.stringContaining('Lambda Invoke of nobody answered 404 ResourceNotFoundException'),
    })
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', 'http://127.0.0.1:1')
    await expect(operate(OPERATIONS)).rejects.toMatchObject({ code: 'WEIR_REQUEST_FAILED' })
    vi.stubEnv('AWS_ENDPOINT_URL_LAMBDA', api.endpoint)
  })

  test('Ctrl-C ends the wait', async () => {
    const name = await deploy('export const handler = () => new Promise(() => setInterval(() => undefined, 1000))')
    const stop = new AbortController()
    const options = { functionName: name, region: 'eu-west-1', verb: 'migrate', dryRun: false } as const
    const waiting = invokeOperations({ ...options, signal: stop.signal })
    setTimeout(() => stop.abort(), 300)
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })
})
