/** The presets as a deployment would have them: every line of the specification, who reaches whom, and what tools find. */
import { Validations } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { AwsSolutionsChecks } from 'cdk-nag'
import { describe, expect, test } from 'vitest'
import { environment } from '../../test/aws/environment.ts'
import { endpoint, leadsOutByNat, reach, reachInternet, worldOf } from '../../test/aws/reachability.ts'
import { any } from '../core/decode/any.ts'
import { pipeline } from '../core/pipeline.ts'
import { s3 } from '../sinks/s3/index.ts'

const spec = environment({ preset: 'spec' })
const bodies = spec.templates()
const template = (stack: string) => Template.fromJSON(bodies[stack] as never)
const world = worldOf(bodies)
const named = (name: string) => ({ Tags: Match.arrayWith([{ Key: 'Name', Value: name }]) })

describe('the specification, row by row, on the templates of spec', () => {
  test('VPC virtual-private-cloud-lambda, 11.0.0.0/16, two availability zones', () => {
    template('Network').hasResourceProperties('AWS::EC2::VPC', {
      CidrBlock: '11.0.0.0/16',
      ...named('virtual-private-cloud-lambda'),
    })
    const zones = Object.values(template('Network').findResources('AWS::EC2::Subnet')).map((subnet) =>
      JSON.stringify(subnet['Properties'].AvailabilityZone),
    )
    expect(new Set(zones).size).toBe(2)
  })

  test.each([
    ['public A', '11.0.0.0/24', 'public-a', 0],
    ['public B', '11.0.1.0/24', 'public-b', 1],
    ['private A', '11.0.2.0/24', 'private-a', 0],
    ['private B', '11.0.3.0/24', 'private-b', 1],
  ])('%s %s', (_, range, name, zone) => {
    template('Network').resourceCountIs('AWS::EC2::Subnet', 4)
    template('Network').hasResourceProperties('AWS::EC2::Subnet', {
      CidrBlock: range,
      AvailabilityZone: { 'Fn::Select': [zone, { 'Fn::GetAZs': '' }] },
      ...named(`virtual-private-cloud-lambda-${name}`),
    })
  })

  test('internet gateway for the public subnets; route tables; NAT gateway in a public subnet, private default route to it', () => {
    const network = template('Network')
    for (const [type, count] of [
      ['InternetGateway', 1],
      ['RouteTable', 2],
      ['NatGateway', 1],
    ] as const)
      network.resourceCountIs(`AWS::EC2::${type}`, count)
    const subnets = endpoint(world, 'KafkaCluster').subnets
    expect(subnets.map((subnet) => leadsOutByNat(world, subnet))).toEqual([true, true])
  })

  test('MSK cluster: two brokers in the private subnets of two zones, TLS and IAM, encrypted, logs on', () => {
    template('Stream').hasResourceProperties('AWS::MSK::Cluster', {
      ClusterName: 'weirhouse-spec',
      KafkaVersion: '4.1.x.kraft',
      NumberOfBrokerNodes: 2,
      BrokerNodeGroupInfo: { InstanceType: 'kafka.m7g.large', StorageInfo: { EBSStorageInfo: { VolumeSize: 10 } } },
      ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true } },
      LoggingInfo: { BrokerLogs: { CloudWatchLogs: { Enabled: true } } },
    })
    expect(endpoint(world, 'KafkaCluster').subnets).toHaveLength(2)
  })

  test('topic demo_topic, 2 partitions, replication 2', () => {
    template('Stream').hasResourceProperties('AWS::MSK::Topic', {
      TopicName: 'demo_topic',
      PartitionCount: 2,
      ReplicationFactor: 2,
    })
  })

  test('D16: Lambda function with the MSK trigger, which never gives a record up', () => {
    const process = template('Process')
    process.hasResourceProperties('AWS::Lambda::Function', { Runtime: 'nodejs24.x', Architectures: ['arm64'] })
    process.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      Topics: ['demo_topic'],
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 1000,
      AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'weirhouse-spec-demo' },
      MaximumRetryAttempts: Match.absent(),
      MaximumRecordAgeInSeconds: Match.absent(),
      BisectBatchOnFunctionError: Match.absent(),
      DestinationConfig: Match.absent(),
    })
  })

  test('S3, RDS and DynamoDB: private, encrypted, kept', () => {
    const store = template('Store')
    for (const type of ['AWS::S3::Bucket', 'AWS::RDS::DBInstance', 'AWS::DynamoDB::Table'])
      store.allResources(type, { DeletionPolicy: 'Retain' })
    store.allResourcesProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: Match.objectLike({ BlockPublicAcls: true, RestrictPublicBuckets: true }),
    })
    store.hasResourceProperties('AWS::RDS::DBInstance', {
      Engine: 'postgres',
      EngineVersion: '17',
      DBInstanceClass: 'db.t4g.micro',
      StorageEncrypted: true,
      PubliclyAccessible: false,
      EnableIAMDatabaseAuthentication: true,
      ManageMasterUserPassword: true,
    })
    store.resourceCountIs('AWS::DynamoDB::Table', 3)
  })

  test('public bastion; private host with Java and Kafka tools; SSH from one to the other', () => {
    template('Access').resourceCountIs('AWS::EC2::Instance', 2)
    expect(endpoint(world, 'Bastion').hasPublicAddress).toBe(true)
    expect(endpoint(world, 'KafkaHost').hasPublicAddress).toBe(false)
    const data = JSON.stringify(bodies['Access']!.Resources)
    expect(data).toContain('java-17-amazon-corretto')
    expect(data).toContain('kafka_2.13-4.1.1.tgz')
  })

  test('console producer and consumer from the private host, tools on the PATH, client.properties for IAM', () => {
    const data = JSON.stringify(bodies['Access']!.Resources)
    for (const part of ['/usr/local/bin/produce', '/usr/local/bin/consume', 'sasl.mechanism=AWS_MSK_IAM'])
      expect(data).toContain(part)
  })

  test('CloudWatch logs with an end, roles and policies, alarms and a dashboard', () => {
    for (const stack of ['Network', 'Stream', 'Store', 'Process'])
      template(stack).allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 })
    template('Observe').resourceCountIs('AWS::CloudWatch::Dashboard', 1)
    expect(Object.keys(template('Observe').findResources('AWS::CloudWatch::Alarm')).length).toBeGreaterThan(25)
    for (const [stack, { Resources = {} }] of Object.entries(bodies))
      for (const [id, { Type, Properties }] of Object.entries(Resources))
        if (Type === 'AWS::IAM::Policy') expect(JSON.stringify(Properties), `${stack}/${id}`).not.toMatch(/"\w+:\*"/)
  })
})

