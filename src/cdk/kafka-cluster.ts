import { Fn, RemovalPolicy, Token, Validations } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as kms from 'aws-cdk-lib/aws-kms'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as msk from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import { BrokerSize } from './broker-size.ts'
import { KafkaVersion } from './kafka-version.ts'
import { clusterAlarms, clusterGraphs } from './kafka-watch.ts'
import type { Network } from './network.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { refuse, wholeNumber } from './refuse.ts'

/** Where brokers listen for TLS with IAM, within the VPC. */
export const IAM_PORT = 9098

/** MSK's levels, each with the metrics of the one before. */
export type KafkaMonitoring = 'DEFAULT' | 'PER_BROKER' | 'PER_TOPIC_PER_BROKER' | 'PER_TOPIC_PER_PARTITION'

export interface KafkaClusterProps {
  /** Brokers go to its private subnets, the same number to each of its first three zones: MSK takes no more. */
  readonly network: Network
  /**
   * Cannot be changed later. Letters, digits and hyphens, 64 at most.
   * @default weirhouse
   */
  readonly name?: string
  /** @default KafkaVersion.default() */
  readonly version?: KafkaVersion
  /** @default BrokerSize.of(): kafka.m7g.large with 10 GiB */
  readonly size?: BrokerSize
  /**
   * Brokers in each zone, so that their number is always a multiple of the zones.
   * @default 1
   */
  readonly brokersPerZone?: number
  /**
   * How many brokers hold each record of a topic that does not say.
   * @default 3, or the number of brokers where that is less
   */
  readonly replication?: number
  /**
   * How many of them must have a record before it counts as written; less than `replication`, or writing stops at each patch.
   * @default replication - 1
   */
  readonly minInsyncReplicas?: number
  /**
   * Key for the disks. Cannot be changed later.
   * @default the key that AWS keeps for MSK in the account
   */
  readonly encryptionKey?: kms.IKey
  /**
   * How long the brokers' logs are kept.
   * @default one month
   */
  readonly logRetention?: logs.RetentionDays
  /**
   * What MSK publishes in CloudWatch. Every alarm and graph has its data at DEFAULT, which is free; the others are paid by the
   * metric, of which each broker, topic or partition has many.
   * @default DEFAULT
   */
  readonly monitoring?: KafkaMonitoring
  /**
   * What becomes of the cluster, and the records in it, when it leaves the stack.
   * @default RETAIN
   */
  readonly removalPolicy?: RemovalPolicy
}

const NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?$/
const MAX_ZONES = 3
/** More a cluster does not get without asking AWS. */
const MAX_BROKERS = 30

/**
 * Amazon MSK with TLS and IAM and nothing besides, in private subnets. Warns `weirhouse:kafka-past-support`,
 * `weirhouse:one-copy-at-patch`. Its L1 resources are public.
 */
export class KafkaCluster extends Construct implements Observable {
  readonly version: KafkaVersion
  readonly clusterName: string
  readonly size: BrokerSize
  readonly brokers: number
  readonly replication: number
  readonly minInsyncReplicas: number
  /** Brokers' and the event source mapping's, which polls with the cluster's subnets and group. */
  readonly securityGroup: ec2.SecurityGroup
  readonly logGroup: logs.LogGroup
  readonly cfnConfiguration: msk.CfnConfiguration
  readonly cfnCluster: msk.CfnCluster

