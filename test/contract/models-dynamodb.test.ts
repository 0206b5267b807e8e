/** DynamoDB in memory (test/simulation) answers what the shipped requests ask of it as DynamoDB does. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Item } from '../../src/aws/attribute.ts'
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import { AwsFault } from '../../src/aws/fault.ts'
import type { AwsClients } from '../../src/aws/index.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { replayHeader } from '../../src/core/replay.ts'
import { deadLetterTable } from '../../src/sinks/dead-letters/index.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import { supersedeLetters } from '../../src/sinks/dead-letters/supersede.ts'
import { dynamodb, tableDescription } from '../../src/sinks/dynamodb/index.ts'
import { newHabit } from '../../src/sinks/dynamodb/effect.ts'
import { openWriter } from '../../src/sinks/dynamodb/open.ts'
import { openRewind } from '../../src/sinks/dynamodb/rewind.ts'
import { ledgerTable, openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import type { SinkRange } from '../../src/sinks/sink.ts'
import { CLUSTER, deliverTo, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { dynamoOutcomes, REFUSED_TEXT } from '../simulation/dynamo-store.ts'
import type { DynamoRequest, Keys, Tables } from '../simulation/dynamo-store.ts'
import { clients, createTable, deadline, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

type Heard = { readonly output: Record<string, unknown> } | { readonly fault: Pick<AwsFault, 'name' | 'body'> }

/** The model's undisturbed answer. */
function modelled(
  tables: Tables,
  keys: Keys,
  request: DynamoRequest,
): { readonly tables: Tables; readonly heard: Heard } {
  let flight: unknown
  for (let after = tables; ;) {
    const [outcome] = dynamoOutcomes(after, keys, request, flight)
    after = outcome!.store
    if (outcome!.answer !== undefined) return { tables: after, heard: outcome!.answer as Heard }
    flight = outcome!.flight
  }
}

async function asked(real: Dynamo, { operation, input }: DynamoRequest): Promise<Heard> {
  try {
    return { output: await real.call(operation, input, deadline()) }
  } catch (error) {
    if (error instanceof AwsFault) return { fault: error }
    throw error
  }
}

const byText = (items: unknown) =>
  (items as unknown[]).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/** What the tree looks at; a scan and a batch come in no order. */
function comparable(operation: string, heard: Heard): unknown {
  if ('fault' in heard) {
    const { name, body = {} } = heard.fault
    const reasons = body.CancellationReasons as { readonly Code: string; readonly Item?: Item }[] | undefined
    return { name, item: body.Item, reasons: reasons?.map(({ Code, Item: item }) => ({ Code, item })) }
  }
  const { Item: item, Items, LastEvaluatedKey, Attributes, Responses } = heard.output
  if (operation === 'BatchExecuteStatement')
    return (Responses as { readonly Error?: { readonly Code: string } }[]).map(({ Error: error }) => error?.Code)
  if (operation === 'BatchGetItem') return Object.values(Responses as Record<string, unknown>).map(byText)
  return { item, Items: operation === 'Scan' ? byText(Items) : Items, LastEvaluatedKey, Attributes }
}

/** Asks both, one request after the other, and holds the model to the answer. */
function mirrored(real: Dynamo, keys: Keys): { readonly dynamo: Dynamo; readonly told: Map<string, number> } {
  let tables: Tables = {}
  let last: Promise<unknown> = Promise.resolve()
  const told = new Map<string, number>()
  const both = async (request: DynamoRequest) => {
    const heard = await asked(real, request)
    const { tables: after, heard: said } = modelled(tables, keys, request)
    tables = after
    const { operation } = request
    expect(comparable(operation, said), `${operation} ${JSON.stringify(request.input)}`).toEqual(
      comparable(operation, heard),
    )
    told.set(operation, (told.get(operation) ?? 0) + 1)
    if ('fault' in heard) throw heard.fault as AwsFault
    return heard.output
  }
  const dynamo: Dynamo = {
    call: <Output>(operation: string, input: object | string) => {
      if (operation === 'DescribeTable') return real.call<Output>(operation, input, deadline())
      const turn = last.then(() => both({ operation, input }))
      last = turn.catch(() => undefined)
      return turn as Promise<Output>
    },
  }
  return { dynamo, told }
}

const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }

function letter(offset: number, more: Partial<DeadLetter> = {}): DeadLetter {
  const record = { ...sourceRecord(offset), headers: [{ name: 'h', value: Buffer.from([0, 255]) }] }
  return {
    pipeline: 'p',
    sink: '*',
    source,
    epoch: 0,
    record,
    stage: 'decode',
    code: 'WEIR_DECODE',
    text: 'no',
    ...more,
  }
}

