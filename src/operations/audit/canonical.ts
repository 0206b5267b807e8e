/**
 * One text for each value, whatever store it was read from: what is equal has the same text, what is not has another.
 * The text is JSON with sorted keys and numbers as exact decimals, so that nothing passes through a double on the way.
 */

const exact = Symbol('a number as its digits')

/** A number by its digits: parsed JSON, a numeric column, a DynamoDB N. */
export interface Exact {
  readonly [exact]: string
}

export function exactNumber(digits: string): Exact {
  return { [exact]: decimal(digits) }
}

/** Parses JSON without rounding a number. Throws SyntaxError. */
export function parseExact(text: string): unknown {
  const revive = (_: string, value: unknown, context: { readonly source?: string }) =>
    typeof value === 'number' && context.source !== undefined ? exactNumber(context.source) : value
  return JSON.parse(text, revive as (this: unknown, key: string, value: unknown) => unknown) as unknown
}

/**
 * The canonical text. As JSON.stringify does: undefined members are left out, undefined elements are null, toJSON is
 * honoured (dates), numbers that are none are null. Bytes are `{"$bytes": base64}`, sets are `{"$set": [...]}` in order.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isFinite(value) ? decimal(String(value)) : 'null'
  if (typeof value === 'bigint') return decimal(String(value))
  if (typeof value === 'boolean') return String(value)
  return typeof value === 'object' && value !== null ? canonicalObject(value) : 'null'
}

function canonicalObject(value: object): string {
  if (exact in value) return (value as Exact)[exact]
  if (value instanceof Uint8Array) return `{"$bytes":"${Buffer.from(value).toString('base64')}"}`
  if (value instanceof Set) return `{"$set":[${Array.from(value, canonical).sort().join(',')}]}`
  if (value instanceof Map) return canonicalObject(Object.fromEntries(value))
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical((value.toJSON as () => unknown)())
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && typeof member !== 'function' && typeof member !== 'symbol')
    .map(([name, member]) => [name, canonical(member)] as const)
  return canonicalMembers(members)
}

/** An object of members that are canonical already. */
export function canonicalMembers(members: readonly (readonly [string, string])[]): string {
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${member}`).join(',')}}`
}

const NUMBER = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/

/** Whole numbers up to this many digits are written out, since people read them in keys. */
const MAX_PLAIN_DIGITS = 40

/**
 * `0.10`, `1e-1` and `100e-3` are all `1e-1`: digits without an end zero, and a power of ten; whole numbers as they are,
 * zero is `0`. What is no number becomes a JSON string.
 */
export function decimal(text: string): string {
  const parts = NUMBER.exec(text)
  if (!parts) return JSON.stringify(text)
  const [, sign = '', whole = '', fraction = '', power = '0'] = parts
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const kept = digits.replace(/0+$/, '')
  if (kept === '') return '0'
  const exponent = Number(power) - fraction.length + (digits.length - kept.length)
  const minus = sign === '-' ? '-' : ''
  if (exponent >= 0 && kept.length + exponent <= MAX_PLAIN_DIGITS) return `${minus}${kept}${'0'.repeat(exponent)}`
  return `${minus}${kept}e${exponent}`
}

/** Names of the members in which two canonical objects differ; empty where one is no object. */
export function differingMembers(a: string, b: string): string[] {
  const [left, right] = [membersOf(a), membersOf(b)]
  if (!left || !right) return []
  return [...new Set([...left.keys(), ...right.keys()])].filter((name) => left.get(name) !== right.get(name))
}

function membersOf(text: string): Map<string, string> | undefined {
  const value = parseExact(text)
  if (value === null || typeof value !== 'object' || Array.isArray(value) || exact in value) return undefined
  return new Map(Object.entries(value).map(([name, member]) => [name, canonical(member)]))
}
