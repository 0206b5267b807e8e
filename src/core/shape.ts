/**
 * The shapes of what a function reads at run time: bindings, events. A library of schemas would be most of what a small function
 * carries; options, which are declared for people too, have one (options.ts). No fault quotes a value: it may be a secret (N5).
 */
import { WeirError } from './errors.ts'
import { isObject } from './object.ts'

type Fault = (path: string, reason: string) => void
/** Gives the value with its defaults, and tells each fault. */
export type Shape<T> = (value: unknown, path: string, fault: Fault) => T
export type Shaped<S> = S extends Shape<infer T> ? T : never
type Shapes = Readonly<Record<string, Shape<unknown>>>
type OptionalKey<E extends Shapes> = { [K in keyof E]: undefined extends Shaped<E[K]> ? K : never }[keyof E]
type Members<E extends Shapes> = { readonly [K in Exclude<keyof E, OptionalKey<E>>]: Shaped<E[K]> } & {
  readonly [K in OptionalKey<E>]?: Shaped<E[K]>
}

/** Throws WEIR_DEFINITION_INVALID that names every fault by its path. */
export function parseShape<T>(shape: Shape<T>, value: unknown, what: string): T {
  const faults: string[] = []
  const result = shape(value, '', (path, reason) => faults.push(`${path.slice(1) || 'value'}: ${reason}`))
  if (faults.length > 0) throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason: faults.join('; ') })
  return result
}

function single<T>(expected: string, fits: (value: unknown) => boolean): Shape<T> {
  return (value, path, fault) => {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
    if (!fits(value)) fault(path, `expected ${expected}, got ${found}`)
    return value as T
  }
}

export function anything(): Shape<unknown> {
  return (value) => value
}

export function flag(): Shape<boolean> {
  return single('true or false', (value) => typeof value === 'boolean')
}

/** Text, not empty where no pattern says otherwise. */
export function text(pattern = /./s, expected = 'text', max = Infinity): Shape<string> {
  return single(expected, (value) => typeof value === 'string' && value.length <= max && pattern.test(value))
}

export function whole(min: number, max: number): Shape<number> {
  return single(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  )
}

export function oneOf<const T extends string>(...known: readonly T[]): Shape<T> {
  return single(`'${known.join("' or '")}'`, (value) => known.includes(value as T))
}

export function optional<T>(shape: Shape<T>): Shape<T | undefined>
export function optional<T>(shape: Shape<T>, otherwise: T): Shape<T>
export function optional<T>(shape: Shape<T>, otherwise?: T): Shape<T | undefined> {
  return (value, path, fault) => (value === undefined ? otherwise : shape(value, path, fault))
}

export function listOf<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, path, fault) => {
    if (Array.isArray(value)) return value.map((each, i) => shape(each, `${path}.${i}`, fault))
    single('an array', () => false)(value, path, fault)
    return []
  }
}

/** Any names. */
export function recordOf<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path, fault) => {
    const entries = entriesOf(value, path, fault)
    return Object.fromEntries(entries.map(([name, each]) => [name, shape(each, `${path}.${name}`, fault)]))
  }
}

/** These names and no others. */
export function object<E extends Shapes>(shapes: E): Shape<Members<E>> {
  return (value, path, fault) => {
    const given = new Map(entriesOf(value, path, fault))
    const entries = Object.entries(shapes).map(([name, shape]) => {
      const each: unknown = given.get(name)
      given.delete(name)
      return [name, shape(each, `${path}.${name}`, fault)]
    })
    for (const name of given.keys()) fault(`${path}.${name}`, 'there is no such option')
    return Object.fromEntries(entries) as Members<E>
  }
}

function entriesOf(value: unknown, path: string, fault: Fault): [string, unknown][] {
  single('an object', isObject)(value, path, fault)
  return isObject(value) ? Object.entries(value) : []
}
