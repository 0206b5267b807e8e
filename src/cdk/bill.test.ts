/** Bills by hand, and what every bill has in common. */
import { Template } from 'aws-cdk-lib/assertions'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { specApp } from '../../test/aws/spec-app.ts'
import { defineConfig } from '../config/define.ts'
import { environmentOptions } from '../config/environments.ts'
import type { EnvironmentInput } from '../config/environments.ts'
import { any, pipeline } from '../index.ts'
import demo from '../../pipelines/demo.ts'
import { s3 } from '../sinks/s3/index.ts'
import { billOf } from './bill.ts'
import type { Bill } from './bill.ts'
import { BrokerSize } from './broker-size.ts'
import type { BrokerInstance } from './broker-size.ts'
import { brokerHour, databaseHour, prices } from './prices.ts'
import { settingsOf } from './settings.ts'

const settings = (environment: EnvironmentInput) =>
  settingsOf('e', defineConfig({ pipelines: ['./p.ts'], environments: { e: environment } }).environments['e']!)
const bill = (environment: EnvironmentInput, pipelines = [demo]): Bill => {
  const made = settings(environment)
  const counts = { alarms: made.observe.alarms ? 20 : 0, dashboards: made.observe.dashboard ? 1 : 0 }
  return billOf(made, pipelines, counts)
}
const amounts = ({ lines }: Bill) => Object.fromEntries(lines.map(({ what, monthlyUsd }) => [what, monthlyUsd]))
const lakeOnly = pipeline({ name: 'lake', source: { topic: 't' }, decode: any(), sinks: [s3({ id: 'lake' })] })

describe('by hand', () => {
  test('minimal: under 140 dollars a month', () => {
    const it = bill({ preset: 'minimal' })
    expect(amounts(it)).toEqual({
      'Kafka brokers, kafka.t3.small': 66.58, // 2 x 0.0456 x 730
      'Disks of the brokers': 1, // 2 x 5 x 0.10
      'NAT gateways': 32.85, // 0.045 x 730
      'Public addresses of NAT': 3.65, // 0.005 x 730
      'Database, db.t4g.micro': 11.68, // 0.016 x 730
      'Disk of the database': 2.3, // 20 x 0.115
      'Secret of the database': 0.4,
      'Kafka host, t4g.small': 12.26, // 0.0168 x 730
      'Disks of the hosts': 1.28, // 16 x 0.08
      'Metrics of the hosts': 2.1, // 7 x 0.30
      Alarms: 2, // 20 x 0.10
      'Logs taken in': 0.5,
      'Logs kept': 0.01, // 7 / 30 x 0.03
    })
    expect(it.totalUsd).toBe(136.61)
    expect(it.unpriced).toEqual([])
  })

  test('spec: with a bastion, flow logs, a dashboard and a week of backups', () => {
    const it = bill({ preset: 'spec' })
    expect(amounts(it)).toMatchObject({
      'Kafka brokers, kafka.m7g.large': 297.84, // 2 x 0.204 x 730
      'Disks of the brokers': 2,
      'Backups beyond its size': 0.57, // 20 x 0.05 x 6 x 0.095
      'Bastion, t4g.nano': 3.07, // 0.0042 x 730
      'Public address of the bastion': 3.65,
      'Disks of the hosts': 1.92, // (8 + 16) x 0.08
      'Metrics of the hosts': 4.2,
      Dashboards: 3,
      'Logs of refused connections': 0.05,
      'Logs kept': 0.03,
    })
    expect(it.totalUsd).toBe(381.97)
  })

  test('larger: three zones with two brokers each, a NAT gateway a zone, Multi-AZ, provisioned pollers', () => {
    const it = bill({
      preset: 'spec',
      network: { zones: 3, natGateways: 'perZone' },
      kafka: { brokersPerZone: 2, storageGib: 100 },
      database: { instance: 'db.m7g.large', storageGib: 100, multiAz: true },
      access: { hosts: 'none' },
      poller: { minimum: 11 },
    })
    expect(amounts(it)).toMatchObject({
      'Kafka brokers, kafka.m7g.large': 893.52, // 6 x 0.204 x 730
      'Disks of the brokers': 60, // 6 x 100 x 0.10
      'NAT gateways': 98.55, // 3 x 32.85
      'Public addresses of NAT': 10.95,
      'Database, db.m7g.large': 245.28, // 2 x 0.168 x 730
      'Disk of the database': 23, // 2 x 100 x 0.115
      'Backups beyond its size': 2.85, // 100 x 0.05 x 6 x 0.095
      'Provisioned pollers, at least': 270.1, // 2 units of 10 pollers x 0.185 x 730
    })
    expect(Object.keys(amounts(it)).filter((what) => /host|bastion/i.test(what))).toEqual([])
  })

  test('more zones than brokers are put in', () => {
    const it = bill({ preset: 'minimal', network: { zones: 5, natGateways: 'perZone' } })
    expect(it.lines.find(({ what }) => what.startsWith('Kafka brokers'))!.quantity).toBe(3)
    expect(it.lines.find(({ what }) => what === 'NAT gateways')!.quantity).toBe(5)
  })

  test('each mapping has poller units of its own', () => {
    const units = (count: number, minimum: number) =>
      bill(
        { preset: 'minimal', poller: { minimum } },
        Array.from({ length: count }, () => lakeOnly),
      ).lines.find(({ unit }) => unit === 'poller unit')!.quantity
    expect([units(1, 1), units(1, 10), units(1, 11), units(3, 1)]).toEqual([1, 1, 2, 3])
  })

  test('no pipeline with a PostgreSQL sink, no database', () => {
    const it = bill({ preset: 'minimal' }, [lakeOnly])
    expect(it.lines.filter(({ what }) => /database|backup/i.test(what))).toEqual([])
    expect(it.totalUsd).toBe(122.23) // 136.61 - 11.68 - 2.30 - 0.40
  })
})

