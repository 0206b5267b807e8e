/** The stacks as synthesized: the rows of docs/aws.md that are built, grants, ways through the network, findings. */
import { App, Stack, Validations } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { AwsSolutionsChecks } from 'cdk-nag'
import { beforeAll, describe, expect, test } from 'vitest'
import { endpoint, leadsOutByNat, reach, worldOf } from '../../test/aws/reachability.ts'
import type { World } from '../../test/aws/reachability.ts'
import { specApp, templatesOf } from '../../test/aws/spec-app.ts'
import { AddressPlan, KafkaCluster, KafkaTopic, KafkaVersion, Network, OperatorAccess, SshRange } from './index.ts'
import type { KafkaClusterProps } from './index.ts'

const spec = specApp()
let world: World
let network: Template
let stream: Template
let access: Template
beforeAll(() => {
  world = worldOf(templatesOf(spec.stacks))
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
        InstanceType: 'kafka.t3.small',
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

describe('ways', () => {
  const bastion = () => endpoint(world, 'Bastion')
  const host = () => endpoint(world, 'KafkaHost')
  const brokers = () => endpoint(world, 'KafkaCluster')
  const internet = { range: '0.0.0.0/0' }
  const stated = { range: 'Access/SshRange' }

  test('internet -> bastion: 22 from the stated range, nothing else', () => {
    expect(reach(world, stated, bastion(), 22).reached).toBe(true)
    expect(reach(world, stated, bastion(), 23).reached).toBe(false)
    expect(reach(world, internet, bastion(), 22).reached).toBe(false)
  })

  test('bastion -> Kafka host 22 -> brokers 9098; the bastion not to the brokers', () => {
    expect(reach(world, bastion(), host(), 22).reached).toBe(true)
    expect(reach(world, host(), brokers(), 9098).reached).toBe(true)
    expect(reach(world, host(), brokers(), 9092).reached).toBe(false)
    expect(reach(world, bastion(), brokers(), 9098).reached).toBe(false)
  })

  test('the mapping, with the subnets and group of the cluster -> brokers, and out to Lambda and STS', () => {
    expect(reach(world, brokers(), brokers(), 9098).reached).toBe(true)
    expect(brokers().subnets.map((subnet) => leadsOutByNat(world, subnet))).toEqual([true, true])
  })

  test('internet -> Kafka host and brokers: never', () => {
    for (const target of [host(), brokers()])
      for (const port of [22, 9092, 9094, 9098, 9198])
        expect(reach(world, internet, target, port)).toEqual({
          reached: false,
          because: `${target.id} has no public address`,
        })
  })

  test('the walk sees an open port, a closed way out and an instance that is public', () => {
    const open = specApp({ sshFrom: SshRange.of('203.0.113.0/24') })
    const walked = worldOf(templatesOf(open.stacks))
    const at = endpoint(walked, 'Bastion')
    expect(reach(walked, { range: '203.0.113.9/32' }, at, 22).reached).toBe(true)
    expect(reach(walked, { range: '203.0.114.9/32' }, at, 22).reached).toBe(false)
    const withoutRoutes = { ...walked, resources: walked.resources.filter(({ type }) => type !== 'AWS::EC2::Route') }
    expect(reach(withoutRoutes, { range: '203.0.113.9/32' }, at, 22).because).toContain(
      'no route to an internet gateway',
    )
    expect(leadsOutByNat(withoutRoutes, endpoint(walked, 'KafkaHost').subnets[0]!)).toBe(false)
    const rule = { direction: 'in', peer: '0.0.0.0/0', protocol: '-1', from: 0, to: 65_535 } as const
    const exposed = { ...walked, rules: [...walked.rules, { ...rule, group: at.groups[0]! }] }
    expect(reach(exposed, { range: '0.0.0.0/0' }, at, 3389).reached).toBe(true)
  })
})

describe('other shapes', () => {
  const inStack = () => new Stack(new App({ analyticsReporting: false }), 'Other')

  test('a third zone, and a NAT gateway a zone, only add: every resource there was stays as it was', () => {
    const build = (zones: number, natGateways: 'one' | 'perZone') => {
      const stack = inStack()
      new Network(stack, 'Network', { addresses: AddressPlan.of({ zones }), natGateways })
      return Template.fromStack(stack).toJSON()['Resources'] as Record<string, { Type: string }>
    }
    const two = build(2, 'one')
    expect(build(3, 'one')).toMatchObject(
      Object.fromEntries(Object.entries(two).filter(([, { Type }]) => Type !== 'AWS::EC2::VPCEndpoint')),
    )
    const perZone = build(2, 'perZone')
    expect(Object.keys(perZone)).toEqual(expect.arrayContaining(Object.keys(two)))
    expect(Object.values(perZone).filter(({ Type }) => Type === 'AWS::EC2::NatGateway')).toHaveLength(2)
  })

  test('an explicit account and region need no look-up', () => {
    const app = new App({ analyticsReporting: false })
    const stack = new Stack(app, 'Other', { env: { account: '123456789012', region: 'eu-west-1' } })
    const net = new Network(stack, 'Network')
    new OperatorAccess(stack, 'Access', { network: net, cluster: new KafkaCluster(stack, 'Kafka', { network: net }) })
    expect(app.synth().manifest.missing ?? []).toEqual([])
  })

  test('three zones: replication 3, two of them in sync, and no warning', () => {
    const stack = inStack()
    const net = new Network(stack, 'Network', { addresses: AddressPlan.of({ zones: 3 }) })
    const cluster = new KafkaCluster(stack, 'Kafka', { network: net })
    expect([cluster.brokers, cluster.replication, cluster.minInsyncReplicas]).toEqual([3, 3, 2])
    Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue())
  })

  test('warnings have ids to acknowledge them by', () => {
    const warned = (stack: Stack) =>
      Annotations.fromStack(stack)
        .findWarning('*', Match.anyValue())
        .map(({ entry }) => /weirhouse:[a-z-]+/.exec(entry.data as string)?.[0])
    expect(warned(spec.stacks.network)).toEqual(['weirhouse:public-address-space'])
    expect(warned(spec.stacks.stream)).toEqual(['weirhouse:one-copy-at-patch'])
    const stack = inStack()
    const version = KafkaVersion.pastSupport('2.8.1')
    new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), version })
    Validations.of(stack).acknowledge({ id: 'weirhouse:one-copy-at-patch', reason: 'a test' })
    expect(warned(stack)).toEqual(['weirhouse:kafka-past-support'])
  })
})

