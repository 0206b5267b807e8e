import * as v from 'valibot'

/** PostgreSQL: NAMEDATALEN - 1; longer names are cut off in silence, so they are refused here. */
const MAX_IDENTIFIER_BYTES = 63

/** A name of a schema, table or column, taken as written (case kept). */
export const identifier = v.pipe(
  v.string(),
  v.check(
    (name) => name !== '' && !name.includes('\0') && name.isWellFormed(),
    'use a name that is neither empty nor holds NUL',
  ),
  v.check((name) => Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES, 'PostgreSQL cuts names at 63 bytes'),
)

/** Quotes a name for SQL. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
