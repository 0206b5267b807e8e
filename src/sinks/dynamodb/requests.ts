/** The requests of the sink, and what their answers mean for each row. Those of many statements are in batch.ts. */
import type { Item } from '../../aws/attribute.ts'
import type { ClientPorts } from '../../aws/client.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import { AwsFault } from '../../aws/fault.ts'
import type { Position } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
import { execute } from './batch.ts'
import { canonicalDecimal, parseDecimal } from './decimal.ts'
import type { EncodedRow } from './encode.ts'
import { storedPosition } from './guard.ts'
import type { Guard, PositionNames } from './guard.ts'
import { pauseFor, statementFault } from './retry.ts'

/** A row on its way into the table. */
export interface PlacedRow {
  readonly row: EncodedRow
  readonly position: Position
  /** Index of its range, and of its record there. */
  readonly range: number
  readonly record: number
}

/** What stands under a row's key: nothing, a position, or an item that has none. */
export type Stored = Position | 'absent' | 'foreign'

/** Of an INSERT a row fails where there is an item; of an UPDATE where there is none, or none that it may change. */
export interface BatchOutcome {
  readonly written: readonly PlacedRow[]
  readonly failed: readonly PlacedRow[]
  /** Refused in company: each has to be tried alone. */
  readonly suspects: readonly PlacedRow[]
}

export type PutOutcome = { readonly kind: 'written' } | { readonly kind: 'kept'; readonly stored: Stored } | Refused
export interface Refused {
  readonly kind: 'refused'
  readonly fault: AwsFault
}

/** `outcomes`: of each row, in order; undefined where nothing is against it. */
export type TransactOutcome =
  | { readonly kind: 'written' }
  | { readonly kind: 'cancelled'; readonly outcomes: readonly (PutOutcome | undefined)[] }
  | Refused

export interface Requests {
  /** Up to MAX_STATEMENTS rows of distinct keys, all with such a statement. */
  insert(rows: readonly PlacedRow[], deadline: Deadline): Promise<BatchOutcome>
  update(rows: readonly PlacedRow[], deadline: Deadline): Promise<BatchOutcome>
  /** One conditional put: written where nothing or something older stands. */
  put(row: PlacedRow, deadline: Deadline): Promise<PutOutcome>
  /** Up to MAX_TRANSACT_ITEMS rows of distinct keys, each under its guard: all of them, or none. */
  transact(rows: readonly PlacedRow[], deadline: Deadline): Promise<TransactOutcome>
  /** What stands under the keys of up to MAX_KEYS rows, read strongly consistent. */
  look(rows: readonly PlacedRow[], deadline: Deadline): Promise<ReadonlyMap<PlacedRow, Stored>>
}

export interface RequestsOptions {
  readonly dynamo: Dynamo
  readonly table: string
  readonly guard: Guard
  readonly positions: PositionNames
  /** Names of the key attributes, partition key first. */
  readonly keyNames: readonly string[]
  readonly ports: ClientPorts
  /** Told how many statements or keys were throttled, once a request. */
  readonly onThrottled: (count: number, name: string) => void
}

/** DynamoDB, BatchGetItem: "as many as 100 items". */
export const MAX_KEYS = 100

export function createRequests(options: RequestsOptions): Requests {
  return {
    insert: (rows, deadline) => execute('insert', options, rows, deadline),
    update: (rows, deadline) => execute('update', options, rows, deadline),
    put: (row, deadline) => put(options, row, deadline),
    transact: (rows, deadline) => transact(options, rows, deadline),
    look: (rows, deadline) => look(options, rows, deadline),
  }
}

/** The members of a Put under the guard, as JSON. */
function guardedPut({ table, guard }: RequestsOptions, { row, position }: PlacedRow): string {
  const own = Object.values(guard.names).slice(1)
  const { quoted, mark } = row.shape
  const positionValues = guard.values(position)
  const attributes = [
    ...quoted.map((name, i) => `${name}:${row.values[i]!}`),
    ...own.map((name, i) => `${JSON.stringify(name)}:${positionValues[i]!}`),
    ...(mark === undefined ? [] : [mark]),
  ]
  return (
    `{"TableName":${JSON.stringify(table)},"Item":{${attributes.join(',')}},` +
    `"ConditionExpression":${JSON.stringify(guard.condition)},` +
    `"ExpressionAttributeNames":${JSON.stringify(guard.names)},` +
    `"ExpressionAttributeValues":${guard.bind(positionValues)},"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`
  )
}

async function put(options: RequestsOptions, placed: PlacedRow, deadline: Deadline): Promise<PutOutcome> {
  try {
    await options.dynamo.call('PutItem', guardedPut(options, placed), deadline)
    return { kind: 'written' }
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error
    if (error.kind === 'refused') return { kind: 'refused', fault: error }
    if (error.name !== 'ConditionalCheckFailedException') throw error
    return kept(options, error.body?.Item as Item | undefined)
  }
}