test('a database without a known price is said to have none, and the total says what it lacks', () => {
  const it = bill({ preset: 'minimal', database: { instance: 'r8g.4xlarge' } })
  expect(amounts(it)).toMatchObject({ 'Database, db.r8g.4xlarge': null })
  expect(it.unpriced).toEqual(['Database, db.r8g.4xlarge'])
  expect(it.totalUsd).toBe(124.93) // 136.61 - 11.68
})

test('every broker has a price, and a larger one costs more', () => {
  const instances = Object.keys(brokerHour) as BrokerInstance[]
  for (const instance of instances) expect(BrokerSize.of({ instance }).instance).toBe(instance)
  for (const family of ['kafka.m5', 'kafka.m7g']) {
    const hours = instances.filter((each) => each.startsWith(`${family}.`)).map((each) => brokerHour[each])
    expect(hours).toEqual([...new Set(hours)].sort((a, b) => a - b))
  }
})

test('the hosts are those that are made', () => {
  const instances = Object.values(Template.fromStack(specApp().stacks.access).findResources('AWS::EC2::Instance'))
  const made = instances.map(({ Properties }) => [
    Properties.InstanceType as string,
    (Properties.BlockDeviceMappings as { Ebs: { VolumeSize: number } }[])[0]!.Ebs.VolumeSize,
    Properties.Monitoring as boolean,
  ])
  expect(made.sort(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
    ['t4g.nano', 8, true],
    ['t4g.small', 16, true],
  ])
})

/** An environment in which that option, and nothing else, is another than in `spec`. */
const COSTS: Readonly<Record<string, EnvironmentInput>> = {
  'network.zones': { preset: 'spec', network: { zones: 3 } },
  'network.natGateways': { preset: 'spec', network: { natGateways: 'perZone' } },
  'network.flowLogs': { preset: 'spec', network: { flowLogs: false } },
  'kafka.instance': { preset: 'spec', kafka: { instance: 'kafka.m5.large' } },
  'kafka.storageGib': { preset: 'spec', kafka: { storageGib: 50 } },
  'kafka.brokersPerZone': { preset: 'spec', kafka: { brokersPerZone: 2 } },
  'database.instance': { preset: 'spec', database: { instance: 't4g.small' } },
  'database.storageGib': { preset: 'spec', database: { storageGib: 40 } },
  'database.multiAz': { preset: 'spec', database: { multiAz: true } },
  'database.backupDays': { preset: 'spec', database: { backupDays: 20 } },
  'access.hosts': { preset: 'spec', access: { hosts: 'none' } },
  poller: { preset: 'spec', poller: {} },
  'poller.minimum': { preset: 'spec', poller: { minimum: 20 } },
  'observe.alarms': { preset: 'spec', observe: { alarms: false } },
  'observe.dashboard': { preset: 'spec', observe: { dashboard: false } },
  'observe.logDays': { preset: 'spec', observe: { logDays: 365 } },
}
/** Options that no line of a bill depends on. */
const FREE = [
  'preset',
  'region',
  'account',
  'network.range',
  'kafka.name',
  'kafka.version',
  'kafka.allowPastSupport',
  'kafka.replication',
  'kafka.minInsyncReplicas',
  'access.sshFrom',
  'poller.maximum', // paid for as used
  'poller.retries',
  'poller.maxAgeSeconds',
  'poller.bisectOnError',
  'observe.email',
  'keepData',
]

