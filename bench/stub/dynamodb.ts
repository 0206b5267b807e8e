/**
 * A DynamoDB that costs next to nothing, so that a client's own limit shows: DynamoDB Local takes 120-180 us of CPU an item.
 * It answers what the sinks, the ledger and the peers send. Tables are of three kinds, by their name:
 *
 *   weirhouse-*   ledger and dead letters: items are kept, the conditions of the compare-and-set are obeyed
 *   kept-*        items are kept by `id`: inserts of what is there fail, look-ups find it; any guard lets a write pass
 *   others        items are counted: every write succeeds
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'

type Item = Record<string, unknown>

interface Answer {
  readonly status: number
  readonly body: string
}

interface State {
  readonly tables: Map<string, Map<string, Item>>
  /** Items written, by operation and table: `PutItem bench-all`. */
  readonly counts: Map<string, number>
  /** What a PartiQL text means, by that text. */
  readonly statements: Map<string, Statement>
}

interface Statement {
  readonly verb: 'INSERT' | 'UPDATE'
  readonly table: string
  /** Of an INSERT: the attribute of each parameter. Of an UPDATE: those that are set. */
  readonly names: readonly string[]
  /** Which parameter is the value of `id`. */
  readonly idAt: number
}

export interface Stub {
  readonly endpoint: string
  close(): Promise<void>
}

const OK: Answer = { status: 200, body: '{}' }

