import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressPlan } from './address-plan.ts'
import { BrokerSize } from './broker-size.ts'
import { contains, formatCidr, overlaps, parseCidr, sizeOf } from './cidr.ts'
import { KafkaVersion } from './kafka-version.ts'
import { Poller } from './poller.ts'
import { SSH_RANGE_PATTERN, SshRange } from './ssh-range.ts'
import { KAFKA_VERSION } from '../core/kafka-release.ts'
import { jarSets } from '../local/jars/catalog.ts'
import { WeirError } from '../core/errors.ts'

/** The whole line that somebody reads. */
function refusal(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    if (error instanceof WeirError) return error.toLine()
    throw error
  }
  throw new Error('nothing was refused')
}

const blocks = fc
  .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 8, max: 32 }))
  .map(([address, mask]) => ({ first: address - (address % sizeOf({ mask })), mask }))

describe('ranges', () => {
  test('are read as they are written', () => {
    fc.assert(
      fc.property(blocks, (block) => {
        expect(parseCidr(formatCidr(block), 'x')).toEqual(block)
      }),
    )
  })

  test('overlap exactly where one contains the other', () => {
    fc.assert(
      fc.property(blocks, blocks, (a, b) => {
        expect(overlaps(a, b)).toBe(contains(a, b) || contains(b, a))
      }),
    )
  })
})

describe('addresses', () => {
  const SPEC = [
    { letter: 'A', publicRange: '11.0.0.0/24', privateRange: '11.0.2.0/24' },
    { letter: 'B', publicRange: '11.0.1.0/24', privateRange: '11.0.3.0/24' },
  ]

  test('the specification: 11.0.0.0/16, public 0 and 1, private 2 and 3', () => {
    expect(AddressPlan.spec()).toEqual({ vpcRange: '11.0.0.0/16', zones: SPEC, publicSpace: true })
  })

  test('a third zone takes the next slots and renumbers nothing', () => {
    const third = { letter: 'C', publicRange: '11.0.4.0/24', privateRange: '11.0.5.0/24' }
    expect(AddressPlan.spec(3).zones).toEqual([...SPEC, third])
  })

  test('the default has the same shape in private space', () => {
    expect(AddressPlan.of()).toEqual({
      vpcRange: '10.11.0.0/16',
      zones: SPEC.map((zone) => JSON.parse(JSON.stringify(zone).replaceAll('11.0.', '10.11.')) as unknown),
      publicSpace: false,
    })
  })

  test('whatever the plan: subnets are within the VPC, none overlaps, and another zone keeps them', () => {
    const options = fc.record({ zones: fc.integer({ min: 2, max: 5 }), subnetMask: fc.integer({ min: 20, max: 28 }) })
    fc.assert(
      fc.property(options, ({ zones, subnetMask }) => {
        const plan = AddressPlan.of({ zones, subnetMask })
        const ranges = plan.zones.flatMap((zone) => [zone.publicRange, zone.privateRange])
        const parsed = ranges.map((range) => parseCidr(range, 'x'))
        expect(parsed.every((range) => contains(parseCidr(plan.vpcRange, 'x'), range))).toBe(true)
        expect(parsed.some((one, i) => parsed.some((other, j) => i !== j && overlaps(one, other)))).toBe(false)
        expect(AddressPlan.of({ zones: zones + 1, subnetMask }).zones.slice(0, zones)).toEqual(plan.zones)
        expect(AddressPlan.explicit(plan)).toEqual(plan)
      }),
    )
  })

  test.each(['10.0.0.0/16', '172.31.0.0/16', '192.168.0.0/16', '100.64.0.0/16'])('%s is private', (vpcRange) => {
    expect(AddressPlan.of({ vpcRange }).publicSpace).toBe(false)
  })

  test.each(['11.0.0.0/16', '172.32.0.0/16', '8.8.0.0/16'])('%s is public', (vpcRange) => {
    expect(AddressPlan.of({ vpcRange }).publicSpace).toBe(true)
  })
})

describe('versions', () => {
  test('the default is the line that runs on a laptop, with tools of the very release', () => {
    const { msk, supported, topicApi, tools } = KafkaVersion.default()
    expect([msk, supported, topicApi]).toEqual(['4.1.x.kraft', true, true])
    expect(tools.release).toBe(KAFKA_VERSION)
    expect(jarSets.kafka.version).toBe(KAFKA_VERSION)
    expect(msk.startsWith(KAFKA_VERSION.split('.').slice(0, 2).join('.'))).toBe(true)
  })

  test.each(['3.8.x.kraft', '3.9.x', '3.9.x.kraft', '4.0.x.kraft', '4.1.x.kraft'] as const)(
    '%s has pinned tools',
    (name) => {
      const { tools } = KafkaVersion.of(name)
      expect(tools.sha256).toMatch(/^[0-9a-f]{64}$/)
      expect(tools.url).toContain(`/kafka_2.13-${tools.release}.tgz`)
      expect(name.startsWith(tools.release.slice(0, 3))).toBe(true)
    },
  )

  test('past support only by name; before 3.6 without topic API', () => {
    expect(KafkaVersion.pastSupport('2.8.1')).toMatchObject({ msk: '2.8.1', supported: false, topicApi: false })
    expect(KafkaVersion.pastSupport('3.6.0')).toMatchObject({ supported: false, topicApi: true })
    expect(KafkaVersion.pastSupport('2.8.1').tools.release).toBe('3.8.0')
  })
})

