/** What the function does with dead letters: put them, and ask for those that come again. The rest is store.ts. */
import type { Item } from '../../aws/attribute.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import { isFault, storeError } from '../../aws/fault.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import { replayOf } from '../../core/replay.ts'
import type { ReplayAnswer, ReplayCopy, ReplayDesk } from '../../core/replay.ts'
import { payloadKey, positionKey } from './index.ts'
import { isOfAnother, needsObject, payloadDocument, toItem } from './items.ts'
import type { DeadLetterState } from './index.ts'
import type { PayloadPlace } from './items.ts'
import type { DeadLetterOptions } from './read.ts'
import { putReplayed, takeOne } from './replays.ts'

/** Every method throws WEIR_STORE_UNAVAILABLE or WEIR_STORE_MISCONFIGURED of "dead letters", or WEIR_DEADLINE. */
export interface LetterBox extends ReplayDesk {
  /**
   * Durable when it resolves. A letter that is there already stays as it is (D2), in whatever state but `superseded`: one of those
   * is new again, if its position has no epoch that would tell the two apart. One whose record is a replay that failed again
   * goes back to `new`. Throws WEIR_TOPIC_RESTARTED where it is of another record.
   */
  put(letters: readonly DeadLetter[], deadline: Deadline): Promise<void>
}

/** Letters in flight at once. */
const CONCURRENCY = 16

export function openLetterBox(options: DeadLetterOptions): LetterBox {
  return {
    put: (letters, deadline) =>
      named(forEachBounded(letters, CONCURRENCY, (letter) => putLetter(options, letter, deadline))),
    take: (copies, deadline) => named(takeAll(options, copies, deadline)),
  }
}

/** Faults are told as those of "dead letters". */
export async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw storeError(error, 'dead letters')
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
    ...absentOrSuperseded(letter),
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

/** A store's own letters carry the epoch of its watermark: one of an older epoch is nothing to them. */
function absentOrSuperseded({ stage }: DeadLetter): object {
  const absent = 'attribute_not_exists(#position)'
  if (stage === 'store') return { ConditionExpression: absent, ExpressionAttributeNames: { '#position': 'position' } }
  return {
    ConditionExpression: `${absent} OR #state = :superseded`,
    ExpressionAttributeNames: { '#position': 'position', '#state': 'state' },
    ExpressionAttributeValues: { ':superseded': { S: 'superseded' satisfies DeadLetterState } },
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
