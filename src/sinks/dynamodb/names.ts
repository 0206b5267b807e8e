/** Attributes that the options name in a roundabout way. */
import type { KeyAttribute, TableKey } from '../../aws/table.ts'
import type { DynamoDbOptions } from './options.ts'

/** The attribute by which markers of deletes expire where no option names another. */
export const DEFAULT_EXPIRY = '_expires'

/** The attribute by which items of the table expire, markers of deletes among them. */
export function expiryName({ timeToLive }: Pick<DynamoDbOptions, 'timeToLive'>): string {
  return timeToLive?.attribute ?? DEFAULT_EXPIRY
}

/** Of an append table: the key attribute that holds the position. */
export function positionKey({ partitionKey, sortKey }: TableKey): KeyAttribute {
  return sortKey ?? partitionKey
}
