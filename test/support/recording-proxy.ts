/** Stands between a function and AWS's stand-ins, and writes down each request as the action of IAM that it needs there. */
import { createServer, request as forward } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** One request, as a policy would judge it. */
export interface Call {
  readonly action: string
  /** `table/NAME`, `BUCKET`, or `BUCKET/KEY`. */
  readonly resource: string
  /** Partition key of the item, for `dynamodb:LeadingKeys`; undefined where the request names none. */
  readonly leadingKey: string | undefined
}

export interface RecordingProxy {
  readonly endpoint: string
  readonly calls: readonly Call[]
  /** Denies the next request for which it is true, once. */
  denyOnce(which: (call: Call, body: string) => boolean): void
  close(): Promise<void>
}

export async function recordingProxy(service: 's3' | 'dynamodb', target: string): Promise<RecordingProxy> {
  const calls: Call[] = []
  let denied: ((call: Call, body: string) => boolean) | undefined
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request)
    const found = service === 's3' ? s3Call(request) : dynamodbCalls(request, body.toString('utf8'))
    calls.push(...found)
    if (denied && found.some((call) => denied!(call, body.toString('utf8')))) {
      denied = undefined
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' })
      response.end(JSON.stringify({ __type: 'AccessDeniedException', message: 'denied by the test' }))
      return
    }
    const onward = forward(
      new URL(request.url!, target),
      { method: request.method, headers: request.headers },
      (from) => {
        response.writeHead(from.statusCode!, from.headers)
        from.pipe(response)
      },
    )
    onward.on('error', (error) => response.destroy(error))
    onward.end(body)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    denyOnce: (which) => (denied = which),
    close: () => new Promise((resolve) => (server.close(() => resolve()), server.closeAllConnections())),
  }
}

/** Source: Service Authorization Reference, Amazon S3: HEAD and GET of an object both need s3:GetObject. */
function s3Call({ method, url }: IncomingMessage): Call[] {
  const { pathname } = new URL(url!, 'http://s3')
  const [bucket = '', ...key] = decodeURIComponent(pathname.slice(1)).split('/')
  const resource = key.length > 0 && key[0] !== '' ? `${bucket}/${key.join('/')}` : bucket
  const action = resource === bucket ? 's3:ListBucket' : method === 'PUT' ? 's3:PutObject' : 's3:GetObject'
  return [{ action, resource, leadingKey: undefined }]
}

interface DynamoBody {
  readonly TableName?: string
  readonly Item?: Record<string, { readonly S?: string }>
  readonly Key?: Record<string, { readonly S?: string }>
  readonly RequestItems?: Readonly<Record<string, unknown>>
  readonly Statements?: readonly { readonly Statement: string }[]
  readonly TransactItems?: readonly { readonly Put: { readonly TableName: string } }[]
}

/** Source: Service Authorization Reference, Amazon DynamoDB: PartiQL needs an action of its own for each kind of statement; a transaction needs those of its parts. */
function dynamodbCalls({ headers }: IncomingMessage, text: string): Call[] {
  const operation = String(headers['x-amz-target']).split('.')[1]!
  const body = JSON.parse(text) as DynamoBody
  const call = (action: string, table: string, leadingKey?: string): Call => ({
    action: `dynamodb:${action}`,
    resource: `table/${table}`,
    leadingKey,
  })
  if (operation === 'BatchExecuteStatement')
    return body.Statements!.map(({ Statement }) => {
      const [, verb, table] = /^(INSERT|UPDATE|DELETE|SELECT)[^"]*"([^"]+)"/i.exec(Statement)!
      return call(`PartiQL${verb![0]!.toUpperCase()}${verb!.slice(1).toLowerCase()}`, table!)
    })
  if (operation === 'BatchGetItem') return Object.keys(body.RequestItems!).map((table) => call('BatchGetItem', table))
  if (operation === 'TransactWriteItems') return body.TransactItems!.map(({ Put }) => call('PutItem', Put.TableName))
  const item = body.Item ?? body.Key ?? {}
  return [call(operation, body.TableName!, (item['id'] ?? item['pipeline'])?.S)]
}
