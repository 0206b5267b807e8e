import { refuse } from './refuse.ts'

/** A block of IPv4 addresses: `first` is a number from 0 to 2^32 - 1. */
export interface Cidr {
  readonly first: number
  readonly mask: number
}

const SHAPE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/

/** Reads `a.b.c.d/n`. Refuses what is none, and addresses with bits set beyond the mask. */
export function parseCidr(text: string, what: string): Cidr {
  const parts = SHAPE.exec(text)?.slice(1).map(Number)
  const [a, b, c, d, mask] = parts ?? []
  if (parts === undefined || Math.max(a!, b!, c!, d!) > 255 || mask! > 32)
    return refuse({ what, got: text, why: 'it is not an IPv4 range', instead: 'write it like 10.11.0.0/16' })
  const block = { first: ((a! * 256 + b!) * 256 + c!) * 256 + d!, mask: mask! }
  const aligned = { ...block, first: block.first - (block.first % sizeOf(block)) }
  if (aligned.first !== block.first)
    return refuse({
      what,
      got: text,
      why: `a /${block.mask} does not begin at this address`,
      instead: `write ${formatCidr(aligned)}`,
    })
  return block
}

/** How many addresses it holds. */
export function sizeOf({ mask }: Pick<Cidr, 'mask'>): number {
  return 2 ** (32 - mask)
}

export function formatCidr({ first, mask }: Cidr): string {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256)
  return `${bytes.join('.')}/${mask}`
}

export function overlaps(one: Cidr, other: Cidr): boolean {
  return one.first < other.first + sizeOf(other) && other.first < one.first + sizeOf(one)
}

export function contains(outer: Cidr, inner: Cidr): boolean {
  return outer.mask <= inner.mask && overlaps(outer, inner)
}
