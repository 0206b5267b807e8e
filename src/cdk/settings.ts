/**
 * What an environment of weirhouse.config.ts comes to: the preset, overridden by what the environment names, as values that
 * the services take. Pure, and without the CDK: `plan` prices it, `environmentApp` builds it.
 */
import type { Environment } from '../config/environments.ts'
import { AddressPlan } from './address-plan.ts'
import { BrokerSize } from './broker-size.ts'
import type { BrokerInstance } from './broker-size.ts'
import { DatabaseSize } from './database-size.ts'
import { KafkaVersion } from './kafka-version.ts'
import type { SupportedKafka } from './kafka-version.ts'
import { Poller } from './poller.ts'
import { presets } from './presets.ts'
import { refuse, wholeNumber } from './refuse.ts'
import { SshRange } from './ssh-range.ts'

export interface Settings {
  readonly environment: string
  readonly preset: Environment['preset']
  /** `weirhouse-<environment>`: what the names of stacks begin with, and of what must be named. */
  readonly prefix: string
  readonly region: string | undefined
  readonly account: string | undefined
  readonly network: {
    readonly addresses: AddressPlan
    readonly natGateways: 'one' | 'perZone'
    readonly flowLogs: boolean
  }
  readonly kafka: {
    readonly name: string
    readonly version: KafkaVersion
    readonly size: BrokerSize
    readonly brokersPerZone: number
    /** The construct's default where not given. */
    readonly replication: number | undefined
    readonly minInsyncReplicas: number | undefined
  }
  readonly database: { readonly size: DatabaseSize; readonly multiAz: boolean; readonly backupDays: number }
  readonly access: { readonly hosts: 'bastion' | 'sessionManager' | 'none'; readonly sshFrom: SshRange | undefined }
  readonly poller: Poller
  readonly observe: {
    readonly alarms: boolean
    readonly dashboard: boolean
    readonly email: string | undefined
    readonly logDays: LogDays
  }
  /** Whether what holds data outlives the stacks. */
  readonly keepData: boolean
}

/** CloudWatch Logs, PutRetentionPolicy: the periods that it takes. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const
export type LogDays = (typeof LOG_DAYS)[number]

/** Throws WEIR_CDK_REFUSED on what no service takes. */
export function settingsOf(environment: string, given: Environment): Settings {
  const preset = presets[given.preset]
  const { kafka, database, access, observe, network } = given
  const range = network.range ?? preset.range
  const hosts = access.hosts ?? preset.hosts
  return {
    environment,
    preset: given.preset,
    prefix: `weirhouse-${environment}`,
    region: given.region,
    account: given.account,
    network: {
      addresses: AddressPlan.of({ vpcRange: range, zones: network.zones ?? preset.zones }),
      natGateways: network.natGateways ?? preset.natGateways,
      flowLogs: network.flowLogs ?? preset.flowLogs,
    },
    kafka: {
      name: kafka.name ?? `weirhouse-${environment}`,
      version: versionOf(kafka, preset.kafkaVersion),
      size: BrokerSize.of({
        instance: (kafka.instance ?? preset.brokerInstance) as BrokerInstance,
        storageGib: kafka.storageGib ?? preset.brokerStorageGib,
      }),
      brokersPerZone: kafka.brokersPerZone ?? 1,
      replication: kafka.replication,
      minInsyncReplicas: kafka.minInsyncReplicas,
    },
    database: {
      size: DatabaseSize.of({
        instance: database.instance ?? preset.databaseInstance,
        storageGib: database.storageGib ?? preset.databaseStorageGib,
      }),
      multiAz: database.multiAz ?? preset.multiAz,
      backupDays: wholeNumber('database.backupDays', database.backupDays ?? preset.backupDays, 1, 35),
    },
    access: { hosts, sshFrom: sshRange(access.sshFrom, hosts) },
    poller: pollerOf(given.poller),
    observe: {
      alarms: observe.alarms ?? preset.alarms,
      dashboard: observe.dashboard ?? preset.dashboard,
      email: observe.email,
      logDays: logDays(observe.logDays ?? preset.logDays),
    },
    keepData: given.keepData ?? preset.keepData,
  }
}

function versionOf({ version, allowPastSupport }: Environment['kafka'], preset: SupportedKafka): KafkaVersion {
  if (version === undefined) return KafkaVersion.of(preset)
  return allowPastSupport ? KafkaVersion.pastSupport(version) : KafkaVersion.of(version as SupportedKafka)
}

function pollerOf(poller: Environment['poller']): Poller {
  if (poller === undefined || poller === 'onDemand') return Poller.onDemand()
  const given = Object.entries(poller).filter(([, value]) => value !== undefined)
  return Poller.provisioned(Object.fromEntries(given))
}

function sshRange(range: string | undefined, hosts: Settings['access']['hosts']): SshRange | undefined {
  if (range === undefined) return undefined
  if (hosts !== 'bastion')
    refuse({
      what: 'access.sshFrom',
      got: range,
      why: `with hosts "${hosts}" nothing takes SSH`,
      instead: 'leave it out, or give hosts: "bastion"',
    })
  return SshRange.of(range)
}

function logDays(days: number): LogDays {
  const known: readonly number[] = LOG_DAYS
  if (!known.includes(days))
    refuse({
      what: 'observe.logDays',
      got: days,
      why: 'CloudWatch keeps logs for certain periods only',
      instead: `give one of ${LOG_DAYS.join(', ')}`,
    })
  return days as LogDays
}
