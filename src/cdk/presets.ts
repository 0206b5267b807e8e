/** What an environment is where it does not say: data, one column a preset (docs/aws.md, "Presets"). Pure. */
import type { Environment } from '../config/environments.ts'
import { DEFAULT_LINE } from '../core/kafka-release.ts'
import { PRIVATE_RANGE, SPEC_RANGE } from './address-plan.ts'
import type { SupportedKafka } from './kafka-version.ts'

interface Preset {
  readonly range: string
  readonly zones: number
  readonly natGateways: 'one' | 'perZone'
  readonly flowLogs: boolean
  readonly kafkaVersion: SupportedKafka
  readonly brokerInstance: string
  readonly brokerStorageGib: number
  readonly databaseInstance: string
  readonly databaseStorageGib: number
  readonly multiAz: boolean
  readonly backupDays: number
  readonly hosts: 'bastion' | 'sessionManager' | 'none'
  readonly alarms: boolean
  readonly dashboard: boolean
  readonly logDays: number
  readonly keepData: boolean
}

const spec: Preset = {
  range: SPEC_RANGE,
  zones: 2,
  natGateways: 'one',
  flowLogs: true,
  kafkaVersion: DEFAULT_LINE,
  brokerInstance: 'kafka.m7g.large',
  brokerStorageGib: 10,
  databaseInstance: 't4g.micro',
  databaseStorageGib: 20,
  multiAz: false,
  backupDays: 7,
  hosts: 'bastion',
  alarms: true,
  dashboard: true,
  logDays: 30,
  keepData: true,
}

/** What costs and is not needed to work is left out; `destroy` leaves nothing behind. */
const minimal: Preset = {
  ...spec,
  range: PRIVATE_RANGE,
  flowLogs: false,
  // The smallest brokers, which MSK gives to no cluster with KRaft: the last line with ZooKeeper.
  kafkaVersion: '3.9.x',
  brokerInstance: 'kafka.t3.small',
  brokerStorageGib: 5,
  backupDays: 1,
  hosts: 'sessionManager',
  dashboard: false,
  logDays: 7,
  keepData: false,
}

export const presets: Readonly<Record<Environment['preset'], Preset>> = { spec, minimal }