function kept({ positions }: RequestsOptions, item: Item | undefined): PutOutcome {
  return { kind: 'kept', stored: item ? (storedPosition(item, positions) ?? 'foreign') : 'foreign' }
}

interface Reason {
  readonly Code: string
  readonly Message?: string
  readonly Item?: Item
}

/** All or none. Sent again where requests were only in each other's way. */
async function transact(
  options: RequestsOptions,
  rows: readonly PlacedRow[],
  deadline: Deadline,
): Promise<TransactOutcome> {
  const input = `{"TransactItems":[${rows.map((placed) => `{"Put":${guardedPut(options, placed)}}`).join(',')}]}`
  for (let attempt = 1; ; attempt++) {
    try {
      await options.dynamo.call('TransactWriteItems', input, deadline)
      return { kind: 'written' }
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error
      const reasons = error.body?.CancellationReasons as readonly Reason[] | undefined
      if (error.name !== 'TransactionCanceledException' || !reasons) {
        if (error.kind === 'refused') return { kind: 'refused', fault: error }
        throw error
      }
      const faults = reasons.map(({ Code, Message }) => statementFault({ Code, Message }, 'TransactWriteItems'))
      const outcomes = faults.map((fault, i): PutOutcome | undefined => {
        if (fault.name === 'ConditionalCheckFailed') return kept(options, reasons[i]!.Item)
        return fault.name !== 'None' && fault.kind === 'refused' ? { kind: 'refused', fault } : undefined
      })
      if (outcomes.some((outcome) => outcome !== undefined)) return { kind: 'cancelled', outcomes }
      const waiting = faults.filter((fault) => fault.name !== 'None')
      const worst = waiting.find((fault) => !fault.retryable) ?? waiting[0] ?? error
      if (!worst.retryable) throw worst
      await pauseFor(options, worst, waiting.length, attempt, deadline)
    }
  }
}

interface Found {
  readonly Responses?: Readonly<Record<string, readonly Item[]>>
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys: readonly unknown[] }>>
}

async function look(
  options: RequestsOptions,
  rows: readonly PlacedRow[],
  deadline: Deadline,
): Promise<ReadonlyMap<PlacedRow, Stored>> {
  const { dynamo, table, positions, keyNames } = options
  const names = [...keyNames, ...Object.values(positions)]
  const projection = {
    ProjectionExpression: names.map((_, i) => `#n${i}`).join(','),
    ExpressionAttributeNames: Object.fromEntries(names.map((name, i) => [`#n${i}`, name])),
    ConsistentRead: true,
  }
  const items: Item[] = []
  let keys = `[${rows.map(({ row }) => keyOf(row)).join(',')}]`
  for (let attempt = 1; keys !== '[]'; attempt++) {
    const request = `{${JSON.stringify(projection).slice(1, -1)},"Keys":${keys}}`
    const output = await dynamo.call<Found>(
      'BatchGetItem',
      `{"RequestItems":{${JSON.stringify(table)}:${request}}}`,
      deadline,
    )
    items.push(...(output.Responses?.[table] ?? []))
    const left = output.UnprocessedKeys?.[table]?.Keys ?? []
    keys = JSON.stringify(left)
    if (left.length > 0) await pauseFor(options, unprocessed(), left.length, attempt, deadline)
  }
  return match(rows, items, options)
}

function unprocessed(): AwsFault {
  const message = 'keys were left unprocessed'
  return new AwsFault({
    service: 'dynamodb',
    operation: 'BatchGetItem',
    name: 'ThrottlingException',
    status: 200,
    message,
  })
}

/** Items come back in any order: found again by their key, which the service gives as it was stored. */
function match(
  rows: readonly PlacedRow[],
  items: readonly Item[],
  { positions, keyNames }: RequestsOptions,
): ReadonlyMap<PlacedRow, Stored> {
  const byKey = new Map<string, Stored>()
  for (const item of items) byKey.set(keyText(item, keyNames), storedPosition(item, positions) ?? 'foreign')
  return new Map(
    rows.map((placed) => [placed, byKey.get(keyText(JSON.parse(keyOf(placed.row)) as Item, keyNames)) ?? 'absent']),
  )
}

/** JSON of the key: `{"id":{"S":"a"}}`. */
function keyOf({ shape: { keysAt, quoted }, values }: EncodedRow): string {
  return `{${keysAt.map((at) => `${quoted[at]!}:${values[at]!}`).join(',')}}`
}

/** Numbers by value: they come back as they were first written, 1.0 for 1. */
function keyText(item: Item, names: readonly string[]): string {
  return names
    .map((name) => {
      const attribute = item[name]!
      return JSON.stringify('N' in attribute ? { N: canonicalDecimal(parseDecimal(attribute.N)!) } : attribute)
    })
    .join('')
}
