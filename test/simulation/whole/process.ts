/** An execution environment: the engine, three sinks, ledger, flood gate and dead letters as they ship, over a port. */
import type { Dynamo } from '../../../src/aws/dynamodb.ts'
import type { S3 } from '../../../src/aws/s3.ts'
import { json } from '../../../src/core/decode/json.ts'
import { deliver } from '../../../src/core/deliver.ts'
import { messageOf, WeirError } from '../../../src/core/errors.ts'
import { createFloodGate, FLOOD_KEEPER } from '../../../src/core/flood-gate.ts'
import { parseOptions } from '../../../src/core/options.ts'
import { pipeline } from '../../../src/core/pipeline.ts'
import type { Deadline } from '../../../src/core/ports.ts'
import type { ReplayDesk } from '../../../src/core/replay.ts'
import type { ReplayPorts } from '../../../src/operations/replay.ts'
import type { Opened } from '../../../src/operations/rewind/ports.ts'
import { openDeadLetters } from '../../../src/sinks/dead-letters/store.ts'
import { dynamodb } from '../../../src/sinks/dynamodb/index.ts'
import { openWriter as openDynamo } from '../../../src/sinks/dynamodb/open.ts'
import { openDynamoLedger } from '../../../src/sinks/ledger-dynamodb.ts'
import { ledgerKey } from '../../../src/sinks/ledger.ts'
import { postgres } from '../../../src/sinks/postgres/index.ts'
import type { Session } from '../../../src/sinks/postgres/session.ts'
import { openWriter as openPostgres } from '../../../src/sinks/postgres/writer.ts'
import { s3, s3Options } from '../../../src/sinks/s3/index.ts'
import { openCodec } from '../../../src/sinks/s3/format.ts'
import { s3Objects } from '../../../src/sinks/s3/objects.ts'
import { openWriter as openS3 } from '../../../src/sinks/s3/writer.ts'
import type { RewindTarget } from '../../../src/sinks/rewind.ts'
import type { SinkWriter } from '../../../src/sinks/sink.ts'
import { CLUSTER, TOPIC } from '../delivery-types.ts'
import type { Result } from '../delivery-types.ts'
import { dynamoOver } from '../dynamo-store.ts'
import { quietPorts } from '../engine.ts'
import { sessionOver } from '../postgres-session.ts'
import { s3Over } from '../s3-store.ts'
import { eventOf, transformOf } from './records.ts'
import type { LogRecord, Value } from './records.ts'
import { ITEMS, LEDGER, LETTERS } from './stores.ts'
import type { Ask } from './stores.ts'

export const PIPELINE = 'p'
export const BUCKET = 'bucket'
export const PREFIX = 'data'
export const SQL_BINDING = { host: 'h', port: 1, database: 'd', user: 'u', password: 'none' }

const lake = { id: 'lake', compress: 'none' } as const
export const lakeOptions = parseOptions(s3Options, lake, 'simulation')
export const sqlOptions = (keyed: boolean) =>
  postgres({ id: 'sql', table: 'rows', columns: { id: 'text', note: 'text' }, ...(keyed ? { key: ['id'] } : {}) })
    .options
export const kvOptions = dynamodb({ id: 'kv', table: ITEMS, partitionKey: 'id' }).options

/** How the function is deployed. */
export interface Version {
  /** Its transform has the cure for what was poison. */
  readonly cured: boolean
  /** Its table has a key; else every row is appended. */
  readonly keyed: boolean
}

function definitionOf({ cured, keyed }: Version) {
  return pipeline<Value, Value>({
    name: PIPELINE,
    source: { topic: TOPIC, cluster: CLUSTER },
    decode: json(),
    transform: transformOf(cured),
    sinks: [
      s3(lake),
      postgres({ id: 'sql', table: 'rows', columns: { id: 'text', note: 'text' }, ...(keyed ? { key: ['id'] } : {}) }),
      dynamodb({ id: 'kv', table: ITEMS, partitionKey: 'id' }),
    ],
  })
}

