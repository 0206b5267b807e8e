/**
 * The order guard (docs/delivery.md, "Order"): the comparison of core/order.ts as a condition of DynamoDB, as PartiQL, and
 * against an item that came back. All must say the same; the contract tests hold them to it. Pure.
 */
import { numberOf, textOf } from '../../aws/attribute.ts'
import type { Item } from '../../aws/attribute.ts'
import type { OrderKind, Position } from '../../core/order.ts'
import { isNewer } from '../../core/order.ts'
import type { DynamoDbOptions } from './options.ts'

export type PositionNames = DynamoDbOptions['positionAttributes']

const byLog =
  '((#src = :src AND (#offset < :offset OR (#offset = :offset AND #index < :index)))' +
  ' OR (#src <> :src AND (#ts < :ts OR (#ts = :ts AND #src < :src))))'
const byTimestamp =
  '(#ts < :ts OR (#ts = :ts AND (#src < :src OR (#src = :src AND' +
  ' (#offset < :offset OR (#offset = :offset AND #index < :index))))))'
const byVersion = `#version < :version OR (#version = :version AND ${byTimestamp})`
/**
 * An item without a version was written under another order: any version is newer. DynamoDB compares values of one type
 * only; that numbers come before texts is asked for by the stored type, `:lesser`.
 */
const byAnyVersion = `(attribute_not_exists(#version) OR attribute_type(#version, :lesser) OR ${byVersion})`

const conditions: Readonly<Record<OrderKind, string>> = { log: byLog, timestamp: byTimestamp, version: byAnyVersion }
/** Where there is a version of the row's own type. */
const ofOneType: Readonly<Record<OrderKind, string>> = { ...conditions, version: `(${byVersion})` }

const FIELDS = ['src', 'epoch', 'offset', 'index', 'ts', 'version'] as const

/** Names of the position attributes in the order in which their values stand. */
export function positionOrder(order: OrderKind, names: PositionNames): string[] {
  return FIELDS.filter((field) => field !== 'version' || order === 'version').map((field) => names[field])
}

export interface Guard {
  /** ConditionExpression: true where the item is missing or older. */
  readonly condition: string
  readonly names: Readonly<Record<string, string>>
  /** JSON texts of the position's values, in the order of `positionOrder`. */
  values(position: Position): string[]
  /** The same as one text, with commas. */
  list(position: Position): string
  /** ExpressionAttributeValues for the condition, from those texts. */
  bind(values: readonly string[]): string
  readonly partiql: PartiqlGuard
}

export interface PartiqlGuard {
  readonly text: string
  /** Which of the position's values its `?` stand for. */
  readonly parameters: readonly number[]
}

export function guardOf(order: OrderKind, names: PositionNames, partitionKey: string): Guard {
  const own = positionOrder(order, names)
  return {
    condition: `attribute_not_exists(#pk) OR #epoch < :epoch OR (#epoch = :epoch AND ${conditions[order]})`,
    names: { '#pk': partitionKey, ...Object.fromEntries(own.map((name, i) => [`#${FIELDS[i]!}`, name])) },
    ...textsOf(order),
    bind: (values) => {
      const bound = values.map((value, i) => `":${FIELDS[i]!}":${value}`)
      if (order === 'version') bound.push(`":lesser":{"S":"${lesserType(values.at(-1)!)}"}`)
      return `{${bound.join(',')}}`
    },
    partiql: partiqlGuard(order, names),
  }
}

/** For an item of the row's own epoch and, where versions order, with a version of the same type: true where it is older. */
export function partiqlGuard(order: OrderKind, names: PositionNames): PartiqlGuard {
  const parameters: number[] = []
  const text = `#epoch = :epoch AND ${ofOneType[order]}`.replaceAll(/([#:])(\w+)/g, (_, sign, word) => {
    const field = word as (typeof FIELDS)[number]
    if (sign === '#') return `"${names[field]}"`
    parameters.push(FIELDS.indexOf(field))
    return '?'
  })
  return { text, parameters }
}

/** The rows of a range follow one another: what their positions have in common is made once. */
function textsOf(order: OrderKind): Pick<Guard, 'values' | 'list'> {
  let last = { src: '', epoch: -1, texts: ['', ''], list: '' }
  const common = (src: string, epoch: number) => {
    if (src === last.src && epoch === last.epoch) return last
    const texts = [`{"S":${JSON.stringify(src)}}`, `{"N":"${epoch}"}`]
    return (last = { src, epoch, texts, list: texts.join(',') })
  }
  return {
    values({ src, epoch, offset, index, ts, version }) {
      const values = [...common(src, epoch).texts, `{"N":"${offset}"}`, `{"N":"${index}"}`, `{"N":"${ts}"}`]
      if (order === 'version') values.push(versionText(version!))
      return values
    },
    list({ src, epoch, offset, index, ts, version }) {
      const list = `${common(src, epoch).list},{"N":"${offset}"},{"N":"${index}"},{"N":"${ts}"}`
      return order === 'version' ? `${list},${versionText(version!)}` : list
    },
  }
}

function versionText(version: string | number): string {
  return typeof version === 'string' ? `{"S":${JSON.stringify(version)}}` : `{"N":"${version}"}`
}

/** Undefined where the item does not say which record it came from: nothing of ours wrote it. */
export function storedPosition(item: Item, names: PositionNames): Position | undefined {
  const src = textOf(item, names.src)
  const [epoch, offset, index, ts] = [names.epoch, names.offset, names.index, names.ts].map((name) =>
    numberOf(item, name),
  )
  if (src === undefined || epoch === undefined || offset === undefined || index === undefined || ts === undefined)
    return undefined
  const version = textOf(item, names.version) ?? numberOf(item, names.version)
  return { src, epoch, offset, index, ts, ...(version === undefined ? {} : { version }) }
}

/** Whether a row at `position` replaces what is stored. */
export function supersedes(order: OrderKind, position: Position, stored: Position): boolean {
  if (order === 'version' && position.epoch === stored.epoch && stored.version === undefined) return true
  return isNewer(order, position, stored)
}

/** Below a text stands any number; below a number no other type (a version is never NULL). */
function lesserType(version: string): string {
  return version.startsWith('{"S"') ? 'N' : 'NULL'
}
