/** Every option of the S3 sink that is data, declared once: validation, reference page and help come from here. */
import * as v from 'valibot'
import { describe } from '../../core/options.ts'
import { MAX_PREFIX, PREFIX } from './binding.ts'
import { knownColumnTypes, parseColumnType } from './columns.ts'

const id = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'use a-z, 0-9 and -, a letter first, at most 40'))

const prefix = v.pipe(
  v.string(),
  v.regex(PREFIX, 'use segments of A-Z, a-z, 0-9, . _ = and -, parted by single /, no / at either end'),
  v.maxLength(MAX_PREFIX),
)

/** What readers of Parquet bear in a name: Spark refuses the rest, and a point parts the names of nested fields. */
const columnName = v.pipe(
  v.string(),
  v.regex(/^[^\s.,;{}()=\p{Cc}]{1,255}$/u, 'is no name of a column: no spaces, none of . , ; { } ( ) =, at most 255'),
)
const columnType = v.pipe(
  v.string(),
  v.check((text) => parseColumnType(text) !== undefined, `there is no such type; those known are ${knownColumnTypes}`),
)

export const s3Options = v.pipe(
  v.strictObject({
    id: describe(id, 'Names the sink in keys, the ledger and dead letters: renaming it makes a new sink.'),
    prefix: describe(v.optional(prefix, ''), 'What every key begins with; nothing where not given.'),
    format: describe(
      v.optional(v.picklist(['jsonl', 'raw', 'raw-base64', 'raw-length', 'parquet']), 'jsonl'),
      "How rows are written: JSON, one row a line; the record's value as it is, one a line, in base64, or after its length in four bytes; `format: parquet` with the `parquet` of `weirhouse/sinks/s3/parquet`.",
    ),
    columns: describe(
      v.optional(
        v.pipe(
          v.record(columnName, columnType),
          v.check((columns) => Object.keys(columns).length > 0, 'name one column at least'),
        ),
      ),
      `Of Parquet: names and types, ${knownColumnTypes}. Fields of a row that are no column are left out.`,
    ),
    compress: describe(
      v.optional(v.picklist(['gzip', 'zstd', 'snappy', 'none']), 'gzip'),
      'How an object is compressed; a Parquet object within itself. Snappy for Parquet alone.',
    ),
    date: describe(
      v.optional(v.boolean(), false),
      "Whether keys have a `date=YYYY-MM-DD/` part, from the timestamp (UTC) of the range's first record.",
    ),
  }),
  v.check(
    ({ format, columns }) => format !== 'parquet' || columns !== undefined,
    "format parquet needs columns: { id: 'int64', ... }",
  ),
  v.check(
    ({ format, columns }) => format === 'parquet' || columns === undefined,
    'columns are for format parquet alone',
  ),
  v.check(
    ({ format, compress }) => format === 'parquet' || compress !== 'snappy',
    'compress: snappy is for format parquet alone',
  ),
)

export type S3Options = v.InferOutput<typeof s3Options>
export type S3Input = v.InferInput<typeof s3Options>
