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

function textOf(text: string, at: string, meter: Meter): string {
  if (!text.isWellFormed()) throw refuse(at, 'text with a lone surrogate')
  meter.bytes += Buffer.byteLength(text)
  return JSON.stringify(text)
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
  return `{"M":{${membersOf(value, at)
    .map(([name, member]) => {
      meter.bytes += MEMBER_BYTES + nameBytes(name, at)
      return `${JSON.stringify(name)}:${write(member, `${at}.${name}`, depth + 1, meter)}`
    })
    .join(',')}}}`
}

/** Members of a plain object or a Map; undefined ones are left out. Throws UnholdableError for anything else. */
export function membersOf(value: object, at: string): [name: string, member: unknown][] {
  const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : plainEntries(value, at)
  return entries.filter((entry): entry is [string, unknown] => {
    if (typeof entry[0] !== 'string') throw refuse(at, 'a Map with a key that is no text')
    return entry[1] !== undefined
  })
}

function plainEntries(value: object, at: string): [string, unknown][] {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw refuse(at, `an instance of ${value.constructor?.name ?? 'a class'}`)
  return Object.entries(value)
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
