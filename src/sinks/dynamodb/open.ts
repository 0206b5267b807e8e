/** Opens the writer: the parts put together, on the environment's clients. */
import type { ClientPorts } from '../../aws/client.ts'
import { systemPorts } from '../../aws/client.ts'
import type { Dynamo } from '../../aws/dynamodb.ts'
import type { AwsFault } from '../../aws/fault.ts'
import { sharedClients } from '../../aws/index.ts'
import { keyAttributes } from '../../aws/table.ts'
import type { TableDescription } from '../../aws/table.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { parseShape } from '../../core/shape.ts'
import type { SinkContext, SinkWriter } from '../sink.ts'
import { dynamodbBinding } from './binding.ts'
import { effectOf } from './effect.ts'
import type { Habit } from './effect.ts'
import { batchEncoder } from './encode.ts'
import { guardOf } from './guard.ts'
import type { DynamoDbOptions } from './options.ts'
import { createRequests } from './requests.ts'
import { createWriter } from './writer.ts'

/**
 * Makes no request. Throws WEIR_DEFINITION_INVALID for a binding that is none.
 * @param dynamo where to send requests; the environment's own where not given
 * @param habit what it believes of the table at first; that keys are new where not given
 */
export function openWriter(
  options: DynamoDbOptions,
  context: SinkContext,
  dynamo: Dynamo = sharedClients().dynamodb,
  ports: ClientPorts = systemPorts,
  habit?: Habit,
): SinkWriter {
  const { pipeline, order, ledger, log, deletes } = context
  const keepMs = deletes?.keepMs
  const { table } = parseShape(dynamodbBinding, context.binding, `Binding of DynamoDB sink "${options.id}"`)
  const guard = guardOf(order, options.positionAttributes, options.partitionKey.name)
  const requests = createRequests({
    dynamo,
    table,
    guard,
    positions: options.positionAttributes,
    keyNames: keyAttributes(options).map(({ name }) => name),
    ports,
    onThrottled: (count, name) => log('WARN', 'DynamoDB throttled', { sink: options.id, code: name, count }),
  })
  const checkTable = (fault: AwsFault, deadline: Deadline) => requireKeys(dynamo, options, table, fault, deadline)
  return createWriter({
    pipeline,
    sink: options.id,
    order,
    ledger,
    encode: batchEncoder(options, table, order, keepMs !== undefined),
    expiry: () => (keepMs === undefined ? undefined : Math.ceil((ports.clock.now() + keepMs) / 1000)),
    takeEffect: effectOf({ requests, order, table, writes: options.writes, checkTable }, habit),
  })
}

type Described = Pick<TableDescription, 'AttributeDefinitions' | 'KeySchema'>

/** A refused item is the record's fault only in a table whose key is the declared one: else every item would be. */
async function requireKeys(
  dynamo: Dynamo,
  options: DynamoDbOptions,
  table: string,
  fault: AwsFault,
  deadline: Deadline,
): Promise<void> {
  const { Table: live } = await dynamo.call<{ Table: Described }>('DescribeTable', { TableName: table }, deadline)
  const [wanted, found] = [keyText(keyAttributes(options)), keyText(keyOf(live))]
  if (wanted === found) return
  throw new WeirError(
    'WEIR_STORE_MISCONFIGURED',
    {
      sink: options.id,
      reason: `table ${table} has the key ${found}, the definition says ${wanted}`,
      advice: 'Correct partitionKey and sortKey, or give the sink a table of its own.',
    },
    { cause: fault },
  )
}

/** The partition key comes first, always. */
function keyOf({ KeySchema, AttributeDefinitions }: Described) {
  return KeySchema.map(({ AttributeName: name }) => ({
    name,
    type: AttributeDefinitions.find(({ AttributeName }) => AttributeName === name)?.AttributeType,
  }))
}

function keyText(key: ReturnType<typeof keyOf>): string {
  return key.map(({ name, type }, i) => `${i === 0 ? 'HASH' : 'RANGE'} ${name} (${type})`).join(', ')
}
