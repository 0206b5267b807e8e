/** Dead letters in a DynamoDB table, payloads over 300 KB in an S3 object beside it (docs/delivery.md, "Dead letters"). */
import { textOf } from '../../aws/attribute.ts'
import type { Attribute, Item } from '../../aws/attribute.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import { isFault, storeError } from '../../aws/fault.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import { replayOf } from '../../core/replay.ts'
import type { ReplayAnswer, ReplayCopy, ReplayDesk } from '../../core/replay.ts'
import { idOf, parseId, payloadKey, positionKey } from './index.ts'
import type { DeadLetterState, DeadLetterSummary, StoredDeadLetter } from './index.ts'
import {
  fromSummary,
  isOfAnother,
  needsObject,
  payloadDocument,
  recordOf,
  SUMMARY_ATTRIBUTES,
  toItem,
} from './items.ts'
import type { PayloadPlace } from './items.ts'
import { getItem, payloadOf } from './read.ts'
import type { DeadLetterOptions } from './read.ts'
import { putReplayed, takeOne } from './replays.ts'
import { changeItem } from './states.ts'
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
export interface DeadLetterStore extends ReplayDesk {
  /**
   * Durable when it resolves. A letter that is there already stays as it is (D2), in whatever state; one whose record is a
   * replay that failed again goes back to `new`. Throws WEIR_TOPIC_RESTARTED where it is of another record.
   */
  put(letters: readonly DeadLetter[], deadline: Deadline): Promise<void>
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

/** Puts in flight at once. */
const CONCURRENCY = 16
/** Pages that one listing reads while a filter holds everything back. */
const MAX_PAGES = 100
const DEFAULT_LIMIT = 100

export function openDeadLetters(options: DeadLetterOptions): DeadLetterStore {
  const named = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw storeError(error, 'dead letters')
    }
  }
  return {
    put: (letters, deadline) =>
      named(forEachBounded(letters, CONCURRENCY, (letter) => putLetter(options, letter, deadline))),
    list: (query, deadline) => named(list(options, query, deadline)),
    get: (id, deadline) => named(get(options, id, deadline)),
    change: (letter, change, deadline) => named(changed(options, letter, change, deadline)),
    take: (copies, deadline) => named(takeAll(options, copies, deadline)),
  }
}

async function takeAll(
  options: DeadLetterOptions,
  copies: readonly ReplayCopy[],
  deadline: Deadline,
): Promise<ReplayAnswer[]> {
  const answers = new Array<ReplayAnswer>(copies.length)
  await forEachBounded(copies.keys(), CONCURRENCY, async (i) => {
    answers[i] = await takeOne(options, copies[i]!, deadline)
  })
  return answers
}

async function changed(
  options: DeadLetterOptions,
  { id, version }: Pick<DeadLetterSummary, 'id' | 'version'>,
  change: Change,
  deadline: Deadline,
): Promise<ChangedLetter> {
  const { ok, item } = await changeItem(options, keyOf(id), version, change, deadline)
  return { ok, letter: item && fromSummary(item) }
}

async function putLetter(options: DeadLetterOptions, letter: DeadLetter, deadline: Deadline): Promise<void> {
  const replay = replayOf(letter.record)
  const plain = (each: DeadLetter) => putOne(options, each, deadline)
  if (replay?.pipeline === letter.pipeline && (await putReplayed(options, letter, replay, plain, deadline))) return
  await plain(letter)
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
