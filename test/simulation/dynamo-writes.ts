/** UpdateItem, DeleteItem and TransactWriteItems of DynamoDB in memory, as far as the tree sends them. */
import { numberOf } from '../../src/aws/attribute.ts'
import type { Item } from '../../src/aws/attribute.ts'
import { holds } from './dynamo-condition.ts'
import type { Expression } from './dynamo-condition.ts'
import { conditionFailed, isRefused, keyText, oneStep, refusal, removed, written } from './dynamo-tables.ts'
import type { Conditional, Keys, PlainFault, Tables, Work } from './dynamo-tables.ts'

interface Keyed extends Expression, Conditional {
  readonly TableName: string
  readonly Key: Item
}

interface Update extends Keyed {
  readonly UpdateExpression: string
  readonly ReturnValues?: 'ALL_NEW' | 'NONE'
}

/** Where there is no item, it makes one. */
export function updateItem(update: Update, keys: Keys): Work {
  const { TableName, Key, ReturnValues } = update
  const key = keyText(Key, keys[TableName]!)
  const change = changeOf(update)
  return oneStep(`${TableName} ${key}`, true, (tables) => {
    const found = tables[TableName]?.[key]
    if (!holds(update, found)) return { tables, result: { fault: conditionFailed(update, found) } }
    const item = change(found ?? Key)
    if (isRefused(item)) return { tables, result: { fault: refusal('ValidationException') } }
    const output = ReturnValues === 'ALL_NEW' ? { Attributes: item } : {}
    return { tables: written(tables, TableName, key, item), result: { output } }
  })
}

/** `SET #a = :a, #b = #b + :c REMOVE #c`, in either order; nothing else is sent. */
function changeOf({ UpdateExpression, ExpressionAttributeNames, ExpressionAttributeValues }: Update) {
  const nameOf = (token: string) => ExpressionAttributeNames?.[token] ?? token
  const set: Record<string, (item: Item) => Item[string]> = {}
  const remove: string[] = []
  const valueOf = (text: string) => {
    const [first, second] = text.split(' + ')
    const literal = ExpressionAttributeValues![second ?? first!]!
    if (second === undefined) return () => literal
    return (item: Item) => ({ N: String(numberOf(item, nameOf(first!))! + Number((literal as { N: string }).N)) })
  }
  for (const [, verb, list] of UpdateExpression.matchAll(/(SET|REMOVE) (.*?)(?= SET | REMOVE |$)/g))
    for (const clause of list!.split(',').map((text) => text.trim())) {
      const [name, value] = clause.split(' = ')
      if (verb === 'REMOVE') remove.push(nameOf(name!))
      else set[nameOf(name!)] = valueOf(value!)
    }
  if (remove.length === 0 && Object.keys(set).length === 0)
    throw new Error(`the model knows no update ${UpdateExpression}`)
  return (item: Item): Item => {
    const kept = Object.entries(item).filter(([name]) => !remove.includes(name))
    const changed = Object.entries(set).map(([name, to]) => [name, to(item)] as const)
    return { ...Object.fromEntries(kept), ...Object.fromEntries(changed) }
  }
}

export function deleteItem(request: Keyed, keys: Keys): Work {
  const { TableName, Key } = request
  const key = keyText(Key, keys[TableName]!)
  return oneStep(`${TableName} ${key}`, true, (tables) => {
    const found = tables[TableName]?.[key]
    if (!holds(request, found)) return { tables, result: { fault: conditionFailed(request, found) } }
    return { tables: removed(tables, TableName, key), result: { output: {} } }
  })
}

interface PutInTransaction extends Expression, Conditional {
  readonly TableName: string
  readonly Item: Item
}

interface Transaction {
  readonly TransactItems: readonly { readonly Put: PutInTransaction }[]
}

interface Reason {
  readonly Code: string
  readonly Message?: string
  readonly Item?: Item
}

const CANCELLED = 'TransactionCanceledException'

/** All or none. Another transaction that touches an item at the same moment cancels it. */
export function transactWrite({ TransactItems }: Transaction, keys: Keys): Work {
  const puts = TransactItems.map(({ Put }) => ({ ...Put, key: keyText(Put.Item, keys[Put.TableName]!) }))
  if (new Set(puts.map(({ TableName, key }) => `${TableName} ${key}`)).size < puts.length)
    return oneStep('twice the same item', true, (tables) => ({
      tables,
      result: { fault: refusal('ValidationException') },
    }))
  const run = (tables: Tables) => {
    const reasons = puts.map((put): Reason => {
      const found = tables[put.TableName]?.[put.key]
      if (isRefused(put.Item)) return { Code: 'ValidationError', Message: 'the store does not hold this' }
      if (holds(put, found)) return { Code: 'None' }
      const item = conditionFailed(put, found).body!
      return { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed', ...item }
    })
    if (reasons.some(({ Code }) => Code !== 'None')) return { tables, result: { fault: cancelled(reasons) } }
    const after = puts.reduce((made, { TableName, key, Item }) => written(made, TableName, key, Item), tables)
    return { tables: after, result: { output: {} } }
  }
  const conflict = puts.map((put): Reason => ({ Code: put === puts[0] ? 'TransactionConflict' : 'None' }))
  return oneStep(puts.map(({ key }) => key).join(', '), true, run, (tables) => [
    { label: 'in conflict', tables, result: { fault: cancelled(conflict) }, fault: true },
  ])
}

function cancelled(CancellationReasons: readonly Reason[]): PlainFault {
  return { name: CANCELLED, status: 400, message: 'Transaction cancelled', body: { CancellationReasons } }
}
