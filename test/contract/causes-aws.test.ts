/** D8 on the local servers: what they say is what the table of causes knows. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createClients, systemPorts } from '../../src/aws/index.ts'
import type { AwsClients } from '../../src/aws/index.ts'
import { causeOf } from '../../src/aws/fault-table.ts'
import { made } from './causes/aws.ts'
import { createTable, deadline, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
let table: string
const bucket = fresh('causes')
const others: AwsClients[] = []

beforeAll(async () => {
  aws = as('', '')
  table = await createTable(aws, {
    TableName: fresh('causes'),
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
  })
  await aws.s3.request({ operation: 'CreateBucket', method: 'PUT', bucket, deadline: deadline() })
})
afterAll(() => {
  for (const each of others) each.close()
})

/** Tries again at once. */
function as(accessKeyId: string, secretAccessKey: string): AwsClients {
  const { dynamodb, s3 } = inject('stores')
  const environment = {
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: accessKeyId || s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey || s3.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  }
  const other = createClients(environment, { ports: { ...systemPorts, random: () => 0 } })
  others.push(other)
  return other
}

test.each(made.map(({ name, what, ask }) => [name, what, ask] as const))('D8: %s, %s', async (name, _, ask) => {
  const { kind } = causeOf(name, 0)
  await expect(ask({ clients: aws, as, table, bucket, deadline })).rejects.toMatchObject({ name, kind })
})
