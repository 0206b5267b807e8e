/** Causes of AWS's that the local servers make by themselves (D8); docs/faults.md says which. */
import type { AwsClients } from '../../../src/aws/index.ts'
import type { Deadline } from '../../../src/core/ports.ts'

/** What there is to ask with. */
export interface Asking {
  readonly clients: AwsClients
  /** With these credentials instead of the right ones. */
  as(accessKeyId: string, secretAccessKey: string): AwsClients
  readonly table: string
  readonly bucket: string
  readonly deadline: () => Deadline
}

export interface AwsCause {
  readonly name: string
  readonly what: string
  readonly ask: (asking: Asking) => Promise<unknown>
}

const item = { id: { S: 'a' } }

const put = ({ clients, bucket, deadline }: Asking, key: string, headers: Record<string, string> = {}) =>
  clients.s3.request({ operation: 'PutObject', method: 'PUT', bucket, key, headers, body: 'a', deadline: deadline() })

export const made: readonly AwsCause[] = [
  {
    name: 'ResourceNotFoundException',
    what: 'a table that is not there',
    ask: ({ clients, deadline }) => clients.dynamodb.call('PutItem', { TableName: 'none', Item: item }, deadline()),
  },
  {
    name: 'ValidationException',
    what: 'an item of more than 400 KB',
    ask: ({ clients, table, deadline }) => {
      const Item = { ...item, text: { S: 'x'.repeat(410_000) } }
      return clients.dynamodb.call('PutItem', { TableName: table, Item }, deadline())
    },
  },
  {
    name: 'ConditionalCheckFailedException',
    what: 'a condition that does not hold',
    ask: async ({ clients, table, deadline }) => {
      const ConditionExpression = 'attribute_not_exists(id)'
      const input = { TableName: table, Item: item, ConditionExpression }
      await clients.dynamodb.call('PutItem', input, deadline())
      return clients.dynamodb.call('PutItem', input, deadline())
    },
  },
  {
    name: 'TransactionCanceledException',
    what: 'a transaction one of whose conditions does not hold',
    ask: ({ clients, table, deadline }) => {
      const Put = { TableName: table, Item: { id: { S: 'none' } }, ConditionExpression: 'attribute_exists(id)' }
      return clients.dynamodb.call('TransactWriteItems', { TransactItems: [{ Put }] }, deadline())
    },
  },
  {
    name: 'UnknownOperationException',
    what: 'an endpoint that does not know the operation',
    ask: ({ clients, deadline }) => clients.dynamodb.call('NoSuchOperation', {}, deadline()),
  },
  {
    name: 'NoSuchBucket',
    what: 'a bucket that is not there',
    ask: (asking) => put({ ...asking, bucket: 'no-such-bucket' }, 'a'),
  },
  {
    name: 'NoSuchKey',
    what: 'an object that is not there',
    ask: ({ clients, bucket, deadline }) =>
      clients.s3.request({ operation: 'GetObject', method: 'GET', bucket, key: 'none', deadline: deadline() }),
  },
  {
    name: 'NotFound',
    what: 'HEAD of an object that is not there',
    ask: ({ clients, bucket, deadline }) =>
      clients.s3.request({ operation: 'HeadObject', method: 'HEAD', bucket, key: 'none', deadline: deadline() }),
  },
  {
    name: 'PreconditionFailed',
    what: 'If-None-Match: * where there is something',
    ask: async (asking) => {
      await put(asking, 'once', { 'if-none-match': '*' })
      return put(asking, 'once', { 'if-none-match': '*' })
    },
  },
  {
    name: 'BadDigest',
    what: 'a body that is not the one of its checksum, however often it is sent',
    ask: (asking) => put(asking, 'a', { 'content-md5': Buffer.alloc(16).toString('base64') }),
  },
  {
    name: 'SignatureDoesNotMatch',
    what: 'a wrong secret',
    ask: (asking) => put({ ...asking, clients: asking.as('', 'wrong') }, 'a'),
  },
  {
    name: 'InvalidAccessKeyId',
    what: 'a wrong access key id',
    ask: (asking) => put({ ...asking, clients: asking.as('AKIANOBODY', 'wrong') }, 'a'),
  },
]
