/** What a saved definition changes of a running stack. Pure. */
import { isDeepStrictEqual } from 'node:util'
import type { Pipeline } from '../core/pipeline.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import type { PostgresOptions } from '../sinks/postgres/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { dataOf } from './definition.ts'

export interface Changes {
  /** What a running stack cannot take over, one sentence each without a full stop; then nothing is changed. */
  readonly refused: readonly string[]
  /** Whether anything but code changed. */
  readonly definition: boolean
  /** Whether topics, tables or columns may have to be made. */
  readonly stores: boolean
  /** Whether the event source mapping has other settings. */
  readonly mapping: boolean
}

export function changesOf(before: Pipeline, after: Pipeline): Changes {
  const [old, now] = [dataOf(before), dataOf(after)]
  return {
    refused: [...ofPipeline(before, after), ...ofTables(before, after)],
    definition: !isDeepStrictEqual(old, now),
    stores:
      old.source.topic !== now.source.topic || old.order !== now.order || !isDeepStrictEqual(old.sinks, now.sinks),
    mapping:
      old.source.topic !== now.source.topic ||
      !isDeepStrictEqual(old.source.batch, now.source.batch) ||
      old.function.timeoutSeconds !== now.function.timeoutSeconds,
  }
}

function ofPipeline(before: Pipeline, after: Pipeline): string[] {
  const [old, now] = [dataOf(before), dataOf(after)]
  const faults: string[] = []
  if (old.name !== now.name) faults.push(`its name was "${old.name}" and is "${now.name}"`)
  const { topic, partitions, replication } = old.source
  if (topic === now.source.topic && (partitions !== now.source.partitions || replication !== now.source.replication))
    faults.push(`topic ${topic} has ${partitions} partitions, replication ${replication}, and keeps them`)
  const keyed = now.sinks.some(({ kind }) => kind === 'postgres' || kind === 'dynamodb')
  if (old.order !== now.order && keyed)
    faults.push(`its order was "${old.order}", and rows that are there are placed by it`)
  return faults
}

function ofTables(before: Pipeline, after: Pipeline): string[] {
  return after.sinks.flatMap((sink) => {
    const old = before.sinks.find(
      ({ kind, options }) => kind === sink.kind && tableOf(kind, options) === tableOf(kind, sink.options),
    )
    if (!old) return []
    if (sink.kind === 'postgres') return ofPostgres(old as PostgresSink, sink as PostgresSink)
    return sink.kind === 'dynamodb' ? ofDynamoDb(old as DynamoDbSink, sink as DynamoDbSink) : []
  })
}

type PostgresSink = SinkDefinition<PostgresOptions>
type DynamoDbSink = SinkDefinition<DynamoDbOptions>

function tableOf(kind: SinkDefinition['kind'], options: unknown): string {
  const { schema = '', table = '' } = options as { readonly schema?: string; readonly table?: string }
  return `${kind}/${schema}/${table}`
}

/** Columns are added; none is changed, and one that must have a value cannot be left out. */
function ofPostgres({ options: old }: PostgresSink, { options: now }: PostgresSink): string[] {
  const table = `table ${old.schema}.${old.table}`
  const faults: string[] = []
  if (!isDeepStrictEqual(old.key, now.key))
    faults.push(`${table} has the key (${(old.key ?? []).join(', ') || 'none'})`)
  if (!isDeepStrictEqual(old.positionColumns, now.positionColumns)) faults.push(`${table} has its position columns`)
  for (const [name, type] of Object.entries(old.columns)) {
    const next = now.columns[name]
    const demands = /not null/i.test(type) || (old.key?.includes(name) ?? false)
    if (next === undefined && demands) faults.push(`column "${name}" of ${table} must have a value`)
    if (next !== undefined && plain(next) !== plain(type))
      faults.push(`column "${name}" of ${table} is ${plain(type)}, the definition now says ${plain(next)}`)
  }
  return faults
}

function plain(type: string): string {
  return type.trim().toLowerCase().replaceAll(/\s+/g, ' ')
}

/** DynamoDB changes neither keys nor, here, indexes of a table that is there. */
function ofDynamoDb({ options: old }: DynamoDbSink, { options: now }: DynamoDbSink): string[] {
  const table = `DynamoDB table ${old.table}`
  const faults: string[] = []
  if (!isDeepStrictEqual([old.partitionKey, old.sortKey], [now.partitionKey, now.sortKey]))
    faults.push(`${table} has its key`)
  if (!isDeepStrictEqual(old.indexes, now.indexes)) faults.push(`${table} has its indexes`)
  if (!isDeepStrictEqual(old.positionAttributes, now.positionAttributes))
    faults.push(`${table} has its position attributes`)
  return faults
}
