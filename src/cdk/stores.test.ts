/** Bucket, database, tables, ledger, dead letters: the resources, what they bind, and what they refuse. */
import { Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import type { CfnTable } from 'aws-cdk-lib/aws-dynamodb'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeStores, specApp, testApp } from '../../test/aws/spec-app.ts'
import type { Stores } from '../../test/aws/spec-app.ts'
import demo from '../../pipelines/demo.ts'
import { text } from '../core/decode/text.ts'
import { pipeline } from '../core/pipeline.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { dataPrefix, s3 } from '../sinks/s3/index.ts'
import { ledgerKey } from '../sinks/ledger.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { DatabaseSize, Network, RecordBucket, RecordDatabase, RecordTables } from './index.ts'
import type { RecordDatabaseProps } from './index.ts'

const spec = specApp()
let store: Template
beforeAll(() => {
  store = Template.fromStack(spec.stacks.store)
})

const reading = (name: string, ...sinks: SinkDefinition[]): Pipeline =>
  pipeline({ name, source: { topic: `${name}_topic` }, decode: text(), sinks })

const orders = (id: string, more: object = {}) =>
  dynamodb({
    id,
    table: 'orders',
    partitionKey: 'id',
    indexes: { byDay: { partitionKey: 'day', sortKey: 'at' } },
    ...more,
  })

