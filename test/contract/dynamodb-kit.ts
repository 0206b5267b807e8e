/** What the tests of DynamoDB and S3 share: clients on the started stores, fresh tables, a faulting server in front. */
import { createServer, request as httpRequest } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inject } from 'vitest'
import { createClients } from '../../src/aws/index.ts'
import type { AwsClients, TableDescription } from '../../src/aws/index.ts'
import type { Deadline } from '../../src/core/ports.ts'

let count = 0

/** A name that no other test of this run has. */
export function fresh(prefix: string): string {
  return `${prefix}-${process.pid}-${++count}`
}

export function deadline(ms = 60_000): Deadline {
  const end = performance.now() + ms
  return { remaining: () => Math.max(0, end - performance.now()), signal: AbortSignal.timeout(ms) }
}

/** The data plane's own clients; another endpoint of DynamoDB to go through a faulting server. */
export function clients(dynamodbEndpoint?: string): AwsClients {
  const { dynamodb, s3 } = inject('stores')
  return createClients({
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodbEndpoint ?? dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  })
}

export async function createTable({ dynamodb }: AwsClients, description: TableDescription): Promise<string> {
  await dynamodb.call('CreateTable', description, deadline())
  return description.TableName
}

export interface Exchange {
  readonly operation: string
  readonly body: Buffer
  /** How many requests came before, this one not counted. */
  readonly index: number
  /** Sends it on, and gives the store's answer. */
  pass(): Promise<{ readonly status: number; readonly headers: IncomingMessage['headers']; readonly body: Buffer }>
  /** Answers the client. */
  answer(status: number, body: string | Buffer, headers?: IncomingMessage['headers']): void
  /** Cuts the connection: the client never learns. */
  drop(): void
}

export interface FaultyServer {
  readonly endpoint: string
  /** Operations in the order in which they came. */
  readonly operations: string[]
  close(): Promise<void>
}

/** A server between client and store that does with each request what `handle` says; undefined passes it on. */
export async function faulty(
  target: string,
  handle: (exchange: Exchange) => Promise<void> | undefined,
): Promise<FaultyServer> {
  const operations: string[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const operation = String(incoming.headers['x-amz-target'] ?? incoming.method)
        .split('.')
        .at(-1)!
      const exchange = exchangeOf(target, incoming, response, Buffer.concat(chunks), operation, operations.length)
      operations.push(operation)
      const done = handle(exchange) ?? relay(exchange)
      done.catch(() => incoming.socket.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    operations,
    close: () => closeServer(server),
  }
}

export async function relay(exchange: Exchange): Promise<void> {
  const { status, body, headers } = await exchange.pass()
  exchange.answer(status, body, headers)
}

function exchangeOf(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  operation: string,
  index: number,
): Exchange {
  return {
    operation,
    body,
    index,
    pass: () =>
      new Promise((resolve, reject) => {
        const url = new URL(incoming.url!, target)
        const onward = httpRequest(url, { method: incoming.method!, headers: incoming.headers }, (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('end', () =>
            resolve({ status: answer.statusCode!, headers: answer.headers, body: Buffer.concat(chunks) }),
          )
          answer.on('error', reject)
        })
        onward.on('error', reject)
        onward.end(body)
      }),
    answer: (status, text, { 'x-amz-crc32': sum } = {}) => {
      response.writeHead(status, sum === undefined ? {} : { 'x-amz-crc32': sum }).end(text)
    },
    drop: () => void incoming.socket.destroy(),
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
