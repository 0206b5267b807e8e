/** Functions and what triggers them, as the specification asks for them: what they are told, what they may do. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consumers, lake, reading, told } from '../../test/aws/consumers.ts'
import { allowedTo } from '../../test/aws/policies.ts'
import { worldOf } from '../../test/aws/reachability.ts'
import type { World } from '../../test/aws/reachability.ts'
import { makeStores, specApp, templatesOf } from '../../test/aws/spec-app.ts'
import demo from '../../pipelines/demo.ts'
import { bindingsShape } from '../core/bindings.ts'
import { parseShape } from '../core/shape.ts'
import { bundlePipeline, KafkaCluster, KafkaTopic, Network, Poller, TopicConsumer } from './index.ts'

const spec = specApp()
let world: World
let process_: Template
beforeAll(() => {
  world = worldOf(templatesOf(spec.stacks))
  process_ = Template.fromStack(spec.stacks.process)
})

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-consumer-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const INTERFACES = ['Create', 'Describe', 'Delete'].map(
  (verb) => `ec2:${verb}NetworkInterface${verb === 'Describe' ? 's' : ''}`,
)

describe('the function', () => {
  test('nodejs24.x on arm64, memory and time from the pipeline, its own log with an end, in JSON, in the private subnets', () => {
    process_.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'nodejs24.x',
      Architectures: ['arm64'],
      Handler: 'index.handler',
      MemorySize: demo.function.memoryMb,
      Timeout: demo.function.timeoutSeconds,
      LoggingConfig: {
        LogFormat: 'JSON',
        ApplicationLogLevel: 'INFO',
        SystemLogLevel: 'INFO',
        LogGroup: { Ref: Match.stringLikeRegexp('DemoLog') },
      },
      VpcConfig: {
        SubnetIds: [
          { 'Fn::ImportValue': Match.stringLikeRegexp('PrivateSubnetA') },
          { 'Fn::ImportValue': Match.stringLikeRegexp('PrivateSubnetB') },
        ],
        SecurityGroupIds: [Match.anyValue()],
      },
      TracingConfig: Match.absent(),
      ReservedConcurrentExecutions: Match.absent(),
    })
    process_.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 })
    process_.resourceCountIs('AWS::Lambda::Url', 0)
    process_.resourceCountIs('AWS::Lambda::Permission', 0)
  })

  test('is told where its sinks, the ledger and dead letters are', () => {
    const bindings = told(world, 'Process/DemoFunction', 'WEIRHOUSE_BINDINGS')
    expect(parseShape(bindingsShape, bindings, 'test')).toEqual({
      sinks: {
        lake: { bucket: 'Store/RecordsBucket', prefix: '' },
        sql: {
          host: 'Store/DatabaseInstance.Endpoint.Address',
          port: 5432,
          database: 'weirhouse',
          user: 'weirhouse_demo',
          ssl: 'verify',
          auth: 'iam',
        },
        kv: { table: 'Store/TablesDemo' },
      },
      ledger: { table: 'Store/LedgerTable' },
      deadLetters: { table: 'Store/DeadLettersTable', bucket: 'Store/DeadLettersPayloads' },
    })
    process_.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' } },
    })
  })

  test('gets the bundle of its pipeline, byte for byte', async () => {
    const modulePath = join(import.meta.dirname, '../../pipelines/demo.ts')
    const bundle = await bundlePipeline({ modulePath, outFolder: join(folder, 'bundle'), pipelineName: 'demo' })
    const app = new App({ analyticsReporting: false, outdir: join(folder, 'assembly') })
    const stack = new Stack(app, 'One')
    const network = new Network(stack, 'Network')
    const topic = new KafkaTopic(stack, 'Topic', {
      cluster: new KafkaCluster(stack, 'Kafka', { network }),
      name: 'demo_topic',
    })
    const stores = makeStores(stack, network, [demo])
    new TopicConsumer(stack, 'Demo', { pipeline: demo, codeFolder: bundle.folder, topic, network, ...stores })
    const { directory } = app.synth()
    const [made] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'))
    const { files } = JSON.parse(readFileSync(join(directory, 'One.assets.json'), 'utf8')) as AssetManifest
    const asset = Object.entries(files).find(([sum]) => made!['Properties'].Code.S3Key === `${sum}.zip`)![1].source.path
    expect(readdirSync(join(directory, asset))).toEqual(['index.mjs'])
    expect(readFileSync(join(directory, asset, 'index.mjs'))).toEqual(readFileSync(join(bundle.folder, 'index.mjs')))
  })
})

interface AssetManifest {
  readonly files: Readonly<Record<string, { readonly source: { readonly path: string } }>>
}

describe('the event source mapping', () => {
  const mappingOf = (poller: Poller) => {
    const { stack } = consumers([reading('a', [lake])], { poller })
    const [mapping] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::EventSourceMapping'))
    return mapping!['Properties'] as Record<string, unknown>
  }

  test('reads the topic from its beginning as one fixed group, in batches of the pipeline, after topic and policy are there', () => {
    const { stack, topic, made } = consumers([reading('a', [lake])])
    Template.fromStack(stack).hasResource('AWS::Lambda::EventSourceMapping', {
      Properties: {
        EventSourceArn: { 'Fn::GetAtt': [Match.stringLikeRegexp('KafkaCluster'), 'Arn'] },
        Topics: ['orders'],
        StartingPosition: 'TRIM_HORIZON',
        BatchSize: 500,
        MaximumBatchingWindowInSeconds: 2,
        AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'weirhouse-a' },
      },
      DependsOn: Match.arrayWith([
        Match.stringLikeRegexp('^aRoleDefaultPolicy'),
        Match.stringLikeRegexp('^NetworkNatRoute'),
        stack.getLogicalId(topic.cfnTopic),
      ]),
    })
    expect(made[0]!.consumerGroup).toBe('weirhouse-a')
  })

  const PROVISIONED_ONLY = [
    'ProvisionedPollerConfig',
    'MaximumRetryAttempts',
    'MaximumRecordAgeInSeconds',
    'BisectBatchOnFunctionError',
    'MetricsConfig',
    'LoggingConfig',
  ]

  test('on demand it has nothing that the service takes from provisioned pollers alone, and nowhere a destination', () => {
    const onDemand = Object.keys(mappingOf(Poller.onDemand()))
    expect(onDemand.filter((key) => PROVISIONED_ONLY.includes(key))).toEqual([])
    expect(onDemand).not.toContain('DestinationConfig')
    expect(mappingOf(Poller.provisioned())).not.toHaveProperty('DestinationConfig')
  })

  test('provisioned pollers: what is given, and no limit to retries where none is', () => {
    expect(mappingOf(Poller.provisioned({ minimum: 2, maximum: 8 }))).toMatchObject({
      ProvisionedPollerConfig: { MinimumPollers: 2, MaximumPollers: 8 },
      MetricsConfig: { Metrics: ['EventCount', 'ErrorCount'] },
    })
    expect(mappingOf(Poller.provisioned())).not.toHaveProperty('MaximumRetryAttempts')
    expect(mappingOf(Poller.provisioned({ retries: 3, maxAgeSeconds: 600, bisectOnError: true }))).toMatchObject({
      MaximumRetryAttempts: 3,
      MaximumRecordAgeInSeconds: 600,
      BisectBatchOnFunctionError: true,
    })
  })

  test('a poller that gives records up is warned of', () => {
    const warnings = (poller: Poller) =>
      Annotations.fromStack(consumers([reading('a', [lake])], { poller }).stack).findWarning(
        '*',
        Match.stringLikeRegexp('weirhouse:records-given-up'),
      )
    expect(warnings(Poller.provisioned({ retries: 3 }))).toHaveLength(1)
    expect(warnings(Poller.provisioned({ maxAgeSeconds: 600 }))).toHaveLength(1)
    expect(warnings(Poller.provisioned())).toEqual([])
  })
})

describe('grants', () => {
  test('a consumer: its log, its own part of each store, one topic as one group, interfaces; nothing else', () => {
    expect(allowedTo(world, 'Process/DemoRole')).toEqual([
      { resource: 'Process/DemoLog.Arn', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'] },
      { resource: 'Store/RecordsBucket.Arn/demo/lake/demo_topic/*', actions: ['s3:PutObject', 's3:GetObject'] },
      { resource: 'Store/RecordsBucket.Arn', actions: ['s3:ListBucket'] },
      {
        resource:
          'arn:<AWS::Partition>:rds-db:<AWS::Region>:<AWS::AccountId>:dbuser:Store/DatabaseInstance.DbiResourceId/weirhouse_demo',
        actions: ['rds-db:connect'],
      },
      {
        resource: 'Store/TablesDemo.Arn',
        actions: ['PartiQLInsert', 'PartiQLUpdate', 'PutItem', 'BatchGetItem', 'DescribeTable'].map(
          (action) => `dynamodb:${action}`,
        ),
      },
      ...['lake', 'kv', 'dead letters'].map((sink) => ({
        resource: 'Store/LedgerTable.Arn',
        actions: ['dynamodb:GetItem', 'dynamodb:PutItem'],
        condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`demo#${sink}#*`] } },
      })),
      {
        resource: 'Store/DeadLettersTable.Arn',
        actions: ['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
        condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ['demo'] } },
      },
      { resource: 'Store/DeadLettersPayloads.Arn/payloads/demo/*.json', actions: ['s3:PutObject', 's3:GetObject'] },
      {
        resource: '*',
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeSubnets',
          'ec2:DeleteNetworkInterface',
          'ec2:AssignPrivateIpAddresses',
          'ec2:UnassignPrivateIpAddresses',
        ],
      },
      { resource: 'Stream/KafkaCluster.Arn', actions: ['kafka-cluster:Connect'] },
      {
        resource: '<Stream/KafkaCluster.Arn part 0>:topic/<Stream/KafkaCluster.Arn part 1>/demo_topic',
        actions: ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'],
      },
      {
        resource: '<Stream/KafkaCluster.Arn part 0>:group/<Stream/KafkaCluster.Arn part 1>/weirhouse-demo',
        actions: ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'],
      },
      { resource: 'Stream/KafkaCluster.Arn', actions: ['kafka:DescribeCluster', 'kafka:DescribeClusterV2'] },
      { resource: '*', actions: ['kafka:GetBootstrapBrokers'] },
      {
        resource: '*',
        actions: [
          'ec2:CreateNetworkInterface',
          'ec2:DescribeNetworkInterfaces',
          'ec2:DescribeVpcs',
          'ec2:DeleteNetworkInterface',
          'ec2:DescribeSubnets',
          'ec2:DescribeSecurityGroups',
        ],
      },
    ])
  })

  test("operations: its log, the administrator's secret, interfaces; nothing else, and nothing triggers it", () => {
    const [log, secret, interfaces, ...more] = allowedTo(world, 'Store/OperationsRole')
    expect([log, secret]).toEqual([
      { resource: 'Store/OperationsLog.Arn', actions: ['logs:CreateLogStream', 'logs:PutLogEvents'] },
      { resource: 'Store/DatabaseInstance.MasterUserSecret.SecretArn', actions: ['secretsmanager:GetSecretValue'] },
    ])
    expect(interfaces!.actions).toEqual(expect.arrayContaining(INTERFACES))
    expect(more).toEqual([])
    expect(told(world, 'Store/OperationsFunction', 'WEIRHOUSE_OPERATIONS')).toEqual({
      postgres: {
        host: 'Store/DatabaseInstance.Endpoint.Address',
        port: 5432,
        database: 'weirhouse',
        secretArn: 'Store/DatabaseInstance.MasterUserSecret.SecretArn',
      },
    })
    Template.fromStack(spec.stacks.store).hasResourceProperties('AWS::Lambda::Function', { Timeout: 300 })
    Template.fromStack(spec.stacks.store).resourceCountIs('AWS::Lambda::EventSourceMapping', 0)
  })

  test('no function may do anything by a pattern of actions', () => {
    const all = ['Process/DemoRole', 'Store/OperationsRole'].flatMap((role) => allowedTo(world, role))
    expect(all.flatMap(({ actions }) => actions).filter((action) => action.includes('*'))).toEqual([])
  })
})
