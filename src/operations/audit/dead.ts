/**
 * Which records of a pipeline have dead letters. Reads the table with the AWS SDK, not with the store's own code; only the
 * names of the attributes are shared knowledge (src/sinks/dead-letters/items.ts).
 */
import { optionalModule } from '../../config/optional-module.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { Target, TargetPipeline } from '../target.ts'

export interface DeadPositions {
  /** Letters, not records: one record may have one for each of several sinks. */
  readonly count: number
  /** Whether the record has a letter for this sink or for all. */
  has(sink: string, partition: number, offset: number): boolean
}

const ANY_SINK = '*'

/** Throws WEIR_REQUEST_FAILED, WEIR_MODULE_MISSING. */
export async function deadLettersOf(
  target: Target,
  pipeline: TargetPipeline,
  signal: AbortSignal,
): Promise<DeadPositions> {
  const sdk = await optionalModule('@aws-sdk/client-dynamodb', 'the audit', () => import('@aws-sdk/client-dynamodb'))
  const client = new sdk.DynamoDBClient(clientConfig(target.dynamodb))
  const positions = createDeadPositions()
  try {
    let start: Record<string, import('@aws-sdk/client-dynamodb').AttributeValue> | undefined
    do {
      const page = await client
        .send(
          new sdk.QueryCommand({
            TableName: target.deadLetters.table,
            ConsistentRead: true,
            KeyConditionExpression: 'pipeline = :pipeline',
            // Of a record that is tried again after a rewind: where that fails, there is a letter anew.
            FilterExpression: '#topic = :topic AND #cluster = :cluster AND #state <> :superseded',
            ProjectionExpression: 'sink, #partition, #offset',
            ExpressionAttributeNames: {
              '#topic': 'topic',
              '#cluster': 'cluster',
              '#partition': 'partition',
              '#offset': 'offset',
              '#state': 'state',
            },
            ExpressionAttributeValues: {
              ':pipeline': { S: pipeline.name },
              ':topic': { S: pipeline.topic },
              ':cluster': { S: pipeline.cluster },
              ':superseded': { S: 'superseded' },
            },
            ExclusiveStartKey: start,
          }),
          { abortSignal: signal },
        )
        .catch(asRequestError('DynamoDB', 'Query'))
      for (const { sink, partition, offset } of page.Items ?? [])
        positions.add(sink!.S!, Number(partition!.N), Number(offset!.N))
      start = page.LastEvaluatedKey
    } while (start)
  } finally {
    client.destroy()
  }
  return positions
}

/** Empty, and filled by `add`. */
export function createDeadPositions(): DeadPositions & {
  add(sink: string, partition: number, offset: number): void
} {
  const known = new Set<string>()
  const nameOf = (sink: string, partition: number, offset: number) => `${sink}/${partition}/${offset}`
  return {
    get count() {
      return known.size
    },
    add: (sink, partition, offset) => void known.add(nameOf(sink, partition, offset)),
    has: (sink, partition, offset) =>
      known.has(nameOf(ANY_SINK, partition, offset)) || known.has(nameOf(sink, partition, offset)),
  }
}