describe('mistakes are refused', () => {
  const cluster = (props: Partial<KafkaClusterProps> = {}) => {
    const stack = new Stack(new App({ analyticsReporting: false }), 'Wrong')
    return new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), ...props })
  }
  const topic = (props: object) => () => {
    const made = cluster({ brokersPerZone: 2 })
    return new KafkaTopic(made, 'Topic', { cluster: made, name: 'orders', ...props })
  }

  test.each<[string, () => unknown, RegExp]>([
    ['replication over brokers', () => cluster({ replication: 3 }), /replication got 3, but there are 2 brokers/],
    ['min in-sync = replication', () => cluster({ minInsyncReplicas: 2 }), /got 2, but with replication 2 every patch/],
    ['no broker', () => cluster({ brokersPerZone: 0 }), /brokersPerZone got 0/],
    ['half a broker', () => cluster({ brokersPerZone: 1.5 }), /brokersPerZone got 1\.5/],
    ['a name that MSK has not', () => cluster({ name: 'my_stream' }), /name got "my_stream"/],
    [
      'a topic of more copies than brokers',
      topic({ replication: 5 }),
      /KafkaTopic\.replication got 5, but there are 4/,
    ],
    ['a topic of one copy', topic({ replication: 1 }), /KafkaTopic\.replication got 1/],
    ['a topic without partitions', topic({ partitions: 0 }), /partitions got 0/],
    ['records over 1 MiB', topic({ maxMessageBytes: 2_000_000 }), /maxMessageBytes got 2000000/],
    ['a pattern as topic', topic({ name: 'orders*' }), /KafkaTopic\.name got "orders\*"/],
    [
      'a pattern as group',
      () => spec.topic.grantConsume(spec.consumer, { group: '*' }),
      /grantConsume\.group got "\*"/,
    ],
    [
      'a topic on Kafka 2.8.1',
      () => {
        const old = cluster({ version: KafkaVersion.pastSupport('2.8.1') })
        return new KafkaTopic(old, 'Topic', { cluster: old, name: 'orders' })
      },
      /got "2\.8\.1", but MSK makes topics from Kafka 3\.6 on/,
    ],
  ])('%s', (_, make, said) => {
    expect(make).toThrow(said)
    expect(make).toThrow(
      expect.objectContaining({ code: 'WEIR_CDK_REFUSED', cure: expect.stringMatching(/^Instead, /) }),
    )
  })
})

test('AwsSolutions finds a planted open group, and else nothing that is not acknowledged', () => {
  const { app, network: net } = specApp({ sshFrom: SshRange.of('203.0.113.0/24') })
  const planted = new ec2.SecurityGroup(new Stack(app, 'Planted'), 'Open', { vpc: net.vpc, description: 'open' })
  planted.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(22))
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  process.env['CDK_VALIDATION'] = 'true'
  let said = ''
  try {
    app.synth()
  } catch (error) {
    said = String(error)
  } finally {
    process.env['CDK_VALIDATION'] = 'false'
  }
  const places = [...said.matchAll(/^ +(\w+)\/.* aws-cdk-lib\.aws_/gm)].map(([, stack]) => stack)
  expect([...new Set(places)], said).toEqual(['Planted'])
  expect(said).toContain('AwsSolutions-EC23')
})
