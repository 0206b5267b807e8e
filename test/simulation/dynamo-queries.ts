/** Query and Scan of DynamoDB in memory. A page may end anywhere, and others write between two pages. */
import type { Item } from '../../src/aws/attribute.ts'
import { satisfies } from './dynamo-condition.ts'
import type { Expression } from './dynamo-condition.ts'
import { keyText, oneStep } from './dynamo-tables.ts'
import type { Keys, Tables, Taken, Work } from './dynamo-tables.ts'

interface Paged extends Expression {
  readonly TableName: string
  readonly ConsistentRead: true
  readonly FilterExpression?: string
  readonly ProjectionExpression?: string
  /** Of items that are looked at, before the filter. */
  readonly Limit?: number
  readonly ExclusiveStartKey?: Item
}

interface Query extends Paged {
  readonly KeyConditionExpression: string
  /** @default true */
  readonly ScanIndexForward?: boolean
}

export function query(request: Query, keys: Keys): Work {
  return paged(request, keys, request.ScanIndexForward !== false, (item) =>
    satisfies(request.KeyConditionExpression, request, item),
  )
}

/** In the order of keys, which the service does not promise and nobody may need. */
export function scan(request: Paged, keys: Keys): Work {
  return paged(request, keys, true, () => true)
}

function paged(request: Paged, keys: Keys, ascending: boolean, has: (item: Item) => boolean): Work {
  const { TableName, ExclusiveStartKey, Limit = Infinity } = request
  const names = keys[TableName]!
  const start = ExclusiveStartKey && keyText(ExclusiveStartKey, names)
  const page = (tables: Tables, most: number): Taken => {
    const all = Object.entries(tables[TableName] ?? {})
      .filter(([, item]) => has(item))
      .sort(([a], [b]) => (a < b === ascending ? -1 : 1))
      .filter(([key]) => start === undefined || (ascending ? key > start : key < start))
    const seen = all.slice(0, Math.min(most, Limit))
    const items = seen.map(([, item]) => item).filter((item) => satisfies(request.FilterExpression, request, item))
    const last = seen.length > 0 && (seen.length < all.length || seen.length === Limit) ? seen.at(-1)![1] : undefined
    const key = last && { LastEvaluatedKey: Object.fromEntries(names.map((name) => [name, last[name]!])) }
    const Items = items.map((item) => projected(request, item))
    return { tables, result: { output: { Items, ...key } } }
  }
  return oneStep(
    `${TableName}${start === undefined ? '' : ` after ${start}`}`,
    false,
    (tables) => page(tables, Infinity),
    (tables) => {
      const [whole, short] = [page(tables, Infinity), page(tables, 1)]
      return JSON.stringify(whole) === JSON.stringify(short) ? [] : [{ label: 'by a short page', ...short }]
    },
  )
}

function projected({ ProjectionExpression: names, ExpressionAttributeNames }: Paged, item: Item): Item {
  if (names === undefined) return item
  const wanted = names.split(',').map((name) => ExpressionAttributeNames?.[name.trim()] ?? name.trim())
  return Object.fromEntries(wanted.flatMap((name) => (item[name] ? [[name, item[name]]] : [])))
}
