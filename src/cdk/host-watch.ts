/** What is to be watched of a host. Source: Amazon EC2 User Guide, "Status checks for Amazon EC2 instances". */
import { TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { minuteMetric } from './minute-metric.ts'
import type { AlarmSpec, GraphSpec } from './observable.ts'

/** A host that starts fails its checks for a minute or two. */
const LASTING = 5

export function hostAlarm(name: string, instanceId: string): AlarmSpec {
  return {
    id: `Status${name}`,
    metric: metric(name, instanceId, 'StatusCheckFailed'),
    threshold: 1,
    periods: LASTING,
    missing: TreatMissingData.MISSING,
    text: `${name} has failed its status checks for ${LASTING} minutes: people cannot work from it. No data depend on it, and pipelines go on. Stop and start it; it moves to other hardware.`,
  }
}

export function hostGraph(hosts: readonly (readonly [name: string, instanceId: string])[]): GraphSpec {
  const each = (metricName: string) => hosts.map(([name, instanceId]) => metric(name, instanceId, metricName))
  return { title: 'Hosts: CPU, percent; failed checks', left: each('CPUUtilization'), right: each('StatusCheckFailed') }
}

function metric(host: string, instanceId: string, name: string): Metric {
  const dimensions = { InstanceId: instanceId }
  return minuteMetric({ namespace: 'AWS/EC2', name, dimensions, statistic: 'Maximum', label: `${name} ${host}` })
}
