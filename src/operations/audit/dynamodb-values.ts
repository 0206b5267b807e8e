/** Rows and DynamoDB items as the same canonical text, attribute by attribute. Pure. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { canonical, canonicalMembers, decimal, exactNumber } from './canonical.ts'

export type Item = Record<string, AttributeValue>

/**
 * A row, a plain object or a Map, as the table should hold it: members that are undefined are left out; text of the
 * attributes in `numeric` is a number, digit for digit.
 */
export function canonicalRow(row: unknown, numeric: ReadonlySet<string>): ReadonlyMap<string, string> {
  const fields = new Map<string, string>()
  const members = row instanceof Map ? (row as Map<string, unknown>) : Object.entries(row ?? {})
  for (const [name, value] of members)
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
