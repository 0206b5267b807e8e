/**
 * Definitions are validated wherever they are loaded, and once more when they are bundled. A function has the outcome in its code
 * (docs/decisions/0025-settled-definitions.md), neither schemas nor checks: what validation made of the options, by a digest of
 * what it was given. A definition that came out otherwise than when it was bundled, by a variable say, is refused.
 */
import { hash } from 'node:crypto'
import { WeirError } from './errors.ts'
import { isObject } from './object.ts'

type Data = Readonly<Record<string, unknown>>

declare global {
  /** What esbuild writes into the code that it bundles; undefined elsewhere. */
  interface ImportMeta {
    /** In a function. */
    readonly bundled?: true
    /** In a function: by digest, the JSON Merge Patch (RFC 7396) that leads from what is written to what is valid. */
    readonly settled?: Readonly<Record<string, Data>>
    /** In what is bundled to be validated, and to tell what came of it. */
    readonly settling?: true
  }
}

export interface Settlement {
  readonly digest: string
  readonly patch: unknown
  readonly options: object
  readonly code: unknown
}

/** Filled where `import.meta.settling`. */
export const settlements: Settlement[] = []

/**
 * Options of a definition, validated, with their defaults.
 * @param given options as they are written
 * @param code what validation looks at besides, as JSON
 * @param validate write `import.meta.bundled || (() => ...)`: it keeps the schemas out of a function
 */
export function settle<Options extends object>(
  what: string,
  given: object,
  code: unknown,
  validate: true | (() => Options),
): Options {
  if (!import.meta.bundled) {
    const options = (validate as () => Options)()
    if (import.meta.settling)
      settlements.push({ digest: digestOf(what, given, code), patch: patchBetween(given, options), options, code })
    return options
  }
  const patch = import.meta.settled?.[digestOf(what, given, code)]
  if (patch) return mergePatch(given, patch) as Options
  const reason = 'it is not what it was when it was bundled: it must not depend on variables, clock or chance'
  throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason })
}

/** In place of what a module exports that no definition of this function reaches (src/bundle/unreached.ts). */
export function absentModule(path: string): () => never {
  return () => {
    throw new Error(`${path} was left out of this function`)
  }
}

const DIGITS = 16

function digestOf(...parts: unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, DIGITS)
}

/** RFC 7396, section 2. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name]
    else result[name] = mergePatch(result[name], value)
  return result
}

/** The patch that makes `to` of `from`, neither of which holds a null. */
export function patchBetween(from: unknown, to: unknown): unknown {
  if (!isObject(from) || !isObject(to)) return to
  const patch: Record<string, unknown> = {}
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name) || to[name] === undefined) patch[name] = null
  for (const [name, value] of Object.entries(to))
    if (JSON.stringify(from[name]) !== JSON.stringify(value)) patch[name] = patchBetween(from[name], value)
  return patch
}