describe('resources', () => {
  test('S3: private buckets, encrypted, TLS alone, kept; parts of broken uploads go', () => {
    store.resourceCountIs('AWS::S3::Bucket', 2)
    store.allResourcesProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      BucketEncryption: { ServerSideEncryptionConfiguration: [Match.anyValue()] },
    })
    store.allResources('AWS::S3::Bucket', { DeletionPolicy: 'Retain' })
    store.allResources('AWS::S3::BucketPolicy', { DeletionPolicy: 'Retain' })
    store.allResourcesProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
        ]),
      },
    })
    store.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: { Rules: [{ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }] },
    })
  })

  test('RDS: PostgreSQL 17, private, encrypted, TLS alone, IAM, a password that RDS rotates, logs with an end', () => {
    store.hasResource('AWS::RDS::DBInstance', {
      DeletionPolicy: 'Retain',
      Properties: {
        Engine: 'postgres',
        EngineVersion: '17',
        DBInstanceClass: 'db.t4g.micro',
        AllocatedStorage: '20',
        StorageType: 'gp3',
        StorageEncrypted: true,
        PubliclyAccessible: false,
        Port: '5432',
        DBName: 'weirhouse',
        ManageMasterUserPassword: true,
        MasterUserPassword: Match.absent(),
        EnableIAMDatabaseAuthentication: true,
        EnableCloudwatchLogsExports: ['postgresql', 'upgrade'],
        AutoMinorVersionUpgrade: true,
        BackupRetentionPeriod: 7,
        CopyTagsToSnapshot: true,
        DeletionProtection: true,
        MultiAZ: false,
      },
    })
    store.hasResource('AWS::EC2::SecurityGroup', {
      DeletionPolicy: 'Retain',
      Properties: { GroupDescription: 'Database' },
    })
    store.hasResource('AWS::RDS::DBParameterGroup', {
      DeletionPolicy: 'Retain',
      Properties: { Family: 'postgres17', Parameters: { 'rds.force_ssl': '1' } },
    })
    const [name] = Object.values(store.findResources('AWS::RDS::DBInstance')).map(
      (instance) => instance['Properties'].DBInstanceIdentifier as string,
    )
    expect(name).toMatch(/^store-database-[0-9a-f]{8}$/)
    for (const log of ['postgresql', 'upgrade']) {
      const Properties = { LogGroupName: `/aws/rds/instance/${name}/${log}`, RetentionInDays: 30 }
      const [group] = Object.keys(store.findResources('AWS::Logs::LogGroup', { Properties }))
      store.hasResource('AWS::RDS::DBInstance', { DependsOn: Match.arrayWith([group]) })
    }
  })

  test('DynamoDB: tables of the sinks, the ledger and dead letters, on demand, restorable, protected, without a name', () => {
    store.resourceCountIs('AWS::DynamoDB::Table', 3)
    store.allResources('AWS::DynamoDB::Table', {
      DeletionPolicy: 'Retain',
      Properties: {
        TableName: Match.absent(),
        BillingMode: 'PAY_PER_REQUEST',
        SSESpecification: { SSEEnabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
      },
    })
    for (const KeySchema of [
      [
        { AttributeName: 'partition', KeyType: 'HASH' },
        { AttributeName: 'offset', KeyType: 'RANGE' },
      ],
      [{ AttributeName: 'id', KeyType: 'HASH' }],
      [
        { AttributeName: 'pipeline', KeyType: 'HASH' },
        { AttributeName: 'position', KeyType: 'RANGE' },
      ],
    ])
      store.hasResourceProperties('AWS::DynamoDB::Table', { KeySchema })
  })

  test('no stack needs a custom resource, or a function besides those of pipelines and operations', () => {
    const found = Object.values(spec.stacks).flatMap((stack) =>
      Object.values(Template.fromStack(stack).toJSON()['Resources'] as Record<string, { Type: string }>),
    )
    expect(found.filter(({ Type }) => /^Custom::|CustomResource/.test(Type))).toEqual([])
    expect(found.filter(({ Type }) => Type === 'AWS::Lambda::Function')).toHaveLength(2)
  })

  test('an index comes with its table; sinks that describe a table alike share it', () => {
    const stack = new Stack(testApp(), 'Other')
    const sinks = [orders('kv'), orders('again')] as const
    const tables = new RecordTables(stack, 'Tables', {
      pipelines: [reading('a', sinks[0]), reading('b', sinks[1]), reading('c', s3({ id: 'lake' }))],
    })
    expect([...tables.tables.keys()]).toEqual(['orders'])
    Template.fromStack(stack).hasResourceProperties('AWS::DynamoDB::Table', {
      AttributeDefinitions: Match.arrayWith([
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'day', AttributeType: 'S' },
        { AttributeName: 'at', AttributeType: 'S' },
      ]),
      GlobalSecondaryIndexes: [
        {
          IndexName: 'byDay',
          KeySchema: [
            { AttributeName: 'day', KeyType: 'HASH' },
            { AttributeName: 'at', KeyType: 'RANGE' },
          ],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    })
    const first = tables.bind(reading('a', sinks[0]), sinks[0])
    const second = tables.bind(reading('b', sinks[1]), sinks[1])
    expect(first.binding).toEqual(second.binding)
  })

  test('items expire where the definition says so, and markers of deletes where the topic forgets', () => {
    const stack = new Stack(testApp(), 'Expiring')
    const deleting = (name: string, table: string, source: object) =>
      pipeline({
        name,
        source: { topic: 't', ...source },
        decode: text(),
        tombstone: 'delete',
        keyOf: () => null,
        sinks: [dynamodb({ id: 'kv', table, partitionKey: 'id' })],
      })
    const tables = new RecordTables(stack, 'Tables', {
      pipelines: [
        reading('a', orders('kv', { timeToLive: { attribute: 'until' } })),
        deleting('b', 'forgetting', { retentionDays: 7 }),
        deleting('c', 'compacted', {}),
      ],
    })
    const expiring = (name: string) =>
      (tables.tables.get(name)!.node.defaultChild as CfnTable).timeToLiveSpecification as unknown
    expect(expiring('orders')).toEqual({ attributeName: 'until', enabled: true })
    expect(expiring('forgetting')).toEqual({ attributeName: '_expires', enabled: true })
    expect(expiring('compacted')).toBeUndefined()
  })

  test('what is given reaches the template, and what need not be kept goes', () => {
    const stack = new Stack(testApp(), 'Other')
    const network = new Network(stack, 'Network')
    new RecordBucket(stack, 'Records', { keepData: false })
    new RecordTables(stack, 'Tables', { pipelines: [demo], keepData: false })
    new RecordDatabase(stack, 'Database', {
      network,
      name: 'orders-db',
      size: DatabaseSize.of({ instance: 'm7g.large', storageGib: 100 }),
      multiAz: true,
      backupDays: 14,
      keepData: false,
      logRetention: RetentionDays.ONE_WEEK,
    })
    const template = Template.fromStack(stack)
    template.hasResource('AWS::RDS::DBInstance', {
      DeletionPolicy: 'Delete',
      Properties: {
        DBInstanceIdentifier: 'orders-db',
        DBInstanceClass: 'db.m7g.large',
        AllocatedStorage: '100',
        MultiAZ: true,
        BackupRetentionPeriod: 14,
        DeletionProtection: false,
        DeleteAutomatedBackups: true,
      },
    })
    for (const type of ['S3::Bucket', 'S3::BucketPolicy', 'DynamoDB::Table', 'RDS::DBParameterGroup'])
      template.allResources(`AWS::${type}`, { DeletionPolicy: 'Delete' })
    template.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false })
    template.hasResourceProperties('AWS::Logs::LogGroup', {
      LogGroupName: '/aws/rds/instance/orders-db/postgresql',
      RetentionInDays: 7,
    })
  })

  test('somebody else is let in by a rule that stands with them', () => {
    const app = testApp()
    const network = new Network(new Stack(app, 'Network'), 'Network')
    const database = new RecordDatabase(new Stack(app, 'Store'), 'Database', { network })
    const elsewhere = new Stack(app, 'Elsewhere')
    database.letIn(elsewhere, ec2.SecurityGroup.fromSecurityGroupId(elsewhere, 'Reports', 'sg-0123456789abcdef0'))
    Template.fromStack(elsewhere).hasResourceProperties('AWS::EC2::SecurityGroupIngress', {
      GroupId: { 'Fn::ImportValue': Match.stringLikeRegexp('DatabaseGroup') },
      FromPort: 5432,
      ToPort: 5432,
    })
    Template.fromStack(Stack.of(database)).resourceCountIs('AWS::EC2::SecurityGroupIngress', 0)
  })
})

