/** The preset `spec` made by moto's CloudFormation, whose services are then asked what came to be. */
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import demo from '../../pipelines/demo.ts'
import { STACKS } from '../../src/cdk/environment-stage.ts'
import { BINDINGS_VARIABLE, bindingsShape } from '../../src/core/bindings.ts'
import { parseShape } from '../../src/core/shape.ts'
import { tableDescription } from '../../src/sinks/dynamodb/index.ts'
import type { DynamoDbOptions } from '../../src/sinks/dynamodb/index.ts'
import { deadLetterTable } from '../../src/sinks/dead-letters/index.ts'
import { ledgerTable } from '../../src/sinks/ledger-dynamodb.ts'
import type { SinkDefinition } from '../../src/sinks/sink.ts'
import { AWS_REQUIREMENTS } from '../support/aws-python.ts'
import { foreignPython, run } from '../support/foreign.ts'
import { environment } from './environment.ts'
import { rewriteForMoto, stoodIn } from './moto-rewrite.ts'

type Rules = readonly (readonly [peer: string, protocol: string, from: number | null, to: number | null])[]
interface Statement {
  readonly Effect: string
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
}

/** What moto_stacks.py prints. */
interface Made {
  readonly stacks: Readonly<
    Record<string, { readonly status: string; readonly outputs: Readonly<Record<string, string>> }>
  >
  readonly knownAfterAll: readonly string[]
  readonly network: Readonly<Record<string, unknown>>
  readonly groups: Readonly<Record<string, { readonly in: Rules; readonly out: Rules }>>
  readonly database: Readonly<Record<string, unknown>>
  readonly tables: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly buckets: Readonly<Record<string, { readonly policy: { readonly Statement: readonly Statement[] } }>>
  readonly functions: Readonly<Record<string, MadeFunction>>
}
interface MadeFunction {
  readonly environment: Readonly<Record<string, string>>
  readonly policies: readonly { readonly Statement: readonly Statement[] }[]
}

const script = fileURLToPath(new URL('../foreign/moto_stacks.py', import.meta.url))
/** The script teaches moto these. */
const TAUGHT = ['AWS::EC2::SecurityGroupEgress', 'AWS::S3::BucketPolicy']
const SSH_FROM = '203.0.113.7/32'
const VPC = 'virtual-private-cloud-lambda'
const EVERYWHERE = ['0.0.0.0/0', 'all', null, null] as const
const HTTPS = ['0.0.0.0/0', 'tcp', 443, 443] as const

const spec = environment({ preset: 'spec' })
const { settings } = spec
const nameOf = (stack: string) => `${settings.prefix}-${stack.toLowerCase()}`
let made: Made
let outputs: Readonly<Record<string, string>>

beforeAll(async () => {
  const bodies = spec.templates()
  const stacks = STACKS.map((stack) => ({
    name: nameOf(stack),
    template: rewriteForMoto(JSON.stringify(bodies[stack]), TAUGHT),
    parameters: stack === 'Access' ? { SshRange: SSH_FROM } : {},
  }))
  const python = await foreignPython(AWS_REQUIREMENTS)
  made = JSON.parse(await run(python, [script], JSON.stringify({ stacks, stoodIn }))) as Made
  outputs = Object.assign({}, ...Object.values(made.stacks).map((stack) => stack.outputs)) as typeof outputs
})

test('every stack is made, in the order of deployment, with what earlier ones export', () => {
  expect(Object.entries(made.stacks).map(([name, { status }]) => [name, status])).toEqual(
    STACKS.map((stack) => [nameOf(stack), 'CREATE_COMPLETE']),
  )
})

test('nothing is stood in for that moto makes by now', () => {
  // It makes mappings, but of no Kafka cluster; what the script teaches it does not count.
  expect(made.knownAfterAll).toEqual(['AWS::Lambda::EventSourceMapping'])
})

describe('EC2', () => {
  test('has the network of the plan: ranges, alternating zones, ways out', () => {
    const { vpcRange, zones } = settings.network.addresses
    const subnets = zones.flatMap(({ letter, publicRange, privateRange }) => {
      const zone = `us-east-1${letter.toLowerCase()}`
      const subnet = (kind: string, range: string, wayOut: string) => ({
        name: `${VPC}-${kind}-${letter.toLowerCase()}`,
        range,
        zone,
        givesPublicAddresses: false,
        waysOut: [wayOut],
      })
      return [subnet('public', publicRange, 'internet'), subnet('private', privateRange, `nat in ${VPC}-public-a`)]
    })
    expect(made.network).toEqual({
      vpc: { name: VPC, range: vpcRange, dns: [true, true] },
      subnets: subnets.sort((a, b) => a.range.localeCompare(b.range)),
      internetGateways: [[true]],
      nats: [{ state: 'available', hasAddress: true }],
      endpoints: { 'com.amazonaws.us-east-1.s3': 2, 'com.amazonaws.us-east-1.dynamodb': 2 },
      flowLogs: ['REJECT'],
    })
    expect(vpcRange).toBe('11.0.0.0/16')
  })

  test('lets in who is meant, and nobody else', () => {
    const port = (peer: string, number: number) => [peer, 'tcp', number, number] as const
    const toDatabase = [HTTPS, port('Store/DatabaseGroup', 5432)]
    expect(made.groups).toEqual({
      'Stream/KafkaBrokers': {
        in: [port('Access/AccessKafkaHostGroup', 9098), port('Stream/KafkaBrokers', 9098)],
        out: [EVERYWHERE],
      },
      'Store/DatabaseGroup': {
        in: ['Access/AccessKafkaHostGroup', 'Process/DemoGroup', 'Store/OperationsGroup'].map((peer) =>
          port(peer, 5432),
        ),
        out: [['255.255.255.255/32', 'icmp', 252, 86]], // nowhere: a group without a rule would have one to everywhere
      },
      'Store/OperationsGroup': { in: [], out: toDatabase },
      'Process/DemoGroup': { in: [], out: toDatabase },
      'Access/AccessBastionGroup': { in: [port(SSH_FROM, 22)], out: [EVERYWHERE] },
      'Access/AccessKafkaHostGroup': { in: [port('Access/AccessBastionGroup', 22)], out: [EVERYWHERE] },
    })
  })
})

