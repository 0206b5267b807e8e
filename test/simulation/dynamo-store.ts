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
import { statementOf } from './dynamo-partiql.ts'

/** Items by table and key. */
export type Tables = Readonly<Record<string, Readonly<Record<string, Item>>>>

/** By table: the key attributes, partition key first. */
export type Keys = Readonly<Record<string, readonly string[]>>

export interface DynamoRequest {
  readonly operation: string
  readonly input: object | string
}

export interface PlainFault {
  readonly name: string
  readonly status: number
  readonly message: string
  readonly body?: Readonly<Record<string, unknown>>
}
type Answer = { readonly output: unknown } | { readonly fault: PlainFault }

/** Text in an attribute that makes the store refuse the item. */
export const REFUSED_TEXT = 'refuse me'

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

interface Part {
  readonly label: string
  /** A failing one says what the item's owner would hear. */
  readonly run: (tables: Tables) => { readonly tables: Tables; readonly result: Answer }
  /** Whether it writes. */
  readonly writes: boolean
}

interface Work {
  readonly parts: readonly Part[]
  readonly compose: (results: readonly Answer[]) => Answer
  /** What a part's result is where that part alone was throttled; absent where parts cannot be. */
  readonly throttled?: Answer
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
    default:
      throw new Error(`the model knows no ${operation}`)
  }
}

const single = ([result]: readonly Answer[]) => result!

function getItem({ TableName, Key }: { TableName: string; Key: Item }, keys: Keys): Work {
  const key = keyText(Key, keys[TableName]!)
  const run: Part['run'] = (tables) => {
    const found = tables[TableName]?.[key]
    return { tables, result: { output: found ? { Item: found } : {} } }
  }
  return { parts: [{ label: `${TableName} ${key}`, run, writes: false }], compose: single }
}

interface Put extends Expression {
  readonly TableName: string
  readonly Item: Item
}

function putItem(put: Put, keys: Keys): Work {
  const { TableName, Item: item } = put
  const key = keyText(item, keys[TableName]!)
  const run: Part['run'] = (tables) => {
    const found = tables[TableName]?.[key]
    if (isRefused(item)) return { tables, result: { fault: refusal('ValidationException') } }
    if (holds(put, found)) return { tables: written(tables, TableName, key, item), result: { output: {} } }
    const fault = {
      name: 'ConditionalCheckFailedException',
      status: 400,
      message: 'The conditional request failed',
      body: found ? { Item: found } : {},
    }
    return { tables, result: { fault } }
  }
  return { parts: [{ label: `${TableName} ${key}`, run, writes: true }], compose: single }
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

interface Statements {
  readonly Statements: readonly { readonly Statement: string; readonly Parameters: readonly Item[string][] }[]
}

function batchExecute({ Statements }: Statements, keys: Keys): Work {
  const parts = Statements.map(({ Statement, Parameters }): Part => {
    const statement = statementOf(Statement, Parameters)
    const { verb, table } = statement
    const key = keyText(statement.key, keys[table]!)
    const run: Part['run'] = (tables) => {
      const error = (Code: string) => ({ tables, result: { output: { Error: { Code, Message: Code } } } })
      if (Parameters.some(isRefusedValue)) return error('ValidationError')
      const item = statement.run(tables[table]?.[key])
      if (typeof item === 'string') return error(item)
      return { tables: written(tables, table, key, item), result: { output: {} } }
    }
    return { label: `${verb} ${key}`, run, writes: true }
  })
  return {
    parts,
    compose: (results) => ({ output: { Responses: results.map((each) => ('output' in each ? each.output : {})) } }),
    throttled: { output: { Error: { Code: 'ThrottlingError', Message: 'slow down' } } },
  }
}

function written(tables: Tables, table: string, key: string, item: Item): Tables {
  return { ...tables, [table]: { ...tables[table], [key]: item } }
}

function isRefused(item: Item): boolean {
  return Object.values(item).some(isRefusedValue)
}

function isRefusedValue(attribute: Item[string]): boolean {
  return 'S' in attribute && attribute.S === REFUSED_TEXT
}

function refusal(name: string): PlainFault {
  return { name, status: 400, message: 'the store does not hold this' }
}

function keyText(item: Item, names: readonly string[]): string {
  return names
    .map((name) => {
      const attribute = item[name]!
      return 'S' in attribute ? attribute.S : 'N' in attribute ? attribute.N : JSON.stringify(attribute)
    })
    .join(' ')
}
