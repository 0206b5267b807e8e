/**
 * The database role of a pipeline's function where each has one of its own, as on AWS: made by `migrate`, named in the policy
 * that lets the function connect. PostgreSQL: identifiers have up to 63 bytes; a pipeline's name has 40.
 */
export function databaseRole(pipeline: string): string {
  return `weirhouse_${pipeline.replaceAll('-', '_')}`
}

/** The database role of people, beside those of functions, none of which can have this name: it reads, and that is all. */
export const READER_ROLE = 'reader_of_weirhouse'
