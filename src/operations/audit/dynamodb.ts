/** Reads the table of a DynamoDB sink with the AWS SDK: a strongly consistent scan, values as they come over the wire. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { optionalModule } from '../../config/optional-module.ts'
import { positionOf } from '../../core/order.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { canonicalMembers } from './canonical.ts'
import { canonicalItem, canonicalRow } from './dynamodb-values.ts'
import type { Item, KeyNames } from './dynamodb-values.ts'
import type { KeyedRow, StoredPosition } from './keyed.ts'
import { createKeyedComparer } from './keyed.ts'

/** The part of the sink's options that says where its items are. */
interface TableOptions {
  readonly partitionKey: KeyOption
  readonly sortKey?: KeyOption | undefined
}

type KeyOption = string | { readonly name: string; readonly type?: string }

/** What every item carries beside its row. */
const POSITION = { src: '_src', epoch: '_epoch', offset: '_offset', index: '_index', ts: '_ts', version: '_version' }
const POSITION_NAMES: ReadonlySet<string> = new Set(Object.values(POSITION))

export function openDynamodbAuditor(context: AuditorContext): SinkAuditor {
  const { sink, targetPipeline, target } = context
  const keys = keyNames(sink.options as TableOptions)
  const comparer = createKeyedComparer(context)
  return {
    expect({ record, index, version, value }) {
      const fields = canonicalRow(value, keys)
      comparer.expect(keyed(fields, keys), positionOf(record, index, 0, version))
    },
    async compare(signal) {
      const sdk = await optionalModule(
        '@aws-sdk/client-dynamodb',
        `the audit of sink "${sink.id}"`,
        () => import('@aws-sdk/client-dynamodb'),
      )
      const client = new sdk.DynamoDBClient(clientConfig(target.dynamodb))
      try {
        let start: Item | undefined
        do {
          const input = {
            TableName: targetPipeline.dynamodbTable ?? '',
            ConsistentRead: true,
            ExclusiveStartKey: start,
          }
          const page = await client
            .send(new sdk.ScanCommand(input), { abortSignal: signal })
            .catch(asRequestError('DynamoDB', 'Scan'))
          for (const item of page.Items ?? [])
            comparer.observe(keyed(canonicalItem(item, POSITION_NAMES), keys), positionIn(item))
          start = page.LastEvaluatedKey
        } while (start)
      } finally {
        client.destroy()
      }
      comparer.finish()
    },
  }
}

function keyNames({ partitionKey, sortKey }: TableOptions): KeyNames {
  const named = (key: KeyOption) => (typeof key === 'string' ? { name: key, type: 'S' } : { type: 'S', ...key })
  return [named(partitionKey), ...(sortKey === undefined ? [] : [named(sortKey)])]
}

function keyed(fields: ReadonlyMap<string, string>, keys: KeyNames): KeyedRow {
  const key = `(${keys.map(({ name }) => fields.get(name) ?? 'nothing').join(', ')})`
  return { key, row: canonicalMembers([...fields]) }
}

function positionIn(item: Item): StoredPosition | undefined {
  const src = item[POSITION.src]?.S
  const [epoch, offset, index, ts] = [POSITION.epoch, POSITION.offset, POSITION.index, POSITION.ts].map((name) =>
    numberIn(item[name]),
  )
  if (src === undefined || epoch === undefined || offset === undefined || ts === undefined) return undefined
  return { src, epoch, offset, index: index ?? 0, ts }
}

function numberIn(attribute: AttributeValue | undefined): number | undefined {
  return attribute?.N === undefined ? undefined : Number(attribute.N)
}
