/** What the options add to the attributes of a row: only where they have `append` or `timeToLive`. Pure. */
import type { SourceRecord } from '../../core/record.ts'
import { expiryAfter, expiryOf } from './expiry.ts'
import { UnholdableError } from './marshal.ts'
import type { Members } from './marshal.ts'
import { positionKey } from './names.ts'
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

export function additionOf(options: DynamoDbOptions): Addition {
  const made = options.append ? positionKey(options).name : undefined
  const { attribute, seconds } = options.timeToLive ?? {}
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
