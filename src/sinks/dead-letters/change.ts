/** The compare-and-set on `version` by which every state of a letter moves. */
import type { Attribute, Item } from '../../aws/attribute.ts'
import { isFault } from '../../aws/fault.ts'
import type { Deadline } from '../../core/ports.ts'
import type { DeadLetterOptions } from './read.ts'

export interface ItemChange {
  readonly set: Readonly<Record<string, Attribute>>
  readonly remove?: readonly string[]
}

export type Changed =
  | { readonly ok: true; readonly item: Item }
  | { readonly ok: false; readonly item: Item | undefined }

/** What a letter that is `new` again lacks. */
export const OF_A_REPLAY = ['takenAt', 'scanFrom', 'expires'] as const

/** Where the letter under `key` still stands at `version`. An answer that got lost counts as ok where the effect is there. */
export async function changeItem(
  { table, clients }: DeadLetterOptions,
  key: Item,
  version: number,
  { set, remove = [] }: ItemChange,
  deadline: Deadline,
): Promise<Changed> {
  const all: Readonly<Record<string, Attribute>> = { ...set, version: { N: String(version + 1) } }
  const values: Record<string, Attribute> = { ':before': { N: String(version) } }
  const names: Record<string, string> = { '#version': 'version' }
  for (const name of remove) names[`#${name}`] = name
  const sets = Object.entries(all).map(([name, value]) => {
    names[`#${name}`] = name
    values[`:${name}`] = value
    return `#${name} = :${name}`
  })
  const removes = remove.length > 0 ? ` REMOVE ${remove.map((name) => `#${name}`).join()}` : ''
  const input = {
    TableName: table,
    Key: key,
    UpdateExpression: `SET ${sets.join()}${removes}`,
    ConditionExpression: '#version = :before',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ReturnValues: 'ALL_NEW',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  }
  try {
    const { Attributes } = await clients.dynamodb.call<{ Attributes: Item }>('UpdateItem', input, deadline)
    return { ok: true, item: Attributes }
  } catch (error) {
    if (!isFault(error, 'ConditionalCheckFailedException')) throw error
    const item = error.body?.Item as Item | undefined
    return item && holds(item, all, remove) ? { ok: true, item } : { ok: false, item }
  }
}

/** The client sends again when an answer got lost, and then fails on its own first effect. */
function holds(item: Item, set: ItemChange['set'], remove: readonly string[]): boolean {
  return (
    Object.entries(set).every(([name, value]) => JSON.stringify(item[name]) === JSON.stringify(value)) &&
    remove.every((name) => item[name] === undefined)
  )
}
