/** The item that marks a deleted key. Pure. Only under `tombstone: 'delete'`. */
import { keyAttributes } from '../../aws/table.ts'
import type { KeyFields } from '../sink.ts'
import type { Members } from './marshal.ts'
import { expiryName } from './names.ts'
import type { DynamoDbOptions } from './options.ts'

/** Stands in a marker until it is known when it is written. */
const UNKNOWN_TIME = 0

/**
 * The attributes of a marker: the key, the mark, and last the time when it may go, where it may.
 * @param expiring markers get a time to live: `withExpiry` puts it
 */
export function markerOf(options: DynamoDbOptions, expiring: boolean, key: KeyFields): Members {
  const fields = keyAttributes(options).filter(({ name }) => key[name] !== undefined)
  const { deleted } = options.positionAttributes
  return {
    names: [...fields.map(({ name }) => name), deleted, ...(expiring ? [expiryName(options)] : [])],
    members: [...fields.map(({ name }) => key[name]), true, ...(expiring ? [UNKNOWN_TIME] : [])],
  }
}

interface Markable {
  readonly values: readonly string[]
  readonly deleted?: true
}

/** A marker with the time when it may go; other rows as they are. Seconds since 1970. */
export function withExpiry<Row extends Markable>(row: Row, seconds: number): Row {
  if (row.deleted !== true) return row
  return { ...row, values: [...row.values.slice(0, -1), `{"N":"${seconds}"}`] }
}
