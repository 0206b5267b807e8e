/** What JSON cannot hold exactly: refused at encoding, never silently changed (D6). */

/** JSON readers differ in the depth they bear (Jackson 1,000, Python about 990); the engine's own stack bears more. */
const MAX_DEPTH = 512
/** Paths are of names, which may be long; a payload they are not (N5). */
const MAX_PATH = 100

interface Fault {
  readonly what: string
  /** From the inside out: built only once something is wrong. */
  readonly path: string
}

/**
 * Why `value` would not come back from JSON as it is, with the place; undefined where it would. A property that is
 * undefined counts as absent. A `toJSON` method (a Date's, a decimal's) says what its object is in JSON.
 */
export function inexactJson(value: unknown): string | undefined {
  const found = fault(value, [])
  if (!found) return undefined
  return found.path === '' ? found.what : `${found.what} at ${found.path.slice(0, MAX_PATH)}`
}

/** `around`: the objects that hold this value, pushed and popped. */
function fault(value: unknown, around: object[]): Fault | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : here('text with a lone surrogate')
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : here(String(value))
  if (value === null || typeof value === 'boolean') return undefined
  if (typeof value === 'object') return faultOfObject(value, around)
  if (typeof value === 'bigint') return here('a bigint, which most readers would round (map it to text or to a number)')
  return here(typeof value)
}

function faultOfObject(value: object, around: object[]): Fault | undefined {
  if (around.includes(value)) return here('a reference to what it is within')
  if (around.length >= MAX_DEPTH) return here(`more than ${MAX_DEPTH} levels`)
  around.push(value)
  const found = Array.isArray(value) ? faultInArray(value, around) : faultInObject(value, around)
  around.pop()
  return found
}

function faultInArray(value: readonly unknown[], around: object[]): Fault | undefined {
  for (let i = 0; i < value.length; i++) {
    const found = fault(value[i], around)
    if (found) return within(`[${i}]`, found)
  }
  return undefined
}

function faultInObject(value: object, around: object[]): Fault | undefined {
  const prototype: unknown = Object.getPrototypeOf(value)
  if ('toJSON' in value && typeof value.toJSON === 'function' && !ArrayBuffer.isView(value)) {
    if (value instanceof Date && Number.isNaN(value.getTime())) return here('an invalid date')
    return fault((value.toJSON as (key: string) => unknown).call(value, ''), around)
  }
  if (prototype !== Object.prototype && prototype !== null) {
    const tag = Object.prototype.toString.call(value).slice('[object '.length, -1)
    if (ArrayBuffer.isView(value)) return here(`bytes (${tag}; map them to text, in base64 for example)`)
    if (tag !== 'Object') return here(`a ${tag}`)
  }
  return faultInProperties(value as Readonly<Record<string, unknown>>, around)
}

function faultInProperties(value: Readonly<Record<string, unknown>>, around: object[]): Fault | undefined {
  for (const name of Object.keys(value)) {
    const inner = value[name]
    if (inner === undefined) continue
    if (!name.isWellFormed()) return here('a name with a lone surrogate')
    const found = fault(inner, around)
    if (found) return within(`.${name}`, found)
  }
  return undefined
}

function here(what: string): Fault {
  return { what, path: '' }
}

function within(step: string, { what, path }: Fault): Fault {
  return { what, path: step + path }
}