export type PortOf = (ask: Ask) => Promise<unknown>

export interface Clients {
  readonly dynamodb: Dynamo
  readonly s3: S3
  /** Another connection each time. */
  readonly connect: () => Promise<Session>
}

/** The shipped code's ways to the stores, for an environment of the function and for an operator's command. */
export function clientsOver(port: PortOf, keyed: boolean): Clients {
  const options = sqlOptions(keyed)
  let sessions = 0
  return {
    dynamodb: dynamoOver(async (request) => {
      const { operation } = request as { operation: string }
      if (operation === 'DescribeTable') return { output: { Table: description } }
      return port({ part: 'dynamodb', request: request as never })
    }),
    s3: s3Over((request) => port({ part: 's3', request: request as never })),
    connect: () =>
      Promise.resolve(
        sessionOver((request) => port({ part: 'postgres', request: request as never }), sessions++, options),
      ),
  }
}

/** Bugs put in place of, or around, what ships. */
export interface Plant {
  readonly writer?: (id: string, writer: SinkWriter) => SinkWriter
  readonly clients?: (clients: Clients) => Clients
  readonly desk?: (desk: ReplayDesk) => ReplayDesk
  /** Of operators. */
  readonly target?: (target: RewindTarget) => RewindTarget
  readonly rewindPorts?: (ports: Opened['ports']) => Opened['ports']
  readonly replayPorts?: (ports: ReplayPorts) => ReplayPorts
}

export type Invoke = (records: readonly LogRecord[], deadline: Deadline) => Promise<Result>

export async function openProcess(port: PortOf, version: Version, plant: Plant): Promise<Invoke> {
  const definition = definitionOf(version)
  const shipped = clientsOver(port, version.keyed)
  const clients = plant.clients?.(shipped) ?? shipped
  const ledger = openDynamoLedger({ table: LEDGER, client: clients.dynamodb })
  const letters = openDeadLetters({ table: LETTERS, bucket: BUCKET, clients })
  const context = { pipeline: PIPELINE, order: 'log', ledger, log: () => undefined } as const
  const ports = { connect: clients.connect, sleep: () => Promise.resolve(), random: () => 0 }
  const opened: Record<string, SinkWriter> = {
    lake: openS3({
      options: lakeOptions,
      binding: { bucket: BUCKET, prefix: PREFIX },
      context: { ...context, binding: {} },
      objects: s3Objects(clients.s3, BUCKET),
      codec: await openCodec(lakeOptions, undefined),
    }),
    sql: openPostgres(sqlOptions(version.keyed), { ...context, binding: SQL_BINDING }, undefined, ports),
    kv: openDynamo(kvOptions, { ...context, binding: { table: ITEMS } }, clients.dynamodb, quietPorts),
  }
  const writers = new Map(
    Object.entries(opened).map(([id, writer]) => [id, plant.writer?.(id, writer) ?? writer] as const),
  )
  const keyOf = (source: Parameters<typeof ledgerKey>[2]) => ledgerKey(PIPELINE, FLOOD_KEEPER, source)
  const floodGate = createFloodGate({ pipeline: PIPELINE, share: definition.maxPoisonShare || 1, ledger, keyOf })
  return async (records, deadline) => {
    try {
      const report = await deliver({
        pipeline: definition,
        event: eventOf(records),
        writers,
        floodGate,
        replays: plant.desk?.(letters) ?? letters,
        clock: quietPorts.clock,
        requestId: 'r',
        deadline,
        log: () => undefined,
        putDeadLetters: (given) => letters.put(given, deadline),
      })
      if (report.failure) throw report.failure
      return { done: true }
    } catch (error) {
      if (error instanceof WeirError)
        return { failed: error.code === 'WEIR_UNEXPECTED' ? error.message : error.code, retryable: error.retryable }
      return { failed: messageOf(error), retryable: false }
    }
  }
}

const description = {
  AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
}
