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

/** The text of a string attribute; undefined where there is none. */
export function textOf(item: Item, name: string): string | undefined {
  const attribute = Object.hasOwn(item, name) ? item[name]! : undefined
  return attribute && 'S' in attribute ? attribute.S : undefined
}

/** The value of a number attribute that a double holds exactly; undefined where there is none. */
export function numberOf(item: Item, name: string): number | undefined {
  const attribute = Object.hasOwn(item, name) ? item[name]! : undefined
  return attribute && 'N' in attribute ? Number(attribute.N) : undefined
}

/** The bytes of a binary attribute; null where it is none. */
export function bytesOf(item: Item, name: string): Buffer | null {
  const attribute = Object.hasOwn(item, name) ? item[name]! : undefined
  return attribute && 'B' in attribute ? Buffer.from(attribute.B, 'base64') : null
}