test('RDS has a database that is private, encrypted, and takes roles of IAM', () => {
  const { size, multiAz, backupDays } = settings.database
  expect(made.database).toEqual({
    engine: 'postgres 17',
    class: `db.${size.instance}`,
    storageGib: size.storageGib,
    address: outputs['DatabaseAddress'],
    public: false,
    encrypted: true,
    iam: true,
    protected: true,
    multiAz,
    backupDays,
    groups: ['Store/DatabaseGroup'],
    subnets: [`${VPC}-private-a`, `${VPC}-private-b`],
    parameters: { 'rds.force_ssl': '1' },
  })
})

test('DynamoDB has the tables that the definition, the ledger and the dead letters describe', () => {
  const sink = demo.sinks.find(({ kind }) => kind === 'dynamodb') as SinkDefinition<DynamoDbOptions>
  const described = [
    [outputs['TableDemo'], tableDescription(sink)],
    [outputs['LedgerTable'], ledgerTable('ledger')],
    [outputs['DeadLetterTable'], deadLetterTable('dead-letters')],
  ] as const
  const wanted = described.map(([name, { AttributeDefinitions, KeySchema, BillingMode }]) => [
    name,
    {
      attributes: AttributeDefinitions,
      key: KeySchema,
      billing: BillingMode,
      encryption: expect.objectContaining({ Status: 'ENABLED', SSEType: 'KMS' }) as unknown,
      protected: true,
      restorable: 'ENABLED',
    },
  ])
  expect(made.tables).toEqual(Object.fromEntries(wanted))
})

test('S3 has two buckets, closed, encrypted, and deaf to what comes without TLS', () => {
  const all = { BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true }
  expect(new Set(Object.keys(made.buckets))).toEqual(new Set([outputs['RecordsBucket'], outputs['DeadLetterBucket']]))
  for (const [name, bucket] of Object.entries(made.buckets)) {
    expect(bucket).toMatchObject({
      publicAccessBlock: all,
      encryption: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
    })
    const arn = `arn:aws:s3:::${name}`
    expect(bucket.policy.Statement).toContainEqual({
      Effect: 'Deny',
      Principal: { AWS: '*' },
      Action: 's3:*',
      Resource: [arn, `${arn}/*`],
      Condition: { Bool: { 'aws:SecureTransport': 'false' } },
    })
    expect(bucket.policy.Statement.map(({ Effect }) => Effect)).not.toContain('Allow')
  }
})

describe('Lambda', () => {
  test('has the consumer in the private subnets, told where its stores are', () => {
    const consumer = made.functions[outputs['FunctionDemo']!]!
    expect(consumer).toMatchObject({
      runtime: 'nodejs24.x',
      timeout: 60,
      groups: ['Process/DemoGroup'],
      subnets: [`${VPC}-private-a`, `${VPC}-private-b`],
    })
    expect(parseShape(bindingsShape, JSON.parse(consumer.environment[BINDINGS_VARIABLE]!), 'test')).toEqual({
      sinks: {
        lake: { bucket: outputs['RecordsBucket'], prefix: '' },
        sql: {
          host: outputs['DatabaseAddress'],
          port: 5432,
          database: 'weirhouse',
          user: 'weirhouse_demo',
          ssl: 'verify',
          auth: 'iam',
        },
        kv: { table: outputs['TableDemo'] },
      },
      ledger: { table: outputs['LedgerTable'] },
      deadLetters: { table: outputs['DeadLetterTable'], bucket: outputs['DeadLetterBucket'] },
    })
  })

  test('has the operations function, told of the database', () => {
    const { environment: told } = made.functions[outputs['OperationsFunction']!]!
    expect(JSON.parse(told['WEIRHOUSE_OPERATIONS']!)).toEqual({
      postgres: {
        host: outputs['DatabaseAddress'],
        port: 5432,
        database: 'weirhouse',
        secretArn: outputs['DatabaseSecret'],
      },
    })
  })

  test('has the consumer read its topic in its group, by the names that the service makes of the cluster', () => {
    const { policies } = made.functions[outputs['FunctionDemo']!]!
    const of = (action: string) =>
      policies.flatMap(({ Statement }) => Statement.filter((each) => [each.Action].flat().includes(action)))
    const named = (kind: string, name: string) => `${outputs['ClusterArn']!.replace(':cluster/', `:${kind}/`)}/${name}`
    expect(of('kafka-cluster:Connect').map(({ Resource }) => Resource)).toEqual([outputs['ClusterArn']])
    expect(of('kafka-cluster:ReadData').map(({ Resource }) => Resource)).toEqual([named('topic', demo.source.topic)])
    expect(of('kafka-cluster:AlterGroup').map(({ Resource }) => Resource)).toEqual([
      named('group', `${settings.prefix}-${demo.name}`),
    ])
  })
})
