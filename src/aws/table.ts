/** DynamoDB tables as data, in the form of CreateTable: made by the local stack and by the constructs alike. */
export type KeyType = 'S' | 'N' | 'B'

export interface KeyAttribute {
  readonly name: string
  readonly type: KeyType
}

export interface TableKey {
  readonly partitionKey: KeyAttribute
  readonly sortKey?: KeyAttribute | undefined
}

interface KeySchemaElement {
  readonly AttributeName: string
  readonly KeyType: 'HASH' | 'RANGE'
}

export interface TableDescription {
  readonly TableName: string
  readonly BillingMode: 'PAY_PER_REQUEST'
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: KeyType }[]
  readonly KeySchema: readonly KeySchemaElement[]
  readonly GlobalSecondaryIndexes?: readonly {
    readonly IndexName: string
    readonly KeySchema: readonly KeySchemaElement[]
    readonly Projection: { readonly ProjectionType: 'ALL' }
  }[]
}

/** Billed by request, every attribute projected into the indexes. */
export function describeTable(
  name: string,
  key: TableKey,
  indexes: Readonly<Record<string, TableKey>> = {},
): TableDescription {
  const types = new Map<string, KeyType>()
  for (const each of [key, ...Object.values(indexes)])
    for (const attribute of keyAttributes(each)) types.set(attribute.name, attribute.type)
  const secondary = Object.entries(indexes).map(([IndexName, index]) => ({
    IndexName,
    KeySchema: keySchema(index),
    Projection: { ProjectionType: 'ALL' as const },
  }))
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...types].map(([AttributeName, AttributeType]) => ({ AttributeName, AttributeType })),
    KeySchema: keySchema(key),
    ...(secondary.length > 0 ? { GlobalSecondaryIndexes: secondary } : {}),
  }
}

export function keyAttributes({ partitionKey, sortKey }: TableKey): KeyAttribute[] {
  return sortKey ? [partitionKey, sortKey] : [partitionKey]
}

function keySchema(key: TableKey): KeySchemaElement[] {
  return keyAttributes(key).map(({ name }, i) => ({ AttributeName: name, KeyType: i === 0 ? 'HASH' : 'RANGE' }))
}
