/** Reads the table of a DynamoDB sink with the AWS SDK: a strongly consistent scan, values as they come over the wire. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { optionalModule } from '../../config/optional-module.ts'
import { positionOf } from '../../core/order.ts'
import type { DynamoDbOptions } from '../../sinks/dynamodb/index.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { canonicalMembers } from './canonical.ts'
import { canonicalItem, canonicalRow } from './dynamodb-values.ts'
import type { Item } from './dynamodb-values.ts'
import type { KeyedRow, StoredPosition } from './keyed.ts'
import { createKeyedComparer } from './keyed.ts'

export function openDynamodbAuditor(context: AuditorContext): SinkAuditor {
  const { sink, targetPipeline, target } = context
  const { partitionKey, sortKey, numbers, positionAttributes } = sink.options as DynamoDbOptions
  const keys = [partitionKey, ...(sortKey ? [sortKey] : [])]
  const numeric = new Set([...numbers, ...keys.filter(({ type }) => type === 'N').map(({ name }) => name)])
  const positions = new Set(Object.values(positionAttributes))
  const keyed = (fields: ReadonlyMap<string, string>): KeyedRow => ({
    key: `(${keys.map(({ name }) => fields.get(name) ?? 'nothing').join(', ')})`,
    row: canonicalMembers([...fields]),
  })
  const comparer = createKeyedComparer(context)
  return {
    expect({ record, index, version, value }) {
      comparer.expect(
        keyed(canonicalRow(value, numeric)),
        positionOf(context.markOf(record.partition), record, index, 0, version),
      )
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
            comparer.observe(keyed(canonicalItem(item, positions)), positionIn(item, positionAttributes))
          start = page.LastEvaluatedKey
        } while (start)
      } finally {
        client.destroy()
      }
      comparer.finish()
    },
  }
}

/** Undefined where the item does not say which record it came from: nothing of ours wrote it. */
function positionIn(item: Item, names: DynamoDbOptions['positionAttributes']): StoredPosition | undefined {
  const src = item[names.src]?.S
  const [epoch, offset, index, ts] = [names.epoch, names.offset, names.index, names.ts].map((name) =>
    numberIn(item[name]),
  )
  if (src === undefined || epoch === undefined || offset === undefined || index === undefined || ts === undefined)
    return undefined
  const version = item[names.version]?.S ?? numberIn(item[names.version])
  return { src, epoch, offset, index, ts, ...(version === undefined ? {} : { version }) }
}

function numberIn(attribute: AttributeValue | undefined): number | undefined {
  return attribute?.N === undefined ? undefined : Number(attribute.N)
}
