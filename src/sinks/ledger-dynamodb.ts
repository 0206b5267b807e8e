/**
 * The ledger in a DynamoDB table of its own:
 *
 *   id (S)       ledgerKey(...): pipeline, sink, cluster, topic, partition
 *   version (N)  the handle of the compare-and-set
 *   epoch, next, generation, gapCount (N); pending, checkpoints, gaps (S, JSON); note (S) where there is one
 *   checkpoints are pairs of offset and checksum: with their names the item of a claim would cost a second write unit
 *   ahead (S, JSON)   only where an output partition is ahead of the watermark
 *   rewind (S, JSON)  only from the start of a rewind to its finish
 */
import { isFault, storeError } from '../aws/fault.ts'
import { itemOf, numberOf, textOf } from '../aws/attribute.ts'
import type { Item } from '../aws/attribute.ts'
import type { Dynamo } from '../aws/dynamodb.ts'
import { describeTable } from '../aws/table.ts'
import type { TableDescription } from '../aws/table.ts'
import { WeirError } from '../core/errors.ts'
import type { Checkpoint, Rewind } from '../core/watermark.ts'
import { sinkOfKey } from './ledger.ts'
import type { Ahead, CompareAndSet, LedgerItem, LedgerStore, Pending } from './ledger.ts'

export function ledgerTable(name: string): TableDescription {
  return describeTable(name, { partitionKey: { name: 'id', type: 'S' } })
}

export interface DynamoLedgerOptions {
  readonly table: string
  readonly client: Dynamo
}

/** Faults of the store come as WEIR_STORE_UNAVAILABLE or WEIR_STORE_MISCONFIGURED of the sink, no time left as WEIR_DEADLINE. */
export function openDynamoLedger({ table, client }: DynamoLedgerOptions): LedgerStore {
  return {
    async read(key, deadline) {
      const input = { TableName: table, Key: itemOf({ id: key }), ConsistentRead: true }
      try {
        const { Item } = await client.call<{ Item?: Item }>('GetItem', input, deadline)
        return Item && fromItem(key, Item)
      } catch (error) {
        throw ledgerError(error, key)
      }
    },

    async compareAndSet(key, item, deadline) {
      const first = item.version === 1
      const input = {
        TableName: table,
        Item: toItem(key, item),
        ConditionExpression: first ? 'attribute_not_exists(id)' : 'version = :version',
        ...(first ? {} : { ExpressionAttributeValues: itemOf({ ':version': item.version - 1 }) }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }
      try {
        await client.call('PutItem', input, deadline)
        return { ok: true }
      } catch (error) {
        if (isFault(error, 'ConditionalCheckFailedException'))
          return settle(key, item, error.body?.Item as Item | undefined)
        throw ledgerError(error, key)
      }
    },
  }
}

/** Told of the sink that waits: a ledger of that name is in no definition. */
function ledgerError(error: unknown, key: string): WeirError {
  return storeError(error, sinkOfKey(key), 'its ledger, ')
}

/** The client sends again when an answer got lost, and then fails on its own first effect: equal is ok. */
function settle(key: string, wanted: LedgerItem, found: Item | undefined): CompareAndSet {
  const current = found && fromItem(key, found)
  if (current && JSON.stringify(toItem(key, current)) === JSON.stringify(toItem(key, wanted))) return { ok: true }
  return { ok: false, current }
}

export function toItem(key: string, item: LedgerItem): Item {
  const { epoch, next, generation, gapCount, version, pending, checkpoints, gaps, rewind, ahead, note } = item
  return itemOf({
    id: key,
    version,
    epoch,
    next,
    generation,
    gapCount,
    pending: pending && pendingText(pending),
    checkpoints: JSON.stringify(checkpoints.map(({ offset, checksum }) => [offset, checksum])),
    gaps: JSON.stringify(gaps.map(({ first, last }) => ({ first, last }))),
    ahead: ahead && aheadText(ahead),
    note,
    rewind: rewind && rewindText(rewind),
  })
}

export function fromItem(key: string, item: Item): LedgerItem {
  const number = (name: string): number => numberOf(item, name) ?? damaged(key, name)
  const json = (name: string): unknown => JSON.parse(textOf(item, name) ?? damaged(key, name))
  const note = textOf(item, 'note')
  return {
    version: number('version'),
    epoch: number('epoch'),
    next: number('next'),
    generation: number('generation'),
    gapCount: number('gapCount'),
    pending: textOf(item, 'pending') === undefined ? null : (json('pending') as LedgerItem['pending']),
    checkpoints: (json('checkpoints') as StoredCheckpoint[]).map(checkpointOf),
    gaps: json('gaps') as LedgerItem['gaps'],
    ...(item.ahead ? { ahead: json('ahead') as Ahead } : {}),
    ...(note === undefined ? {} : { note }),
    ...(item.rewind ? { rewind: json('rewind') as Rewind } : {}),
  }
}

function pendingText({ first, last, keys, outputs }: Pending): string {
  return JSON.stringify(outputs ? { first, last, keys, outputs } : { first, last, keys })
}

type StoredCheckpoint = readonly [offset: number, checksum: string] | Checkpoint

/** Those of items that were written before 0.1.0 have names. */
function checkpointOf(stored: StoredCheckpoint): Checkpoint {
  return 'offset' in stored ? stored : { offset: stored[0], checksum: stored[1] }
}

/** In one order, whoever wrote it: items are compared as texts. */
function aheadText(ahead: Ahead): string {
  return JSON.stringify(Object.fromEntries(Object.entries(ahead).sort(([a], [b]) => (a < b ? -1 : 1))))
}

function rewindText({ state, target, first, end, removes, without }: Rewind): string {
  return JSON.stringify({ state, target, first, end, removes, without })
}

function damaged(key: string, name: string): never {
  throw new WeirError('WEIR_FOREIGN_TARGET', { what: 'The ledger table', reason: `item ${key} has no ${name}` })
}
