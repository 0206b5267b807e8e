/** Dead letters in a DynamoDB table, payloads over 300 KB in an S3 object beside it (docs/delivery.md, "Dead letters"). */
import { textOf } from '../../aws/attribute.ts'
import type { Item } from '../../aws/attribute.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import { isFault, storeError } from '../../aws/fault.ts'
import type { S3 } from '../../aws/s3.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import { idOf, parseId, payloadKey, positionKey } from './index.ts'
import type { DeadLetterState, DeadLetterSummary, StoredDeadLetter } from './index.ts'
import {
  fromSummary,
  inlinePayload,
  isOfAnother,
  needsObject,
  parsePayload,
  payloadDocument,
  payloadPlace,
  recordOf,
  SUMMARY_ATTRIBUTES,
  toItem,
} from './items.ts'
import type { PayloadPlace } from './items.ts'

export interface DeadLetterQuery {
  readonly pipeline: string
  /** '*' lists those that no sink has. */
  readonly sink?: string
  readonly state?: DeadLetterState
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
export interface DeadLetterStore {
  /**
   * Durable when it resolves. A letter that is there already stays as it is (D2), in whatever state. Throws
   * WEIR_TOPIC_RESTARTED where it is of another record.
   */
  put(letters: readonly DeadLetter[], deadline: Deadline): Promise<void>
  list(query: DeadLetterQuery, deadline: Deadline): Promise<DeadLetterPage>
  /** Undefined where there is none of that id. */
  get(id: string, deadline: Deadline): Promise<StoredDeadLetter | undefined>
}

export interface DeadLetterOptions {
  readonly table: string
  readonly bucket: string
  readonly clients: { readonly dynamodb: Dynamo; readonly s3: S3 }
}

/** Puts in flight at once. */
const CONCURRENCY = 16
/** Pages that one listing reads while a filter holds everything back. */
const MAX_PAGES = 100
const DEFAULT_LIMIT = 100

async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw storeError(error, 'dead letters')
  }
}

/** All that a function does with dead letters; reading them is none of its code. */
export function putDeadLetters(options: DeadLetterOptions): Pick<DeadLetterStore, 'put'> {
  return {
    put: (letters, deadline) =>
      named(forEachBounded(letters, CONCURRENCY, (letter) => putOne(options, letter, deadline))),
  }
}

export function openDeadLetters(options: DeadLetterOptions): DeadLetterStore {
  return {
    ...putDeadLetters(options),
    list: (query, deadline) => named(list(options, query, deadline)),
    get: (id, deadline) => named(get(options, id, deadline)),
  }
}

/** The payload's object first: an item never names one that is not there. */
async function putOne(options: DeadLetterOptions, letter: DeadLetter, deadline: Deadline): Promise<void> {
  const { table, bucket, clients } = options
  const place = needsObject(letter.record)
    ? { bucket, key: payloadKey(letter.pipeline, positionKey(letter)) }
    : undefined
  if (place) await putPayload(options, letter, place, deadline)
  const input = {
    TableName: table,
    Item: toItem(letter, place),
    ConditionExpression: 'attribute_not_exists(#position)',
    ExpressionAttributeNames: { '#position': 'position' },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
  try {
    await clients.dynamodb.call('PutItem', input, deadline)
  } catch (error) {
    if (!isFault(error, 'ConditionalCheckFailedException')) throw error
    const item = error.body?.Item as Item | undefined
    if (item && isOfAnother(item, letter)) throw restarted(letter)
  }
}

/** Where nothing has the key: that is the record's position, so whoever was there first wrote the same bytes. */
async function putPayload(
  { clients }: DeadLetterOptions,
  { record }: DeadLetter,
  place: PayloadPlace,
  deadline: Deadline,
): Promise<void> {
  const headers = { 'content-type': 'application/json', 'if-none-match': '*' }
  const body = payloadDocument(record)
  try {
    await clients.s3.request({ operation: 'PutObject', method: 'PUT', ...place, headers, body, deadline })
  } catch (error) {
    if (!isFault(error, 412)) throw error
  }
}

/** The letter would be lost in the one that is there (D1), which came from the topic's former life (D9). */
function restarted({ source, record: { offset } }: DeadLetter): WeirError {
  return new WeirError('WEIR_TOPIC_RESTARTED', {
    sink: 'dead letters',
    source: sourceLabel(source),
    next: offset + 1,
    first: offset,
    why: 'and the dead letter of that offset is of another record',
  })
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

function queryInput(table: string, { pipeline, sink, state, order }: DeadLetterQuery): object {
  const names: Record<string, string> = {}
  SUMMARY_ATTRIBUTES.forEach((name) => (names[`#${name}`] = name))
  const filters = [
    ...(sink === undefined ? [] : ['#sink = :sink']),
    ...(state === undefined ? [] : ['#state = :state']),
  ]
  return {
    TableName: table,
    ConsistentRead: true,
    ScanIndexForward: order !== 'descending',
    KeyConditionExpression: '#pipeline = :pipeline',
    ProjectionExpression: SUMMARY_ATTRIBUTES.map((name) => `#${name}`).join(', '),
    ...(filters.length > 0 ? { FilterExpression: filters.join(' AND ') } : {}),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: {
      ':pipeline': { S: pipeline },
      ...(sink === undefined ? {} : { ':sink': { S: sink } }),
      ...(state === undefined ? {} : { ':state': { S: state } }),
    },
  }
}

async function get(options: DeadLetterOptions, id: string, deadline: Deadline): Promise<StoredDeadLetter | undefined> {
  const { table, clients } = options
  const input = { TableName: table, Key: keyOf(id), ConsistentRead: true }
  const { Item } = await clients.dynamodb.call<{ Item?: Item }>('GetItem', input, deadline)
  if (!Item) return undefined
  const place = payloadPlace(Item)
  const payload = place
    ? parsePayload((await clients.s3.request({ operation: 'GetObject', method: 'GET', ...place, deadline })).body)
    : inlinePayload(Item)
  return { ...fromSummary(Item), record: recordOf(Item, payload) }
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
