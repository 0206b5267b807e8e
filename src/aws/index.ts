/** S3 and DynamoDB for the data plane, set up from Lambda's own environment variables. */
import { createAwsClient } from './client.ts'
import type { ClientPorts } from './client.ts'
import { credentialsOf, regionOf } from './credentials.ts'
import type { Environment } from './credentials.ts'
import { dynamo } from './dynamodb.ts'
import type { Dynamo } from './dynamodb.ts'
import { s3 } from './s3.ts'
import type { S3 } from './s3.ts'

export type { AwsResponse } from './attempt.ts'
export type { AwsClient, AwsClientOptions, AwsRequest, ClientPorts } from './client.ts'
export { createAwsClient, systemPorts } from './client.ts'
export { numberOf, textOf } from './attribute.ts'
export type { Attribute, Item } from './attribute.ts'
export { backoffMs } from './backoff.ts'
export { causeOf } from './fault-table.ts'
export { dynamo } from './dynamodb.ts'
export type { Dynamo } from './dynamodb.ts'
export { AwsFault, isFault, storeError } from './fault.ts'
export { describeTable } from './table.ts'
export type { TableDescription } from './table.ts'
export { crc32Base64, s3 } from './s3.ts'
export type { S3, S3Request } from './s3.ts'

export interface AwsClients {
  readonly s3: S3
  readonly dynamodb: Dynamo
  /** Closes the kept connections; what is shared stays usable and opens new ones. */
  close(): void
}

interface ClientsOptions {
  readonly maxSockets?: number
  readonly ports?: ClientPorts
}

/**
 * Reads AWS_REGION, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_DYNAMODB (either may be AWS_ENDPOINT_URL; not given: the
 * region's own, over TLS) and, at each request, the credentials. Throws WEIR_CREDENTIALS without a region.
 */
export function createClients(env: Environment = process.env, options: ClientsOptions = {}): AwsClients {
  const region = regionOf(env)
  const common = { ...options, region, credentials: () => credentialsOf(env) }
  const ownS3 = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL
  const ownDynamo = env.AWS_ENDPOINT_URL_DYNAMODB || env.AWS_ENDPOINT_URL
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const s3Client = createAwsClient({ ...common, service: 's3', endpoint: ownS3 || `https://s3.${region}.${domain}` })
  const dynamoClient = createAwsClient({
    ...common,
    service: 'dynamodb',
    endpoint: ownDynamo || `https://dynamodb.${region}.${domain}`,
  })
  return {
    s3: s3(s3Client, Boolean(ownS3)),
    dynamodb: dynamo(dynamoClient),
    close: () => {
      s3Client.close()
      dynamoClient.close()
    },
  }
}

let shared: { readonly where: string; readonly clients: AwsClients } | undefined

/** One set of clients, so of connections, for every sink, ledger and dead letter of an execution environment (D11). */
export function sharedClients(env: Environment = process.env): AwsClients {
  const where = [
    env.AWS_REGION,
    env.AWS_ENDPOINT_URL,
    env.AWS_ENDPOINT_URL_S3,
    env.AWS_ENDPOINT_URL_DYNAMODB,
    env.AWS_ACCESS_KEY_ID,
  ].join(' ')
  if (shared?.where !== where) shared = { where, clients: createClients(env) }
  return shared.clients
}
