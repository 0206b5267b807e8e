/** What a construct has to tell: alarms and graphs as data. Observation makes them; nothing here makes a resource. */
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'

export interface AlarmSpec {
  /** Unique within the construct, in words of letters and digits: part of logical ids. */
  readonly id: string
  /** With the statistic that is right for it: Maximum or Sum, never an average of a cluster's metric. */
  readonly metric: cloudwatch.IMetric
  readonly threshold: number
  /** @default above or equal to the threshold */
  readonly comparison?: cloudwatch.ComparisonOperator
  /** Periods of the metric in a row. @default 1 */
  readonly periods?: number
  /** What silence means. @default not breaching */
  readonly missing?: cloudwatch.TreatMissingData
  /** What it means for the data, and what to do: whoever is woken reads this. */
  readonly text: string
}

export interface GraphSpec {
  readonly title: string
  readonly left: readonly cloudwatch.IMetric[]
  readonly right?: readonly cloudwatch.IMetric[]
}

/** A construct that can be watched. */
export interface Observable {
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]
}
