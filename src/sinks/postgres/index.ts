/**
 * The PostgreSQL sink: one transaction an invocation holds the rows and the watermark (docs/delivery.md, "PostgreSQL").
 * This file is data: options, grants, and a lazy door to the writer. The client loads only when it is opened.
 */
import { parseOptions } from '../../core/options.ts'
import type { SourceRecord } from '../../core/record.ts'
import { settle } from '../../core/settled.ts'
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
  const what = `PostgreSQL sink "${data.id}"`
  const options = settle(what, data, null, import.meta.bundled || (() => parseOptions(postgresOptions, data, what)))
  return {
    kind: 'postgres',
    id: options.id,
    options,
    ...(options.key ? { key: options.key } : {}),
    ...(row ? { row } : {}),
    grants: import.meta.bundled ? [] : grantsOf(options),
    ...(import.meta.bundled ? {} : { refusals: refusalsOf(options) }),
    open: async (context) => (await import('./writer.ts')).openWriter(options, context),
  }
}

function refusalsOf(options: PostgresOptions): NonNullable<SinkDefinition['refusals']> {
  return async (order) => {
    const encode = (await import('./batch.ts')).batchEncoder(options, order, true)
    return (ranges) => encode(ranges).refusals
  }
}

export { ddl } from './ddl.ts'
export type { PostgresOptions } from './options.ts'
export { databaseRole, READER_ROLE } from './role.ts'
