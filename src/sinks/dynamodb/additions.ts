/** What the options add to the attributes of a row, and the item that marks a deleted key. Pure. */
import { keyAttributes } from '../../aws/table.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { KeyFields } from '../sink.ts'
import { expiryAfter, expiryOf } from './expiry.ts'
import { UnholdableError } from './marshal.ts'
import type { Members } from './marshal.ts'
import { expiryName, positionKey } from './options.ts'
import type { DynamoDbOptions } from './options.ts'

/** Where a row comes from. */
export interface RowPlace {
  /** `sourceMark` of the record's source. */
  readonly src: string
  readonly record: Pick<SourceRecord, 'offset' | 'timestamp'>
  readonly index: number
}

/** Changes a row's attributes in place. Throws UnholdableError. */
export type Addition = (members: Members, place: RowPlace) => void

/** Undefined where the options add nothing. */
export function additionOf(options: DynamoDbOptions): Addition | undefined {
  const made = options.append ? positionKey(options).name : undefined
  const { attribute, seconds } = options.timeToLive ?? {}
  if (made === undefined && attribute === undefined) return undefined
  return ({ names, members }, place) => {
    if (made !== undefined) {
      if (names.includes(made))
        throw new UnholdableError(`${made}: in a table that is appended to, the position stands there`)
      names.push(made)
      members.push(positionText(place))
    }
    if (attribute === undefined) return
    const at = names.indexOf(attribute)
    if (seconds !== undefined) {
      if (at >= 0) throw new UnholdableError(`${attribute}: follows from the record's timestamp (timeToLive.seconds)`)
      names.push(attribute)
      members.push(expiryAfter(place.record.timestamp, seconds, attribute))
    } else if (at >= 0) {
      const expiry = expiryOf(members[at], attribute)
      names.splice(at, 1)
      members.splice(at, 1)
      if (expiry === null) return
      names.push(attribute)
      members.push(expiry)
    }
  }
}

/** Key of an item in a table that is appended to. Text order is log order within a partition. */
export function positionText({ src, record: { offset }, index }: RowPlace): string {
  return `${src}@${String(offset).padStart(16, '0')}#${String(index).padStart(3, '0')}`
}

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
export function withExpiry<Row extends Markable>(row: Row, seconds: number | undefined): Row {
  if (row.deleted !== true || seconds === undefined) return row
  return { ...row, values: [...row.values.slice(0, -1), `{"N":"${seconds}"}`] }
}
