/** The rows of docs/aws.md that are built, and the grants, on the stacks as synthesized. */
import { Match, Template } from 'aws-cdk-lib/assertions'
import { beforeAll, describe, expect, test } from 'vitest'
import { leadsOutByNat, worldOf } from '../../test/aws/reachability.ts'
import { specApp, templatesOf } from '../../test/aws/spec-app.ts'

const spec = specApp()
let network: Template
let stream: Template
let access: Template
beforeAll(() => {
  network = Template.fromStack(spec.stacks.network)
  stream = Template.fromStack(spec.stacks.stream)
  access = Template.fromStack(spec.stacks.access)
})

function tagged(name: string) {
  return { Tags: Match.arrayWith([{ Key: 'Name', Value: name }]) }
}

describe('the rows of the specification', () => {
  test('VPC virtual-private-cloud-lambda, 11.0.0.0/16', () => {
    network.hasResourceProperties('AWS::EC2::VPC', {
      CidrBlock: '11.0.0.0/16',
      ...tagged('virtual-private-cloud-lambda'),
    })
  })

  test.each([
    ['public-a', '11.0.0.0/24', 0],
    ['public-b', '11.0.1.0/24', 1],
    ['private-a', '11.0.2.0/24', 0],
    ['private-b', '11.0.3.0/24', 1],
  ])('subnet %s is %s, in zone %i of the region', (name, range, zone) => {
    network.resourceCountIs('AWS::EC2::Subnet', 4)
    network.hasResourceProperties('AWS::EC2::Subnet', {
      CidrBlock: range,
      AvailabilityZone: { 'Fn::Select': [zone, { 'Fn::GetAZs': '' }] },
      MapPublicIpOnLaunch: false,
      ...tagged(`virtual-private-cloud-lambda-${name}`),
    })
  })

  test('an internet gateway, one public and one private route table, one NAT gateway, in a public subnet', () => {
    network.resourceCountIs('AWS::EC2::InternetGateway', 1)
    network.resourceCountIs('AWS::EC2::VPCGatewayAttachment', 1)
    network.resourceCountIs('AWS::EC2::RouteTable', 2)
    network.resourceCountIs('AWS::EC2::NatGateway', 1)
    network.resourceCountIs('AWS::EC2::SubnetRouteTableAssociation', 4)
    const world = worldOf(templatesOf(spec.stacks))
    const privates = spec.network.privateSubnets.map((subnet) => `Network/${spec.stacks.network.getLogicalId(subnet)}`)
    expect(privates.map((subnet) => leadsOutByNat(world, subnet))).toEqual([true, true])
  })

  test('free endpoints to S3 and DynamoDB, in every route table; refused connections are logged', () => {
    for (const service of ['s3', 'dynamodb'])
      network.hasResourceProperties('AWS::EC2::VPCEndpoint', {
        VpcEndpointType: 'Gateway',
        ServiceName: { 'Fn::Join': ['', ['com.amazonaws.', { Ref: 'AWS::Region' }, `.${service}`]] },
        RouteTableIds: [Match.anyValue(), Match.anyValue()],
      })
    network.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'REJECT', ResourceType: 'VPC' })
  })

  test('two brokers in the private subnets of two zones, TLS and IAM alone, logs on', () => {
    stream.hasResourceProperties('AWS::MSK::Cluster', {
      KafkaVersion: '4.1.x.kraft',
      NumberOfBrokerNodes: 2,
      BrokerNodeGroupInfo: {
        InstanceType: 'kafka.m7g.large',
        ClientSubnets: [
          { 'Fn::ImportValue': Match.stringLikeRegexp('PrivateSubnetA') },
          { 'Fn::ImportValue': Match.stringLikeRegexp('PrivateSubnetB') },
        ],
        ConnectivityInfo: { PublicAccess: { Type: 'DISABLED' } },
      },
      ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true } },
      LoggingInfo: { BrokerLogs: { CloudWatchLogs: { Enabled: true } } },
    })
    stream.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 })
    stream.hasResource('AWS::MSK::Cluster', { DeletionPolicy: 'Retain' })
  })

  test('brokers make no topic by themselves, and no stale broker becomes a leader', () => {
    stream.hasResourceProperties('AWS::MSK::Configuration', {
      KafkaVersionsList: ['4.1.x.kraft'],
      ServerProperties:
        'auto.create.topics.enable=false\ndefault.replication.factor=2\nmin.insync.replicas=1\nunclean.leader.election.enable=false\n',
    })
  })

  test('topic demo_topic, 2 partitions, replication 2, records up to 1 MiB', () => {
    stream.hasResourceProperties('AWS::MSK::Topic', {
      TopicName: 'demo_topic',
      PartitionCount: 2,
      ReplicationFactor: 2,
      Configs: Buffer.from('{"max.message.bytes":"1048576"}').toString('base64'),
    })
  })

  test('a bastion and a Kafka host: arm64, IMDSv2, encrypted disks, one key pair, session manager', () => {
    access.resourceCountIs('AWS::EC2::Instance', 2)
    access.resourceCountIs('AWS::EC2::KeyPair', 1)
    access.allResourcesProperties('AWS::EC2::Instance', {
      MetadataOptions: Match.objectLike({ HttpTokens: 'required' }),
      BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: Match.objectLike({ Encrypted: true, VolumeType: 'gp3' }) }],
      ImageId: { Ref: Match.stringLikeRegexp('al2023.*arm64') },
      KeyName: Match.anyValue(),
    })
    const roles = access.findResources('AWS::IAM::Role', {
      Properties: { AssumeRolePolicyDocument: { Statement: [{ Principal: { Service: 'ec2.amazonaws.com' } }] } },
    })
    expect(Object.values(roles)).toHaveLength(2)
    for (const role of Object.values(roles)) expect(JSON.stringify(role)).toContain('AmazonSSMManagedInstanceCore')
  })

  test('whoever deploys says where SSH comes from: there is no default', () => {
    const { SshRange: parameter } = access.toJSON()['Parameters'] as Record<string, Record<string, unknown>>
    expect(parameter).not.toHaveProperty('Default')
    expect(String(parameter!['AllowedPattern'])).toContain('3[0-2]')
  })

  test("the Kafka host's user data is within the 16 KiB of the service", () => {
    const data = spec.access.kafkaHost.userData.render()
    expect(Buffer.byteLength(data)).toBeLessThan(15_000)
    expect(data).toContain('kafka_2.13-4.1.1.tgz')
  })
})

