/**
 * JavaScript values as DynamoDB's JSON text, exactly or not at all, with their size by the rules of "DynamoDB item sizes and
 * formats". Text and not objects: it is made once, and `__proto__` is a name as any other. Pure.
 *
 *   text -> S   number, bigint -> N   boolean -> BOOL   null -> NULL   Uint8Array -> B   Date -> S (ISO 8601)
 *   array -> L   plain object, Map -> M (undefined members left out)   Set -> SS, NS, BS
 */
import { MAX_NESTING } from '../../core/limits.ts'
import { canonicalDecimal, decimalBytes, decimalFault, parseDecimal } from './decimal.ts'

/** "Naming rules": attribute names up to 64 KB. */
const MAX_NAME_BYTES = 65_535
/** Lists and maps: 3 bytes each, and 1 for each member. */
const CONTAINER_BYTES = 3
const MEMBER_BYTES = 1

/** DynamoDB cannot hold the value. The message names the place and the kind, never the value (N5). */
export class UnholdableError extends Error {
  override readonly name = 'UnholdableError'
}

/** Counts bytes while values are written. */
export interface Meter {
  bytes: number
}

/**
 * The JSON of one attribute's value. Throws UnholdableError.
 * @param at the name of the attribute, for the message
 */
export function marshal(value: unknown, at: string, meter: Meter): string {
  // The item is the first of the levels that DynamoDB counts.
  return write(value, at, 1, meter)
}

/** Text that is a decimal number, as N. Other values as `marshal`. */
export function marshalNumeric(value: unknown, at: string, meter: Meter): string {
  return typeof value === 'string' ? numberOf(value, at, meter) : marshal(value, at, meter)
}

/** UTF-8 length of a well-formed attribute name. Throws UnholdableError. */
export function nameBytes(name: string, at: string): number {
  if (name === '') throw refuse(at, 'an empty attribute name')
  if (!name.isWellFormed()) throw refuse(at, 'an attribute name with a lone surrogate')
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_NAME_BYTES) throw refuse(at, `an attribute name of ${bytes} bytes, over ${MAX_NAME_BYTES}`)
  return bytes
}

function write(value: unknown, at: string, depth: number, meter: Meter): string {
  switch (typeof value) {
    case 'string':
      return `{"S":${textOf(value, at, meter)}}`
    case 'number':
      return plainNumberOf(value, meter) ?? numberOf(String(value), at, meter)
    case 'bigint':
      return numberOf(String(value), at, meter)
    case 'boolean':
      meter.bytes++
      return value ? '{"BOOL":true}' : '{"BOOL":false}'
    case 'object':
      return value === null ? nothing(meter) : writeObject(value, at, depth, meter)
    case 'undefined':
    case 'function':
    case 'symbol':
    default:
      throw refuse(at, `a value of type ${typeof value}`)
  }
}

function nothing(meter: Meter): string {
  meter.bytes++
  return '{"NULL":true}'
}

/** Up to so many characters a look at each costs less than what the runtime does for all. */
const SHORT = 64

function textOf(text: string, at: string, meter: Meter): string {
  if (text.length <= SHORT && isPlain(text)) {
    meter.bytes += text.length
    return `"${text}"`
  }
  if (!text.isWellFormed()) throw refuse(at, 'text with a lone surrogate')
  meter.bytes += Buffer.byteLength(text)
  return JSON.stringify(text)
}

/** ASCII that JSON has as it is. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false
  }
  return true
}

/** Beyond it JavaScript writes a double with an exponent; within, no double has more digits or a wider range than DynamoDB. */
const PLAIN_MIN = 1e-6
const PLAIN_LIMIT = 1e21
const ZERO = 48
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** What `numberOf` gives for the text of a double, by counting its digits; undefined where the long way is needed. */
function plainNumberOf(value: number, meter: Meter): string | undefined {
  const size = Math.abs(value)
  if (!(size >= PLAIN_MIN && size < PLAIN_LIMIT)) return undefined
  const text = String(value)
  let first = value < 0 ? 1 : 0
  let digits = text.length - first
  let last = text.length - 1
  if (size < 1) {
    first += 2 // the zero and the point
    digits -= 2
    for (; text.charCodeAt(first) === ZERO; first++) digits--
  } else if (Number.isInteger(value)) for (; text.charCodeAt(last) === ZERO; last--) digits--
  else digits-- // the point
  meter.bytes += ((digits + 1) >> 1) + (value < 0 ? 2 : 1)
  return `{"N":"${text}"}`
}