  constructor(scope: Construct, id: string, props: KafkaClusterProps) {
    super(scope, id)
    const subnets = props.network.privateSubnets.slice(0, MAX_ZONES)
    this.version = props.version ?? KafkaVersion.default()
    this.clusterName = clusterName(props.name)
    this.size = sizeOf(props.size ?? BrokerSize.of(), this.version)
    const perZone = wholeNumber(
      'KafkaCluster.brokersPerZone',
      props.brokersPerZone ?? 1,
      1,
      Math.floor(MAX_BROKERS / subnets.length),
    )
    this.brokers = perZone * subnets.length
    this.replication = replicationOf(props.replication, this.brokers)
    this.minInsyncReplicas = insyncOf(props.minInsyncReplicas, this.replication)
    this.securityGroup = new ec2.SecurityGroup(this, 'Brokers', {
      vpc: props.network.vpc,
      description: 'Kafka brokers and what polls them',
      // The mapping polls through this group too, and calls Lambda and STS by the NAT gateway.
      allowAllOutbound: true,
    })
    this.securityGroup.addIngressRule(
      this.securityGroup,
      ec2.Port.tcp(IAM_PORT),
      'brokers and the event source mapping',
    )
    this.logGroup = new logs.LogGroup(this, 'Log', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.cfnConfiguration = this.#configuration()
    this.cfnCluster = this.#cluster(props, subnets)
    this.cfnCluster.applyRemovalPolicy(props.removalPolicy ?? RemovalPolicy.RETAIN)
    this.#warn()
  }

  get arn(): string {
    return this.cfnCluster.attrArn
  }

  get alarms(): readonly AlarmSpec[] {
    return clusterAlarms(this)
  }

  get graphs(): readonly GraphSpec[] {
    return clusterGraphs(this)
  }

  /** Ingress on the brokers, written into the stack of `from`, so that the cluster's stack never changes for it. */
  letIn(scope: Construct, from: ec2.ISecurityGroup): ec2.CfnSecurityGroupIngress {
    return new ec2.CfnSecurityGroupIngress(scope, 'ToBrokers', {
      groupId: this.securityGroup.securityGroupId,
      sourceSecurityGroupId: from.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: IAM_PORT,
      toPort: IAM_PORT,
      description: 'Kafka by TLS and IAM',
    })
  }

  /** The ARN of a topic, by its name; `*` stands for any. */
  topicArn(topic: string): string {
    return this.#partArn('topic', topic)
  }

  /** The ARN of a consumer group, by its name; `*` stands for any. */
  groupArn(group: string): string {
    return this.#partArn('group', group)
  }

  /** Connecting, which every other permission needs besides. */
  grantConnect(grantee: iam.IGrantable): iam.Grant {
    return this.#grant(grantee, ['kafka-cluster:Connect'], this.arn)
  }

  /**
   * What a person at the Kafka host needs: creating, describing and altering any topic, producing, consuming in any group.
   * Deleting and altering the cluster are left out.
   */
  grantOperate(grantee: iam.IGrantable): iam.Grant {
    const cluster = ['Connect', 'DescribeCluster', 'WriteDataIdempotently']
    const topic = ['CreateTopic', 'DescribeTopic', 'AlterTopic', 'ReadData', 'WriteData']
    const configuration = ['DescribeTopicDynamicConfiguration', 'AlterTopicDynamicConfiguration']
    const named = (actions: readonly string[]) => actions.map((action) => `kafka-cluster:${action}`)
    return this.#grant(grantee, named(cluster), this.arn)
      .combine(this.#grant(grantee, named([...topic, ...configuration]), this.topicArn('*')))
      .combine(this.#grant(grantee, named(['DescribeGroup', 'AlterGroup']), this.groupArn('*')))
  }

  #grant(grantee: iam.IGrantable, actions: string[], resource: string): iam.Grant {
    return iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [resource] })
  }