describe('bindings', () => {
  const sinkOf = (kind: string) => demo.sinks.find((sink) => sink.kind === kind)!

  test('an S3 sink writes where its keys begin, and nowhere else', () => {
    const lake = s3({ id: 'lake', prefix: 'raw/2026' })
    const other = reading('other', lake)
    const { binding, statements } = spec.stores.stores.s3.bind(other, lake)
    expect(binding).toMatchObject({ prefix: 'raw/2026' })
    const objects = statements.map((each) => each.toJSON() as { Action: unknown; Resource: unknown })
    expect(JSON.stringify(spec.stacks.store.resolve(objects[0]!.Resource))).toContain(
      `/${dataPrefix('raw/2026', 'other', 'lake', 'other_topic')}*"`,
    )
    expect(statements).toHaveLength(2)
  })

  test('binding makes no resource in the stack of the store', () => {
    const stack = new Stack(testApp(), 'Store')
    const network = new Network(stack, 'Network')
    const { stores, ledger, deadLetters } = makeStores(stack, network, [demo])
    const before = stack.node.findAll().length
    for (const sink of demo.sinks) {
      stores[sink.kind as keyof Stores['stores']].bind(demo, sink)
      ledger.statements(demo, sink)
    }
    deadLetters.statements(demo)
    expect(stack.node.findAll()).toHaveLength(before)
  })

  test("a sink's items in the ledger have keys that the policy's pattern takes, and no other pipeline's have", () => {
    const [statement] = spec.stores.ledger.statements(demo, sinkOf('s3'))
    const { Condition } = statement!.toJSON() as { Condition: Record<string, Record<string, string[]>> }
    const pattern = Condition['ForAllValues:StringLike']!['dynamodb:LeadingKeys']![0]!
    const source = { cluster: 'arn:x', topic: 'demo_topic', partition: 0 }
    const takes = (key: string) => key.startsWith(pattern.slice(0, -1))
    expect(pattern.indexOf('*')).toBe(pattern.length - 1)
    expect(takes(ledgerKey('demo', 'lake', source))).toBe(true)
    expect(takes(ledgerKey('demo-2', 'lake', source))).toBe(false)
    expect(takes(ledgerKey('demo', 'lake2', source))).toBe(false)
  })

  test('a PostgreSQL sink needs no ledger', () => {
    expect(spec.stores.ledger.statements(demo, sinkOf('postgres'))).toEqual([])
  })
})

describe('mistakes are refused', () => {
  const tables = (...pipelines: Pipeline[]) => new RecordTables(new Stack(testApp(), 'Wrong'), 'Tables', { pipelines })
  const database = (props: Partial<RecordDatabaseProps>) => {
    const stack = new Stack(testApp(), 'Wrong')
    return new RecordDatabase(stack, 'Database', { network: new Network(stack, 'Network'), ...props })
  }
  const [lake, sql] = demo.sinks

  test.each<[string, () => unknown, RegExp]>([
    ['a sink of another kind, S3', () => spec.stores.stores.s3.bind(demo, sql!), /got "demo\/sql".*of kind postgres/],
    ['a sink of another kind, RDS', () => spec.stores.stores.postgres.bind(demo, lake!), /got "demo\/lake".*kind s3/],
    [
      'a table of two descriptions',
      () => tables(reading('a', orders('kv')), reading('b', orders('kv', { partitionKey: 'other' }))),
      /RecordTables\.pipelines got "b\/kv", but another sink describes table "orders"/,
    ],
    [
      'a table that nobody described',
      () => tables(demo).bind(reading('a', orders('kv')), orders('kv')),
      /RecordTables\.bind got "a\/kv", but there is no table "orders"/,
    ],
    [
      'a table that was described otherwise',
      () =>
        tables(reading('a', orders('kv'))).bind(
          reading('b', orders('kv', { indexes: {} })),
          orders('kv', { indexes: {} }),
        ),
      /RecordTables\.bind got "b\/kv"/,
    ],
    ['no backups', () => database({ backupDays: 0 }), /RecordDatabase\.backupDays got 0/],
    ['a name that RDS has not', () => database({ name: 'my--db' }), /RecordDatabase\.name got "my--db"/],
    ['a long name', () => database({ name: 'a'.repeat(64) }), /RecordDatabase\.name got/],
  ])('%s', (_, make, said) => {
    expect(make).toThrow(said)
    expect(make).toThrow(expect.objectContaining({ code: 'WEIR_CDK_REFUSED' }))
  })
})
