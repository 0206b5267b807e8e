import { RemovalPolicy } from 'aws-cdk-lib'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as msk from 'aws-cdk-lib/aws-msk'
import { Construct } from 'constructs'
import type { KafkaCluster } from './kafka-cluster.ts'
import { groupWatch } from './kafka-watch.ts'
import type { Observable } from './observable.ts'
import { refuse, wholeNumber } from './refuse.ts'

export interface KafkaTopicProps {
  readonly cluster: KafkaCluster
  /** Cannot be changed later. */
  readonly name: string
  /**
   * How many consumers can share the work. It can grow, which moves keys to other partitions.
   * @default 2
   */
  readonly partitions?: number
  /**
   * How many brokers hold each record.
   * @default the cluster's
   */
  readonly replication?: number
  /**
   * Bytes of the largest record batch, at most 1 MiB: an event of Lambda has to hold it.
   * @default 1048576
   */
  readonly maxMessageBytes?: number
  /**
   * What becomes of the topic, and the records in it, when it leaves the stack.
   * @default RETAIN
   */
  readonly removalPolicy?: RemovalPolicy
}

export interface ConsumeOptions {
  /** The consumer group, which the role may join and commit for; no other. */
  readonly group: string
}

export interface LagOptions {
  /** The consumer group. */
  readonly group: string
  /**
   * Seconds behind, by the cluster's estimate, that wake somebody where they last.
   * @default 900
   */
  readonly seconds?: number
}

const NAME = /^[a-zA-Z0-9._-]{1,249}$/
const MEBIBYTE = 1_048_576
const LATE_SECONDS = 900
const WEEK_SECONDS = 604_800
/** What a kafka.t3.small is recommended to bear. */
const MAX_PARTITIONS = 300

/** A topic, made by MSK itself. Grants name this topic and one group, never a pattern. The L1 resource is public. */
export class KafkaTopic extends Construct {
  readonly cluster: KafkaCluster
  readonly topicName: string
  readonly cfnTopic: msk.CfnTopic

  constructor(scope: Construct, id: string, props: KafkaTopicProps) {
    super(scope, id)
    const { cluster, removalPolicy = RemovalPolicy.RETAIN } = props
    if (!cluster.version.topicApi)
      refuse({
        what: 'KafkaTopic.cluster',
        got: cluster.version.msk,
        why: 'MSK makes topics from Kafka 3.6 on',
        instead: 'take KafkaVersion.default(), or make the topic with topic-create on the Kafka host',
      })
    this.cluster = cluster
    this.topicName = plainName('KafkaTopic.name', props.name)
    const maxMessageBytes = wholeNumber('KafkaTopic.maxMessageBytes', props.maxMessageBytes ?? MEBIBYTE, 1, MEBIBYTE)
    this.cfnTopic = new msk.CfnTopic(this, 'Topic', {
      clusterArn: cluster.arn,
      topicName: this.topicName,
      partitionCount: wholeNumber('KafkaTopic.partitions', props.partitions ?? 2, 1, MAX_PARTITIONS),
      replicationFactor: replicationOf(props.replication ?? cluster.replication, cluster),
      configs: encoded({ 'max.message.bytes': maxMessageBytes }),
    })
    this.cfnTopic.applyRemovalPolicy(removalPolicy)
  }

  get arn(): string {
    return this.cluster.topicArn(this.topicName)
  }

  /** What an event source mapping, or any consumer, needs to read this topic as `group`. */
  grantConsume(grantee: iam.IGrantable, { group }: ConsumeOptions): iam.Grant {
    const groupArn = this.cluster.groupArn(plainName('grantConsume.group', group))
    return this.cluster
      .grantConnect(grantee)
      .combine(this.#grant(grantee, ['kafka-cluster:DescribeTopic', 'kafka-cluster:ReadData'], this.arn))
      .combine(this.#grant(grantee, ['kafka-cluster:DescribeGroup', 'kafka-cluster:AlterGroup'], groupArn))
  }

  /** What a producer needs to write to this topic, also an idempotent one, as Kafka's own are by default. */
  grantProduce(grantee: iam.IGrantable): iam.Grant {
    return this.cluster
      .grantConnect(grantee)
      .combine(this.#grant(grantee, ['kafka-cluster:WriteDataIdempotently'], this.cluster.arn))
      .combine(this.#grant(grantee, ['kafka-cluster:DescribeTopic', 'kafka-cluster:WriteData'], this.arn))
  }

  /** What is to be watched of a group that reads this topic, whoever consumes: an alarm TimeLag, and a graph. */
  lag({ group, seconds = LATE_SECONDS }: LagOptions): Observable {
    return groupWatch({
      clusterName: this.cluster.clusterName,
      topicName: this.topicName,
      group: plainName('lag.group', group),
      seconds: wholeNumber('lag.seconds', seconds, 1, WEEK_SECONDS),
    })
  }

  #grant(grantee: iam.IGrantable, actions: string[], resource: string): iam.Grant {
    return iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [resource] })
  }
}

/** As the service takes a topic's settings: JSON of strings, in Base64. */
function encoded(settings: Readonly<Record<string, number>>): string {
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value)])
  return Buffer.from(JSON.stringify(Object.fromEntries(texts))).toString('base64')
}

/** A pattern in a name would widen the grants made of it. */
function plainName(what: string, name: string): string {
  if (!NAME.test(name) || name === '.' || name === '..')
    refuse({
      what,
      got: name,
      why: 'a name has letters, digits, dots, underscores and hyphens, 249 at most',
      instead: 'write it like demo_topic',
    })
  return name
}

function replicationOf(replication: number, { brokers, minInsyncReplicas }: KafkaCluster): number {
  if (!Number.isInteger(replication) || replication <= minInsyncReplicas || replication > brokers)
    refuse({
      what: 'KafkaTopic.replication',
      got: replication,
      why: `there are ${brokers} brokers, and ${minInsyncReplicas} in-sync replicas must be fewer than the copies`,
      instead: `give ${minInsyncReplicas + 1} to ${brokers}`,
    })
  return replication
}
