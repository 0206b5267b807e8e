/**
 * The PostgreSQL sink: one transaction an invocation holds the rows and the watermark (docs/delivery.md, "PostgreSQL").
 * This file is data: options, grants, and a lazy door to the writer. The client loads only when it is opened.
 */
import { parseOptions } from '../../core/options.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { Row, SinkDefinition } from '../sink.ts'
import { postgresOptions } from './options.ts'
import type { PostgresInput, PostgresOptions } from './options.ts'
import { grantsOf } from './rights.ts'

export interface PostgresSpec<R> extends PostgresInput {
  /** Maps the pipeline's row to this table's; identity where not given. Throwing makes the record a dead letter. */
  readonly row?: (value: R, record: SourceRecord) => Row
}

/**
 * Defines a PostgreSQL sink: with `key` the newest row of each key, without it every row, appended. Rows are plain objects,
 * a field a column. Throws WEIR_DEFINITION_INVALID that names every fault.
 */
export function postgres<R = never>(spec: PostgresSpec<R>): SinkDefinition<PostgresOptions> {
  const { row, ...data } = spec
  const options = parseOptions(postgresOptions, data, `PostgreSQL sink "${data.id}"`)
  return {
    kind: 'postgres',
    id: options.id,
    options,
    ...(options.key ? { key: options.key } : {}),
    ...(row ? { row } : {}),
    grants: grantsOf(options),
    refusals: async (order) => {
      const encode = (await import('./batch.ts')).batchEncoder(options, order, true)
      return (ranges) => encode(ranges).refusals
    },
    open: async (context) => (await import('./writer.ts')).openWriter(options, context),
  }
}

export { ddl } from './ddl.ts'
export type { PostgresOptions } from './options.ts'
export { databaseRole, READER_ROLE } from './role.ts'
