import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { WeirError } from '../../core/errors.ts'
import { launchNode } from '../node.ts'
import { recordProcesses, releaseFolder } from '../process.ts'
import type { AwsEndpoint, AwsKeys, Service, ServiceOptions } from '../service.ts'
import { ask, onFolder, prepareJava, startJava } from './java-server.ts'

const SERVER = 'DynamoDB Local'
const READY_MS = 60_000
/** A full page of ListTables. */
const MAX_PAGES = 1000
/** `AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request`: the day does not matter here. */
const ANY_DAY = '20250101'

export interface DynamoDbOptions extends ServiceOptions {
  /**
   * DynamoDB Local takes any key, listens on all interfaces and cannot be told otherwise; it keeps the data of each
   * access key id and region apart. So a random id is what keeps others on the network from the data.
   */
  readonly keys: AwsKeys
  readonly region: string
}

/**
 * Starts DynamoDB Local on `ports[0]`, in memory, or with `keep` on disk (which is about ten times slower).
 * Throws WEIR_PREREQUISITE, WEIR_DOWNLOAD, WEIR_CHECKSUM, WEIR_FOLDER, WEIR_SERVER_START.
 */
export async function startDynamoDb(options: DynamoDbOptions): Promise<Service<AwsEndpoint>> {
  refuseUnsupported()
  const { folder, ports, keys, region } = options
  const [port] = ports
  const program = await prepareJava('dynamodb', options)
  const data = join(folder, 'data')
  if (options.keep === true) await onFolder(folder, () => mkdir(data, { recursive: true }))
  const endpoint: AwsEndpoint = { endpoint: `http://127.0.0.1:${port}`, region, ...keys }
  const storage = options.keep === true ? ['-dbPath', data] : ['-inMemory']
  const server = await launchNode({
    server: SERVER,
    launch: () =>
      startJava(program, options, {
        server: SERVER,
        jvm: ['-Xms64m', '-Xmx512m', `-Djava.library.path=${program.lib}`, `-Dsqlite4java.library.path=${program.lib}`],
        main: 'software.amazon.dynamodb.services.local.main.ServerRunner',
        args: [...storage, '-port', String(port), '-disableTelemetry'],
      }),
    probe: async () => (await call(endpoint, 'ListTables', {})) !== undefined,
    readyMs: READY_MS,
    onEnded: options.onEnded,
    onLaunched: (record) => recordProcesses(folder, [record]),
  })
  return {
    name: 'dynamodb',
    processes: [server.record()],
    nodes: [server],
    endpoint,
    ready: () => server.ready(),
    reset: () => deleteTables(endpoint),
    stop: async () => {
      await server.stop()
      releaseFolder(folder)
    },
  }
}

/** Its SQLite comes as a native library, which no one publishes for Linux on ARM. */
function refuseUnsupported(): void {
  if (process.platform === 'linux' && process.arch !== 'x64')
    throw new WeirError('WEIR_PREREQUISITE', {
      what: 'A platform that DynamoDB Local runs on',
      reason: `it has no native library for ${process.platform} on ${process.arch}`,
      advice: 'Use Linux on x64, or macOS.',
    })
}

async function deleteTables(endpoint: AwsEndpoint): Promise<void> {
  for (let page = 0; page < MAX_PAGES; page++) {
    const { TableNames } = (await call(endpoint, 'ListTables', {})) as { TableNames: string[] }
    if (TableNames.length === 0) return
    for (const TableName of TableNames) await call(endpoint, 'DeleteTable', { TableName })
  }
}

/** DynamoDB Local reads the key and region of a signature and never checks it: no SDK is needed to ask. */
async function call(endpoint: AwsEndpoint, operation: string, input: object): Promise<unknown> {
  const credential = `${endpoint.accessKeyId}/${ANY_DAY}/${endpoint.region}/dynamodb/aws4_request`
  const answer = await ask(endpoint.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=unchecked`,
    },
    body: JSON.stringify(input),
  })
  if (answer.status === 200) return JSON.parse(answer.body)
  const reason = answer.body.slice(0, 300)
  throw new WeirError('WEIR_REQUEST_FAILED', { service: SERVER, operation, status: answer.status, name: '', reason })
}
