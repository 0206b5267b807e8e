/** Dead letters in a DynamoDB table, payloads over 300 KB in an S3 object beside it (docs/delivery.md, "Dead letters"). */
import { textOf } from '../../aws/attribute.ts'
import type { Attribute, Item } from '../../aws/attribute.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { changeItem } from './change.ts'
import { idOf, parseId } from './index.ts'
import type { DeadLetterState, DeadLetterSummary, StoredDeadLetter } from './index.ts'
import { fromSummary, recordOf, SUMMARY_ATTRIBUTES } from './items.ts'
import { named, openLetterBox } from './letter-box.ts'
import type { LetterBox } from './letter-box.ts'
import { getItem, payloadOf } from './read.ts'
import type { DeadLetterOptions } from './read.ts'
import { itemChange } from './states.ts'
import type { Change } from './states.ts'

export interface DeadLetterQuery {
  readonly pipeline: string
  /** '*' lists those that no sink has. */
  readonly sink?: string | undefined
  readonly states?: readonly DeadLetterState[] | undefined
  readonly stage?: string | undefined
  readonly code?: string | undefined
  readonly topic?: string | undefined
  readonly partition?: number | undefined
  /** First and last offset, both included. */
  readonly fromOffset?: number | undefined
  readonly toOffset?: number | undefined
  /** Of the record's timestamp, both included; milliseconds since the epoch. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** @default 100 */
  readonly limit?: number
  /** The id after which to go on. */
  readonly after?: string
  /** By position: topic, partition, offset. @default 'ascending' */
  readonly order?: 'ascending' | 'descending'
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetterSummary[]
  /** Give it as `after` to go on; absent at the end. */
  readonly next?: string
}

/** Every method throws WEIR_STORE_UNAVAILABLE or WEIR_STORE_MISCONFIGURED of "dead letters", or WEIR_DEADLINE. */
export interface DeadLetterStore extends LetterBox {
  list(query: DeadLetterQuery, deadline: Deadline): Promise<DeadLetterPage>
  /** Undefined where there is none of that id. */
  get(id: string, deadline: Deadline): Promise<StoredDeadLetter | undefined>
  /** Moves the state, where the letter still is as it was listed; else gives what it is now. */
  change(letter: Pick<DeadLetterSummary, 'id' | 'version'>, change: Change, deadline: Deadline): Promise<ChangedLetter>
}

export interface ChangedLetter {
  readonly ok: boolean
  /** As it is now; undefined where there is none. */
  readonly letter: DeadLetterSummary | undefined
}

/** Pages that one listing reads while a filter holds everything back. */
const MAX_PAGES = 100
const DEFAULT_LIMIT = 100

export function openDeadLetters(options: DeadLetterOptions): DeadLetterStore {
  return {
    ...openLetterBox(options),
    list: (query, deadline) => named(list(options, query, deadline)),
    get: (id, deadline) => named(get(options, id, deadline)),
    change: (letter, change, deadline) => named(changed(options, letter, change, deadline)),
  }
}

async function changed(
  options: DeadLetterOptions,
  { id, version }: Pick<DeadLetterSummary, 'id' | 'version'>,
  change: Change,
  deadline: Deadline,
): Promise<ChangedLetter> {
  const { ok, item } = await changeItem(options, keyOf(id), version, itemChange(change), deadline)
  return { ok, letter: item && fromSummary(item) }
}

async function list(options: DeadLetterOptions, query: DeadLetterQuery, deadline: Deadline): Promise<DeadLetterPage> {
  const { limit = DEFAULT_LIMIT, pipeline, after } = query
  const letters: DeadLetterSummary[] = []
  let start = after === undefined ? undefined : keyOf(after)
  for (let page = 0; page < MAX_PAGES && letters.length < limit; page++) {
    const output = await options.clients.dynamodb.call<{ Items: Item[]; LastEvaluatedKey?: Item }>(
      'Query',
      { ...queryInput(options.table, query), Limit: limit, ...(start ? { ExclusiveStartKey: start } : {}) },
      deadline,
    )
    letters.push(...output.Items.map(fromSummary))
    start = output.LastEvaluatedKey
    if (!start) break
  }
  const shown = letters.slice(0, limit)
  const more = shown.length < letters.length ? shown.at(-1)!.id : start && idOf(pipeline, textOf(start, 'position')!)
  return { letters: shown, ...(more === undefined ? {} : { next: more }) }
}

function queryInput(table: string, query: DeadLetterQuery): object {
  const names: Record<string, string> = {}
  SUMMARY_ATTRIBUTES.forEach((name) => (names[`#${name}`] = name))
  const { filters, values } = filtersOf(query)
  return {
    TableName: table,
    ConsistentRead: true,
    ScanIndexForward: query.order !== 'descending',
    KeyConditionExpression: '#pipeline = :pipeline',
    ProjectionExpression: SUMMARY_ATTRIBUTES.map((name) => `#${name}`).join(', '),
    ...(filters.length > 0 ? { FilterExpression: filters.join(' AND ') } : {}),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ':pipeline': { S: query.pipeline }, ...values },
  }
}

function filtersOf(query: DeadLetterQuery): { readonly filters: string[]; readonly values: Record<string, Attribute> } {
  const { sink, states, stage, code, topic, partition, fromOffset, toOffset, since, until } = query
  const filters: string[] = []
  const values: Record<string, Attribute> = {}
  const compare = (attribute: string, operator: string, value: string | number | undefined) => {
    if (value === undefined) return
    const name = `:f${filters.length}`
    filters.push(`#${attribute} ${operator} ${name}`)
    values[name] = typeof value === 'number' ? { N: String(value) } : { S: value }
  }
  for (const [attribute, value] of Object.entries({ sink, stage, code, topic, partition }))
    compare(attribute, '=', value)
  compare('offset', '>=', fromOffset)
  compare('offset', '<=', toOffset)
  compare('timestamp', '>=', since)
  compare('timestamp', '<=', until)
  if (states) {
    states.forEach((state, i) => (values[`:s${i}`] = { S: state }))
    filters.push(`#state IN (${states.map((_, i) => `:s${i}`).join(', ')})`)
  }
  return { filters, values }
}

async function get(options: DeadLetterOptions, id: string, deadline: Deadline): Promise<StoredDeadLetter | undefined> {
  const item = await getItem(options, keyOf(id), deadline)
  if (!item) return undefined
  return { ...fromSummary(item), record: recordOf(item, await payloadOf(options, item, deadline)) }
}

function keyOf(id: string): Item {
  const key = parseId(id)
  if (!key)
    throw new WeirError('WEIR_USAGE', {
      reason: `"${id}" is no id of a dead letter`,
      advice: 'Take it from a listing.',
    })
  return { pipeline: { S: key.pipeline }, position: { S: key.position } }
}
