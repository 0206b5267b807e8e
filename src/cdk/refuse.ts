import { WeirError } from '../core/errors.ts'

/** What a refusal says: which setting, what it got, why that cannot be, and what to write instead. */
export interface Refusal {
  readonly what: string
  readonly got: unknown
  readonly why: string
  readonly instead: string
}

/** Throws WEIR_CDK_REFUSED. */
export function refuse({ what, got, why, instead }: Refusal): never {
  throw new WeirError('WEIR_CDK_REFUSED', { what, got: shown(got), why, instead })
}

function shown(got: unknown): string {
  return typeof got === 'string' ? `"${got}"` : (JSON.stringify(got) ?? 'nothing')
}

/** Refuses all but whole numbers from `min` to `max`. */
export function wholeNumber(what: string, got: number, min: number, max: number): number {
  if (!Number.isInteger(got) || got < min || got > max)
    refuse({ what, got, why: 'it is a whole number within bounds', instead: `give ${min} to ${max}` })
  return got
}

declare const made: unique symbol

/** Marks a value that only its own factory makes, so that an unchecked look-alike does not compile. */
export interface Made<Name extends string> {
  readonly [made]: Name
}
