/** Tables of DynamoDB in memory, and what a request does to them: one step, or several of which each is atomic. */
import type { Item } from '../../src/aws/attribute.ts'

/** Items by table and key. */
export type Tables = Readonly<Record<string, Readonly<Record<string, Item>>>>

/** By table: the key attributes, partition key first. */
export type Keys = Readonly<Record<string, readonly string[]>>

export interface PlainFault {
  readonly name: string
  readonly status: number
  readonly message: string
  readonly body?: Readonly<Record<string, unknown>>
}
export type Answer = { readonly output: unknown } | { readonly fault: PlainFault }

export interface Taken {
  readonly tables: Tables
  readonly result: Answer
}

export interface Part {
  readonly label: string
  /** A failing one says what the item's owner would hear. */
  readonly run: (tables: Tables) => Taken
  /** Whether it writes. */
  readonly writes: boolean
  /** Other ways in which the service may take it. */
  readonly others?: (tables: Tables) => readonly (Taken & { readonly label: string; readonly fault?: true })[]
}

export interface Work {
  readonly parts: readonly Part[]
  readonly compose: (results: readonly Answer[]) => Answer
  /** What a part's result is where that part alone was throttled; absent where parts cannot be. */
  readonly throttled?: Answer
}

/** Of a request that is one step. */
export function oneStep(label: string, writes: boolean, run: Part['run'], others?: Part['others']): Work {
  return { parts: [{ label, run, writes, ...(others ? { others } : {}) }], compose: ([result]) => result! }
}

/** Text in an attribute that makes the store refuse the item. */
export const REFUSED_TEXT = 'refuse me'

export function isRefused(item: Item): boolean {
  return Object.values(item).some((attribute) => 'S' in attribute && attribute.S === REFUSED_TEXT)
}

export function written(tables: Tables, table: string, key: string, item: Item): Tables {
  return { ...tables, [table]: { ...tables[table], [key]: item } }
}

export function removed(tables: Tables, table: string, key: string): Tables {
  if (!tables[table]?.[key]) return tables
  const { [key]: _, ...rest } = tables[table]
  return { ...tables, [table]: rest }
}

export function refusal(name: string): PlainFault {
  return { name, status: 400, message: 'the store does not hold this' }
}

/** Of a conditional request: the item that was in the way, where it was asked for. */
export function conditionFailed(
  { ReturnValuesOnConditionCheckFailure: asked }: Conditional,
  found: Item | undefined,
): PlainFault {
  const body = found && asked === 'ALL_OLD' ? { Item: found } : {}
  return { name: 'ConditionalCheckFailedException', status: 400, message: 'The conditional request failed', body }
}

export interface Conditional {
  readonly ReturnValuesOnConditionCheckFailure?: 'ALL_OLD' | 'NONE'
}

export function keyText(item: Item, names: readonly string[]): string {
  return names
    .map((name) => {
      const attribute = item[name]!
      return 'S' in attribute ? attribute.S : 'N' in attribute ? attribute.N : JSON.stringify(attribute)
    })
    .join(' ')
}
