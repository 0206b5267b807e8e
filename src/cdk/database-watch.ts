/** What is to be watched of an RDS instance. Source of the names: Amazon RDS, "Amazon CloudWatch metrics". */
import { ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch'
import { MIB } from '../core/limits.ts'
import type { DatabaseSize } from './database-size.ts'
import { metricOf } from './metric.ts'
import type { Statistic } from './metric.ts'
import type { AlarmSpec, GraphSpec } from './observable.ts'

interface Watched {
  /** Its identifier. */
  readonly instance: string
  readonly size: DatabaseSize
}

/** RDS for PostgreSQL: max_connections is LEAST(memory in bytes / 9531392, 5000); a part of the memory is not the server's. */
const CONNECTIONS_A_GIB = 80
const MAX_CONNECTIONS = 5000
const FULL = 0.8
const GIB = 1024 * MIB
const FREE_STORAGE = 0.15
const BUSY_PERCENT = 90

const metric = ({ instance }: Watched, name: string, statistic: Statistic) =>
  metricOf('AWS/RDS', name, { DBInstanceIdentifier: instance }, statistic)

export function databaseAlarms(watched: Watched): AlarmSpec[] {
  const memoryGib = memoryOf(watched.size)
  const { storageGib } = watched.size
  return [
    {
      id: 'DatabaseConnections',
      metric: metric(watched, 'DatabaseConnections', 'Maximum'),
      threshold: Math.floor(Math.min(memoryGib * CONNECTIONS_A_GIB, MAX_CONNECTIONS) * FULL),
      text: 'The database is running out of connections: functions that find none fail, and their batches are sent again. Each function keeps one for each partition at most; see who else is connected, or take a larger instance.',
    },
    {
      id: 'DatabaseStorage',
      metric: metric(watched, 'FreeStorageSpace', 'Minimum'),
      threshold: Math.floor(storageGib * GIB * FREE_STORAGE),
      comparison: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
      text: `Less than ${FREE_STORAGE * 100} % of the database's disk is free. A full disk stops the database, and with it the pipelines that write there. Give it more storage: it grows without a stop.`,
    },
    {
      id: 'DatabaseCpu',
      metric: metric(watched, 'CPUUtilization', 'Maximum'),
      threshold: BUSY_PERCENT,
      periods: 3,
      text: 'The database has been busy for a quarter of an hour: pipelines fall behind. See the slowest statements, or take a larger instance.',
    },
  ]
}

export function databaseGraphs(watched: Watched): GraphSpec[] {
  return [
    {
      title: 'Database: load',
      left: [metric(watched, 'CPUUtilization', 'Maximum')],
      right: [metric(watched, 'DatabaseConnections', 'Maximum')],
    },
    {
      title: 'Database: disk',
      left: [metric(watched, 'FreeStorageSpace', 'Minimum')],
      right: [metric(watched, 'ReadIOPS', 'Maximum'), metric(watched, 'WriteIOPS', 'Maximum')],
    },
  ]
}

const SMALL: Readonly<Record<string, number>> = { micro: 1, small: 2, medium: 4, large: 8 }

/** EC2's families: large has 8 GiB, those for memory (r) twice that, and each further size a multiple. */
function memoryOf({ instance }: DatabaseSize): number {
  const [family = '', size = ''] = instance.split('.')
  const [, times] = /^(\d*)xlarge$/.exec(size) ?? []
  const memory = times === undefined ? SMALL[size]! : 16 * Number(times || 1)
  return family.startsWith('r') ? 2 * memory : memory
}
