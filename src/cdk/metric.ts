import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** Maximum, Minimum or Sum: an average hides the one broker, partition or request that fails. */
export type Statistic = 'Maximum' | 'Minimum' | 'Sum'

/** A metric over five minutes, as alarms and graphs take it. */
export function metricOf(
  namespace: string,
  name: string,
  dimensions: Readonly<Record<string, string>>,
  statistic: Statistic,
  label?: string,
): Metric {
  return new Metric({
    namespace,
    metricName: name,
    dimensionsMap: { ...dimensions },
    statistic,
    period: Duration.minutes(5),
    ...(label === undefined ? {} : { label }),
  })
}
