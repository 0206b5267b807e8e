/**
 * List prices as data, for `plan`: of one region, collected once, second-hand. They say what moves a bill and by how much, not
 * what will be on it. What has no price here is said to have none, never taken for free.
 */
import type { BrokerInstance } from './broker-size.ts'

export const PRICE_LIST = {
  region: 'us-east-1',
  /** Year and month. */
  collected: '2026-11',
  provenance: 'from public price lists, second-hand; on demand, without free tiers, discounts and taxes',
} as const

export interface Price {
  readonly usd: number
  /** What that buys one of. */
  readonly unit: string
  /** Whose price list, and how it came here where that matters. */
  readonly source: string
  /** Options that move the line, by their paths in an environment or a pipeline. */
  readonly levers: readonly string[]
}

const BROKERS = ['kafka.brokersPerZone', 'network.zones']

export const prices = {
  brokerDisk: {
    usd: 0.1,
    unit: 'GiB-month',
    source: 'Amazon MSK, storage of standard brokers',
    levers: ['kafka.storageGib', ...BROKERS],
  },
  natGateway: {
    usd: 0.045,
    unit: 'hour',
    source: 'Amazon VPC, NAT gateway',
    levers: ['network.natGateways', 'network.zones'],
  },
  natByte: { usd: 0.045, unit: 'GB', source: 'Amazon VPC, data processed by a NAT gateway', levers: ['poller'] },
  natAddress: {
    usd: 0.005,
    unit: 'hour',
    source: 'Amazon VPC, public IPv4 address in use',
    levers: ['network.natGateways', 'network.zones'],
  },
  crossZoneByte: {
    usd: 0.02,
    unit: 'GB',
    source: 'Amazon EC2, data transfer between zones: $0.01 out and $0.01 in',
    levers: ['network.zones'],
  },
  databaseDisk: {
    usd: 0.115,
    unit: 'GiB-month',
    source: 'Amazon RDS for PostgreSQL, gp3',
    levers: ['database.storageGib', 'database.multiAz'],
  },
  databaseBackup: {
    usd: 0.095,
    unit: 'GiB-month',
    source: 'Amazon RDS, backups beyond the size of the disk',
    levers: ['database.backupDays', 'database.storageGib'],
  },
  secret: { usd: 0.4, unit: 'month', source: 'AWS Secrets Manager', levers: [] },
  bastion: { usd: 0.0042, unit: 'hour', source: 'Amazon EC2, t4g.nano', levers: ['access.hosts'] },
  bastionAddress: {
    usd: 0.005,
    unit: 'hour',
    source: 'Amazon VPC, public IPv4 address in use',
    levers: ['access.hosts'],
  },
  kafkaHost: { usd: 0.0168, unit: 'hour', source: 'Amazon EC2, t4g.small', levers: ['access.hosts'] },
  hostDisk: { usd: 0.08, unit: 'GiB-month', source: 'Amazon EBS, gp3', levers: ['access.hosts'] },
  hostMetric: {
    usd: 0.3,
    unit: 'month',
    source: 'Amazon CloudWatch, a metric of detailed monitoring',
    levers: ['access.hosts'],
  },
  pollerUnit: {
    usd: 0.185,
    unit: 'hour',
    source: "AWS Lambda, event poller unit for Kafka, as in the developer guide's example",
    levers: ['poller', 'poller.minimum'],
  },
  alarm: { usd: 0.1, unit: 'month', source: 'Amazon CloudWatch, standard alarm', levers: ['observe.alarms'] },
  dashboard: { usd: 3, unit: 'month', source: 'Amazon CloudWatch, dashboard', levers: ['observe.dashboard'] },
  logIngest: { usd: 0.5, unit: 'GB', source: 'Amazon CloudWatch Logs, collected', levers: [] },
  flowLogIngest: {
    usd: 0.5,
    unit: 'GB',
    source: 'Amazon CloudWatch Logs, vended logs',
    levers: ['network.flowLogs'],
  },
  logStored: { usd: 0.03, unit: 'GB-month', source: 'Amazon CloudWatch Logs, stored', levers: ['observe.logDays'] },
  lambdaRequest: {
    usd: 0.2,
    unit: 'million',
    source: 'AWS Lambda, requests',
    levers: ['source.batch'],
  },
  lambdaTime: {
    usd: 0.000_013_333_4,
    unit: 'GB-second',
    source: 'AWS Lambda, arm64',
    levers: ['function.memoryMb', 'source.batch'],
  },
  dynamoWrite: {
    usd: 0.625,
    unit: 'million write units',
    source: 'Amazon DynamoDB, on demand: a unit an item of up to 1 KB',
    levers: [],
  },
  dynamoRead: {
    usd: 0.125,
    unit: 'million read units',
    source: 'Amazon DynamoDB, on demand: a unit a strong read of up to 4 KB',
    levers: [],
  },
  s3Put: {
    usd: 5,
    unit: 'million',
    source: 'Amazon S3 Standard, PUT',
    levers: ['source.batch', 'source.partitions'],
  },
} as const satisfies Record<string, Price>

export const BROKER_LEVERS = ['kafka.instance', ...BROKERS]

/**
 * Amazon MSK, standard brokers, USD an hour. t3.small and m5.24xlarge as an open estimator records them; the other sizes of m5
 * and m7g in proportion to their `large`, as the list has it.
 */
export const brokerHour: Readonly<Record<BrokerInstance, number>> = {
  'kafka.t3.small': 0.0456,
  'kafka.m5.large': 0.21,
  'kafka.m5.xlarge': 0.42,
  'kafka.m5.2xlarge': 0.84,
  'kafka.m5.4xlarge': 1.68,
  'kafka.m5.8xlarge': 3.36,
  'kafka.m5.12xlarge': 5.04,
  'kafka.m5.16xlarge': 6.72,
  'kafka.m5.24xlarge': 10.08,
  'kafka.m7g.large': 0.204,
  'kafka.m7g.xlarge': 0.408,
  'kafka.m7g.2xlarge': 0.816,
  'kafka.m7g.4xlarge': 1.632,
  'kafka.m7g.8xlarge': 3.264,
  'kafka.m7g.12xlarge': 4.896,
  'kafka.m7g.16xlarge': 6.528,
}

export const DATABASE_LEVERS = ['database.instance', 'database.multiAz']

/** Amazon RDS for PostgreSQL, one zone, USD an hour. Those that were found: others have no price here. */
export const databaseHour: Readonly<Record<string, number>> = {
  't3.micro': 0.018,
  't3.small': 0.036,
  't3.medium': 0.072,
  't3.large': 0.145,
  't4g.micro': 0.016,
  't4g.small': 0.032,
  't4g.medium': 0.065,
  't4g.large': 0.129,
  't4g.xlarge': 0.258,
  't4g.2xlarge': 0.517,
  'm5.large': 0.178,
  'm5.xlarge': 0.356,
  'm5.2xlarge': 0.712,
  'm6g.large': 0.159,
  'm6g.xlarge': 0.318,
  'm6g.2xlarge': 0.636,
  'm6i.large': 0.178,
  'm6i.xlarge': 0.356,
  'm6i.2xlarge': 0.712,
  'm7g.large': 0.168,
  'm7g.xlarge': 0.337,
  'm7g.2xlarge': 0.674,
  'r5.large': 0.25,
  'r5.xlarge': 0.5,
  'r5.2xlarge': 1,
  'r6g.large': 0.225,
  'r6g.xlarge': 0.45,
  'r6g.2xlarge': 0.899,
  'r6i.large': 0.25,
  'r6i.xlarge': 0.5,
  'r6i.2xlarge': 1,
}
