import { contains, formatCidr, overlaps, parseCidr, sizeOf } from './cidr.ts'
import type { Cidr } from './cidr.ts'
import { refuse, wholeNumber } from './refuse.ts'
import type { Made } from './refuse.ts'

/** The subnets of one availability zone. */
export interface ZoneAddresses {
  /** A, B, C ...: part of logical ids, so that a zone keeps its resources. */
  readonly letter: string
  readonly publicRange: string
  readonly privateRange: string
}

/** Which addresses a network has. Made by {@link AddressPlan} alone, hence always consistent. */
export interface AddressPlan extends Made<'AddressPlan'> {
  readonly vpcRange: string
  readonly zones: readonly ZoneAddresses[]
  /** True where the range belongs to somebody on the internet, who is then out of reach from inside. */
  readonly publicSpace: boolean
}

export interface AddressPlanOptions {
  /**
   * The VPC's range, /16 to /28.
   * @default 10.11.0.0/16
   */
  readonly vpcRange?: string
  /**
   * Availability zones, 2 to 6.
   * @default 2
   */
  readonly zones?: number
  /**
   * Mask of each subnet, up to /28.
   * @default 24
   */
  readonly subnetMask?: number
}

export interface ExplicitAddresses {
  /** The VPC's range, /16 to /28. */
  readonly vpcRange: string
  /** Zone A first. */
  readonly zones: readonly { readonly publicRange: string; readonly privateRange: string }[]
}

/** The range that stands in where somebody else's was taken: same shape, private by RFC 1918. */
export const PRIVATE_RANGE = '10.11.0.0/16'
export const SPEC_RANGE = '11.0.0.0/16'
const LETTERS = ['A', 'B', 'C', 'D', 'E', 'F']
/** RFC 1918, and RFC 6598, which AWS allows as well. */
const PRIVATE_SPACE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10']
/** What a VPC and a subnet may have, by the limits of the service. */
const MASKS = { widest: 16, narrowest: 28 }

/**
 * Slot of a zone's subnet, counted in subnets from the start of the VPC. Zones A and B share the first four, publics before
 * privates; each later zone takes the next two. So another zone renumbers nothing.
 */
function slots(zone: number): { readonly public: number; readonly private: number } {
  return zone < 2 ? { public: zone, private: zone + 2 } : { public: 2 * zone, private: 2 * zone + 1 }
}

/** Makes address plans. Each throws WEIR_CDK_REFUSED on what a VPC cannot have. */
export const AddressPlan = {
  /** Subnets of one size by stable slots: adding a zone later keeps every range there is. */
  of({ vpcRange = PRIVATE_RANGE, zones = 2, subnetMask = 24 }: AddressPlanOptions = {}): AddressPlan {
    const vpc = vpcBlock(vpcRange)
    const count = zoneCount(zones)
    wholeNumber('AddressPlan.subnetMask', subnetMask, MASKS.widest, MASKS.narrowest)
    const size = sizeOf({ mask: subnetMask })
    if (2 * count * size > sizeOf(vpc))
      refuse({
        what: 'AddressPlan.subnetMask',
        got: subnetMask,
        why: `${2 * count} subnets of /${subnetMask} do not fit into ${vpcRange}`,
        instead: 'give a longer subnet mask, fewer zones or a wider VPC range',
      })
    const at = (slot: number) => formatCidr({ first: vpc.first + slot * size, mask: subnetMask })
    const ranges = Array.from({ length: count }, (_, zone) => slots(zone))
    return plan(
      vpc,
      ranges.map((slot) => ({ publicRange: at(slot.public), privateRange: at(slot.private) })),
    )
  },

  /** 11.0.0.0/16 with /24 subnets, as the specification asks. It is public address space: a network of it warns. */
  spec(zones = 2): AddressPlan {
    return AddressPlan.of({ vpcRange: SPEC_RANGE, zones })
  },

  /** Ranges of one's own choice, checked: within the VPC, without overlap. */
  explicit({ vpcRange, zones }: ExplicitAddresses): AddressPlan {
    const vpc = vpcBlock(vpcRange)
    zoneCount(zones.length)
    const taken: { readonly name: string; readonly block: Cidr }[] = []
    for (const [i, zone] of zones.entries())
      for (const key of ['publicRange', 'privateRange'] as const) {
        const name = `AddressPlan.zones[${i}].${key}`
        taken.push({ name, block: subnetBlock(name, zone[key], vpc, taken) })
      }
    return plan(vpc, zones)
  },
}

function plan(vpc: Cidr, zones: ExplicitAddresses['zones']): AddressPlan {
  const checked: Omit<AddressPlan, keyof Made<'AddressPlan'>> = {
    vpcRange: formatCidr(vpc),
    zones: zones.map((zone, i) => ({ letter: LETTERS[i]!, ...zone })),
    publicSpace: !PRIVATE_SPACE.some((range) => contains(parseCidr(range, 'private space'), vpc)),
  }
  return checked as AddressPlan
}

function zoneCount(zones: number): number {
  return wholeNumber('AddressPlan.zones', zones, 2, LETTERS.length)
}

function vpcBlock(range: string): Cidr {
  return masked('AddressPlan.vpcRange', range, 'a VPC')
}

function masked(what: string, range: string, thing: string): Cidr {
  const block = parseCidr(range, what)
  if (block.mask < MASKS.widest || block.mask > MASKS.narrowest)
    refuse({
      what,
      got: range,
      why: `${thing} is a /${MASKS.widest} to a /${MASKS.narrowest}`,
      instead: `give a mask from ${MASKS.widest} to ${MASKS.narrowest}`,
    })
  return block
}

function subnetBlock(
  what: string,
  range: string,
  vpc: Cidr,
  taken: readonly { readonly name: string; readonly block: Cidr }[],
): Cidr {
  const block = masked(what, range, 'a subnet')
  if (!contains(vpc, block))
    refuse({
      what,
      got: range,
      why: `it is not within the VPC's ${formatCidr(vpc)}`,
      instead: `give a range within ${formatCidr(vpc)}`,
    })
  const other = taken.find((each) => overlaps(each.block, block))
  if (other)
    refuse({
      what,
      got: range,
      why: `it overlaps ${formatCidr(other.block)} of ${other.name}`,
      instead: 'give each subnet a range of its own',
    })
  return block
}
