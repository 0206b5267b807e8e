/**
 * What an environment costs a month, from its settings: quantities times list prices, each line with the options that move it.
 * Pure. What depends on how much comes through, the price of a million records, is in record-price.ts.
 */
import type { Pipeline } from '../core/pipeline.ts'
import { BROKER_LEVERS, brokerHour, DATABASE_LEVERS, databaseHour, PRICE_LIST, prices } from './prices.ts'
import type { Price } from './prices.ts'
import type { Settings } from './settings.ts'

export interface BillLine {
  readonly what: string
  readonly quantity: number
  readonly unit: string
  /** In whole cents; null where no price is known. */
  readonly monthlyUsd: number | null
  /** Options that move it, by their paths in the environment. */
  readonly levers: readonly string[]
}

export interface Bill {
  readonly region: string
  readonly collected: string
  readonly provenance: string
  readonly lines: readonly BillLine[]
  /** Of the lines that have a price. */
  readonly totalUsd: number
  /** What the total lacks. */
  readonly unpriced: readonly string[]
  readonly assumptions: typeof MONTHLY
}

/** What templates alone tell. */
export interface Made {
  readonly alarms: number
  readonly dashboards: number
}

/** What a bill takes for granted. */
export const MONTHLY = {
  hours: 730,
  /** Of brokers and functions together. */
  logGb: 1,
  flowLogGb: 0.1,
  /** Of the database's disk, written anew each day: what backups grow by. */
  databaseDailyChange: 0.05,
} as const

/** MSK takes three zones at most (kafka-cluster.ts). */
const MAX_BROKER_ZONES = 3
/** Lambda developer guide, "Enhanced EPU utilization": a unit holds 10 pollers by default, and each mapping has units of its own. */
const POLLERS_A_UNIT = 10
/** EC2: what detailed monitoring, which the hosts have, sends. */
const HOST_METRICS = 7
const DAYS_A_MONTH = 30
/** GiB of the hosts' disks (operator-access.ts). */
const HOST_DISKS = { bastion: 8, kafkaHost: 16 } as const

/** Brokers of the cluster that these settings make. */
export function brokersOf({ network, kafka }: Settings): number {
  return kafka.brokersPerZone * Math.min(network.addresses.zones.length, MAX_BROKER_ZONES)
}

export function billOf(settings: Settings, pipelines: readonly Pipeline[], made: Made): Bill {
  const lines = [
    ...kafkaLines(settings),
    ...networkLines(settings),
    ...(pipelines.some(hasDatabase) ? databaseLines(settings) : []),
    ...hostLines(settings),
    ...pollerLines(settings, pipelines),
    ...observationLines(settings, made),
  ].filter(({ quantity }) => quantity > 0)
  return {
    ...PRICE_LIST,
    lines,
    totalUsd: inCents(lines.reduce((sum, { monthlyUsd }) => sum + (monthlyUsd ?? 0), 0)),
    unpriced: lines.filter(({ monthlyUsd }) => monthlyUsd === null).map(({ what }) => what),
    assumptions: MONTHLY,
  }
}

export function hasDatabase({ sinks }: Pipeline): boolean {
  return sinks.some(({ kind }) => kind === 'postgres')
}

function kafkaLines(settings: Settings): BillLine[] {
  const brokers = brokersOf(settings)
  const { instance, storageGib } = settings.kafka.size
  return [
    hourly(`Kafka brokers, ${instance}`, brokers, 'broker', brokerHour[instance], BROKER_LEVERS),
    line('Disks of the brokers', brokers * storageGib, 'GiB', prices.brokerDisk),
  ]
}

function networkLines({ network }: Settings): BillLine[] {
  const gateways = network.natGateways === 'one' ? 1 : network.addresses.zones.length
  return [
    line('NAT gateways', gateways, 'gateway', prices.natGateway),
    line('Public addresses of NAT', gateways, 'address', prices.natAddress),
  ]
}

function databaseLines({ database }: Settings): BillLine[] {
  const { size, multiAz, backupDays } = database
  const copies = multiAz ? 2 : 1
  const backups = size.storageGib * MONTHLY.databaseDailyChange * (backupDays - 1)
  return [
    hourly(`Database, db.${size.instance}`, copies, 'instance', databaseHour[size.instance], DATABASE_LEVERS),
    line('Disk of the database', copies * size.storageGib, 'GiB', prices.databaseDisk),
    line('Backups beyond its size', rounded(backups, 2), 'GiB', prices.databaseBackup),
    line('Secret of the database', 1, 'secret', prices.secret),
  ]
}

function hostLines({ access }: Settings): BillLine[] {
  if (access.hosts === 'none') return []
  const bastion = access.hosts === 'bastion'
  const disks = HOST_DISKS.kafkaHost + (bastion ? HOST_DISKS.bastion : 0)
  return [
    ...(bastion
      ? [
          line('Bastion, t4g.nano', 1, 'host', prices.bastion),
          line('Public address of the bastion', 1, 'address', prices.bastionAddress),
        ]
      : []),
    line('Kafka host, t4g.small', 1, 'host', prices.kafkaHost),
    line('Disks of the hosts', disks, 'GiB', prices.hostDisk),
    line('Metrics of the hosts', (bastion ? 2 : 1) * HOST_METRICS, 'metric', prices.hostMetric),
  ]
}

/** On-demand pollers are free. Those above the minimum are paid for as long as they run, which no definition tells. */
function pollerLines({ poller }: Settings, pipelines: readonly Pipeline[]): BillLine[] {
  if (poller.mode === 'onDemand') return []
  const units = pipelines.length * Math.ceil(poller.minimum / POLLERS_A_UNIT)
  return [line('Provisioned pollers, at least', units, 'poller unit', prices.pollerUnit)]
}

function observationLines({ network, observe }: Settings, { alarms, dashboards }: Made): BillLine[] {
  const kept = (MONTHLY.logGb * observe.logDays) / DAYS_A_MONTH
  return [
    line('Alarms', alarms, 'alarm', prices.alarm),
    line('Dashboards', dashboards, 'dashboard', prices.dashboard),
    line('Logs taken in', MONTHLY.logGb, 'GB', prices.logIngest),
    ...(network.flowLogs ? [line('Logs of refused connections', MONTHLY.flowLogGb, 'GB', prices.flowLogIngest)] : []),
    line('Logs kept', rounded(kept, 2), 'GB', prices.logStored),
  ]
}

function line(what: string, quantity: number, unit: string, { usd, unit: per, levers }: Price): BillLine {
  if (per === 'hour') return hourly(what, quantity, unit, usd, levers)
  return { what, quantity, unit, monthlyUsd: inCents(quantity * usd), levers }
}

function hourly(
  what: string,
  quantity: number,
  unit: string,
  usd: number | undefined,
  levers: readonly string[],
): BillLine {
  const monthlyUsd = usd === undefined ? null : inCents(quantity * usd * MONTHLY.hours)
  return { what, quantity, unit, monthlyUsd, levers }
}

function inCents(usd: number): number {
  return rounded(usd, 2)
}

function rounded(value: number, digits: number): number {
  const factor = 10 ** digits
  return Math.round(value * factor) / factor
}
