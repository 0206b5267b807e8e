/**
 * Rewinds a DynamoDB sink. Nothing is removed at first, since an item of an older epoch gives way to any of a later one; in the
 * end those that nothing replaced are deleted, each under the condition by which it was found.
 */
import type { Item } from '../../aws/attribute.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import { isFault, storeError } from '../../aws/fault.ts'
import { keyAttributes } from '../../aws/table.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceMark } from '../../core/record.ts'
import { parseShape } from '../../core/shape.ts'
import type { LedgerStore } from '../ledger.ts'
import { changeLedger, ledgerStandings } from '../rewind.ts'
import type { RewindTarget, Stale } from '../rewind.ts'
import { dynamodbBinding } from './binding.ts'
import type { DynamoDbOptions } from './options.ts'

export interface DynamoDbRewindContext {
  readonly pipeline: string
  readonly options: DynamoDbOptions
  readonly binding: Readonly<Record<string, unknown>>
  readonly ledger: LedgerStore
  readonly clients: { readonly dynamodb: Dynamo }
}

/** Deletes in flight at once. */
const CONCURRENCY = 16

/** Throws WEIR_DEFINITION_INVALID for a binding that is none. */
export function openRewind({ pipeline, options, binding, ledger, clients }: DynamoDbRewindContext): RewindTarget {
  const { table } = parseShape(dynamodbBinding, binding, `Binding of DynamoDB sink "${options.id}"`)
  const identity = { pipeline, sink: options.id }
  return {
    keyed: true,
    read: ledgerStandings(ledger, identity),
    align: (_, target) => Promise.resolve(target),
    change: changeLedger(ledger, identity),
    remove: () => Promise.resolve(0),
    sweep: async (stale, deadline) => {
      try {
        let count = 0
        for (const each of stale) count += await sweep(clients.dynamodb, table, options, each, deadline)
        return count
      } catch (error) {
        throw storeError(error, options.id)
      }
    },
    close: () => Promise.resolve(),
  }
}

async function sweep(
  dynamo: Dynamo,
  table: string,
  options: DynamoDbOptions,
  { source, target, epoch }: Stale,
  deadline: Deadline,
): Promise<number> {
  const { src, epoch: epochName, offset } = options.positionAttributes
  const keys = keyAttributes(options).map(({ name }) => name)
  const condition = '#src = :src AND #epoch < :epoch AND #offset >= :target'
  const names = { '#src': src, '#epoch': epochName, '#offset': offset }
  const values = { ':src': { S: sourceMark(source) }, ':epoch': { N: String(epoch) }, ':target': { N: String(target) } }
  const keyNames = Object.fromEntries(keys.map((name, i) => [`#k${i}`, name]))
  let count = 0
  let start: Item | undefined
  do {
    const page = await dynamo.call<{ Items: Item[]; LastEvaluatedKey?: Item }>(
      'Scan',
      {
        TableName: table,
        ConsistentRead: true,
        FilterExpression: condition,
        ProjectionExpression: Object.keys(keyNames).join(', '),
        ExpressionAttributeNames: { ...names, ...keyNames },
        ExpressionAttributeValues: values,
        ...(start ? { ExclusiveStartKey: start } : {}),
      },
      deadline,
    )
    await forEachBounded(page.Items, CONCURRENCY, async (item) => {
      const Key = Object.fromEntries(keys.map((name) => [name, item[name]!]))
      const input = {
        TableName: table,
        Key,
        ConditionExpression: condition,
        ExpressionAttributeNames: names,
        ExpressionAttributeValues: values,
      }
      try {
        await dynamo.call('DeleteItem', input, deadline)
        count++
      } catch (error) {
        if (!isFault(error, 'ConditionalCheckFailedException')) throw error // replaced, or gone
      }
    })
    start = page.LastEvaluatedKey
  } while (start)
  return count
}
