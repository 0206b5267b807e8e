import { Duration, ReferenceStrength, Stack, Token } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** No average: it hides the one broker that is full, and a cluster's metric comes as its value once and as zeros besides. */
export type MinuteStatistic = 'Maximum' | 'Minimum' | 'Sum'

export interface MinuteMetric {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Readonly<Record<string, string>>
  readonly statistic: MinuteStatistic
  /** What a graph calls it. @default its name */
  readonly label?: string
}

/** A metric by the minute, as MSK, EC2 and NAT gateways publish theirs. */
export function minuteMetric({ namespace, name, dimensions, statistic, label }: MinuteMetric): Metric {
  return new Metric({
    namespace,
    metricName: name,
    dimensionsMap: Object.fromEntries(Object.entries(dimensions).map(([key, value]) => [key, loosely(value)])),
    statistic,
    period: Duration.minutes(1),
    ...(label !== undefined && { label }),
  })
}

/**
 * The id of a resource, which another stack may read and may not hold. Imported, it would keep what is watched from being
 * replaced: CloudFormation changes no export in use, and a host gets another id with each change of its user data.
 */
function loosely(value: string): string {
  return Token.isUnresolved(value) ? Stack.consumeReference(value, ReferenceStrength.WEAK) : value
}
