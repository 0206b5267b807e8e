/**
 * The same 25-statement PartiQL batch, one after the other, through our signed client and through the AWS SDK, in turns, against
 * the stub: CPU of this process, an item.
 */
import { BatchExecuteStatementCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createAwsClient } from '../../src/aws/client.ts'
import { dynamo } from '../../src/aws/dynamodb.ts'
import { forkStub } from '../servers.ts'
import { median } from '../statistics.ts'

export interface AwsClientResult {
  readonly statements: number
  readonly concurrency: number
  readonly clients: readonly ClientResult[]
}

export interface ClientResult {
  readonly name: 'ours' | 'AWS SDK'
  readonly itemsPerSecond: number
  /** An item. */
  readonly cpuMicroseconds: number
  /** A request. */
  readonly callMicroseconds: number
}

const STATEMENTS = 25
const CONCURRENCY = 16
const TURNS = 3
const TEXT = `INSERT INTO "bench-client" VALUE {'id': ?,'category': ?,'value': ?,'ts': ?,'_src': ?,'_epoch': ?,'_offset': ?,'_index': ?,'_ts': ?}`
const deadline = { remaining: () => 60_000, signal: new AbortController().signal }
const keys = { accessKeyId: 'bench', secretAccessKey: 'bench' }
const REGION = 'eu-central-1'

/** @param requests a turn; as many again warm each client up */
export async function compareClients(requests: number, progress: (line: string) => void): Promise<AwsClientResult> {
  const stub = await forkStub()
  const client = createAwsClient({
    service: 'dynamodb',
    region: REGION,
    endpoint: stub.endpoint,
    credentials: () => keys,
    maxSockets: CONCURRENCY,
  })
  const sdk = new DynamoDBClient({ endpoint: stub.endpoint, region: REGION, credentials: keys })
  const ours = dynamo(client)
  const sends: Readonly<Record<ClientResult['name'], (n: number) => Promise<unknown>>> = {
    ours: (n) => ours.call('BatchExecuteStatement', JSON.stringify({ Statements: statements(n) }), deadline),
    'AWS SDK': (n) => sdk.send(new BatchExecuteStatementCommand({ Statements: statements(n) })),
  }
  try {
    const turns = new Map<ClientResult['name'], Turn[]>([
      ['ours', []],
      ['AWS SDK', []],
    ])
    for (let turn = 0; turn <= TURNS; turn++)
      for (const [name, list] of turns) {
        const spent = await take(sends[name], requests)
        if (turn > 0) list.push(spent)
      }
    const clients = [...turns].map(([name, list]) => summary(name, list))
    for (const each of clients)
      progress(`${each.name}: ${each.cpuMicroseconds} us CPU an item, ${each.itemsPerSecond} items/s`)
    return { statements: STATEMENTS, concurrency: CONCURRENCY, clients }
  } finally {
    client.close()
    sdk.destroy()
    stub.stop()
  }
}

function statements(n: number) {
  return Array.from({ length: STATEMENTS }, (_, i) => ({
    Statement: TEXT,
    Parameters: [
      { S: `id-${n * STATEMENTS + i}` },
      { S: 'c7' },
      { N: '12.5' },
      { N: '1700000000000' },
      { S: 'bench-0' },
      { N: '0' },
      { N: `${n}` },
      { N: '0' },
      { N: '1700000000000' },
    ],
  }))
}

interface Turn {
  readonly milliseconds: number
  readonly cpuMicroseconds: number
  readonly requests: number
}

async function take(send: (n: number) => Promise<unknown>, requests: number): Promise<Turn> {
  const before = process.cpuUsage()
  const start = performance.now()
  let next = 0
  const worker = async () => {
    while (next < requests) await send(next++)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  const { user, system } = process.cpuUsage(before)
  return { milliseconds: performance.now() - start, cpuMicroseconds: user + system, requests }
}

function summary(name: ClientResult['name'], turns: readonly Turn[]): ClientResult {
  const callMicroseconds = median(turns.map(({ cpuMicroseconds, requests }) => cpuMicroseconds / requests))
  const seconds = median(turns.map(({ milliseconds, requests }) => milliseconds / 1000 / requests))
  return {
    name,
    itemsPerSecond: Math.round(STATEMENTS / seconds),
    cpuMicroseconds: Number((callMicroseconds / STATEMENTS).toFixed(2)),
    callMicroseconds: Math.round(callMicroseconds),
  }
}
