/**
 * How far each sink says that it is. Read twice: what stood below a watermark when the audit began must be in the store; what
 * stands at or above it when the store has been read must not. Ledger and table are read by code of the audit's own; shared
 * knowledge are the names (src/sinks/ledger-dynamodb.ts, src/sinks/postgres/ddl.ts).
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Client } from 'pg'
import { optionalModule } from '../../config/optional-module.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { Target, TargetPipeline } from '../target.ts'

export interface Progress {
  readonly epoch: number
  readonly next: number
  /** Being written when it was read. */
  readonly pending: { readonly first: number; readonly last: number } | undefined
  readonly gaps: readonly { readonly first: number; readonly last: number }[]
  /** Ever recorded; the list holds the newest. */
  readonly gapCount: number
}

/** By partition; absent where the sink has not begun. */
export type ProgressOf = ReadonlyMap<number, Progress>

/** DynamoDB: keys of one BatchGetItem. */
const KEYS_AT_ONCE = 100

/** Throws WEIR_REQUEST_FAILED, WEIR_MODULE_MISSING. */
export async function ledgerProgress(
  target: Target,
  { name, cluster, topic }: TargetPipeline,
  sink: string,
  partitions: readonly number[],
  signal: AbortSignal,
): Promise<ProgressOf> {
  const sdk = await optionalModule('@aws-sdk/client-dynamodb', 'the audit', () => import('@aws-sdk/client-dynamodb'))
  const client = new sdk.DynamoDBClient(clientConfig(target.dynamodb))
  const found = new Map<number, Progress>()
  const partitionById = new Map(partitions.map((each) => [[name, sink, cluster, topic, each].join('#'), each]))
  const ids = [...partitionById.keys()]
  try {
    while (ids.length > 0) {
      const Keys = ids.splice(0, KEYS_AT_ONCE).map((id) => ({ id: { S: id } }))
      const input = { RequestItems: { [target.ledgerTable]: { Keys, ConsistentRead: true } } }
      const { Responses, UnprocessedKeys } = await client
        .send(new sdk.BatchGetItemCommand(input), { abortSignal: signal })
        .catch(asRequestError('DynamoDB', 'BatchGetItem'))
      for (const item of Responses?.[target.ledgerTable] ?? [])
        found.set(partitionById.get(item.id!.S!)!, progressIn(item))
      ids.push(...(UnprocessedKeys?.[target.ledgerTable]?.Keys ?? []).map(({ id }) => id!.S!))
    }
  } finally {
    client.destroy()
  }
  return found
}

function progressIn(item: Record<string, AttributeValue>): Progress {
  const number = (name: string) => Number(item[name]?.N)
  const json = (name: string): unknown => JSON.parse(item[name]?.S ?? 'null')
  return {
    epoch: number('epoch'),
    next: number('next'),
    pending: (json('pending') as Progress['pending'] | null) ?? undefined,
    gaps: (json('gaps') as Progress['gaps'] | null) ?? [],
    gapCount: number('gapCount'),
  }
}

const WATERMARKS = `SELECT partition, epoch::text, next_offset::text, gaps, gap_count::text FROM weirhouse.watermark
WHERE pipeline = $1 AND sink = $2 AND cluster = $3 AND topic = $4 AND next_offset IS NOT NULL`

/** Throws the database's own errors. */
export async function tableProgress(
  client: Client,
  { name, cluster, topic }: TargetPipeline,
  sink: string,
): Promise<ProgressOf> {
  const { rows } = await client.query<{
    partition: number
    epoch: string
    next_offset: string
    gaps: Progress['gaps']
    gap_count: string
  }>(WATERMARKS, [name, sink, cluster, topic])
  return new Map(
    rows.map(({ partition, epoch, next_offset, gaps, gap_count }) => [
      partition,
      { epoch: Number(epoch), next: Number(next_offset), pending: undefined, gaps, gapCount: Number(gap_count) },
    ]),
  )
}