export async function startStub(): Promise<Stub> {
  const state: State = { tables: new Map(), counts: new Map(), statements: new Map() }
  const server = createServer({ keepAlive: true, keepAliveTimeout: 60_000 }, (request, response) => {
    collect(request, (body) => {
      const { status, body: text } = answer(state, request, body)
      const bytes = Buffer.from(text)
      response.writeHead(status, {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': bytes.length,
        'x-amz-crc32': String(crc32(bytes)),
      })
      response.end(bytes)
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return { endpoint: `http://127.0.0.1:${port}`, close: () => close(server) }
}

function collect(request: IncomingMessage, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function answer(state: State, { url, headers }: IncomingMessage, body: Buffer): Answer {
  if (url === '/reset') {
    state.tables.clear()
    state.counts.clear()
    return OK
  }
  if (url === '/counts') return { status: 200, body: JSON.stringify(Object.fromEntries(state.counts)) }
  const operation = String(headers['x-amz-target']).split('.')[1] ?? ''
  const perform = operations[operation]
  return perform ? perform(state, body) : fault('UnknownOperationException', `the stub has no ${operation}`)
}

function fault(name: string, message: string, more: object = {}): Answer {
  return { status: 400, body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message, ...more }) }
}

const operations: Readonly<Record<string, (state: State, body: Buffer) => Answer>> = {
  CreateTable: () => OK,
  GetItem: (state, body) => {
    const { TableName, Key } = JSON.parse(body.toString()) as { TableName: string; Key: Item }
    const Item = tableOf(state, TableName).get(idOf(Key))
    return { status: 200, body: JSON.stringify(Item ? { Item } : {}) }
  },
  PutItem: putItem,
  BatchWriteItem: batchWrite,
  BatchGetItem: batchGet,
  BatchExecuteStatement: batchExecute,
}

function tableOf({ tables }: State, name: string): Map<string, Item> {
  const found = tables.get(name) ?? new Map<string, Item>()
  tables.set(name, found)
  return found
}

function isKept(name: string): boolean {
  return name.startsWith('kept-') || name.startsWith('weirhouse-')
}

function idOf(item: Item): string {
  return (item.id as { S: string }).S
}

function count({ counts }: State, operation: string, table: string, items: number): void {
  const name = `${operation} ${table}`
  counts.set(name, (counts.get(name) ?? 0) + items)
}

interface Put {
  readonly TableName: string
  readonly Item: Item
  readonly ConditionExpression?: string
  readonly ExpressionAttributeValues?: Readonly<Record<string, { readonly N?: string }>>
}

function putItem(state: State, body: Buffer): Answer {
  const { TableName, Item, ConditionExpression, ExpressionAttributeValues } = JSON.parse(body.toString()) as Put
  if (isKept(TableName)) {
    const table = tableOf(state, TableName)
    const there = table.get(idOf(Item))
    const absent = ConditionExpression === 'attribute_not_exists(id)'
    const version = ExpressionAttributeValues?.[':version']?.N
    const wrong = version !== undefined && (there?.version as { N: string } | undefined)?.N !== version
    if ((absent && there) || wrong)
      return fault('ConditionalCheckFailedException', 'The conditional request failed', there ? { Item: there } : {})
    table.set(idOf(Item), Item)
  }
  count(state, 'PutItem', TableName, 1)
  return OK
}

const WRITTEN = '{"UnprocessedItems":{}}'
/** One table alone, as all write who are measured. */
const OF_TABLE = /^\{"RequestItems":\{"([^"]+)":/

function batchWrite(state: State, body: Buffer): Answer {
  const only = OF_TABLE.exec(body.toString('latin1', 0, 512))?.[1]
  if (only !== undefined && !isKept(only)) {
    count(state, 'BatchWriteItem', only, occurrences(body, '"PutRequest":'))
    return { status: 200, body: WRITTEN }
  }
  const { RequestItems } = JSON.parse(body.toString()) as {
    RequestItems: Readonly<Record<string, readonly { readonly PutRequest: { readonly Item: Item } }[]>>
  }
  for (const [name, requests] of Object.entries(RequestItems)) {
    if (isKept(name))
      for (const { PutRequest } of requests) tableOf(state, name).set(idOf(PutRequest.Item), PutRequest.Item)
    count(state, 'BatchWriteItem', name, requests.length)
  }
  return { status: 200, body: WRITTEN }
}

/** Of the name of a field: inside a value its quotes would be escaped. */
function occurrences(body: Buffer, name: string): number {
  let found = 0
  for (let at = body.indexOf(name); at >= 0; at = body.indexOf(name, at + name.length)) found++
  return found
}

function batchGet(state: State, body: Buffer): Answer {
  const { RequestItems } = JSON.parse(body.toString()) as {
    RequestItems: Readonly<Record<string, { readonly Keys: readonly Item[] }>>
  }
  const Responses = Object.fromEntries(
    Object.entries(RequestItems).map(([name, { Keys }]) => [
      name,
      Keys.flatMap((key) => tableOf(state, name).get(idOf(key)) ?? []),
    ]),
  )
  return { status: 200, body: JSON.stringify({ Responses, UnprocessedKeys: {} }) }
}

/** Text of a JSON string: a quote inside a value is escaped, so that this stands nowhere else. */
const INTO = /"Statement":"(?:INSERT INTO|UPDATE) \\"([^\\"]+)\\"/

function batchExecute(state: State, body: Buffer): Answer {
  const table = INTO.exec(body.toString('latin1', 0, 512))?.[1] ?? ''
  if (isKept(table)) return executeKept(state, body)
  const statements = occurrences(body, '"Statement":')
  count(state, 'BatchExecuteStatement', table, statements)
  return { status: 200, body: `{"Responses":[${`{"TableName":"${table}"},`.repeat(statements).slice(0, -1)}]}` }
}

function executeKept(state: State, body: Buffer): Answer {
  const { Statements } = JSON.parse(body.toString()) as {
    Statements: readonly { readonly Statement: string; readonly Parameters: readonly unknown[] }[]
  }
  const Responses = Statements.map(({ Statement, Parameters }) => {
    const { verb, table, names, idAt } = statementOf(state, Statement)
    const items = tableOf(state, table)
    const id = (Parameters[idAt] as { S: string }).S
    const there = items.get(id)
    if (verb === 'INSERT' && there) return failed(table, 'DuplicateItem', 'Duplicate primary key exists in table')
    if (verb === 'UPDATE' && !there) return failed(table, 'ConditionalCheckFailed', 'The conditional request failed')
    items.set(id, { ...there, ...Object.fromEntries(names.map((name, i) => [name, Parameters[i]])) })
    count(state, 'BatchExecuteStatement', table, 1)
    return { TableName: table }
  })
  return { status: 200, body: JSON.stringify({ Responses }) }
}

function failed(TableName: string, Code: string, Message: string): object {
  return { TableName, Error: { Code, Message } }
}

/** `INSERT INTO "t" VALUE {'a': ?,'id': ?}` or `UPDATE "t" SET "a"=? ... WHERE "id"=? AND ...`. */
function statementOf({ statements }: State, text: string): Statement {
  const known = statements.get(text)
  if (known) return known
  const verb = text.startsWith('INSERT') ? 'INSERT' : 'UPDATE'
  const table = /"([^"]+)"/.exec(text)![1]!
  const [before, after = ''] = text.split(' WHERE ') as [string, string?]
  const names = [...before.matchAll(/["']([^"']+)["'] ?[:=] ?\?/g)].map(([, name]) => name!)
  const idAt =
    verb === 'INSERT'
      ? names.indexOf('id')
      : names.length + after.slice(0, after.search(/["']id["'] ?= ?\?/)).split('?').length - 1
  const statement = { verb, table, names, idAt } as const
  statements.set(text, statement)
  return statement
}
