/**
 * The DynamoDB sink: the newest row of each key, guarded item by item (docs/delivery.md, "DynamoDB"). This file is data:
 * options, table, grants, and a lazy door to the writer.
 */
import { describeTable, keyAttributes } from '../../aws/table.ts'
import type { TableDescription } from '../../aws/table.ts'
import { parseOptions } from '../../core/options.ts'
import type { PipelineOptions } from '../../core/pipeline.ts'
import type { SourceRecord } from '../../core/record.ts'
import { settle } from '../../core/settled.ts'
import type { Grant, Row, SinkDefinition } from '../sink.ts'
import { expiryName } from './names.ts'
import { dynamodbOptions } from './options.ts'
import type { DynamoDbInput, DynamoDbOptions } from './options.ts'

export interface DynamoDbSpec<R> extends DynamoDbInput {
  /** Maps the pipeline's row to this table's; identity where not given. Throwing makes the record a dead letter. */
  readonly row?: (value: R, record: SourceRecord) => Row
}

/** What the function must be allowed. CDK's `grantWriteData` has none of the PartiQL actions. */
const GRANTS: readonly Grant[] = [
  {
    on: 'table',
    actions: [
      'dynamodb:PartiQLInsert',
      'dynamodb:PartiQLUpdate',
      'dynamodb:PutItem',
      'dynamodb:BatchGetItem',
      'dynamodb:DescribeTable',
    ],
  },
  { on: 'ledger', actions: ['dynamodb:GetItem', 'dynamodb:PutItem'] },
]

/**
 * Defines a DynamoDB sink: one item a key, the newest. Rows are plain objects, a field an attribute. Throws
 * WEIR_DEFINITION_INVALID that names every fault.
 */
export function dynamodb<R = never>(spec: DynamoDbSpec<R>): SinkDefinition<DynamoDbOptions> {
  const { row, ...data } = spec
  const what = `DynamoDB sink "${data.id}"`
  const options = settle(what, data, null, import.meta.bundled || (() => parseOptions(dynamodbOptions, data, what)))
  return {
    kind: 'dynamodb',
    id: options.id,
    options,
    ...(options.append ? {} : { key: keyAttributes(options).map(({ name }) => name) }),
    ...(row ? { row } : {}),
    grants: import.meta.bundled ? [] : GRANTS,
    ...(import.meta.bundled ? {} : { refusals: refusalsOf(options) }),
    open: async (context) => (await import('./open.ts')).openWriter(options, context),
  }
}

function refusalsOf(options: DynamoDbOptions): NonNullable<SinkDefinition['refusals']> {
  return async (order) => {
    const encode = (await import('./encode.ts')).batchEncoder(options, options.table, order)
    return (ranges) => encode(ranges).refusals
  }
}

/** The table with its indexes, in the form of CreateTable. */
export function tableDescription({ options }: SinkDefinition<DynamoDbOptions>): TableDescription {
  return describeTable(options.table, options, options.indexes)
}

/** The attribute by which the table's items expire; undefined where none does. */
export function expiryAttribute(
  { options }: SinkDefinition<DynamoDbOptions>,
  { tombstone, source }: Pick<PipelineOptions, 'tombstone' | 'source'>,
): string | undefined {
  const deletesExpire = tombstone === 'delete' && source.retentionDays !== undefined && !options.append
  return options.timeToLive || deletesExpire ? expiryName(options) : undefined
}

export { dynamodbOptions } from './options.ts'
export type { DynamoDbInput, DynamoDbOptions } from './options.ts'
