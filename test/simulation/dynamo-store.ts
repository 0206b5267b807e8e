/**
 * DynamoDB in memory, one atomic step at a time: what the shipped requests ask of it, byte for byte as they are sent.
 * A batch is no transaction: its statements and reads are steps of their own.
 */
import type { Item } from '../../src/aws/attribute.ts'
import { AwsFault } from '../../src/aws/fault.ts'
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import type { Outcome } from './delivery-types.ts'
import { holds } from './dynamo-condition.ts'
import type { Expression } from './dynamo-condition.ts'
import { batchExecute } from './dynamo-partiql.ts'
import { query, scan } from './dynamo-queries.ts'
import { conditionFailed, isRefused, keyText, oneStep, refusal, written } from './dynamo-tables.ts'
import type { Answer, Conditional, Keys, Part, Tables, Work } from './dynamo-tables.ts'
import { deleteItem, transactWrite, updateItem } from './dynamo-writes.ts'

export { REFUSED_TEXT } from './dynamo-tables.ts'
export type { Keys, Tables } from './dynamo-tables.ts'

export interface DynamoRequest {
  readonly operation: string
  readonly input: object | string
}

/** The client, its requests sent through the port. */
export function dynamoOver(port: Port): Dynamo {
  return {
    async call<Output>(operation: string, input: object | string) {
      const answer = (await port({ operation, input } satisfies DynamoRequest)) as Answer
      if ('output' in answer) return answer.output as Output
      throw new AwsFault({ service: 'dynamodb', operation, ...answer.fault })
    },
  }
}

const broken: Answer = { fault: { name: 'ECONNRESET', status: 0, message: 'the connection broke' } }
const works = new WeakMap<object, Work>()

/** Every way in which the tables may take the request: answered, its answer lost and the request sent again, failed. */
export function* dynamoOutcomes(
  tables: Tables,
  keys: Keys,
  request: DynamoRequest,
  flight: unknown,
): Iterable<Outcome<Tables>> {
  let work = works.get(request)
  if (!work) works.set(request, (work = workOf(request, keys)))
  const before = (flight ?? []) as readonly Answer[]
  const part = work.parts[before.length]!
  const last = before.length + 1 === work.parts.length
  const { tables: after, result } = part.run(tables)
  const label = `${request.operation} ${part.label}`
  const results = [...before, result]
  if (!last) yield { label, store: after, flight: results }
  else {
    yield { label, store: after, answer: work.compose(results) }
    if (after !== tables || before.length > 0) yield { label: `${label}, its answer lost, sent again`, store: after }
    if (part.writes && after !== tables)
      yield { label: `${label}, its answer lost for good`, store: after, answer: broken, fault: true }
  }
  for (const { label: other, tables: store, result: otherwise, ...more } of part.others?.(tables) ?? [])
    yield { label: `${label} ${other}`, store, answer: work.compose([otherwise]), ...more }
  if (before.length === 0) yield { label: `${label} fails`, store: tables, answer: broken, fault: true }
  if (work.throttled)
    yield last
      ? {
          label: `${label} throttled`,
          store: tables,
          answer: work.compose([...before, work.throttled]),
          fault: true,
        }
      : { label: `${label} throttled`, store: tables, flight: [...before, work.throttled], fault: true }
}

function workOf({ operation, input }: DynamoRequest, keys: Keys): Work {
  const data = (typeof input === 'string' ? JSON.parse(input) : input) as never
  switch (operation) {
    case 'GetItem':
      return getItem(data, keys)
    case 'PutItem':
      return putItem(data, keys)
    case 'BatchGetItem':
      return batchGet(data, keys)
    case 'BatchExecuteStatement':
      return batchExecute(data, keys)
    case 'UpdateItem':
      return updateItem(data, keys)
    case 'DeleteItem':
      return deleteItem(data, keys)
    case 'TransactWriteItems':
      return transactWrite(data, keys)
    case 'Query':
      return query(data, keys)
    case 'Scan':
      return scan(data, keys)
    default:
      throw new Error(`the model knows no ${operation}`)
  }
}

function getItem({ TableName, Key }: { TableName: string; Key: Item }, keys: Keys): Work {
  const key = keyText(Key, keys[TableName]!)
  return oneStep(`${TableName} ${key}`, false, (tables) => {
    const found = tables[TableName]?.[key]
    return { tables, result: { output: found ? { Item: found } : {} } }
  })
}

interface Put extends Expression, Conditional {
  readonly TableName: string
  readonly Item: Item
}

function putItem(put: Put, keys: Keys): Work {
  const { TableName, Item: item } = put
  const key = keyText(item, keys[TableName]!)
  return oneStep(`${TableName} ${key}`, true, (tables) => {
    const found = tables[TableName]?.[key]
    if (isRefused(item)) return { tables, result: { fault: refusal('ValidationException') } }
    if (holds(put, found)) return { tables: written(tables, TableName, key, item), result: { output: {} } }
    return { tables, result: { fault: conditionFailed(put, found) } }
  })
}

interface BatchGet {
  readonly RequestItems: Readonly<Record<string, { readonly Keys: readonly Item[] }>>
}

function batchGet({ RequestItems }: BatchGet, keys: Keys): Work {
  const [[table, { Keys }]] = Object.entries(RequestItems) as [[string, { Keys: readonly Item[] }]]
  const parts = Keys.map((wanted): Part => {
    const key = keyText(wanted, keys[table]!)
    const run: Part['run'] = (tables) => ({ tables, result: { output: tables[table]?.[key] ?? null } })
    return { label: `${table} ${key}`, run, writes: false }
  })
  return {
    parts,
    compose: (results) => ({
      output: {
        Responses: { [table]: results.flatMap((each) => ('output' in each && each.output ? [each.output] : [])) },
      },
    }),
  }
}
