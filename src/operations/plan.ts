/** What a pipeline comes to, as data: topic, function, guarantee, and what must exist in its stores. Pure. */
import { DEFAULT_WINDOW_MS } from '../core/limits.ts'
import type { OrderKind } from '../core/order.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import { ddl } from '../sinks/postgres/index.ts'
import type { PostgresOptions } from '../sinks/postgres/index.ts'
import { dataPrefix, objectKey } from '../sinks/s3/index.ts'
import type { S3Definition } from '../sinks/s3/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { guaranteeOf, orderKindOf } from './guarantee.ts'
import type { Circumstances, SinkGuarantee, Weakening } from './guarantee.ts'

interface KeyPlan {
  readonly partitionKey: { readonly name: string; readonly type: string }
  readonly sortKey: { readonly name: string; readonly type: string } | null
}

/** What is, or must be, in the store. */
export type StorePlan =
  | {
      readonly kind: 's3'
      /** What every key of the pipeline's topic begins with. */
      readonly prefix: string
      readonly keyPattern: string
      readonly exampleKey: string
      readonly format: string
      readonly compress: string
    }
  | {
      readonly kind: 'postgres'
      readonly table: string
      /** Null: rows are appended. */
      readonly key: readonly string[] | null
      /** All statements, those of Weirhouse's own tables first. */
      readonly ddl: readonly string[]
    }
  | ({
      readonly kind: 'dynamodb'
      readonly table: string
      readonly indexes: Readonly<Record<string, KeyPlan>>
    } & KeyPlan)
  | { readonly kind: 'memory' }
  | { readonly kind: 'custom'; readonly about: string | null }

export interface SinkPlan extends SinkGuarantee {
  readonly id: string
  readonly store: StorePlan
}

export interface PipelinePlan {
  readonly name: string
  readonly topic: { readonly name: string; readonly partitions: number; readonly replication: number }
  /** The window is what applies, given or not. */
  readonly batch: { readonly records: number; readonly windowSeconds: number }
  readonly function: { readonly memoryMb: number; readonly timeoutSeconds: number }
  readonly order: OrderKind
  readonly tombstone: Pipeline['tombstone']
  readonly everySink: readonly Weakening[]
  readonly sinks: readonly SinkPlan[]
}

export function planOf(pipeline: Pipeline, circumstances: Circumstances): PipelinePlan {
  const { name, source, tombstone } = pipeline
  const { everySink, sinks } = guaranteeOf(pipeline, circumstances)
  return {
    name,
    topic: { name: source.topic, partitions: source.partitions, replication: source.replication },
    batch: {
      records: source.batch.records,
      windowSeconds: source.batch.windowSeconds ?? DEFAULT_WINDOW_MS / 1000,
    },
    function: pipeline.function,
    order: orderKindOf(pipeline),
    tombstone,
    everySink,
    sinks: pipeline.sinks.map((sink) => ({ id: sink.id, store: storeOf(sink, pipeline), ...sinks[sink.id]! })),
  }
}

function storeOf(sink: SinkDefinition, pipeline: Pipeline): StorePlan {
  if (sink.kind === 's3') return objectsOf(sink as S3Definition, pipeline)
  if (sink.kind === 'postgres') return tableOf(sink as SinkDefinition<PostgresOptions>, pipeline)
  if (sink.kind === 'dynamodb') return itemsOf(sink as SinkDefinition<DynamoDbOptions>)
  return sink.kind === 'custom' ? { kind: sink.kind, about: sink.about ?? null } : { kind: sink.kind }
}

/** The pattern is read off a real key, so that it cannot say otherwise than the writer does. */
function objectsOf({ id, options, partition }: S3Definition, { name, source }: Pipeline): StorePlan {
  const prefix = dataPrefix(options.prefix, name, id, source.topic)
  const output = partition ? 'name=value/' : ''
  const first = {
    partition: 0,
    first: 0,
    last: source.batch.records - 1,
    timestamp: 0,
    epoch: 0,
    generation: 0,
    output,
  }
  const exampleKey = objectKey(prefix, first, options)
  const pattern = exampleKey
    .slice(prefix.length)
    .replace(/^date=[^/]*/, 'date=<day>')
    .replace(/^name=value/, '<name>=<value>')
    .replace(/\d{6}-\d{16}-\d+/, '<partition>-<first offset>-<last offset>')
  const { format, compress } = options
  return { kind: 's3', prefix, keyPattern: `${prefix}${pattern}`, exampleKey, format, compress }
}

function tableOf(sink: SinkDefinition<PostgresOptions>, pipeline: Pipeline): StorePlan {
  const { schema, table, key } = sink.options
  return {
    kind: 'postgres',
    table: `${schema}.${table}`,
    key: key ?? null,
    ddl: ddl(sink, orderKindOf(pipeline), pipeline.tombstone === 'delete'),
  }
}

function itemsOf({ options }: SinkDefinition<DynamoDbOptions>): StorePlan {
  const indexes = Object.entries(options.indexes).map(([name, key]) => [name, keyPlan(key)] as const)
  return { kind: 'dynamodb', table: options.table, ...keyPlan(options), indexes: Object.fromEntries(indexes) }
}

function keyPlan({ partitionKey, sortKey }: Pick<DynamoDbOptions, 'partitionKey' | 'sortKey'>): KeyPlan {
  return { partitionKey, sortKey: sortKey ?? null }
}
