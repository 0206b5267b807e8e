/**
 * What a value of a row looks like once PostgreSQL holds it, and how to ask for it so that both can be compared: each
 * column is read as text by an expression of its type, and both sides become the same canonical text. Pure.
 */
import { canonical, decimal, parseExact } from './canonical.ts'

export interface ColumnForm {
  /** SQL that gives the column as text (or null); `x` is the quoted column. */
  readonly select: (x: string) => string
  /** Canonical text of what was read. */
  readonly stored: (text: string) => string
  /** Canonical text of a row's value, neither null nor undefined. Throws where the column cannot hold it. */
  readonly expected: (value: unknown) => string
}

/** Takes a type as the definition writes it, `numeric(10,2)[] not null`. */
export function columnForm(type: string): ColumnForm {
  const words = type.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  const isArray = /\[\]( not null)?$/.test(words)
  const base = words
    .replace(/ not null$/, '')
    .replace(/\[\]$/, '')
    .replace(/\s*\(.*\)$/, '')
    .trim()
  const scalar = Object.hasOwn(forms, base) ? forms[base]! : plain
  return isArray ? arrayForm(scalar) : scalar
}

const asText = (x: string) => `${x}::text`

const plain: ColumnForm = {
  select: asText,
  stored: (text) => JSON.stringify(text),
  expected: (value) => JSON.stringify(typeof value === 'string' ? value : canonical(value)),
}

const number: ColumnForm = {
  select: asText,
  stored: (text) => decimal(text),
  expected: (value) => decimal(String(value)),
}

function float(round: (value: number) => number): ColumnForm {
  const text = (value: number) => decimal(String(round(value)))
  return { select: asText, stored: (stored) => text(Number(stored)), expected: (value) => text(Number(value)) }
}

const boolean: ColumnForm = { select: asText, stored: (text) => text, expected: String }

/** Seconds since 1970, exact to the microsecond; a timestamp without a zone counts as UTC. */
const moment: ColumnForm = {
  select: (x) => `extract(epoch from ${x})::text`,
  stored: (text) => decimal(text),
  expected: (value) => decimal(secondsOf(value)),
}

const json: ColumnForm = {
  select: asText,
  stored: (text) => canonical(parseExact(text)),
  expected: (value) => canonical(parseExact(JSON.stringify(value))),
}

const uuid: ColumnForm = {
  select: asText,
  stored: (text) => JSON.stringify(text),
  expected: (value) => JSON.stringify(String(value).toLowerCase()),
}

const bytes: ColumnForm = {
  select: (x) => `encode(${x}, 'hex')`,
  stored: (text) => JSON.stringify(text),
  expected: (value) => JSON.stringify(Buffer.from(value as Uint8Array).toString('hex')),
}

const forms: Readonly<Record<string, ColumnForm>> = {
  text: plain,
  varchar: plain,
  smallint: number,
  integer: number,
  bigint: number,
  numeric: number,
  'double precision': float((value) => value),
  real: float(Math.fround),
  boolean,
  timestamptz: moment,
  timestamp: moment,
  date: moment,
  json,
  jsonb: json,
  uuid,
  bytea: bytes,
}

/** An array comes as a JSON array of its elements' texts. */
function arrayForm({ select, stored, expected }: ColumnForm): ColumnForm {
  const list = (elements: readonly unknown[], form: (element: never) => string) =>
    `[${elements.map((element) => (element === null || element === undefined ? 'null' : form(element as never))).join(',')}]`
  return {
    select: (x) =>
      `case when ${x} is null then null else coalesce((select json_agg(${select('u.e')} order by u.n) from unnest(${x}) with ordinality u(e, n)), '[]')::text end`,
    stored: (text) => list(JSON.parse(text) as unknown[], stored),
    expected: (value) => list(value as unknown[], expected),
  }
}

const TURNED_NUMBER = /^n[0-9a-f]{16}$/

/**
 * The version column: `t` and a text, or `n` and a double in hexadecimal, turned so that text order is numeric order: the sign
 * of a positive one is set, of a negative one every bit is inverted. Undefined where it is neither.
 */
export function storedVersion(stored: string | null): string | number | undefined {
  if (stored?.startsWith('t')) return stored.slice(1)
  if (stored === null || !TURNED_NUMBER.test(stored)) return undefined
  const turned = BigInt(`0x${stored.slice(1)}`)
  const sign = 1n << 63n
  const bits = Buffer.alloc(8)
  bits.writeBigUInt64BE(BigInt.asUintN(64, turned & sign ? turned ^ sign : ~turned))
  return bits.readDoubleBE()
}

const FRACTION = /[.,](\d+)/

/** A Date, milliseconds, or ISO 8601 text, whose digits beyond the millisecond a Date would lose. */
function secondsOf(value: unknown): string {
  if (value instanceof Date) return `${value.getTime()}e-3`
  if (typeof value === 'number') return `${value}e-3`
  const text = String(value).trim().replace(' ', 'T')
  const fraction = FRACTION.exec(text)?.[1] ?? ''
  const whole = Date.parse(zoned(text.replace(FRACTION, '')))
  if (Number.isNaN(whole)) throw new Error(`${JSON.stringify(value)} is no time`)
  const nanos = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))
  return `${nanos}e-9`
}

/** Date.parse wants `+hh:mm`, and takes text without a zone for local time unless it is a date alone. */
function zoned(text: string): string {
  if (!text.includes('T')) return text
  const zone = /(z|[+-]\d\d(?::?\d\d)?)$/i.exec(text.slice(text.indexOf('T')))?.[1]
  if (zone === undefined) return `${text}Z`
  if (zone.toLowerCase() === 'z') return text
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0')
  return `${text.slice(0, -zone.length)}${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`
}
