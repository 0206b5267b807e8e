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
    values: valuesOf(order),
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

/** The rows of a range follow one another: the text of their source is made once. */
function valuesOf(order: OrderKind): Guard['values'] {
  let last = { src: '', text: '{"S":""}' }
  return ({ src, epoch, offset, index, ts, version }) => {
    if (src !== last.src) last = { src, text: `{"S":${JSON.stringify(src)}}` }
    const values = [last.text, `{"N":"${epoch}"}`, `{"N":"${offset}"}`, `{"N":"${index}"}`, `{"N":"${ts}"}`]
    if (order === 'version')
      values.push(typeof version === 'string' ? `{"S":${JSON.stringify(version)}}` : `{"N":"${version}"}`)
    return values
  }
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
