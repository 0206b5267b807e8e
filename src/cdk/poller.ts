import { refuse, wholeNumber } from './refuse.ts'
import type { Made } from './refuse.ts'

/** Pollers that Lambda scales by itself. They have no retry settings: the service ignores or refuses them in this mode. */
export interface OnDemandPoller extends Made<'Poller'> {
  readonly mode: 'onDemand'
}

/** Pollers that one pays for by the hour, each for up to 5 MB/s. */
export interface ProvisionedPoller extends Made<'Poller'> {
  readonly mode: 'provisioned'
  readonly minimum: number
  readonly maximum: number
  /** How often a failed batch is sent again; undefined means until it succeeds or expires from the topic. */
  readonly retries: number | undefined
  /** Records older than this are not sent again, in seconds; undefined means never too old. */
  readonly maxAgeSeconds: number | undefined
  readonly bisectOnError: boolean
}

/** How the event source mapping polls. Made by {@link Poller} alone. */
export type Poller = OnDemandPoller | ProvisionedPoller

export interface ProvisionedPollerOptions {
  /**
   * Pollers at all times, 1 to 200.
   * @default 1
   */
  readonly minimum?: number
  /**
   * Pollers at most, 1 to 2000, no fewer than `minimum`.
   * @default 200
   */
  readonly maximum?: number
  /**
   * 0 to 10000. A number loses records from the stores once it is used up: leave it out to keep every record.
   * @default until the batch succeeds
   */
  readonly retries?: number
  /**
   * 60 to 604800 seconds. Older records are dropped: leave it out to keep every record.
   * @default never too old
   */
  readonly maxAgeSeconds?: number
  /**
   * Whether a failed batch is halved and sent again.
   * @default false
   */
  readonly bisectOnError?: boolean
}

/** Makes pollers. */
export const Poller = {
  /** Free of charge, and scaled by Lambda. */
  onDemand(): OnDemandPoller {
    return { mode: 'onDemand' } as OnDemandPoller
  },

  /** Throws WEIR_CDK_REFUSED on numbers out of the service's bounds. */
  provisioned(options: ProvisionedPollerOptions = {}): ProvisionedPoller {
    const minimum = wholeNumber('Poller.minimum', options.minimum ?? 1, 1, 200)
    const maximum = wholeNumber('Poller.maximum', options.maximum ?? 200, 1, 2000)
    if (maximum < minimum)
      refuse({
        what: 'Poller.maximum',
        got: maximum,
        why: `it is less than the minimum of ${minimum}`,
        instead: `give ${minimum} or more`,
      })
    const { retries, maxAgeSeconds, bisectOnError = false } = options
    if (retries !== undefined) wholeNumber('Poller.retries', retries, 0, 10_000)
    if (maxAgeSeconds !== undefined) wholeNumber('Poller.maxAgeSeconds', maxAgeSeconds, 60, 604_800)
    return { mode: 'provisioned', minimum, maximum, retries, maxAgeSeconds, bisectOnError } as ProvisionedPoller
  },
}
