/**
 * How a letter's state moves, each move by compare-and-set on `version`:
 *
 *   new ──> replaying ──> replayed          new ──> discarded
 *    ^          │             │
 *    └──────────┴─────────────┘  its record failed again, or was never sent
 */
import { numberOf } from '../../aws/attribute.ts'
import type { Attribute, Item } from '../../aws/attribute.ts'
import { isFault } from '../../aws/fault.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import type { Deadline } from '../../core/ports.ts'
import { EXPIRES } from './index.ts'
import type { DeadLetterState } from './index.ts'
import type { DeadLetterOptions } from './read.ts'

export type Change =
  /** The next attempt; `scanFrom`: where its record can stand in the partition at the earliest. */
  | { readonly to: 'replaying'; readonly attempts: number; readonly scanFrom: number }
  /** `expires`: seconds since the epoch, never where not given. */
  | { readonly to: 'replayed' | 'discarded'; readonly expires?: number | undefined }
  | { readonly to: 'new'; readonly why?: Pick<DeadLetter, 'stage' | 'code' | 'text'> }
  /** Of a letter that is replaying: the one offset whose record counts. */
  | { readonly takenAt: number }

export type Changed =
  | { readonly ok: true; readonly item: Item }
  | { readonly ok: false; readonly item: Item | undefined }

/** Moves the letter under `key` where it stands at `version`. An answer that got lost counts as ok where the effect is there. */
export async function changeItem(
  { table, clients }: DeadLetterOptions,
  key: Item,
  version: number,
  change: Change,
  deadline: Deadline,
): Promise<Changed> {
  const { set, remove } = assignments(change)
  const all: Readonly<Record<string, Attribute>> = { ...set, version: { N: String(version + 1) } }
  const names = Object.fromEntries([...Object.keys(all), ...remove].map((name) => [`#${name}`, name]))
  const values = Object.fromEntries(Object.entries(all).map(([name, value]) => [`:${name}`, value]))
  const sets = Object.keys(all).map((name) => `#${name} = :${name}`)
  const input = {
    TableName: table,
    Key: key,
    UpdateExpression: `SET ${sets.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.map((name) => `#${name}`).join(', ')}` : ''}`,
    ConditionExpression: '#version = :before',
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ...values, ':before': { N: String(version) } },
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

function assignments(change: Change): {
  readonly set: Readonly<Record<string, Attribute>>
  readonly remove: readonly string[]
} {
  if ('takenAt' in change) return { set: { takenAt: { N: String(change.takenAt) } }, remove: [] }
  const state: Attribute = { S: change.to satisfies DeadLetterState }
  if (change.to === 'replaying') {
    const { attempts, scanFrom } = change
    const set = { state, attempts: { N: String(attempts) }, scanFrom: { N: String(scanFrom) } }
    return { set, remove: ['takenAt', EXPIRES] }
  }
  if (change.to === 'new') {
    const { why } = change
    const reason = why ? { stage: { S: why.stage }, code: { S: why.code }, text: { S: why.text } } : {}
    return { set: { state, ...reason }, remove: ['takenAt', 'scanFrom', EXPIRES] }
  }
  const { expires } = change
  return { set: { state, ...(expires === undefined ? {} : { [EXPIRES]: { N: String(expires) } }) }, remove: [] }
}

/** The client sends again when an answer got lost, and then fails on its own first effect. */
function holds(item: Item, set: Readonly<Record<string, Attribute>>, remove: readonly string[]): boolean {
  return (
    Object.entries(set).every(([name, value]) => JSON.stringify(item[name]) === JSON.stringify(value)) &&
    remove.every((name) => item[name] === undefined)
  )
}

export function versionOf(item: Item): number {
  return numberOf(item, 'version') ?? 1
}
