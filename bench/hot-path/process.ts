/**
 * S3 and DynamoDB as far as the write path asks of them, in a process of its own: keeps nothing but the ledger's items, counts,
 * and answers at once. So what is measured against it is the client. Prints its port; `GET /counts` gives and clears the counts.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Item = Readonly<Record<string, unknown>>

const ledger = new Map<string, Item>()
const answers = new Map<number, string>()
let counts = { objects: 0, objectBytes: 0, statements: 0, requests: 0 }

const server = createServer((request, response) => {
  counts.requests++
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => answer(request, Buffer.concat(chunks), response))
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

function answer({ url, method, headers }: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const target = String(headers['x-amz-target'] ?? '')
  if (url === '/counts') {
    response.end(JSON.stringify(counts))
    counts = { objects: 0, objectBytes: 0, statements: 0, requests: 0 }
  } else if (target.startsWith('DynamoDB_20120810.')) response.end(dynamo(target.slice(18), body))
  else if (method === 'HEAD') response.writeHead(404).end()
  else if (method === 'GET') response.end('<ListBucketResult></ListBucketResult>')
  else {
    counts.objects++
    counts.objectBytes += body.length
    response.end()
  }
}

function dynamo(operation: string, body: Buffer): string {
  if (operation === 'BatchExecuteStatement') {
    const statements = statementsIn(body)
    counts.statements += statements
    return inserted(statements)
  }
  const { Key, Item } = JSON.parse(body.toString()) as {
    Key?: { id: { S: string } }
    Item?: Item & { id?: { S: string } }
  }
  if (operation === 'GetItem') return JSON.stringify({ Item: ledger.get(Key!.id.S) })
  if (operation === 'PutItem' && Item?.id) ledger.set(Item.id.S, Item)
  return '{}'
}

/** Without parsing: the stub must not be what is measured. */
function statementsIn(body: Buffer): number {
  let found = 0
  for (let at = body.indexOf('"Statement":'); at >= 0; at = body.indexOf('"Statement":', at + 1)) found++
  return found
}

function inserted(statements: number): string {
  let text = answers.get(statements)
  if (text === undefined) {
    text = JSON.stringify({ Responses: Array.from({ length: statements }, () => ({ TableName: 'bench' })) })
    answers.set(statements, text)
  }
  return text
}