  /** `...:cluster/name/uuid` becomes `...:topic/name/uuid/<topic>`. */
  #partArn(kind: 'topic' | 'group', name: string): string {
    const halves = Fn.split(':cluster/', this.arn)
    return Fn.join('', [Fn.select(0, halves), `:${kind}/`, Fn.select(1, halves), `/${name}`])
  }

  #configuration(): msk.CfnConfiguration {
    const properties = {
      'auto.create.topics.enable': false,
      'default.replication.factor': this.replication,
      'min.insync.replicas': this.minInsyncReplicas,
      'unclean.leader.election.enable': false,
    }
    return new msk.CfnConfiguration(this, 'Configuration', {
      name: `${this.clusterName}-configuration`,
      kafkaVersionsList: [this.version.msk],
      serverProperties: Object.entries(properties)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    })
  }

  #cluster(
    { encryptionKey, monitoring = 'DEFAULT' }: KafkaClusterProps,
    subnets: readonly ec2.CfnSubnet[],
  ): msk.CfnCluster {
    return new msk.CfnCluster(this, 'Cluster', {
      clusterName: this.clusterName,
      kafkaVersion: this.version.msk,
      numberOfBrokerNodes: this.brokers,
      brokerNodeGroupInfo: {
        instanceType: this.size.instance,
        clientSubnets: subnets.map((subnet) => subnet.ref),
        securityGroups: [this.securityGroup.securityGroupId],
        storageInfo: { ebsStorageInfo: { volumeSize: this.size.storageGib } },
        connectivityInfo: { publicAccess: { type: 'DISABLED' } },
      },
      clientAuthentication: { sasl: { iam: { enabled: true } }, unauthenticated: { enabled: false } },
      encryptionInfo: {
        encryptionInTransit: { clientBroker: 'TLS', inCluster: true },
        ...(encryptionKey && { encryptionAtRest: { dataVolumeKmsKeyId: encryptionKey.keyArn } }),
      },
      configurationInfo: {
        arn: this.cfnConfiguration.attrArn,
        revision: Token.asNumber(this.cfnConfiguration.attrLatestRevisionRevision),
      },
      enhancedMonitoring: monitoring,
      loggingInfo: { brokerLogs: { cloudWatchLogs: { enabled: true, logGroup: this.logGroup.logGroupName } } },
    })
  }

  #warn(): void {
    if (!this.version.supported) {
      Validations.of(this).addWarning(
        'weirhouse:kafka-past-support',
        `KafkaCluster.version got ${this.version.msk}, which is past its end of support: AWS mends nothing in it and upgrades it on its own day. Take KafkaVersion.default().`,
      )
      // The rule on templates cannot see that.
      Validations.of(this.cfnCluster).acknowledge({
        id: 'weirhouse::kafka-version',
        reason: 'it was asked for by name',
      })
    }
    if (this.minInsyncReplicas === 1)
      Validations.of(this).addWarning(
        'weirhouse:one-copy-at-patch',
        'KafkaCluster.minInsyncReplicas got 1: while a broker is patched, what is written has one copy, and losing its disk then loses records. Take three zones, replication 3 and 2 in-sync replicas.',
      )
  }
}

function clusterName(name = 'weirhouse'): string {
  if (!NAME.test(name))
    refuse({
      what: 'KafkaCluster.name',
      got: name,
      why: 'a name has letters, digits and inner hyphens, 64 at most',
      instead: 'write it like orders-stream',
    })
  return name
}

/** AWS CloudFormation, AWS::MSK::Cluster BrokerNodeGroupInfo: kafka.t3.small is not to be had with KRaft. */
function sizeOf(size: BrokerSize, { msk, metadata }: KafkaVersion): BrokerSize {
  if (size.instance === 'kafka.t3.small' && metadata === 'kraft')
    refuse({
      what: 'KafkaCluster.size',
      got: `${size.instance} with Kafka ${msk}`,
      why: 'MSK gives these brokers to no cluster with KRaft',
      instead: 'take kafka.m7g.large or larger, or KafkaVersion.of("3.9.x"), which keeps its metadata in ZooKeeper',
    })
  return size
}

function replicationOf(replication: number | undefined, brokers: number): number {
  if (replication === undefined) return Math.min(3, brokers)
  if (!Number.isInteger(replication) || replication < 2 || replication > brokers)
    refuse({
      what: 'KafkaCluster.replication',
      got: replication,
      why: `there are ${brokers} brokers, and one copy is none`,
      instead: `give 2 to ${brokers}, or more brokers`,
    })
  return replication
}

function insyncOf(insync: number | undefined, replication: number): number {
  if (insync === undefined) return replication - 1
  if (!Number.isInteger(insync) || insync < 1 || insync >= replication)
    refuse({
      what: 'KafkaCluster.minInsyncReplicas',
      got: insync,
      why: `with replication ${replication} every patch of a broker would stop writing`,
      instead: `give 1 to ${replication - 1}`,
    })
  return insync
}
