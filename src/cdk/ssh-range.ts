import { messageOf } from '../core/errors.ts'
import { formatCidr, parseCidr } from './cidr.ts'
import { refuse } from './refuse.ts'
import type { Made } from './refuse.ts'

/** From where a bastion may be reached. Made by {@link SshRange} alone. */
export interface SshRange extends Made<'SshRange'> {
  readonly cidr: string
}

/** The widest range there is an owner of. */
const WIDEST_MASK = 8

/** What a CloudFormation parameter takes for a range: the same rule as {@link SshRange.of}, short of its alignment. */
export const SSH_RANGE_PATTERN = String.raw`^(\d{1,3}\.){3}\d{1,3}/([89]|[12]\d|3[0-2])$`

export const SSH_RANGE_HELP = 'from where the bastion takes SSH, such as 203.0.113.7/32; no wider than a /8'

/** What is wrong with a range that somebody typed; undefined where nothing is. */
export function sshRangeFault(range: string): string | undefined {
  try {
    SshRange.of(range)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

export const SshRange = {
  /** Throws WEIR_CDK_REFUSED on what is no range and on one wider than a /8. */
  of(range: string): SshRange {
    const block = parseCidr(range, 'SshRange')
    if (block.mask < WIDEST_MASK)
      refuse({
        what: 'SshRange',
        got: range,
        why: `wider than a /${WIDEST_MASK} is as good as the whole internet`,
        instead: 'give the address you come from, such as 203.0.113.7/32',
      })
    return { cidr: formatCidr(block) } as SshRange
  },
}
