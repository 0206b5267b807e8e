/** Constructs otherwise set up than the specification, and set up wrongly. */
import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib'
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as kms from 'aws-cdk-lib/aws-kms'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { describe, expect, test } from 'vitest'
import { specApp, testApp } from '../../test/aws/spec-app.ts'
import {
  AddressPlan,
  BrokerSize,
  KafkaCluster,
  KafkaTopic,
  KafkaVersion,
  Network,
  OperatorAccess,
  SshRange,
} from './index.ts'
import type { KafkaClusterProps } from './index.ts'

const spec = specApp()

describe('other shapes', () => {
  const inStack = () => new Stack(testApp(), 'Other')

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
    const app = testApp()
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

  test('more zones than MSK takes: brokers in the first three', () => {
    const stack = inStack()
    const net = new Network(stack, 'Network', { addresses: AddressPlan.of({ zones: 5 }) })
    expect(new KafkaCluster(stack, 'Kafka', { network: net, brokersPerZone: 2 }).brokers).toBe(6)
    const [made] = Object.values(Template.fromStack(stack).findResources('AWS::MSK::Cluster'))
    expect(made!['Properties'].BrokerNodeGroupInfo.ClientSubnets).toHaveLength(3)
  })

  test('what is given reaches the template', () => {
    const stack = inStack()
    const net = new Network(stack, 'Network', { name: 'lake', flowLogs: false })
    const made = new KafkaCluster(stack, 'Kafka', {
      network: net,
      name: 'orders',
      size: BrokerSize.of({ instance: 'kafka.m7g.large', storageGib: 100 }),
      encryptionKey: kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:123456789012:key/1'),
      logRetention: RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const keyPair = ec2.KeyPair.fromKeyPairName(stack, 'Pair', 'mine')
    new OperatorAccess(stack, 'Access', {
      network: net,
      cluster: made,
      keyPair,
      bastionInstance: new ec2.InstanceType('t4g.micro'),
      kafkaHostInstance: new ec2.InstanceType('m7g.medium'),
    })
    const template = Template.fromStack(stack)
    template.hasResource('AWS::MSK::Cluster', {
      DeletionPolicy: 'Delete',
      Properties: {
        ClusterName: 'orders',
        BrokerNodeGroupInfo: {
          InstanceType: 'kafka.m7g.large',
          StorageInfo: { EBSStorageInfo: { VolumeSize: 100 } },
        },
        EncryptionInfo: { EncryptionAtRest: { DataVolumeKMSKeyId: 'arn:aws:kms:eu-west-1:123456789012:key/1' } },
      },
    })
    template.hasResourceProperties('AWS::EC2::VPC', { Tags: [{ Key: 'Name', Value: 'lake' }] })
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 })
    template.resourceCountIs('AWS::EC2::FlowLog', 0)
    template.resourceCountIs('AWS::EC2::KeyPair', 0)
    template.allResourcesProperties('AWS::EC2::Instance', { KeyName: 'mine' })
    for (const InstanceType of ['t4g.micro', 'm7g.medium'])
      template.hasResourceProperties('AWS::EC2::Instance', { InstanceType })
  })

  test('the smallest brokers with ZooKeeper', () => {
    const stack = inStack()
    const props = { version: KafkaVersion.of('3.9.x'), size: BrokerSize.of({ instance: 'kafka.t3.small' }) }
    new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), ...props })
    Template.fromStack(stack).hasResourceProperties('AWS::MSK::Cluster', { KafkaVersion: '3.9.x' })
  })

  test('warnings have ids to acknowledge them by', () => {
    const warned = (stack: Stack) =>
      Annotations.fromStack(stack)
        .findWarning('*', Match.anyValue())
        .map(({ entry }) => /weirhouse:[a-z-]+/.exec(entry.data as string)?.[0])
    expect(warned(spec.stacks.network)).toEqual(['weirhouse:public-address-space'])
    expect(warned(spec.stacks.stream)).toEqual(['weirhouse:one-copy-at-patch'])
    for (const stack of [spec.stacks.store, spec.stacks.process])
      Annotations.fromStack(stack).hasNoWarning('*', Match.anyValue())
    const stack = inStack()
    const version = KafkaVersion.pastSupport('2.8.1')
    new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), version })
    Validations.of(stack).acknowledge({ id: 'weirhouse:one-copy-at-patch', reason: 'a test' })
    expect(warned(stack)).toEqual(['weirhouse:kafka-past-support'])
  })
})

describe('mistakes are refused', () => {
  const cluster = (props: Partial<KafkaClusterProps> = {}) => {
    const stack = new Stack(testApp(), 'Wrong')
    return new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), ...props })
  }
  const topic = (props: object) => () => {
    const made = cluster({ brokersPerZone: 2 })
    return new KafkaTopic(made, 'Topic', { cluster: made, name: 'orders', ...props })
  }

  test.each<[string, () => unknown, RegExp]>([
    ['replication over brokers', () => cluster({ replication: 3 }), /replication got 3, but there are 2 brokers/],
    ['min in-sync = replication', () => cluster({ minInsyncReplicas: 2 }), /got 2, but with replication 2 every patch/],
    [
      'the smallest brokers with KRaft',
      () => cluster({ size: BrokerSize.of({ instance: 'kafka.t3.small' }) }),
      /KafkaCluster\.size got "kafka\.t3\.small with Kafka 4\.1\.x\.kraft"/,
    ],
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
      'a host that is no arm64',
      () => {
        const made = cluster()
        const props = { network: spec.network, cluster: made, kafkaHostInstance: new ec2.InstanceType('t3.small') }
        return new OperatorAccess(made, 'Access', props)
      },
      /kafkaHostInstance got "t3\.small", but the hosts run on arm64/,
    ],
    ...(
      [
        [
          'a range for SSH',
          { sshFrom: SshRange.of('203.0.113.7/32') },
          /sshFrom got "203\.0\.113\.7\/32", but with bastion/,
        ],
        ['a key pair', { keyPair: ec2.KeyPair.fromKeyPairName(spec.stacks.access, 'Pair', 'mine') }, /keyPair got/],
        [
          'an instance for it',
          { bastionInstance: new ec2.InstanceType('t4g.nano') },
          /bastionInstance got "t4g\.nano"/,
        ],
      ] as const
    ).map(([what, props, said]): [string, () => unknown, RegExp] => [
      `${what} without a bastion`,
      () => {
        const made = cluster()
        return new OperatorAccess(made, 'Access', { network: spec.network, cluster: made, bastion: false, ...props })
      },
      said,
    ]),
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