test('dead letters: put, listed, moved, taken, superseded', async () => {
  const table = await createTable(aws, deadLetterTable(fresh('letters')))
  const { dynamo: client, told } = mirrored(aws.dynamodb, { [table]: ['pipeline', 'position'] })
  const options = { table, bucket: 'none', clients: { dynamodb: client, s3: aws.s3 } }
  const store = openDeadLetters(options)
  await store.put([letter(1), letter(2), letter(2, { sink: 'sql', stage: 'store', epoch: 1 }), letter(10)], deadline())
  await store.put([letter(1), letter(2, { text: 'again' })], deadline())
  await expect(store.put([letter(1, { record: sourceRecord(1, { generation: 1 }) })], deadline())).rejects.toThrow()
  await store.list({ pipeline: 'p', limit: 2 }, deadline())
  const { next } = await store.list({ pipeline: 'p', limit: 1, order: 'descending' }, deadline())
  await store.list({ pipeline: 'p', after: next!, order: 'descending' }, deadline())
  const filters = {
    fromOffset: 2,
    toOffset: 9,
    sink: '*',
    states: ['new', 'replaying'],
    since: 0,
    topic: TOPIC,
  } as const
  const [second] = (await store.list({ pipeline: 'p', limit: 3, ...filters }, deadline())).letters
  await store.list({ pipeline: 'other' }, deadline())
  const { letter: now } = await store.change(second!, { to: 'replaying', attempts: 1, scanFrom: 11 }, deadline())
  expect((await store.change(second!, { to: 'discarded' }, deadline())).ok).toBe(false)
  const replay = { pipeline: 'p', sink: '*', ...source, epoch: 0, offset: 2, attempt: 1 }
  const copy = { ...letter(2).record, offset: 11, headers: [...letter(2).record.headers, replayHeader(replay)] }
  expect(await store.take([{ replay, record: copy }], deadline())).toEqual([
    expect.objectContaining({ timestamp: 1700000000002 }),
  ])
  expect(await store.take([{ replay, record: { ...copy, offset: 12 } }], deadline())).toEqual(['stale'])
  await store.put([letter(11, { record: copy })], deadline())
  expect((await store.change(now!, { to: 'replayed', expires: 7 }, deadline())).ok).toBe(false)
  await store.change({ id: second!.id.replace('2/', '3/'), version: 1 }, { to: 'new' }, deadline())
  const range = { pipeline: 'p', sink: '*', source, from: 2, below: 2 }
  expect(await supersedeLetters(options, range, deadline())).toBe(2)
  expect(await supersedeLetters(options, range, deadline())).toBe(0)
  await store.put([letter(2), letter(2, { sink: 'sql', stage: 'store', epoch: 1 })], deadline())
  await store.list({ pipeline: 'p' }, deadline())
  expect([...told.keys()].toSorted()).toEqual(['GetItem', 'PutItem', 'Query', 'UpdateItem'])
})

const written = (...records: readonly (readonly [offset: number, rows: readonly object[]])[]): SinkRange => ({
  source,
  records: records.map(([offset, rows]) => ({ record: sourceRecord(offset), rows })),
})

test('items: inserted, updated, looked at, put, written together, refused, swept', async () => {
  const spec = { id: 'kv', table: fresh('items'), partitionKey: 'id' }
  const definition = dynamodb<unknown>(spec)
  // An index that the definition does not know: only the store refuses a row for it.
  const indexes = { byRank: { partitionKey: { name: 'rank', type: 'N' } } } as const
  const table = await createTable(aws, tableDescription(dynamodb<unknown>({ ...spec, indexes })))
  const ledgerName = await createTable(aws, ledgerTable(fresh('ledger')))
  const { dynamo: client, told } = mirrored(aws.dynamodb, { [table]: ['id'], [ledgerName]: ['id'] })
  const ledger = openDynamoLedger({ table: ledgerName, client })
  const context = { pipeline: 'p', order: 'log', binding: { table }, ledger, log: () => undefined } as const
  const open = () => openWriter(definition.options, context, client)
  const bad = { rank: REFUSED_TEXT }
  await deliverTo(open(), [written([0, [{ id: 'a' }]], [1, [{ id: 'b' }, { id: 'c' }]], [2, [{ id: 'd', ...bad }]])])
  await deliverTo(open(), [
    written([3, [{ id: 'a' }]], [4, [{ id: 'e' }, { id: 'f', ...bad }]], [5, [{ id: 'b' }, { id: 'g' }]]),
  ])
  await deliverTo(open(), [written([3, [{ id: 'a' }]], [6, [{ id: 'h' }, { id: 'c' }]])])
  await expect(
    client.call(
      'TransactWriteItems',
      { TransactItems: [put(table, 'x'), put(table, 'a'), put(table, 'y')] },
      deadline(),
    ),
  ).rejects.toThrow()
  const habit = { ...newHabit(), replacing: 1 }
  const updating = openWriter(definition.options, context, client, undefined, habit)
  await deliverTo(updating, [
    written([7, [{ id: 'a', n: 1 }]], [8, [{ id: 'b', m: 1 }]], [9, [{ id: 'i' }]], [10, [{ id: 'c', ...bad }]]),
    written([11, [{ id: 'j', ...bad }]]),
  ])
  await deliverTo(updating, [written([12, [{ id: 'a' }]], [13, [{ id: 'b', n: 2 }]])])
  await deliverTo(openWriter(definition.options, context, client, undefined, habit), [
    written([7, [{ id: 'a', n: 1 }]]),
  ])
  const rewind = openRewind({
    pipeline: 'p',
    options: definition.options,
    binding: { table },
    ledger,
    clients: { dynamodb: client },
  })
  const before = await ledger.read(`p#kv#${CLUSTER}#${TOPIC}#0`, deadline())
  expect(before).toBeDefined()
  expect(await rewind.sweep([{ source, target: 4, epoch: 1 }], deadline())).toBe(6)
  await client.call('DeleteItem', { TableName: table, Key: { id: { S: 'nobody' } } }, deadline())
  expect([...told.keys()].toSorted()).toEqual([
    'BatchExecuteStatement',
    'BatchGetItem',
    'DeleteItem',
    'GetItem',
    'PutItem',
    'Scan',
    'TransactWriteItems',
  ])
})

const put = (TableName: string, id: string) => ({
  Put: {
    TableName,
    Item: { id: { S: id } },
    ConditionExpression: 'attribute_not_exists(id)',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  },
})
