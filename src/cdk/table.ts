/** Tables of DynamoDB as described, and what is to be watched of each. */
import { RemovalPolicy } from 'aws-cdk-lib'
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import type { Construct } from 'constructs'
import type { TableDescription } from '../aws/table.ts'
import { metricOf } from './metric.ts'
import type { AlarmSpec, GraphSpec } from './observable.ts'

type KeySchema = TableDescription['KeySchema']

/**
 * Billed by request, encrypted with the account's key for DynamoDB, restorable to any second of the last 35 days. Its name is
 * CloudFormation's: the name in the description is the definition's, which several environments share.
 * @param expires the attribute by which items expire
 */
export function makeTable(
  scope: Construct,
  id: string,
  description: TableDescription,
  keepData: boolean,
  expires?: string,
): dynamodb.Table {
  const table = new dynamodb.Table(scope, id, {
    ...keyOf(description, description.KeySchema),
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    encryption: dynamodb.TableEncryption.AWS_MANAGED,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    ...(expires === undefined ? {} : { timeToLiveAttribute: expires }),
    deletionProtection: keepData,
    removalPolicy: keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  })
  for (const { IndexName, KeySchema } of description.GlobalSecondaryIndexes ?? [])
    table.addGlobalSecondaryIndex({
      indexName: IndexName,
      ...keyOf(description, KeySchema),
      projectionType: dynamodb.ProjectionType.ALL,
    })
  return table
}

const TYPES = {
  S: dynamodb.AttributeType.STRING,
  N: dynamodb.AttributeType.NUMBER,
  B: dynamodb.AttributeType.BINARY,
} as const

function keyOf({ AttributeDefinitions }: TableDescription, schema: KeySchema): dynamodb.SchemaOptions {
  const attribute = (kind: 'HASH' | 'RANGE') => {
    const name = schema.find(({ KeyType }) => KeyType === kind)?.AttributeName
    const type = AttributeDefinitions.find(({ AttributeName }) => AttributeName === name)?.AttributeType
    return name === undefined || type === undefined ? undefined : { name, type: TYPES[type] }
  }
  const sortKey = attribute('RANGE')
  return { partitionKey: attribute('HASH')!, ...(sortKey && { sortKey }) }
}

export interface WatchedTable {
  readonly table: dynamodb.Table
  /** Begins the ids of its alarms. */
  readonly word: string
  /** In texts: `table "demo"`. */
  readonly what: string
}

/** Throttles of the table alone; those of requests are counted by operation, and bad requests for the whole account. */
export function tableAlarms({ table, word, what }: WatchedTable): AlarmSpec[] {
  const text = `Requests to the ${what} are throttled. Nothing is lost: they are sent again, and later the batch. See whether one key gets most of them, or the account's quota is used up.`
  return (['Read', 'Write'] as const).map((kind) => ({
    id: `${word}${kind}Throttles`,
    metric: metricOf('AWS/DynamoDB', `${kind}ThrottleEvents`, { TableName: table.tableName }, 'Sum'),
    threshold: 1,
    periods: 3,
    text,
  }))
}

export function tableGraph({ table, what }: WatchedTable): GraphSpec {
  const sum = (name: string) => metricOf('AWS/DynamoDB', name, { TableName: table.tableName }, 'Sum')
  return {
    title: `DynamoDB: ${what}`,
    left: [sum('ConsumedReadCapacityUnits'), sum('ConsumedWriteCapacityUnits')],
    right: [sum('ReadThrottleEvents'), sum('WriteThrottleEvents')],
  }
}
