/** The options of the PostgreSQL sink, declared once: validation, reference page and help come from here. */
import * as v from 'valibot'
import { describe } from '../../core/options.ts'
import { baseTypes, parseColumnType } from './types.ts'
import type { ColumnType } from './types.ts'

/** PostgreSQL: NAMEDATALEN - 1; longer names are cut off in silence, so they are refused here. */
const MAX_IDENTIFIER_BYTES = 63

/** A name of a schema, table or column, taken as written (case kept). */
const identifier = v.pipe(
  v.string(),
  v.check(
    (name) => name !== '' && !name.includes('\0') && name.isWellFormed(),
    'use a name that is neither empty nor holds NUL',
  ),
  v.check((name) => Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES, 'PostgreSQL cuts names at 63 bytes'),
)

/** For messages: every spelling that `parseColumnType` knows. */
const knownTypes = `${Object.keys(baseTypes).join(', ')}, varchar(n), numeric(p) and numeric(p,s), each with [] for an array and "not null"`

const columnType = v.pipe(
  v.string(),
  v.check((text) => parseColumnType(text) !== undefined, `there is no such type; those known are ${knownTypes}`),
)

const positionColumns = v.strictObject({
  src: describe(v.optional(identifier, '_src'), 'Topic, partition and a digest of the cluster, text.'),
  epoch: describe(v.optional(identifier, '_epoch'), 'Raised by a rewind, bigint.'),
  offset: describe(v.optional(identifier, '_offset'), 'Offset of the record, bigint.'),
  index: describe(v.optional(identifier, '_index'), 'Which row of the record, integer.'),
  ts: describe(v.optional(identifier, '_ts'), "The record's timestamp, bigint.", 'ms'),
  version: describe(
    v.optional(identifier, '_version'),
    "Only where the pipeline orders by its rows' own version: that version in a form that text order compares right.",
  ),
})

/** Every option of the sink that is data. */
export const postgresOptions = v.pipe(
  v.strictObject({
    id: describe(
      v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'use a-z, 0-9 and -, a letter first, at most 40')),
      'Unique in the pipeline. Part of the identity of the watermark: renaming it makes a new sink.',
    ),
    table: describe(identifier, 'The table to write.'),
    schema: describe(v.optional(identifier, 'public'), 'The schema of the table.'),
    key: describe(
      v.optional(v.pipe(v.array(identifier), v.minLength(1, 'name one column at least'))),
      'Key columns: the table keeps the newest row of each key. Where not given, every row is appended.',
    ),
    columns: describe(
      v.pipe(
        v.record(identifier, columnType),
        v.check((columns) => Object.keys(columns).length > 0, 'name one column at least'),
      ),
      `Column names and their types: ${knownTypes}. Key columns are not null.`,
    ),
    indexes: describe(
      v.optional(v.record(identifier, v.pipe(v.array(identifier), v.minLength(1, 'name one column at least'))), {}),
      'Secondary indexes by name, each with its columns in order. Made where missing, which keeps a large table from being written meanwhile.',
    ),
    positionColumns: describe(
      v.optional(positionColumns, {}),
      'Names of the columns that say which record a row came from; every table has them.',
    ),
    unknownFields: describe(
      v.optional(v.picklist(['ignore', 'refuse']), 'ignore'),
      'What a field of a row that is no column does: is left out, since the columns say what this table wants, or refuses the record.',
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return // its own faults are named already
    const { key = [], columns, indexes, positionColumns: positions } = dataset.value
    for (const name of key) {
      const text = Object.hasOwn(columns, name) ? columns[name] : undefined
      if (text === undefined) addIssue({ message: `key: "${name}" is no column` })
      else if (!canBeKey(parseColumnType(text)!)) addIssue({ message: `key: "${name}" cannot be a key, being ${text}` })
    }
    if (new Set(key).size < key.length) addIssue({ message: 'key: a column stands twice' })
    for (const [index, parts] of Object.entries(indexes))
      for (const name of parts) {
        const text = Object.hasOwn(columns, name) ? columns[name] : undefined
        if (text === undefined) addIssue({ message: `indexes.${index}: "${name}" is no column` })
        else if (!canBeIndexed(parseColumnType(text)!))
          addIssue({ message: `indexes.${index}: "${name}" cannot be indexed, being ${text}` })
      }
    const names = [...Object.keys(columns), ...Object.values(positions)]
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) addIssue({ message: `"${twice}" names two columns; rename one of positionColumns` })
  }),
)

/** Types whose equality this sink can decide as PostgreSQL does: only they can be keys. */
function canBeKey({ base, array }: ColumnType): boolean {
  return !array && !['json', 'jsonb', 'double precision', 'real'].includes(base)
}

/** PostgreSQL has an order of B-trees for all of them but json. */
function canBeIndexed({ base }: ColumnType): boolean {
  return base !== 'json'
}

export type PostgresOptions = v.InferOutput<typeof postgresOptions>
export type PostgresInput = v.InferInput<typeof postgresOptions>
