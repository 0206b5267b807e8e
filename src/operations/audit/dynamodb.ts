/** Reads the table of a DynamoDB sink with the AWS SDK: a strongly consistent scan, values as they come over the wire. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { optionalModule } from '../../config/optional-module.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { KeyFields } from '../../sinks/sink.ts'
import type { DynamoDbOptions } from '../../sinks/dynamodb/index.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { canonicalItem, canonicalRow } from './dynamodb-values.ts'
import type { Item } from './dynamodb-values.ts'
import type { Fields } from './entries.ts'
import { keyedAuditor } from './keyed-auditor.ts'
import type { StoredRow } from './keyed-auditor.ts'

const NO_FIELDS: Fields = new Map()

export async function openDynamodbAuditor(context: AuditorContext, signal: AbortSignal): Promise<SinkAuditor> {
  const { sink, targetPipeline, target } = context
  const { partitionKey, sortKey, numbers, positionAttributes, append, timeToLive } = sink.options as DynamoDbOptions
  const keys = [partitionKey, ...(sortKey ? [sortKey] : [])]
  const numeric = new Set([...numbers, ...keys.filter(({ type }) => type === 'N').map(({ name }) => name)])
  const positions = new Set(Object.values(positionAttributes))
  /** What no row has, but its item: when it expires; of a table that is appended to its key, the position. */
  const made = [...(timeToLive ? [timeToLive.attribute] : []), ...(append ? [(sortKey ?? partitionKey).name] : [])]
  const keyOf = (fields: Fields) =>
    append ? undefined : `(${keys.map(({ name }) => fields.get(name) ?? 'nothing').join(', ')})`
  const now = Date.now()
  const name = `the audit of sink "${sink.id}"`
  const sdk = await optionalModule('@aws-sdk/client-dynamodb', name, () => import('@aws-sdk/client-dynamodb'))
  const client = new sdk.DynamoDBClient(clientConfig(target.dynamodb))
  const store = {
    asked(value: unknown, record: SourceRecord) {
      const fields = without(canonicalRow(value, numeric), made)
      return { key: keyOf(fields), fields, expired: expiryOf(timeToLive, value, record) < now }
    },
    deleted: (key: KeyFields) => ({ key: keyOf(canonicalRow(key, numeric)), fields: NO_FIELDS }),
    async read(onRow: (row: StoredRow) => void) {
      let start: Item | undefined
      do {
        const input = { TableName: targetPipeline.dynamodbTable ?? '', ConsistentRead: true, ExclusiveStartKey: start }
        const page = await client
          .send(new sdk.ScanCommand(input), { abortSignal: signal })
          .catch(asRequestError('DynamoDB', 'Scan'))
        for (const item of page.Items ?? []) {
          const all = canonicalItem(item, positions)
          const deleted = item[positionAttributes.deleted]?.BOOL === true
          const fields = deleted ? NO_FIELDS : without(all, made)
          onRow({ key: keyOf(all), fields, position: positionIn(item, positionAttributes), deleted })
        }
        start = page.LastEvaluatedKey
      } while (start)
    },
    close: async () => client.destroy(),
  }
  return keyedAuditor(context, store, signal)
}

/** Milliseconds since 1970; Infinity where it stays. */
function expiryOf(timeToLive: DynamoDbOptions['timeToLive'], value: unknown, { timestamp }: SourceRecord): number {
  if (!timeToLive) return Infinity
  if (timeToLive.seconds !== undefined) return timestamp + timeToLive.seconds * 1000
  const own = (value as Readonly<Record<string, unknown>> | undefined)?.[timeToLive.attribute]
  if (own instanceof Date) return own.getTime()
  return typeof own === 'number' ? own * 1000 : Infinity
}

function without(fields: Fields, names: readonly string[]): Fields {
  return names.length === 0 ? fields : new Map([...fields].filter(([name]) => !names.includes(name)))
}

/** Undefined where the item does not say which record it came from: nothing of ours wrote it. */
function positionIn(item: Item, names: DynamoDbOptions['positionAttributes']): StoredRow['position'] {
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
