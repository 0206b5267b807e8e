/** Rows and DynamoDB items as the same canonical text, attribute by attribute. Pure. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { canonical, canonicalMembers, decimal, exactNumber } from './canonical.ts'

export type Item = Record<string, AttributeValue>
/** Key attributes and their types, S, N or B. */
export type KeyNames = readonly { readonly name: string; readonly type: string }[]

/** A row as the table should hold it: members that are undefined are left out; a numeric key may come as decimal text. */
export function canonicalRow(row: unknown, keys: KeyNames): ReadonlyMap<string, string> {
  const numeric = new Set(keys.filter(({ type }) => type === 'N').map(({ name }) => name))
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(row ?? {}))
    if (value !== undefined)
      fields.set(name, canonical(numeric.has(name) && typeof value === 'string' ? exactNumber(value) : value))
  return fields
}

/** An item's attributes but those left out. */
export function canonicalItem(item: Item, leaveOut: ReadonlySet<string>): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  for (const [name, attribute] of Object.entries(item))
    if (!leaveOut.has(name)) fields.set(name, canonicalAttribute(attribute))
  return fields
}

/** Source: Amazon DynamoDB API reference, AttributeValue. */
function canonicalAttribute(attribute: AttributeValue): string {
  if (attribute.S !== undefined) return JSON.stringify(attribute.S)
  if (attribute.N !== undefined) return decimal(attribute.N)
  if (attribute.BOOL !== undefined) return String(attribute.BOOL)
  if (attribute.NULL !== undefined) return 'null'
  if (attribute.B !== undefined) return canonical(attribute.B)
  if (attribute.L !== undefined) return `[${attribute.L.map(canonicalAttribute).join(',')}]`
  if (attribute.M !== undefined)
    return canonicalMembers(Object.entries(attribute.M).map(([name, member]) => [name, canonicalAttribute(member)]))
  const members = attribute.SS ?? attribute.NS?.map(exactNumber) ?? attribute.BS ?? []
  return canonical(new Set<unknown>(members))
}
