/** Rows as attributes: marshalled once, keys checked, sizes counted, before anything is written. Pure. */
import type { KeyAttribute } from '../../aws/table.ts'
import { keyAttributes } from '../../aws/table.ts'
import type { Refusal } from '../../core/dead-letter.ts'
import { messageOf } from '../../core/errors.ts'
import { MAX_ITEM_BYTES } from '../../core/limits.ts'
import { isObject } from '../../core/object.ts'
import type { OrderKind } from '../../core/order.ts'
import type { SourceRecord } from '../../core/record.ts'
import { sourceMark } from '../../core/record.ts'
import type { KeyFields, SinkRange, SinkRecord } from '../sink.ts'
import { additionOf } from './additions.ts'
import type { RowPlace } from './additions.ts'
import { canonicalDecimal, parseDecimal } from './decimal.ts'
import { markerOf } from './markers.ts'
import { marshal, marshalNumeric, membersOf, nameBytes, UnholdableError } from './marshal.ts'
import type { Members, Meter } from './marshal.ts'
import { expiryName } from './names.ts'
import type { DynamoDbOptions } from './options.ts'
import { positionOrder } from './guard.ts'
import { MARK_DIGITS, shapes } from './shape.ts'
import type { Shape } from './shape.ts'

export interface EncodedRow {
  readonly index: number
  readonly version?: string | number
  readonly shape: Shape
  /** JSON of the attributes' values, in the order of `shape.names`. */
  readonly values: readonly string[]
  /** Equal exactly for keys that DynamoDB holds equal. */
  readonly keyText: string
  readonly bytes: number
  /** It marks that its key is deleted. */
  readonly deleted?: true
}

export interface EncodedRecord extends Pick<SinkRecord, 'orderAs'> {
  readonly record: SourceRecord
  readonly rows: readonly EncodedRow[]
}

export interface EncodedRange {
  readonly source: SinkRange['source']
  readonly records: readonly EncodedRecord[]
}

export interface EncodedBatch {
  readonly ranges: readonly EncodedRange[]
  readonly refusals: readonly Refusal[]
}

/** DynamoDB, "Quotas": partition key values up to 2048 bytes, sort key values up to 1024. */
const MAX_PARTITION_KEY_BYTES = 2048
const MAX_SORT_KEY_BYTES = 1024
/** Position numbers take at most this much each: 16 digits, sign and length. */
const POSITION_NUMBER_BYTES = 10

/**
 * Compiles the definition to an encoder of batches.
 * @param expiringDeletes markers of deletes get a time to live: `withExpiry` puts it
 */
export function batchEncoder(
  options: DynamoDbOptions,
  table: string,
  order: OrderKind,
  expiringDeletes = false,
): (ranges: readonly SinkRange[]) => EncodedBatch {
  const encode = rowEncoder(options, table, order, expiringDeletes)
  return (ranges) => {
    const refusals: Refusal[] = []
    const encoded = ranges.map(({ source, records }): EncodedRange => {
      const src = sourceMark(source)
      const srcBytes = Buffer.byteLength(src)
      return {
        source,
        records: records.map((each) => {
          const rows = encodeRecord(each, src, srcBytes, encode)
          const { record } = each
          // A table that is appended to has a replayed record where it stands in the log now.
          const orderAs = options.append ? undefined : each.orderAs
          if (typeof rows !== 'string') return orderAs ? { record, rows, orderAs } : { record, rows }
          refusals.push({ source, record, stage: 'encode', code: 'WEIR_ENCODE', text: rows })
          return { record, rows: [] }
        }),
      }
    })
    return { ranges: encoded, refusals }
  }
}

/** All rows, or why one of them, and so the record, cannot be held. */
function encodeRecord(
  { record, rows, versions, deletes }: SinkRecord,
  src: string,
  srcBytes: number,
  { encodeRow, encodeDelete }: ReturnType<typeof rowEncoder>,
): EncodedRow[] | string {
  try {
    if (deletes) return encodeDelete ? deletes.map((key, i) => encodeDelete(key, i, srcBytes)) : []
    return rows.map((row, index) => encodeRow(row, { src, record, index }, srcBytes, versions?.[index]))
  } catch (error) {
    if (error instanceof UnholdableError) return error.message
    // A getter of the row that throws: the row's fault as well.
    return messageOf(error)
  }
}

interface Plan {
  readonly reserved: ReadonlySet<string>
  readonly numeric: ReadonlySet<string>
  readonly keys: readonly KeyAttribute[]
  /** Keys of indexes: checked where a row has them. */
  readonly indexKeys: readonly { readonly attribute: KeyAttribute; readonly maxBytes: number }[]
}