describe('pollers and sizes', () => {
  test('on demand has no retry fields; provisioned keeps every record unless told otherwise', () => {
    expect(Poller.onDemand()).toEqual({ mode: 'onDemand' })
    expect(Poller.provisioned({ minimum: 2, maximum: 4 })).toEqual({
      mode: 'provisioned',
      minimum: 2,
      maximum: 4,
      retries: undefined,
      maxAgeSeconds: undefined,
      bisectOnError: false,
    })
    // @ts-expect-error: no field for what the service does not do
    expect(Poller.onDemand({ retries: 3 })).toEqual({ mode: 'onDemand' })
    // @ts-expect-error: only the factory makes one
    const byHand: Poller = { mode: 'onDemand' }
    expect(byHand.mode).toBe('onDemand')
  })

  test('the smallest broker is the default', () => {
    expect(BrokerSize.of()).toEqual({ instance: 'kafka.m7g.large', storageGib: 10 })
  })

  test('a range for SSH, and the same rule as a parameter', () => {
    expect(SshRange.of('203.0.113.7/32').cidr).toBe('203.0.113.7/32')
    const pattern = new RegExp(SSH_RANGE_PATTERN)
    for (const range of ['203.0.113.7/32', '11.0.0.0/8', '203.0.113.0/24']) expect(range).toMatch(pattern)
    for (const range of ['0.0.0.0/0', '128.0.0.0/1', '8.0.0.0/7', '203.0.113.7', '1.2.3.4/33', '::/0'])
      expect(range).not.toMatch(pattern)
  })
})

describe('mistakes are refused, saying what, got and do', () => {
  test.each<[string, () => unknown, RegExp]>([
    ['no range', () => AddressPlan.of({ vpcRange: 'ten' }), /vpcRange got "ten".*write it like 10\.11\.0\.0\/16/],
    [
      'bits beyond the mask',
      () => AddressPlan.of({ vpcRange: '10.11.1.0/16' }),
      /"10\.11\.1\.0\/16".*10\.11\.0\.0\/16\./,
    ],
    ['a VPC too wide', () => AddressPlan.of({ vpcRange: '10.0.0.0/8' }), /got "10\.0\.0\.0\/8".*a mask from 16 to 28/],
    ['one zone', () => AddressPlan.of({ zones: 1 }), /zones got 1, .*give 2 to 6/],
    [
      'subnets that do not fit',
      () => AddressPlan.of({ zones: 3, subnetMask: 18 }),
      /subnetMask got 18, .*longer subnet mask/,
    ],
    [
      'an overlap',
      () =>
        AddressPlan.explicit({
          vpcRange: '10.0.0.0/16',
          zones: [
            { publicRange: '10.0.0.0/24', privateRange: '10.0.2.0/23' },
            { publicRange: '10.0.1.0/24', privateRange: '10.0.3.0/24' },
          ],
        }),
      /zones\[1\]\.privateRange got "10\.0\.3\.0\/24", but it overlaps 10\.0\.2\.0\/23 of .*zones\[0\].*of its own/,
    ],
    [
      'a subnet outside of the VPC',
      () =>
        AddressPlan.explicit({
          vpcRange: '10.0.0.0/16',
          zones: Array.from({ length: 2 }, () => ({ publicRange: '10.1.0.0/24', privateRange: '10.1.1.0/24' })),
        }),
      /got "10\.1\.0\.0\/24", but it is not within the VPC's 10\.0\.0\.0\/16.*within 10\.0\.0\.0\/16/,
    ],
    ['Kafka past support', () => KafkaVersion.of('2.8.1' as never), /got "2\.8\.1".*take 4\.1\.x\.kraft.*pastSupport/],
    ['no version', () => KafkaVersion.pastSupport('latest'), /got "latest".*write it like 2\.8\.1/],
    [
      'a living version as past support',
      () => KafkaVersion.pastSupport('4.1.x.kraft'),
      /not past support.*KafkaVersion\.of/,
    ],
    [
      'a broker that MSK has not',
      () => BrokerSize.of({ instance: 'm5.large' as never }),
      /got "m5\.large".*kafka\.m5\.large/,
    ],
    ['no disk', () => BrokerSize.of({ storageGib: 0 }), /storageGib got 0, .*give 1 to 16384/],
    ['too many pollers', () => Poller.provisioned({ minimum: 201 }), /minimum got 201, .*give 1 to 200/],
    [
      'fewer at most than at least',
      () => Poller.provisioned({ minimum: 5, maximum: 4 }),
      /maximum got 4, .*give 5 or more/,
    ],
    ['an age under a minute', () => Poller.provisioned({ maxAgeSeconds: 59 }), /maxAgeSeconds got 59, .*give 60 to/],
    ['SSH from everywhere', () => SshRange.of('0.0.0.0/0'), /SshRange got "0\.0\.0\.0\/0".*203\.0\.113\.7\/32/],
  ])('%s', (_, make, said) => {
    expect(refusal(make)).toMatch(/^WEIR_CDK_REFUSED: .* got .*, but .*\. Instead, .*\.$/)
    expect(refusal(make)).toMatch(said)
  })
})
