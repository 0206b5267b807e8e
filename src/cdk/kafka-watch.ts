/**
 * What is to be watched of a cluster of standard brokers, and of a consumer group. Names, dimensions and levels: Amazon MSK
 * Developer Guide, "Amazon MSK metrics for monitoring Standard brokers with CloudWatch": all of it is published at the DEFAULT
 * level, which is free. Statistics and thresholds: its "Best practices", and AWS's agent-toolkit-for-aws, managing-amazon-msk.
 */
import { Duration } from 'aws-cdk-lib'
import { ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import type { BrokerSize } from './broker-size.ts'
import { minuteMetric } from './minute-metric.ts'
import type { MinuteStatistic } from './minute-metric.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'

export interface WatchedCluster {
  readonly clusterName: string
  /** MSK numbers them from 1. */
  readonly brokers: number
  readonly size: BrokerSize
}

export interface WatchedGroup {
  readonly clusterName: string
  readonly topicName: string
  readonly group: string
  readonly seconds: number
}

/** Minutes in a row. An election takes seconds, and a patch moves leaders off a broker before it stops. */
const ELECTION = 3
const LASTING = 5
const LONG = 15
const DISK_PERCENT = 85
/** Over it, a broker cannot bear the others' load while one is patched. */
const CPU_PERCENT = 60
/** Of 576 at most, earned at 24 an hour. */
const CPU_CREDITS = 100

export function clusterAlarms(cluster: WatchedCluster): AlarmSpec[] {
  return [...wholeAlarms(cluster), ...brokersOf(cluster).flatMap((broker) => brokerAlarms(cluster, broker))]
}

/**
 * Maximum, for one controller tells the value and everyone else who reports tells 0. That holds in KRaft as well, where
 * controllers alone report (KIP-771). Silence is shown as insufficient data, never as well.
 */
function wholeAlarms(cluster: WatchedCluster): AlarmSpec[] {
  return [
    {
      id: 'Controller',
      metric: ofCluster(cluster, 'ActiveControllerCount'),
      threshold: 1,
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: LASTING,
      missing: TreatMissingData.MISSING,
      text: `Cluster "${cluster.clusterName}" has had no active controller for ${LASTING} minutes. Records still flow, but no topic can be made and no broker that fails is replaced as leader. MSK elects one by itself: look at the cluster's state, and open a case with AWS if this stays.`,
    },
    {
      id: 'OfflinePartitions',
      metric: ofCluster(cluster, 'OfflinePartitionsCount'),
      threshold: 1,
      periods: ELECTION,
      missing: TreatMissingData.MISSING,
      text: `Partitions of cluster "${cluster.clusterName}" have no leader: nobody can write to them or read from them. What is in them is kept while a disk of theirs is. See which brokers are down; topic-describe on the Kafka host names the partitions.`,
    },
  ]
}

function brokerAlarms(cluster: WatchedCluster, broker: number): AlarmSpec[] {
  const who = `Broker ${broker} of cluster "${cluster.clusterName}"`
  const missing = TreatMissingData.MISSING
  return [
    {
      id: `UnderMinIsrBroker${broker}`,
      metric: ofBroker(cluster, broker, 'UnderMinIsrPartitionCount'),
      threshold: 1,
      periods: ELECTION,
      missing,
      text: `${who} leads partitions with fewer in-sync replicas than min.insync.replicas: producers that wait for all of them are refused. Nothing that was confirmed is lost. See which broker is down or behind, and whether MSK patches it.`,
    },
    {
      id: `DiskBroker${broker}`,
      metric: ofBroker(cluster, broker, 'KafkaDataLogsDiskUsed'),
      threshold: DISK_PERCENT,
      periods: LASTING,
      missing,
      text: `${who} has used ${DISK_PERCENT} % of its disk; a full one stops the broker. Raise storageGib of its size (it grows while it runs), or shorten the retention of the largest topics.`,
    },
    {
      id: `CpuBroker${broker}`,
      metric: cpuOf(cluster, broker),
      threshold: CPU_PERCENT,
      periods: LASTING,
      missing,
      text: `${who} has been over ${CPU_PERCENT} % of its CPU for ${LASTING} minutes: while a broker is patched the others could not bear its load, and consumers would fall behind. Send larger batches, or take a larger instance or more brokers.`,
    },
    ...creditAlarms(cluster, broker, who),
  ]
}

/** Instances that burst live on credits; when these are out, a broker gets a fifth of its CPU. */
function creditAlarms(cluster: WatchedCluster, broker: number, who: string): AlarmSpec[] {
  if (!bursts(cluster)) return []
  return [
    {
      id: `CpuCreditsBroker${broker}`,
      metric: ofBroker(cluster, broker, 'CPUCreditBalance', 'Minimum'),
      threshold: CPU_CREDITS,
      comparison: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      periods: LONG,
      missing: TreatMissingData.MISSING,
      text: `${who} has ${CPU_CREDITS} CPU credits or fewer. Without any it is slowed to a fifth of its CPU, and consumers fall behind. A new broker starts low and earns them; else lessen the load, or take kafka.m7g.large.`,
    },
  ]
}

export function clusterGraphs(cluster: WatchedCluster): GraphSpec[] {
  const each = (name: string, statistic?: MinuteStatistic) =>
    brokersOf(cluster).map((broker) => ofBroker(cluster, broker, name, statistic))
  const credits = bursts(cluster) ? { right: each('CPUCreditBalance', 'Minimum') } : {}
  return [
    {
      title: 'Controller, partitions without a leader',
      left: [ofCluster(cluster, 'ActiveControllerCount'), ofCluster(cluster, 'OfflinePartitionsCount')],
    },
    { title: 'Replicas behind', left: each('UnderMinIsrPartitionCount'), right: each('UnderReplicatedPartitions') },
    { title: 'Disk used, percent', left: each('KafkaDataLogsDiskUsed') },
    { title: 'CPU, percent', left: brokersOf(cluster).map((broker) => cpuOf(cluster, broker)), ...credits },
    { title: 'Bytes in and out a second', left: each('BytesInPerSec'), right: each('BytesOutPerSec') },
    { title: 'Connections', left: each('ConnectionCount') },
  ]
}

/**
 * How far a group is behind a topic, as the cluster sees it. Dimensions: Amazon MSK Developer Guide, "Monitor consumer lags". A
 * group that is unstable or has never committed has no such metric: an alarm keeps its state meanwhile.
 */
export function groupWatch({ clusterName, topicName, group, seconds }: WatchedGroup): Observable {
  const dimensions = { 'Cluster Name': clusterName, 'Consumer Group': group, Topic: topicName }
  const lag = (name: string) => minuteMetric({ namespace: 'AWS/Kafka', name, dimensions, statistic: 'Maximum' })
  const time = lag('EstimatedMaxTimeLag')
  return {
    alarms: [
      {
        id: 'TimeLag',
        metric: time,
        threshold: seconds,
        periods: LONG,
        missing: TreatMissingData.IGNORE,
        text: `Group "${group}" has been ${seconds} s or more behind topic "${topicName}" for ${LONG} minutes. Records that leave the topic before they are read are lost: compare with its retention. See what its consumer logs, and give it more partitions or larger batches.`,
      },
    ],
    graphs: [
      {
        title: `Group ${group} behind ${topicName}`,
        left: [lag('MaxOffsetLag'), lag('SumOffsetLag')],
        right: [time],
      },
    ],
  }
}

const brokersOf = ({ brokers }: WatchedCluster): number[] => Array.from({ length: brokers }, (_, i) => i + 1)

const bursts = ({ size }: WatchedCluster): boolean => size.instance.startsWith('kafka.t')

function ofCluster({ clusterName }: WatchedCluster, name: string): IMetric {
  return minuteMetric({
    namespace: 'AWS/Kafka',
    name,
    dimensions: { 'Cluster Name': clusterName },
    statistic: 'Maximum',
  })
}

function ofBroker(
  { clusterName }: WatchedCluster,
  broker: number,
  name: string,
  statistic: MinuteStatistic = 'Maximum',
): IMetric {
  const dimensions = { 'Cluster Name': clusterName, 'Broker ID': String(broker) }
  return minuteMetric({ namespace: 'AWS/Kafka', name, dimensions, statistic, label: `${name} ${broker}` })
}

/** MSK publishes the parts: in user space and in the kernel. A graph of several brokers wants ids of their own. */
function cpuOf(cluster: WatchedCluster, broker: number): IMetric {
  const parts = [`user${broker}`, `kernel${broker}`] as const
  return new MathExpression({
    expression: parts.join(' + '),
    usingMetrics: {
      [parts[0]]: ofBroker(cluster, broker, 'CpuUser'),
      [parts[1]]: ofBroker(cluster, broker, 'CpuSystem'),
    },
    label: `CPU ${broker}`,
    period: Duration.minutes(1),
  })
}
