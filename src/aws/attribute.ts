/** DynamoDB's JSON for attribute values: numbers are text, binary is base64. */
export type Attribute =
  | { readonly S: string }
  | { readonly N: string }
  | { readonly B: string }
  | { readonly BOOL: boolean }
  | { readonly NULL: true }
  | { readonly L: readonly Attribute[] }
  | { readonly M: Item }
  | { readonly SS: readonly string[] }
  | { readonly NS: readonly string[] }
  | { readonly BS: readonly string[] }

export type Item = Readonly<Record<string, Attribute>>

type Plain = string | number | Uint8Array | null

/** Text, numbers and bytes as an item; what is undefined is left out. */
export function itemOf(values: Readonly<Record<string, Plain | undefined>>): Item {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, attributeOf(value)]])),
  )
}

function attributeOf(value: Plain): Attribute {
  if (value === null) return { NULL: true }
  if (typeof value === 'string') return { S: value }
  return typeof value === 'number' ? { N: String(value) } : { B: Buffer.from(value).toString('base64') }
}

/** The text of a string attribute; undefined where there is none. */
export function textOf(item: Item, name: string): string | undefined {
  const attribute = ownOf(item, name)
  return attribute && 'S' in attribute ? attribute.S : undefined
}

/** The value of a number attribute that a double holds exactly; undefined where there is none. */
export function numberOf(item: Item, name: string): number | undefined {
  const attribute = ownOf(item, name)
  return attribute && 'N' in attribute ? Number(attribute.N) : undefined
}

/** The bytes of a binary attribute; null where it is none. */
export function bytesOf(item: Item, name: string): Buffer | null {
  const attribute = ownOf(item, name)
  return attribute && 'B' in attribute ? Buffer.from(attribute.B, 'base64') : null
}

function ownOf(item: Item, name: string): Attribute | undefined {
  return Object.hasOwn(item, name) ? item[name] : undefined
}
