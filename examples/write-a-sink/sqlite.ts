/**
 * A sink of one's own: rows in a file of SQLite, by the client that Node brings along. Definition and options here, the
 * writer in writer.ts, loaded only where records are written.
 */
import type { Row, SinkDefinition, SourceRecord } from 'weirhouse/sinks'

export interface SqliteOptions {
  /** Unique in the pipeline; part of the identity of the watermark. */
  readonly id: string
  readonly file: string
  readonly table: string
  /** Column names with their SQLite types. */
  readonly columns: Readonly<Record<string, string>>
  /** Columns of which the newest row is kept; where not given, every row is. */
  readonly key?: readonly string[]
}

export interface SqliteSpec<R> extends SqliteOptions {
  readonly row?: (value: R, record: SourceRecord) => Row
}

export function sqlite<R = never>({ row, ...options }: SqliteSpec<R>): SinkDefinition<SqliteOptions> {
  return {
    kind: 'custom',
    id: options.id,
    options,
    about: `table ${options.table} in ${options.file}`,
    binding: { file: options.file },
    grants: [],
    ...(row ? { row } : {}),
    open: async (context) => (await import('./writer.ts')).openWriter(options, context),
  }
}