function numberOf(text: string, at: string, meter: Meter): string {
  const decimal = parseDecimal(text)
  if (!decimal) throw refuse(at, 'no decimal number')
  const fault = decimalFault(decimal)
  if (fault !== undefined) throw refuse(at, fault)
  meter.bytes += decimalBytes(decimal)
  return `{"N":"${text}"}`
}

function writeObject(value: object, at: string, depth: number, meter: Meter): string {
  if (value instanceof Uint8Array) {
    meter.bytes += value.length
    return `{"B":"${base64(value)}"}`
  }
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refuse(at, 'an invalid date')
    return `{"S":${textOf(value.toISOString(), at, meter)}}`
  }
  if (value instanceof Set) return writeSet(value, at, meter)
  if (depth >= MAX_NESTING) throw refuse(at, `more than ${MAX_NESTING} levels, the item being the first`)
  meter.bytes += CONTAINER_BYTES
  if (Array.isArray(value)) {
    const members = value.map((member: unknown, i) => {
      meter.bytes += MEMBER_BYTES
      return write(member, `${at}[${i}]`, depth + 1, meter)
    })
    return `{"L":[${members.join(',')}]}`
  }
  const { names, members } = membersOf(value, at)
  const written = names.map((name, i) => {
    meter.bytes += MEMBER_BYTES + nameBytes(name, at)
    return `${JSON.stringify(name)}:${write(members[i], `${at}.${name}`, depth + 1, meter)}`
  })
  return `{"M":{${written.join(',')}}}`
}

/** Two lists of one length. */
export interface Members {
  readonly names: string[]
  readonly members: unknown[]
}

/** Members of a plain object or a Map; undefined ones are left out. Throws UnholdableError for anything else. */
export function membersOf(value: object, at: string): Members {
  if (value instanceof Map) {
    const found: Members = { names: [], members: [] }
    for (const [name, member] of value as Map<unknown, unknown>) {
      if (typeof name !== 'string') throw refuse(at, 'a Map with a key that is no text')
      if (member === undefined) continue
      found.names.push(name)
      found.members.push(member)
    }
    return found
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw refuse(at, `an instance of ${value.constructor?.name ?? 'a class'}`)
  const plain = value as Readonly<Record<string, unknown>>
  const names = Object.keys(plain)
  // Of the length that most rows have: nothing grows, and nothing is copied.
  const members = new Array<unknown>(names.length)
  let kept = 0
  for (const name of names) {
    const member = plain[name]
    if (member === undefined) continue
    names[kept] = name
    members[kept++] = member
  }
  if (kept < names.length) names.length = members.length = kept
  return { names, members }
}

function writeSet(set: Set<unknown>, at: string, meter: Meter): string {
  if (set.size === 0) throw refuse(at, 'an empty set')
  const members = [...set]
  if (members.every((member) => typeof member === 'string')) {
    return `{"SS":[${members.map((member) => textOf(member, at, meter)).join(',')}]}`
  }
  if (members.every((member) => typeof member === 'number' || typeof member === 'bigint')) {
    const texts = members.map(String)
    for (const text of texts) numberOf(text, at, meter)
    requireDistinct(
      texts.map((text) => canonicalDecimal(parseDecimal(text)!)),
      at,
    )
    return `{"NS":${JSON.stringify(texts)}}`
  }
  if (members.every((member) => member instanceof Uint8Array)) {
    const texts = members.map(base64)
    for (const member of members) meter.bytes += member.length
    requireDistinct(texts, at)
    return `{"BS":${JSON.stringify(texts)}}`
  }
  throw refuse(at, 'a set whose members are not all text, all numbers or all bytes')
}

function requireDistinct(texts: readonly string[], at: string): void {
  if (new Set(texts).size < texts.length) throw refuse(at, 'a set with equal members')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function refuse(at: string, what: string): UnholdableError {
  return new UnholdableError(`${at.slice(0, 200).toWellFormed()}: ${what}`)
}