describe('levers', () => {
  test.each(Object.entries(COSTS))('%s is named by every line that it moves', (path, environment) => {
    const base = path === 'poller.minimum' ? bill({ preset: 'spec', poller: {} }) : bill({ preset: 'spec' })
    const other = bill(environment)
    const key = (line: Bill['lines'][number]) => JSON.stringify(line)
    const all = (one: Bill, two: Bill) => one.lines.filter((line) => !two.lines.map(key).includes(key(line)))
    const moved = [...all(base, other), ...all(other, base)]
    expect(moved.length).toBeGreaterThan(0)
    for (const { what, levers } of moved) expect(levers, what).toContain(path)
  })

  test('every option either costs, and is tried above, or is known to be free', () => {
    expect([...optionPaths(environmentOptions)].sort()).toEqual([...Object.keys(COSTS), ...FREE].sort())
  })

  test('no line names an option that there is not', () => {
    const environments = Object.values(COSTS).flatMap((each) => bill(each).lines.flatMap(({ levers }) => levers))
    for (const lever of environments) expect(Object.keys(COSTS)).toContain(lever)
  })
})

/** Paths of the options of a schema, as deep as they go. */
function optionPaths(schema: unknown, path = ''): Set<string> {
  const { wrapped, entries, options } = schema as { wrapped?: unknown; entries?: object; options?: unknown[] }
  if (wrapped !== undefined) return optionPaths(wrapped, path)
  const inner = Array.isArray(options) ? options.filter((each) => typeof each === 'object') : []
  if (inner.length > 0)
    return new Set([...(path === '' ? [] : [path]), ...inner.flatMap((each) => [...optionPaths(each, path)])])
  if (entries === undefined) return new Set([path])
  const below = Object.entries(entries).flatMap(([name, each]) => [
    ...optionPaths(each, path === '' ? name : `${path}.${name}`),
  ])
  return new Set(below)
}

describe('any bill', () => {
  const environments = fc.record({
    preset: fc.constantFrom('spec' as const, 'minimal' as const),
    network: fc.record({ zones: fc.integer({ min: 2, max: 6 }), natGateways: fc.constantFrom('one', 'perZone') }),
    kafka: fc.record({
      instance: fc.constantFrom(...Object.keys(brokerHour)),
      storageGib: fc.integer({ min: 1, max: 16_384 }),
      brokersPerZone: fc.integer({ min: 1, max: 10 }),
    }),
    database: fc.record({
      instance: fc.constantFrom(...Object.keys(databaseHour), 'm8g.large', 'r7i.24xlarge'),
      storageGib: fc.integer({ min: 20, max: 65_536 }),
      multiAz: fc.boolean(),
      backupDays: fc.integer({ min: 1, max: 35 }),
    }),
    poller: fc.option(fc.record({ minimum: fc.integer({ min: 1, max: 200 }) }), { nil: 'onDemand' as const }),
  }) as fc.Arbitrary<EnvironmentInput>

  test('the total is the sum of the lines as printed, in whole cents; nothing is for less than nothing', () => {
    fc.assert(
      fc.property(environments, (environment) => {
        const { lines, totalUsd, unpriced } = bill(environment)
        const cents = lines.map(({ monthlyUsd }) => Math.round((monthlyUsd ?? 0) * 100))
        expect(Math.round(totalUsd * 100)).toBe(cents.reduce((sum, each) => sum + each, 0))
        for (const { monthlyUsd, quantity } of lines) {
          expect(quantity).toBeGreaterThan(0)
          if (monthlyUsd !== null) expect(Math.abs(monthlyUsd * 100 - Math.round(monthlyUsd * 100))).toBeLessThan(1e-6)
          if (monthlyUsd !== null) expect(monthlyUsd).toBeGreaterThanOrEqual(0)
        }
        expect(unpriced).toHaveLength(lines.filter(({ monthlyUsd }) => monthlyUsd === null).length)
      }),
      { numRuns: 200 },
    )
  })

  test('more of a thing is never cheaper', () => {
    fc.assert(
      fc.property(environments, (environment) => {
        const more = {
          ...environment,
          kafka: { ...environment.kafka, brokersPerZone: 10, storageGib: 16_384 },
          database: { ...environment.database, storageGib: 65_536, multiAz: true, backupDays: 35 },
        }
        expect(bill(more).totalUsd).toBeGreaterThanOrEqual(bill(environment).totalUsd)
      }),
    )
  })
})

test('each price says what it buys and whose it is', () => {
  for (const [name, { usd, unit, source }] of Object.entries(prices)) {
    expect(usd, name).toBeGreaterThan(0)
    expect(`${unit}${source}`.length, name).toBeGreaterThan(10)
  }
})
