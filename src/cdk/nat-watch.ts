/** What is to be watched of NAT gateways. Source: Amazon VPC User Guide, "Monitor NAT gateways with Amazon CloudWatch". */
import { Duration } from 'aws-cdk-lib'
import { ComparisonOperator, MathExpression, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { minuteMetric } from './minute-metric.ts'
import type { AlarmSpec, GraphSpec } from './observable.ts'

export interface WatchedNat {
  /** That of its zone. */
  readonly letter: string
  readonly natGatewayId: string
}

const LASTING = 5
/** Of all packets, in percent: the guide's own measure of what is more than passing. */
const DROPPED_PERCENT = 0.01

export function natAlarms({ letter, natGatewayId }: WatchedNat): AlarmSpec[] {
  const nat = `The NAT gateway of zone ${letter}`
  return [
    {
      id: `NatPorts${letter}`,
      metric: metric({ letter, natGatewayId }, 'ErrorPortAllocation'),
      threshold: 0,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
      missing: TreatMissingData.MISSING,
      text: `${nat} has no port left for a destination: new connections from private subnets fail, and with them calls of functions and pollers. What fails is tried again. Find who opens so many connections, or give natGateways: 'perZone'.`,
    },
    {
      id: `NatDrops${letter}`,
      metric: dropped({ letter, natGatewayId }),
      threshold: DROPPED_PERCENT,
      comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
      periods: LASTING,
      missing: TreatMissingData.MISSING,
      text: `${nat} drops more than ${DROPPED_PERCENT} % of its packets: connections slow down and break. Nothing is lost; what fails is tried again. Look at the AWS Health Dashboard for the zone, and at the gateway's traffic.`,
    },
  ]
}

export function natGraphs(gateways: readonly WatchedNat[]): GraphSpec[] {
  const each = (name: string) => gateways.map((gateway) => metric(gateway, name))
  return [
    { title: 'NAT: faults', left: each('ErrorPortAllocation'), right: each('PacketsDropCount') },
    {
      title: 'NAT: bytes a minute, to and from',
      left: each('BytesOutToDestination'),
      right: each('BytesInFromDestination'),
    },
  ]
}

function metric({ letter, natGatewayId }: WatchedNat, name: string): Metric {
  const dimensions = { NatGatewayId: natGatewayId }
  return minuteMetric({ namespace: 'AWS/NATGateway', name, dimensions, statistic: 'Sum', label: `${name} ${letter}` })
}

/** Without any traffic it has no value. */
function dropped(gateway: WatchedNat): MathExpression {
  return new MathExpression({
    expression: '100 * drops / (outward + inward)',
    usingMetrics: {
      drops: metric(gateway, 'PacketsDropCount'),
      outward: metric(gateway, 'PacketsInFromSource'),
      inward: metric(gateway, 'PacketsInFromDestination'),
    },
    label: `Dropped, percent ${gateway.letter}`,
    period: Duration.minutes(1),
  })
}
