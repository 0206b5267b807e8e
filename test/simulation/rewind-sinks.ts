/** Each of the sinks with its rewind, as they ship, over a client or a connection. */
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import type { S3 } from '../../src/aws/index.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import { openWriter as openDynamo } from '../../src/sinks/dynamodb/open.ts'
import { openRewind as rewindDynamo } from '../../src/sinks/dynamodb/rewind.ts'
import { openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import { postgres } from '../../src/sinks/postgres/index.ts'
import { openRewind as rewindPostgres } from '../../src/sinks/postgres/rewind.ts'
import type { Session } from '../../src/sinks/postgres/session.ts'
import { openWriter as openPostgres } from '../../src/sinks/postgres/writer.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import { codecOf } from '../../src/sinks/s3/format.ts'
import { s3 } from '../../src/sinks/s3/index.ts'
import { s3Objects } from '../../src/sinks/s3/objects.ts'
import { openRewind as rewindS3 } from '../../src/sinks/s3/rewind.ts'
import { openWriter as openS3 } from '../../src/sinks/s3/writer.ts'
import type { SinkDefinition, SinkWriter } from '../../src/sinks/sink.ts'
import { PIPELINE, LEDGER, SINK, TABLE } from './dynamodb-world.ts'
import { quietPorts } from './engine.ts'

export type SinkKind = 'dynamodb' | 'postgres' | 'postgres append' | 's3'

export interface Clients {
  readonly dynamodb: Dynamo
  readonly s3: S3
  readonly session: (options: ReturnType<typeof postgres>['options']) => Session
}

export interface OpenSink {
  readonly definition: SinkDefinition
  readonly writer: SinkWriter
  readonly target: RewindTarget
}

export function openSink(kind: SinkKind, clients: Clients): OpenSink {
  const ledger = openDynamoLedger({ table: LEDGER, client: clients.dynamodb })
  const context = { pipeline: PIPELINE, order: 'log', ledger, log: () => undefined } as const
  if (kind === 'dynamodb') {
    const definition = dynamodb({ id: SINK, table: TABLE, partitionKey: 'id', writes: 'put' })
    const { options } = definition
    const binding = { table: TABLE }
    const writer = openDynamo(options, { ...context, binding }, clients.dynamodb, quietPorts)
    return { definition, writer, target: rewindDynamo({ pipeline: PIPELINE, options, binding, ledger, clients }) }
  }
  if (kind === 's3') {
    const definition = s3({ id: SINK, compress: 'none' })
    const { options } = definition
    const binding = { bucket: 'bucket', prefix: '' }
    const objects = s3Objects(clients.s3, binding.bucket)
    const codec = codecOf(options)
    const writer = openS3({ options, binding, context: { ...context, binding }, objects, codec })
    return { definition, writer, target: rewindS3({ pipeline: PIPELINE, options, binding, ledger, clients }) }
  }
  const columns = { id: 'text', note: 'text' } as const
  const key = kind === 'postgres' ? { key: ['id'] } : {}
  const definition = postgres({ id: SINK, table: 'rows', columns, ...key })
  const { options } = definition
  const binding = { host: 'h', port: 1, database: 'd', user: 'u', password: 'none', ssl: 'off' }
  const connect = () => Promise.resolve(clients.session(options))
  const ports = { connect, sleep: () => Promise.resolve(), random: quietPorts.random }
  const writer = openPostgres(options, { ...context, binding }, undefined, ports)
  return { definition, writer, target: rewindPostgres({ pipeline: PIPELINE, options, binding }, connect) }
}
