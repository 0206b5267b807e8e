/**
 * What a rewind makes of dead letters (docs/delivery.md, "Dead letters"). The records are tried again: a letter counts no more,
 * and the same record refused again has a letter again.
 */
import { numberOf, textOf } from '../../aws/attribute.ts'
import type { Item } from '../../aws/attribute.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import { isFault, storeError } from '../../aws/fault.ts'
import type { S3 } from '../../aws/s3.ts'
import type { Deadline } from '../../core/ports.ts'
import type { Source } from '../../core/record.ts'
import { positionsFrom } from './index.ts'
import type { DeadLetterState } from './index.ts'
import { payloadPlace } from './items.ts'

export interface LettersPlace {
  readonly table: string
  readonly clients: { readonly dynamodb: Dynamo; readonly s3: S3 }
}

/** Letters of one sink ('*': of all) about records of a source, from an offset on and below an epoch. */
export interface LetterRange {
  readonly pipeline: string
  readonly sink: string
  readonly source: Source
  readonly from: number
  readonly below: number
}

const CONCURRENCY = 16
/** Nobody needs to look at them any more. */
const CLOSED: readonly string[] = ['replayed', 'discarded', 'superseded']

/** Gives how many there were. Throws WEIR_STORE_UNAVAILABLE, WEIR_STORE_MISCONFIGURED of "dead letters". */
export async function supersedeLetters(place: LettersPlace, range: LetterRange, deadline: Deadline): Promise<number> {
  const superseded: DeadLetterState = 'superseded'
  return named(async () => {
    let count = 0
    await forEachBounded(await lettersIn(place, range, deadline), CONCURRENCY, async (item) => {
      const input = {
        TableName: place.table,
        Key: keyOf(item),
        // with its version: a replay that has just looked at the letter must not move it any more
        UpdateExpression: 'SET #state = :superseded, #version = #version + :one',
        ConditionExpression: 'attribute_exists(#position) AND #state <> :superseded',
        ExpressionAttributeNames: { '#state': 'state', '#position': 'position', '#version': 'version' },
        ExpressionAttributeValues: { ':superseded': { S: superseded }, ':one': { N: '1' } },
      }
      try {
        await place.clients.dynamodb.call('UpdateItem', input, deadline)
        count++
      } catch (error) {
        if (!isFault(error, 'ConditionalCheckFailedException')) throw error
      }
    })
    return count
  })
}

/** Offsets of their records, ascending, but of those that are superseded. Throws as `supersedeLetters`. */
export async function standingLetters(
  place: LettersPlace,
  range: LetterRange,
  deadline: Deadline,
): Promise<readonly number[]> {
  return named(async () => {
    const letters = await lettersIn(place, range, deadline)
    const standing = letters.filter((item) => textOf(item, 'state') !== 'superseded')
    return standing.map((item) => numberOf(item, 'offset')!).toSorted((a, b) => a - b)
  })
}

/** How many of them nobody has dealt with. Throws as `supersedeLetters`. */
export async function countOpenLetters(place: LettersPlace, range: LetterRange, deadline: Deadline): Promise<number> {
  return named(async () => {
    const letters = await lettersIn(place, range, deadline)
    return letters.filter((item) => !CLOSED.includes(textOf(item, 'state') ?? '')).length
  })
}

/**
 * Deletes the letters of a topic's former life, whose positions the new one will want, payloads included. Throws as
 * `supersedeLetters`.
 */
export async function retireLetters(place: LettersPlace, range: LetterRange, deadline: Deadline): Promise<number> {
  const { dynamodb, s3 } = place.clients
  return named(async () => {
    const letters = await lettersIn(place, range, deadline)
    await forEachBounded(letters, CONCURRENCY, async (item) => {
      const payload = payloadPlace(item)
      if (payload) await s3.request({ operation: 'DeleteObject', method: 'DELETE', ...payload, deadline })
      await dynamodb.call('DeleteItem', { TableName: place.table, Key: keyOf(item) }, deadline)
    })
    return letters.length
  })
}

async function named<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw storeError(error, 'dead letters')
  }
}

function keyOf(item: Item): Item {
  return { pipeline: item.pipeline!, position: item.position! }
}

/** One query an epoch: positions sort by epoch, then by offset. */
async function lettersIn({ table, clients }: LettersPlace, range: LetterRange, deadline: Deadline): Promise<Item[]> {
  const letters: Item[] = []
  for (let epoch = 0; epoch < range.below; epoch++) {
    const [first, last] = positionsFrom(range.source, epoch, range.from)
    let start: Item | undefined
    do {
      const page = await clients.dynamodb.call<{ Items: Item[]; LastEvaluatedKey?: Item }>(
        'Query',
        {
          TableName: table,
          ConsistentRead: true,
          KeyConditionExpression: '#pipeline = :pipeline AND #position BETWEEN :first AND :last',
          FilterExpression: '#sink = :sink',
          ProjectionExpression: '#pipeline, #position, #state, #offset, #payload',
          ExpressionAttributeNames: {
            '#pipeline': 'pipeline',
            '#position': 'position',
            '#sink': 'sink',
            '#state': 'state',
            '#offset': 'offset',
            '#payload': 'payload',
          },
          ExpressionAttributeValues: {
            ':pipeline': { S: range.pipeline },
            ':first': { S: first },
            ':last': { S: last },
            ':sink': { S: range.sink },
          },
          ...(start ? { ExclusiveStartKey: start } : {}),
        },
        deadline,
      )
      letters.push(...page.Items)
      start = page.LastEvaluatedKey
    } while (start)
  }
  return letters
}