describe('who reaches whom in spec', () => {
  const at = (part: string) => endpoint(world, part)
  const internet = { range: '0.0.0.0/0' }
  const stated = { range: 'Access/SshRange' }

  test('internet -> bastion 22, from the stated range alone', () => {
    expect(reach(world, stated, at('Bastion'), 22).reached).toBe(true)
    expect(reach(world, internet, at('Bastion'), 22).reached).toBe(false)
  })

  test('bastion -> Kafka host 22; Kafka host -> brokers 9098, and the database 5432 to read', () => {
    expect(reach(world, at('Bastion'), at('KafkaHost'), 22).reached).toBe(true)
    expect(reach(world, at('KafkaHost'), at('KafkaCluster'), 9098).reached).toBe(true)
    expect(reach(world, at('KafkaHost'), at('DatabaseInstance'), 5432).reached).toBe(true)
    expect(reach(world, at('Bastion'), at('DatabaseInstance'), 5432).reached).toBe(false)
  })

  test('mapping, in the subnets and group of the cluster -> brokers; Lambda and STS by NAT', () => {
    const mapping = at('KafkaCluster')
    expect(reach(world, mapping, mapping, 9098).reached).toBe(true)
    expect(reachInternet(world, mapping, 443).reached).toBe(true)
  })

  test('function -> RDS 5432; S3 and DynamoDB, by gateway endpoints in its route table; nothing else', () => {
    const from = at('Process/DemoFunction')
    expect(reach(world, from, at('DatabaseInstance'), 5432).reached).toBe(true)
    expect(reachInternet(world, from, 443).reached).toBe(true)
    expect(reachInternet(world, from, 80).reached).toBe(false)
    expect(reach(world, from, at('KafkaCluster'), 9098).reached).toBe(false)
    template('Network').resourcePropertiesCountIs('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' }, 2)
  })

  test('internet -> brokers, RDS, functions: never', () => {
    for (const part of ['KafkaCluster', 'DatabaseInstance', 'Process/DemoFunction', 'Store/OperationsFunction'])
      for (const port of [22, 443, 5432, 9092, 9098]) expect(reach(world, internet, at(part), port).reached).toBe(false)
  })
})

test('minimal: no public host, no dashboard, nothing kept, the smallest brokers', () => {
  const minimal = environment({ preset: 'minimal' }).templates()
  const all = Object.values(minimal).flatMap(({ Resources = {} }) => Object.values(Resources))
  const count = (type: string) => all.filter(({ Type }) => Type === type).length
  expect([count('AWS::EC2::Instance'), count('AWS::EC2::KeyPair'), count('AWS::CloudWatch::Dashboard')]).toEqual([
    1, 0, 0,
  ])
  expect(JSON.stringify(all)).not.toContain('"Retain"')
  expect(JSON.stringify(minimal['Stream'])).toContain('kafka.t3.small')
})

test('what a pipeline does not need is not there', () => {
  const lake = pipeline({ name: 'lake', source: { topic: 'lake' }, decode: any(), sinks: [s3({ id: 's3' })] })
  const made = environment({ preset: 'minimal', access: { hosts: 'none' }, observe: { alarms: false } }, [lake])
  const stacks = made.templates()
  expect(Object.keys(stacks).toSorted()).toEqual(['Network', 'Process', 'Store', 'Stream'])
  const types = Object.values(stacks).flatMap(({ Resources = {} }) => Object.values(Resources).map(({ Type }) => Type))
  expect(types).not.toContain('AWS::RDS::DBInstance')
  expect(types.filter((type) => type === 'AWS::Lambda::Function')).toHaveLength(1)
})

test('two pipelines that read one topic with other sizes are refused', () => {
  const reading = (name: string, partitions: number) =>
    pipeline({ name, source: { topic: 'one', partitions }, decode: any(), sinks: [s3({ id: 's3' })] })
  expect(() => environment({ preset: 'minimal' }, [reading('a', 2), reading('b', 4)])).toThrow(
    /source of pipeline "b" got "4 partitions, replication 2", but another pipeline reads topic "one" with 2 partitions/,
  )
})

test('an account and a region are those of every stack', () => {
  const { stage } = environment({ preset: 'minimal', account: '123456789012', region: 'eu-west-1' })
  const places = stage.synth().stacks.map(({ environment: { account, region } }) => `${account} ${region}`)
  expect(new Set(places)).toEqual(new Set(['123456789012 eu-west-1']))
})

test.each(['spec', 'minimal'] as const)('AwsSolutions finds nothing in %s that is not acknowledged', (preset) => {
  const { app } = environment({ preset })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  process.env['CDK_VALIDATION'] = 'true'
  try {
    expect(() => app.synth()).not.toThrow()
  } finally {
    process.env['CDK_VALIDATION'] = 'false'
  }
})
