/** The operations function against a server as RDS sets it up, its secret from a stand-in for AWS Secrets Manager. */
import { READER_ROLE } from '../../src/sinks/postgres/index.ts'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Pipeline } from '../../src/core/pipeline.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { createOperations } from '../../src/operations/index.ts'
import type { OperationAnswer } from '../../src/operations/index.ts'
import { SECRET_ARN, startSecretsStub } from '../support/secrets-stub.ts'
import type { SecretsStub } from '../support/secrets-stub.ts'
import { any, pipeline } from '../../src/index.ts'
import { s3 } from '../../src/sinks/s3/index.ts'
import { pipelineOf, startRdsLike } from './migrate-world.ts'
import type { RdsLike } from './migrate-world.ts'

const GOOD = JSON.stringify({ username: 'master', password: 'master' })
let rds: RdsLike
let stub: SecretsStub
let database: PostgresEndpoint

beforeAll(async () => {
  ;[rds, stub] = await Promise.all([startRdsLike(), startSecretsStub()])
  database = await rds.database()
})
afterAll(async () => {
  stub.close()
  await rds.stop()
})

const AWS = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'a-key-that-must-not-show',
  AWS_SESSION_TOKEN: 'a-token-that-must-not-show',
}

interface Given {
  readonly event?: unknown
  readonly pipelines?: readonly Pipeline[]
  readonly secrets?: readonly string[]
  readonly variables?: NodeJS.ProcessEnv
}

const place = ({ host, port, database }: PostgresEndpoint, more: object = {}) =>
  JSON.stringify({ postgres: { host, port, database, secretArn: SECRET_ARN, ...more } })

