import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { environmentOptions } from '../config/environments.ts'
import type { EnvironmentInput } from '../config/environments.ts'
import { settingsOf } from './settings.ts'

const settings = (given: EnvironmentInput, name = 'test') => settingsOf(name, v.parse(environmentOptions, given))

describe('presets', () => {
  test('spec: ranges, sizes and hosts of the specification', () => {
    const { network, kafka, database, access, poller, observe, keepData, prefix } = settings({ preset: 'spec' }, 'spec')
    expect(network.addresses.vpcRange).toBe('11.0.0.0/16')
    expect(network.addresses.zones.map(({ publicRange, privateRange }) => [publicRange, privateRange])).toEqual([
      ['11.0.0.0/24', '11.0.2.0/24'],
      ['11.0.1.0/24', '11.0.3.0/24'],
    ])
    expect([kafka.name, kafka.version.msk, kafka.size, kafka.brokersPerZone]).toEqual([
      'weirhouse-spec',
      '4.1.x.kraft',
      { instance: 'kafka.m7g.large', storageGib: 10 },
      1,
    ])
    expect(database).toEqual({ size: { instance: 't4g.micro', storageGib: 20 }, multiAz: false, backupDays: 7 })
    expect(access).toEqual({ hosts: 'bastion', sshFrom: undefined })
    expect(poller.mode).toBe('onDemand')
    expect([observe.alarms, observe.dashboard, keepData, prefix]).toEqual([true, true, true, 'weirhouse-spec'])
  })

  test('minimal: private addresses, the smallest brokers, no port, nothing kept', () => {
    const { network, kafka, access, observe, keepData } = settings({ preset: 'minimal' })
    expect([kafka.version.msk, kafka.size.instance]).toEqual(['3.9.x', 'kafka.t3.small'])
    expect([network.addresses.vpcRange, network.natGateways, network.flowLogs]).toEqual(['10.11.0.0/16', 'one', false])
    expect([access.hosts, observe.dashboard, keepData]).toEqual(['sessionManager', false, false])
  })

  test('D16: no preset gives records up: no retries counted, no age, no bisecting', () => {
    for (const preset of ['spec', 'minimal'] as const) expect(settings({ preset }).poller).toEqual({ mode: 'onDemand' })
    expect(settings({ preset: 'spec', poller: { minimum: 2 } }).poller).toEqual({
      mode: 'provisioned',
      minimum: 2,
      maximum: 200,
      retries: undefined,
      maxAgeSeconds: undefined,
      bisectOnError: false,
    })
  })

  test('what an environment names overrides its preset, and nothing else changes', () => {
    const plain = settings({ preset: 'spec' })
    const changed = settings({
      preset: 'spec',
      kafka: { instance: 'kafka.m7g.xlarge', brokersPerZone: 2 },
      database: { multiAz: true },
      observe: { logDays: 90 },
    })
    expect(changed).toEqual({
      ...plain,
      kafka: { ...plain.kafka, size: { instance: 'kafka.m7g.xlarge', storageGib: 10 }, brokersPerZone: 2 },
      database: { ...plain.database, multiAz: true },
      observe: { ...plain.observe, logDays: 90 },
    })
  })
})

describe('mistakes are refused, each with what, got and instead', () => {
  test.each<[string, Omit<EnvironmentInput, 'preset'>, RegExp]>([
    ['an instance that MSK has not', { kafka: { instance: 'kafka.m9.large' } }, /instance got "kafka\.m9\.large"/],
    ['a version past support', { kafka: { version: '2.8.1' } }, /got "2\.8\.1".*not among the versions supported/],
    [
      'a current version, asked for as past support',
      { kafka: { version: '4.1.x.kraft', allowPastSupport: true } },
      /got "4\.1\.x\.kraft", but it is not past support/,
    ],
    ['a database that RDS has not', { database: { instance: 'm7g.micro' } }, /instance got "m7g\.micro"/],
    ['a disk below the least', { database: { storageGib: 5 } }, /storageGib got 5/],
    ['no backups', { database: { backupDays: 0 } }, /backupDays got 0/],
    ['a range wider than a /8', { access: { sshFrom: '0.0.0.0/0' } }, /SshRange got "0\.0\.0\.0\/0"/],
    [
      'a range where nothing takes SSH',
      { access: { hosts: 'none', sshFrom: '203.0.113.7/32' } },
      /sshFrom got "203\.0\.113\.7\/32".*nothing takes SSH/,
    ],
    ['one zone', { network: { zones: 1 } }, /zones got 1/],
    ['a period that CloudWatch has not', { observe: { logDays: 10 } }, /logDays got 10/],
    ['more pollers at least than at most', { poller: { minimum: 5, maximum: 2 } }, /maximum got 2/],
    ['an age below a minute', { poller: { maxAgeSeconds: 5 } }, /maxAgeSeconds got 5/],
  ])('%s', (_, given, said) => {
    const make = () => settings({ preset: 'spec', ...given })
    expect(make).toThrow(said)
    expect(make).toThrow(
      expect.objectContaining({ code: 'WEIR_CDK_REFUSED', cure: expect.stringMatching(/^Instead, /) }),
    )
  })

  test('production is not there yet, and says so', () => {
    expect(() => settings({ preset: 'production' as 'spec' })).toThrow(/"spec" \| "minimal"/)
  })
})
