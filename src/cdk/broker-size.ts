import { refuse, wholeNumber } from './refuse.ts'
import type { Made } from './refuse.ts'

/** Standard brokers of Amazon MSK. Express brokers (`express.*`) have no disk to size and other limits: not these. */
const INSTANCES = [
  'kafka.t3.small',
  'kafka.m5.large',
  'kafka.m5.xlarge',
  'kafka.m5.2xlarge',
  'kafka.m5.4xlarge',
  'kafka.m5.8xlarge',
  'kafka.m5.12xlarge',
  'kafka.m5.16xlarge',
  'kafka.m5.24xlarge',
  'kafka.m7g.large',
  'kafka.m7g.xlarge',
  'kafka.m7g.2xlarge',
  'kafka.m7g.4xlarge',
  'kafka.m7g.8xlarge',
  'kafka.m7g.12xlarge',
  'kafka.m7g.16xlarge',
] as const

export type BrokerInstance = (typeof INSTANCES)[number]

/** What one broker is. Made by {@link BrokerSize} alone. */
export interface BrokerSize extends Made<'BrokerSize'> {
  readonly instance: BrokerInstance
  readonly storageGib: number
}

export interface BrokerSizeOptions {
  /** @default kafka.m7g.large */
  readonly instance?: BrokerInstance
  /**
   * Disk of each broker in GiB, 1 to 16384. It can grow later, never shrink.
   * @default 10
   */
  readonly storageGib?: number
}

export const BrokerSize = {
  /** Throws WEIR_CDK_REFUSED on an instance that MSK has not and on a disk out of its bounds. */
  of({ instance = 'kafka.m7g.large', storageGib = 10 }: BrokerSizeOptions = {}): BrokerSize {
    if (!INSTANCES.includes(instance))
      refuse({
        what: 'BrokerSize.instance',
        got: instance,
        why: 'MSK has no standard broker of this type',
        instead: `take one of ${INSTANCES.join(', ')}`,
      })
    wholeNumber('BrokerSize.storageGib', storageGib, 1, 16_384)
    return { instance, storageGib } as BrokerSize
  },
}