function rowEncoder(options: DynamoDbOptions, table: string, order: OrderKind, expiringDeletes: boolean) {
  const plan = planOf(options, expiringDeletes)
  const shapeOf = shapes(table, order, options)
  const own = positionOrder(order, options.positionAttributes)
  const markBytes = options.append ? 0 : Buffer.byteLength(options.positionAttributes.shape) + MARK_DIGITS
  const ownNames = own.reduce((sum, name) => sum + Buffer.byteLength(name), 0) + markBytes

  const encode = (
    { names, members }: Members,
    factOf: FactOf,
    index: number,
    srcBytes: number,
    version?: string | number,
  ): EncodedRow => {
    const meter: Meter = { bytes: ownNames + srcBytes + (own.length - 1) * POSITION_NUMBER_BYTES }
    if (typeof version === 'string') marshal(version, 'version', meter)
    const values = new Array<string>(names.length)
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!
      const fact = factOf(name)
      meter.bytes += fact.bytes
      values[i] = fact.numeric ? marshalNumeric(members[i], name, meter) : marshal(members[i], name, meter)
    }
    if (meter.bytes > MAX_ITEM_BYTES)
      throw new UnholdableError(`an item of ${meter.bytes} bytes, over ${MAX_ITEM_BYTES}`)
    const shape = shapeOf(names, version === undefined ? '' : typeof version)
    let keyText = ''
    for (let i = 0; i < plan.keys.length; i++) {
      const at = shape.keysAt[i]!
      const maxBytes = i === 0 ? MAX_PARTITION_KEY_BYTES : MAX_SORT_KEY_BYTES
      const text = keyValue(plan.keys[i]!, values[at], members[at], maxBytes)
      keyText = plan.keys.length === 1 ? text : `${keyText}${text.length}:${text}`
    }
    for (const { attribute, maxBytes } of plan.indexKeys) {
      const at = names.indexOf(attribute.name)
      if (at >= 0) keyValue(attribute, values[at], members[at], maxBytes)
    }
    const encoded = { index, shape, values, keyText, bytes: meter.bytes }
    return version === undefined ? encoded : { ...encoded, version }
  }

  const factOf = nameFacts(plan)
  const add = options.append || options.timeToLive ? additionOf(options) : undefined
  const encodeRow = (row: unknown, place: RowPlace, srcBytes: number, version: string | number | undefined) => {
    if (!isObject(row)) throw new UnholdableError('the row is no object of attributes')
    const members = membersOf(row, 'row')
    add?.(members, place)
    return encode(members, factOf, place.index, srcBytes, version)
  }

  const factOfMark = nameFacts({ ...plan, reserved: new Set() })
  const encodeDelete = (key: KeyFields, index: number, srcBytes: number): EncodedRow => ({
    ...encode(markerOf(options, expiringDeletes, key), factOfMark, index, srcBytes),
    deleted: true,
  })
  // An append table keeps every row.
  return { encodeRow, encodeDelete: options.append ? undefined : encodeDelete }
}

interface NameFact {
  readonly bytes: number
  readonly numeric: boolean
}

type FactOf = (name: string) => NameFact

/** Names that are remembered; more of them, and the memory starts anew (D11). */
const MAX_NAMES = 1024

/** What the encoder knows of an attribute's name, found out once. Throws UnholdableError for a name that no row may use. */
function nameFacts({ reserved, numeric }: Plan): FactOf {
  const known = new Map<string, NameFact>()
  return (name) => {
    const found = known.get(name)
    if (found) return found
    if (reserved.has(name)) throw new UnholdableError(`${name}: the name of a position attribute`)
    const fact = { bytes: nameBytes(name, 'row'), numeric: numeric.has(name) }
    if (known.size >= MAX_NAMES) known.clear()
    known.set(name, fact)
    return fact
  }
}

function planOf(options: DynamoDbOptions, expiringDeletes: boolean): Plan {
  const keys = keyAttributes(options)
  const indexes = Object.values(options.indexes)
  const indexKeys = indexes.flatMap((index) =>
    keyAttributes(index).map((attribute, i) => ({
      attribute,
      maxBytes: i === 0 ? MAX_PARTITION_KEY_BYTES : MAX_SORT_KEY_BYTES,
    })),
  )
  const all = [...keys, ...indexKeys.map(({ attribute }) => attribute)]
  return {
    reserved: new Set([
      ...Object.values(options.positionAttributes),
      // Where the option names one, it is the row's.
      ...(expiringDeletes && !options.timeToLive ? [expiryName(options)] : []),
    ]),
    numeric: new Set([...options.numbers, ...all.filter(({ type }) => type === 'N').map(({ name }) => name)]),
    keys,
    indexKeys,
  }
}

const kinds = { S: 'text', N: 'a number', B: 'bytes' } as const

/** Checks a key and gives its canonical text. `json` is `{"S":...}`, `{"N":...}` or `{"B":...}`, made of `value`. */
function keyValue({ name, type }: KeyAttribute, json: string | undefined, value: unknown, maxBytes: number): string {
  if (json === undefined) throw new UnholdableError(`${name}: the key is missing`)
  if (!json.startsWith(`{"${type}":`)) throw new UnholdableError(`${name}: the key is not ${kinds[type]}`)
  // What stands between `{"S":` and `}`; of text that is the text itself.
  const content = type === 'S' && typeof value === 'string' ? value : (JSON.parse(json.slice(5, -1)) as string)
  if (type === 'N') return canonicalDecimal(parseDecimal(content)!)
  const bytes = Buffer.byteLength(content, type === 'B' ? 'base64' : 'utf8')
  if (bytes === 0) throw new UnholdableError(`${name}: the key is empty`)
  if (bytes > maxBytes) throw new UnholdableError(`${name}: a key of ${bytes} bytes, over ${maxBytes}`)
  return content
}