/** Answer or error of one invocation, and what it logged. */
async function invoke({ event = { verb: 'migrate' }, pipelines = [], secrets = [GOOD], variables = {} }: Given) {
  stub.secrets = secrets
  const lines: string[] = []
  const handler = createOperations(pipelines, {
    variables: {
      ...AWS,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: stub.endpoint,
      WEIRHOUSE_OPERATIONS: place(database),
      ...variables,
    },
    write: (line) => void lines.push(line),
  })
  const context = { awsRequestId: 'r-1', getRemainingTimeInMillis: () => 20_000 }
  const outcome: { answer?: OperationAnswer; error?: Error } = await handler(event, context).then(
    (answer) => ({ answer }),
    (error: Error) => ({ error }),
  )
  const log = lines.join('')
  for (const secret of [AWS.AWS_SECRET_ACCESS_KEY, AWS.AWS_SESSION_TOKEN, ...secrets]) expect(log).not.toContain(secret)
  return { ...outcome, log, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

describe('migrate', () => {
  test('reads the secret, makes tables, role and rights, and says so; a second time there is nothing to do', async () => {
    const pipelines = [pipelineOf('orders', { key: ['id'] }), pipelineOf('quakes')]
    const planned = await invoke({ pipelines, event: { verb: 'migrate', dryRun: true } })
    const { answer, lines, log } = await invoke({ pipelines })
    expect(answer).toMatchObject({ verb: 'migrate', applied: true })
    expect(planned).toMatchObject({ answer: { verb: 'migrate', statements: answer!.statements, applied: false } })
    expect(lines).toMatchObject([
      { level: 'INFO', requestId: 'r-1', verb: 'migrate', statements: answer!.statements.length, applied: true },
    ])
    expect(log).not.toContain('CREATE')
    expect(await invoke({ pipelines })).toMatchObject({ answer: { verb: 'migrate', statements: [], applied: false } })
    const client = new Client({ ...database })
    await client.connect()
    const { rows } = await client.query(
      "SELECT rolname, pg_has_role(rolname, 'rds_iam', 'MEMBER') AS iam, has_table_privilege(rolname, substr(rolname, 11), 'INSERT') AS writes FROM pg_roles WHERE rolname LIKE 'weirhouse\\_%' ORDER BY 1",
    )
    expect(rows).toEqual([
      { rolname: 'weirhouse_orders', iam: true, writes: true },
      { rolname: 'weirhouse_quakes', iam: true, writes: true },
    ])
    const { rows: reader } = await client.query(
      `SELECT t, p FROM unnest(ARRAY['orders', 'quakes', 'weirhouse.watermark', 'weirhouse.refused']) t,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
        WHERE has_table_privilege('${READER_ROLE}', t, p) ORDER BY 1`,
    )
    expect(reader).toEqual(['orders', 'quakes', 'weirhouse.watermark'].map((t) => ({ t, p: 'SELECT' })))
    await client.end()
  })

  test('a password changed since it was read is read once more; one that stays wrong is not', async () => {
    const pipelines = [pipelineOf('rotated')]
    const old = JSON.stringify({ username: 'master', password: 'the-old-one' })
    const before = stub.asked()
    expect(await invoke({ pipelines, secrets: [...Array<string>(before).fill(GOOD), old, GOOD] })).toMatchObject({
      answer: { applied: true },
    })
    expect(stub.asked() - before).toBe(2)
    const { error, log } = await invoke({ pipelines, secrets: [old] })
    expect(error!.name).toBe('WEIR_MIGRATION_FAILED')
    expect(error!.message).toContain('28P01')
    expect(error!.message + log).not.toContain('the-old-one')
    expect(stub.asked() - before).toBe(4)
  })

  test('without a PostgreSQL sink neither secret nor variable is needed', async () => {
    const lake = pipeline({ name: 'lake', source: { topic: 't' }, decode: any(), sinks: [s3({ id: 'lake' })] })
    const variables = { WEIRHOUSE_OPERATIONS: undefined, AWS_REGION: undefined }
    expect(await invoke({ pipelines: [lake], variables })).toMatchObject({ answer: { statements: [], applied: false } })
  })

  test('tables that break: the error has the statements that a person would run', async () => {
    await invoke({ pipelines: [pipelineOf('breaking')] })
    const wider = pipelineOf('breaking', { columns: { id: 'text', n: 'bigint', note: 'text' } })
    const { error } = await invoke({ pipelines: [wider] })
    expect(error!.name).toBe('WEIR_MIGRATION_BREAKS')
    expect(error!.message).toContain('ALTER TABLE "public"."breaking" ALTER COLUMN "n" TYPE bigint USING "n"::bigint')
  })
})

describe('an error has its code as name, and one ERROR line with the cure', () => {
  const pipelines = [pipelineOf('wrong')]
  const cases: Record<string, Given & { readonly code: string; readonly says: string }> = {
    'another verb': {
      event: { verb: 'drop' },
      code: 'WEIR_UNKNOWN',
      says: 'There is no verb "drop"; there are: migrate',
    },
    'no event': { event: null, code: 'WEIR_USAGE', says: '{"verb": "migrate"}' },
    'a Kafka event': { event: { eventSource: 'aws:kafka', records: {} }, code: 'WEIR_USAGE', says: 'verb' },
    'SQL of somebody': { event: { verb: 'migrate', sql: 'DROP' }, code: 'WEIR_USAGE', says: 'no such option' },
    'a word for a flag': { event: { verb: 'migrate', dryRun: 'yes' }, code: 'WEIR_USAGE', says: 'dryRun' },
    'no variable': {
      variables: { WEIRHOUSE_OPERATIONS: '' },
      code: 'WEIR_BINDING_MISSING',
      says: 'WEIRHOUSE_OPERATIONS',
    },
    'a variable without the database': {
      variables: { WEIRHOUSE_OPERATIONS: '{}' },
      code: 'WEIR_BINDING_MISSING',
      says: '"postgres" in WEIRHOUSE_OPERATIONS',
    },
    'a variable that is no JSON': {
      variables: { WEIRHOUSE_OPERATIONS: '{"postgres' },
      code: 'WEIR_DEFINITION_INVALID',
      says: 'no JSON',
    },
    'a secret that is not there': {
      variables: {
        WEIRHOUSE_OPERATIONS: JSON.stringify({ postgres: { host: 'h', port: 1, database: 'd', secretArn: 'x' } }),
      },
      code: 'WEIR_MIGRATION_FAILED',
      says: 'secretsmanager GetSecretValue: ResourceNotFoundException',
    },
    'a secret of something else': { secrets: ['{"key": "sk-1"}'], code: 'WEIR_MIGRATION_FAILED', says: 'RDS manages' },
    'a secret that is no JSON': { secrets: ['sk-2'], code: 'WEIR_MIGRATION_FAILED', says: 'does not hold' },
    'no credentials': { variables: { AWS_ACCESS_KEY_ID: '' }, code: 'WEIR_CREDENTIALS', says: 'AWS_ACCESS_KEY_ID' },
  }

  test.each(Object.entries(cases))('%s', async (_, { code, says, ...given }) => {
    const { error, lines } = await invoke({ pipelines, ...given })
    expect(error).toMatchObject({ name: code, message: expect.stringContaining(says) })
    expect(lines).toMatchObject([{ level: 'ERROR', code, cure: expect.stringMatching(/^.{10}/) }])
  })
})
