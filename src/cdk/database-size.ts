import { refuse, wholeNumber } from './refuse.ts'
import type { Made } from './refuse.ts'

/** What the RDS instance is. Made by {@link DatabaseSize} alone. */
export interface DatabaseSize extends Made<'DatabaseSize'> {
  /** Without the `db.` that RDS puts before it, such as `t4g.micro`. */
  readonly instance: string
  readonly storageGib: number
}

export interface DatabaseSizeOptions {
  /**
   * Family and size, as RDS for PostgreSQL has them.
   * @default t4g.micro
   */
  readonly instance?: string
  /**
   * Disk in GiB, 20 to 65536 (gp3).
   * @default 20
   */
  readonly storageGib?: number
}

/** Families that RDS for PostgreSQL 17 runs on; older ones are refused by the service. */
const FAMILIES = [
  't3',
  't4g',
  'm5',
  'm6g',
  'm6gd',
  'm6i',
  'm7g',
  'm7i',
  'm8g',
  'r5',
  'r6g',
  'r6gd',
  'r6i',
  'r7g',
  'r7i',
  'r8g',
]
const SHAPE = /^([a-z0-9]+)\.(micro|small|medium|large|(?:2|4|8|12|16|24)?xlarge)$/
/** Smaller than these, a family has none. */
const SMALL = ['micro', 'small', 'medium']

export const DatabaseSize = {
  /** Throws WEIR_CDK_REFUSED on an instance that RDS has not and on a disk out of its bounds. */
  of({ instance = 't4g.micro', storageGib = 20 }: DatabaseSizeOptions = {}): DatabaseSize {
    const [family, size] = SHAPE.exec(instance.replace(/^db\./, ''))?.slice(1) ?? []
    if (family === undefined || !FAMILIES.includes(family) || (SMALL.includes(size!) && !family.startsWith('t')))
      refuse({
        what: 'DatabaseSize.instance',
        got: instance,
        why: 'RDS for PostgreSQL has no instance of this type',
        instead: `write it like t4g.micro or m7g.large; families: ${FAMILIES.join(', ')}`,
      })
    wholeNumber('DatabaseSize.storageGib', storageGib, 20, 65_536)
    return { instance: `${family}.${size}`, storageGib } as DatabaseSize
  },
}
