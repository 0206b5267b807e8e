/** One letter from its table, and its payload from wherever it is. */
import type { Item } from '../../aws/attribute.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import type { S3 } from '../../aws/s3.ts'
import type { Deadline } from '../../core/ports.ts'
import { inlinePayload, parsePayload, payloadPlace } from './items.ts'
import type { Payload } from './items.ts'

export interface DeadLetterOptions {
  readonly table: string
  readonly bucket: string
  readonly clients: { readonly dynamodb: Dynamo; readonly s3: S3 }
}

/** Strongly consistent. */
export async function getItem(
  { table, clients }: DeadLetterOptions,
  key: Item,
  deadline: Deadline,
): Promise<Item | undefined> {
  const input = { TableName: table, Key: key, ConsistentRead: true }
  return (await clients.dynamodb.call<{ Item?: Item }>('GetItem', input, deadline)).Item
}

export async function payloadOf({ clients }: DeadLetterOptions, item: Item, deadline: Deadline): Promise<Payload> {
  const place = payloadPlace(item)
  if (!place) return inlinePayload(item)
  const { body } = await clients.s3.request({ operation: 'GetObject', method: 'GET', ...place, deadline })
  return parsePayload(body)
}