describe('grants', () => {
  const ARN = '<cluster>'
  /** Actions by resource, the cluster's ARN shortened. */
  function granted(role: string): Record<string, string[]> {
    const found = Object.values(access.findResources('AWS::IAM::Policy')).find((policy) =>
      JSON.stringify(policy).includes(`"Roles":[{"Ref":"${role}`),
    ) as { Properties: { PolicyDocument: { Statement: { Action: string | string[]; Resource: unknown }[] } } }
    const shown = (resource: unknown) =>
      JSON.stringify(resource)
        .replaceAll(
          /\{"Fn::Select":\[[01],\{"Fn::Split":\[":cluster\/",\{"Fn::ImportValue":"[^"]*"\}\]\}\]\}/g,
          `"${ARN}"`,
        )
        .replaceAll(/\{"Fn::ImportValue":"[^"]*"\}/g, `"${ARN}"`)
        .replaceAll(/\{"Fn::Join":\["",\["<cluster>","([^"]*)","<cluster>","([^"]*)"\]\]\}/g, '"$1$2"')
    const entries = found.Properties.PolicyDocument.Statement.map(
      ({ Action, Resource }) => [JSON.parse(shown(Resource)) as string, [Action].flat()] as const,
    )
    const merged: Record<string, string[]> = {}
    for (const [resource, actions] of entries)
      merged[resource] = [...(merged[resource] ?? []), ...actions.map((action) => action.replace('kafka-cluster:', ''))]
    return merged
  }

  test('consuming: connect, read one topic, commit for one group', () => {
    expect(granted('Consumer')).toEqual({
      [ARN]: ['Connect'],
      ':topic//demo_topic': ['DescribeTopic', 'ReadData'],
      ':group//demo': ['DescribeGroup', 'AlterGroup'],
    })
  })

  test('producing: connect and write one topic', () => {
    expect(granted('Producer')).toEqual({
      [ARN]: ['Connect', 'WriteDataIdempotently'],
      ':topic//demo_topic': ['DescribeTopic', 'WriteData'],
    })
  })

  test('operating: any topic and group of this cluster, nothing deleted, no other star', () => {
    const { '*': everywhere, ...scoped } = granted('AccessKafkaHostRole')
    expect(everywhere).toEqual(['kafka:GetBootstrapBrokers'])
    expect(Object.keys(scoped)).toEqual([ARN, ':topic//*', ':group//*'])
    expect(
      Object.values(scoped)
        .flat()
        .filter((action) => /Delete|AlterCluster|\*/.test(action)),
    ).toEqual([])
  })
})
