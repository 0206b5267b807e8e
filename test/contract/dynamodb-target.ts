/** One DynamoDB sink with its table and ledger, fresh and empty. */
import { inject } from 'vitest'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { AwsClients } from '../../src/aws/index.ts'
import type { OrderKind } from '../../src/core/order.ts'
import { dynamodb, tableDescription } from '../../src/sinks/dynamodb/index.ts'
import type { DynamoDbSpec } from '../../src/sinks/dynamodb/index.ts'
import { newHabit } from '../../src/sinks/dynamodb/effect.ts'
import { openWriter } from '../../src/sinks/dynamodb/open.ts'
import { openRewind } from '../../src/sinks/dynamodb/rewind.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import type { LedgerItem, LedgerStore } from '../../src/sinks/ledger.ts'
import { ledgerTable, openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import type { Deletes, SinkRange, SinkWriter } from '../../src/sinks/sink.ts'
import { CLUSTER, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { clients, createTable, deadline, faulty, fresh } from './dynamodb-kit.ts'
import type { Exchange, FaultyServer } from './dynamodb-kit.ts'

export interface TargetOptions extends Partial<DynamoDbSpec<unknown>> {
  readonly order?: OrderKind
  readonly deletes?: Deletes
  /** Its writers begin with updates, as after batches that mostly replaced items. */
  readonly updating?: boolean
}

export interface OpenOptions {
  /** Another way to the store, such as through a faulting server. */
  readonly through?: AwsClients
  readonly ledger?: LedgerStore
  readonly order?: OrderKind
  readonly log?: (message: string, fields: unknown) => void
}

export interface Target {
  readonly table: string
  readonly ledger: LedgerStore
  open(options?: OpenOptions): Promise<SinkWriter>
  /** Read by the AWS SDK, markers of deletes and position attributes left out; numbers as JavaScript's. */
  items(): Promise<Record<string, unknown>[]>
  raw(): Promise<Record<string, AttributeValue>[]>
  watermark(partition: number): Promise<LedgerItem | undefined>
  rewind(): RewindTarget
  dispose(): Promise<void>
}

export async function sinkTarget(
  aws: AwsClients,
  { order = 'log', deletes, updating = false, ...spec }: TargetOptions = {},
): Promise<Target> {
  const definition = dynamodb<unknown>({ id: 'kv', table: fresh('items'), partitionKey: 'id', ...spec })
  const table = await createTable(aws, tableDescription(definition))
  const ledgerName = await createTable(aws, ledgerTable(fresh('ledger')))
  const ledger = openDynamoLedger({ table: ledgerName, client: aws.dynamodb })
  const { dynamodb: endpoint } = inject('stores')
  const sdk = new DynamoDBClient({ ...endpoint, credentials: endpoint })
  const raw = async () => {
    const all: Record<string, AttributeValue>[] = []
    let start: Record<string, AttributeValue> | undefined
    do {
      const page = await sdk.send(new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: start }))
      all.push(...(page.Items ?? []))
      start = page.LastEvaluatedKey
    } while (start)
    return all
  }
  return {
    table,
    ledger,
    open: ({ through = aws, ledger: other = ledger, order: ordered = order, log } = {}) =>
      Promise.resolve(
        openWriter(
          definition.options,
          {
            pipeline: 'contract',
            order: ordered,
            ...(deletes ? { deletes } : {}),
            binding: { table },
            ledger: other,
            log: (_, message, fields) => log?.(message, fields),
          },
          through.dynamodb,
          undefined,
          { ...newHabit(), replacing: updating ? 1 : 0 },
        ),
      ),
    rewind: () =>
      openRewind({ pipeline: 'contract', options: definition.options, binding: { table }, ledger, clients: aws }),
    raw,
    items: async () => (await raw()).filter(({ _deleted: deleted }) => deleted?.BOOL !== true).map(plain),
    watermark: (partition) =>
      ledger.read(ledgerKey('contract', 'kv', { cluster: CLUSTER, topic: TOPIC, partition }), deadline()),
    dispose: async () => {
      for (const name of [table, ledgerName]) await aws.dynamodb.call('DeleteTable', { TableName: name }, deadline())
      sdk.destroy()
    },
  }
}

function plain(item: Record<string, AttributeValue>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item)
      .filter(([name]) => !name.startsWith('_'))
      .map(([name, attribute]) => [name, attribute.N === undefined ? (attribute.S ?? null) : Number(attribute.N)]),
  )
}

/** A target, a way to it through a server that fails as told, and the clean-up. */
export async function within(
  aws: AwsClients,
  handle: (exchange: Exchange) => Promise<void> | undefined,
  body: (target: Target, through: AwsClients, server: FaultyServer) => Promise<void>,
  options: Parameters<typeof sinkTarget>[1] = {},
): Promise<void> {
  const target = await sinkTarget(aws, options)
  const server = await faulty(inject('stores').dynamodb.endpoint, handle)
  const through = clients(server.endpoint)
  try {
    await body(target, through, server)
  } finally {
    through.close()
    await server.close()
    await target.dispose()
  }
}

/** Fails nothing. */
export const passAll = () => undefined

/** Offsets that write one key each. */
export function writes(entries: readonly (readonly [offset: number, row: object])[]): SinkRange {
  return {
    source: { cluster: CLUSTER, topic: TOPIC, partition: 0 },
    records: entries.map(([offset, row]) => ({ record: sourceRecord(offset), rows: [row] })),
  }
}

/** A table with an index that the definition does not know: only the store can refuse a row for it. */
export async function addIndex(aws: AwsClients, target: Target): Promise<void> {
  await aws.dynamodb.call(
    'UpdateTable',
    {
      TableName: target.table,
      AttributeDefinitions: [
        { AttributeName: 'id', AttributeType: 'S' },
        { AttributeName: 'region', AttributeType: 'S' },
      ],
      GlobalSecondaryIndexUpdates: [
        {
          Create: {
            IndexName: 'byRegion',
            KeySchema: [{ AttributeName: 'region', KeyType: 'HASH' }],
            Projection: { ProjectionType: 'ALL' },
          },
        },
      ],
    },
    deadline(),
  )
}
