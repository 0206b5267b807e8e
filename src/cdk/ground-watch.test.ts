/** What constructs tell: each alarm with its metric as AWS publishes it. */
import { Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import type { Alarm, CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch'
import { describe, expect, test } from 'vitest'
import { specApp, testApp } from '../../test/aws/spec-app.ts'
import { AddressPlan, BrokerSize, KafkaCluster, KafkaVersion, Network, Observation } from './index.ts'
import type { Observable } from './index.ts'

const spec = specApp()

interface MetricStat {
  readonly Id: string
  readonly Expression?: string
  readonly MetricStat?: {
    readonly Metric: { readonly Namespace: string; readonly MetricName: string; readonly Dimensions: Dimension[] }
    readonly Stat: string
    readonly Period: number
  }
}
interface Dimension {
  readonly Name: string
  readonly Value: unknown
}
interface AlarmProperties {
  readonly AlarmDescription: string
  readonly ComparisonOperator: string
  readonly EvaluationPeriods: number
  readonly Threshold: number
  readonly TreatMissingData: string
  readonly Metrics?: readonly MetricStat[]
  readonly Namespace: string
  readonly MetricName: string
  readonly Statistic: string
  readonly Period: number
  readonly Dimensions: readonly Dimension[]
}

/** Alarms by id, of what is watched under a name, as synthesized. */
function alarmsOf(stack: Stack, made: Observation): Record<string, AlarmProperties> {
  const resources = Template.fromStack(stack).findResources('AWS::CloudWatch::Alarm')
  const properties = (alarm: Alarm) => resources[stack.getLogicalId(alarm.node.defaultChild as CfnAlarm)]!['Properties']
  return Object.fromEntries(made.alarms.map((alarm) => [alarm.node.id, properties(alarm) as AlarmProperties]))
}

/** In one line: statistic, metric, dimensions, comparison, threshold, minutes. */
function line(alarm: AlarmProperties): string {
  const { Threshold, EvaluationPeriods, ComparisonOperator, TreatMissingData } = alarm
  const dimensions = (all: readonly Dimension[]) =>
    all.map(({ Name, Value }) => `${Name}=${typeof Value === 'string' ? Value : '<id>'}`).join(' ')
  const metrics = (alarm.Metrics ?? []).map(({ Id, Expression, MetricStat: stat }) =>
    stat
      ? `${stat.Stat} ${stat.Metric.Namespace}/${stat.Metric.MetricName} ${dimensions(stat.Metric.Dimensions)}`
      : `${Id}: ${Expression}`,
  )
  const single = `${alarm.Statistic} ${alarm.Namespace}/${alarm.MetricName} ${dimensions(alarm.Dimensions ?? [])}`
  const signs: Record<string, string> = {
    GreaterThanOrEqualToThreshold: '>=',
    GreaterThanThreshold: '>',
    LessThanThreshold: '<',
    LessThanOrEqualToThreshold: '<=',
  }
  const what = alarm.Metrics ? metrics.join(', ') : single
  return `${what} ${signs[ComparisonOperator]} ${Threshold}, ${EvaluationPeriods} min, ${TreatMissingData}`
}

function linesOf(stack: Stack, made: Observation): Record<string, string> {
  return Object.fromEntries(Object.entries(alarmsOf(stack, made)).map(([id, alarm]) => [id, line(alarm)]))
}

function lines(observable: Observable, stack = new Stack(testApp(), 'Observe')): Record<string, string> {
  return linesOf(stack, new Observation(stack, 'Observation', { name: 'test', watched: [{ name: 'It', observable }] }))
}

describe('a Kafka cluster', () => {
  test('alarms on controller, leaders, in-sync replicas, disks and CPU, by MSK dimensions', () => {
    const broker = (id: number) => `Broker ID=${id} Cluster Name=weirhouse`
    const each = (id: number) => ({
      [`UnderMinIsrBroker${id}`]: `Maximum AWS/Kafka/UnderMinIsrPartitionCount ${broker(id)} >= 1, 3 min, missing`,
      [`DiskBroker${id}`]: `Maximum AWS/Kafka/KafkaDataLogsDiskUsed ${broker(id)} >= 85, 5 min, missing`,
      [`CpuBroker${id}`]: `expr_1: user${id} + kernel${id}, Maximum AWS/Kafka/CpuUser ${broker(id)}, Maximum AWS/Kafka/CpuSystem ${broker(id)} >= 60, 5 min, missing`,
    })
    expect(lines(spec.cluster)).toEqual({
      Controller: 'Maximum AWS/Kafka/ActiveControllerCount Cluster Name=weirhouse < 1, 5 min, missing',
      OfflinePartitions: 'Maximum AWS/Kafka/OfflinePartitionsCount Cluster Name=weirhouse >= 1, 3 min, missing',
      ...each(1),
      ...each(2),
    })
  })

  test('has the level of monitoring that is free, under which all of that is published, unless another is asked for', () => {
    const stack = new Stack(testApp(), 'Stream')
    const network = new Network(stack, 'Network')
    new KafkaCluster(stack, 'Kafka', { network, monitoring: 'PER_BROKER' })
    const level = (template: Template, EnhancedMonitoring: string) =>
      template.hasResourceProperties('AWS::MSK::Cluster', { EnhancedMonitoring })
    level(Template.fromStack(spec.stacks.stream), 'DEFAULT')
    level(Template.fromStack(stack), 'PER_BROKER')
  })

  test('credits belong to instances that burst', () => {
    const stack = new Stack(testApp(), 'Stream')
    const size = BrokerSize.of({ instance: 'kafka.t3.small' })
    const props = { network: new Network(stack, 'Network'), size, version: KafkaVersion.of('3.9.x') }
    expect(lines(new KafkaCluster(stack, 'Kafka', props))).toMatchObject({
      ...lines(spec.cluster),
      CpuCreditsBroker1:
        'Minimum AWS/Kafka/CPUCreditBalance Broker ID=1 Cluster Name=weirhouse <= 100, 15 min, missing',
      CpuCreditsBroker2:
        'Minimum AWS/Kafka/CPUCreditBalance Broker ID=2 Cluster Name=weirhouse <= 100, 15 min, missing',
    })
  })

  test('a broker more adds alarms and changes none', () => {
    const stack = new Stack(testApp(), 'Stream')
    const network = new Network(stack, 'Network', { addresses: AddressPlan.of({ zones: 3 }) })
    const three = lines(new KafkaCluster(stack, 'Kafka', { network }))
    expect(Object.keys(three).filter((id) => id.endsWith('3'))).toEqual([
      'UnderMinIsrBroker3',
      'DiskBroker3',
      'CpuBroker3',
    ])
    const two = lines(spec.cluster)
    expect(three).toMatchObject(two)
    expect(Object.keys(three)).toHaveLength(Object.keys(two).length + 3)
  })
})

test('a group behind its topic: by cluster, group and topic, and silence changes nothing', () => {
  expect(lines(spec.topic.lag({ group: 'demo-group' }))).toEqual({
    TimeLag:
      'Maximum AWS/Kafka/EstimatedMaxTimeLag Cluster Name=weirhouse Consumer Group=demo-group Topic=demo_topic >= 900, 15 min, ignore',
  })
  expect(lines(spec.topic.lag({ group: 'demo-group', seconds: 60 }))['TimeLag']).toContain('>= 60')
  expect(() => spec.topic.lag({ group: '*' })).toThrow(/lag\.group got "\*"/)
  expect(() => spec.topic.lag({ group: 'demo', seconds: 0 })).toThrow(/lag\.seconds got 0/)
})

test('NAT gateways, one or one a zone: ports, and packets dropped in percent of all', () => {
  const counted = (name: string) => `Sum AWS/NATGateway/${name} NatGatewayId=<id>`
  const packets = ['PacketsDropCount', 'PacketsInFromSource', 'PacketsInFromDestination'].map(counted)
  const zone = (letter: string) => ({
    [`NatPorts${letter}`]: `${counted('ErrorPortAllocation')} > 0, 1 min, missing`,
    [`NatDrops${letter}`]: `expr_1: 100 * drops / (outward + inward), ${packets.join(', ')} > 0.01, 5 min, missing`,
  })
  const stack = new Stack(testApp(), 'Network')
  expect(lines(new Network(stack, 'One'), stack)).toEqual(zone('A'))
  const other = new Stack(testApp(), 'Network')
  const perZone = new Network(other, 'Each', { natGateways: 'perZone' })
  expect(lines(perZone, other)).toEqual({ ...zone('A'), ...zone('B') })
})

describe('in a stack of its own', () => {
  const { app, stacks, network, cluster, access, topic } = specApp()
  const observe = new Stack(app, 'Observe')
  const all = { Network: network, Kafka: cluster, Access: access, Demo: topic.lag({ group: 'demo' }) }
  const made = new Observation(observe, 'Observation', {
    name: 'weirhouse-test',
    watched: Object.entries(all).map(([name, observable]) => ({ name, observable })),
  })

  test('hosts: status checks by instance', () => {
    const status = 'Maximum AWS/EC2/StatusCheckFailed InstanceId=<id> >= 1, 5 min, missing'
    expect(linesOf(observe, made)).toMatchObject({ StatusKafkaHost: status, StatusBastion: status })
  })

  test('it reads ids of others and holds nobody: no stack exports for it', () => {
    const text = JSON.stringify(Template.fromStack(observe).toJSON())
    expect(text).toContain('Fn::GetStackOutput')
    expect(text).not.toContain('Fn::ImportValue')
    const outputs = Template.fromStack(stacks.access).findOutputs('*')
    expect(Object.values(outputs).filter((output) => output['Export'] !== undefined)).toEqual([])
  })

  test('no alarm takes an average, and each says in some sentences what it means and what to do', () => {
    const alarms = Object.values(alarmsOf(observe, made))
    expect(alarms).toHaveLength(13)
    for (const alarm of alarms) {
      expect(line(alarm)).not.toMatch(/Average/)
      expect(alarm.AlarmDescription).toMatch(/^[A-Z].*\. .*\.$/)
      expect(alarm.AlarmDescription.length).toBeLessThan(400)
    }
  })
})
