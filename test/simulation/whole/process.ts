/** An execution environment: the engine, three sinks, ledger, flood gate and dead letters as they ship, over a port. */
import { json } from '../../../src/core/decode/json.ts'
import { deliver } from '../../../src/core/deliver.ts'
import { messageOf, WeirError } from '../../../src/core/errors.ts'
import { createFloodGate, FLOOD_KEEPER } from '../../../src/core/flood-gate.ts'
import { parseOptions } from '../../../src/core/options.ts'
import { pipeline } from '../../../src/core/pipeline.ts'
import type { Deadline } from '../../../src/core/ports.ts'
import { openDeadLetters } from '../../../src/sinks/dead-letters/store.ts'
import { dynamodb } from '../../../src/sinks/dynamodb/index.ts'
import { openWriter as openDynamo } from '../../../src/sinks/dynamodb/open.ts'
import { openDynamoLedger } from '../../../src/sinks/ledger-dynamodb.ts'
import { ledgerKey } from '../../../src/sinks/ledger.ts'
import { postgres } from '../../../src/sinks/postgres/index.ts'
import { openWriter as openPostgres } from '../../../src/sinks/postgres/writer.ts'
import { s3, s3Options } from '../../../src/sinks/s3/index.ts'
import { openCodec } from '../../../src/sinks/s3/format.ts'
import { openWriter as openS3 } from '../../../src/sinks/s3/writer.ts'
import type { SinkWriter } from '../../../src/sinks/sink.ts'
import { CLUSTER, TOPIC } from '../delivery-types.ts'
import type { Input, Result } from '../delivery-types.ts'
import { dynamoOver } from '../dynamo-store.ts'
import { noS3 } from '../dynamodb-world.ts'
import { eventOf, quietPorts } from '../engine.ts'
import { sessionOver } from '../postgres-session.ts'
import { ITEMS, LEDGER, LETTERS, objectsOver } from './stores.ts'
import type { Ask } from './stores.ts'

interface Value {
  readonly id: string
  readonly note?: string
}

const PREFIX = 'data'

export const definition = pipeline<Value, Value>({
  name: 'p',
  source: { topic: TOPIC, cluster: CLUSTER },
  decode: json(),
  transform: (value) => (value.note === 'none' ? null : value),
  sinks: [
    s3({ id: 'lake', compress: 'none' }),
    postgres({ id: 'sql', table: 'rows', key: ['id'], columns: { id: 'text', note: 'text' } }),
    dynamodb({ id: 'kv', table: ITEMS, partitionKey: 'id' }),
  ],
})

export type Wrap = (id: string, writer: SinkWriter) => SinkWriter

export type Invoke = (input: Input, deadline: Deadline) => Promise<Result>

/** @param wrap puts a planted bug around a writer. */
export async function openProcess(port: (ask: Ask) => Promise<unknown>, wrap: Wrap): Promise<Invoke> {
  const [, sql, kv] = definition.sinks as unknown as readonly [
    unknown,
    ReturnType<typeof postgres>,
    ReturnType<typeof dynamodb>,
  ]
  const client = dynamoOver(async (request) => {
    const { operation } = request as { operation: string }
    if (operation === 'DescribeTable') return { output: { Table: description } }
    return port({ part: 'dynamodb', request: request as never })
  })
  const ledger = openDynamoLedger({ table: LEDGER, client })
  const letters = openDeadLetters({ table: LETTERS, bucket: 'none', clients: { dynamodb: client, s3: noS3 } })
  const context = { pipeline: 'p', order: 'log', ledger, log: () => undefined } as const
  const objects = objectsOver((request) => port({ part: 's3', request }))
  const options = parseOptions(s3Options, { id: 'lake', compress: 'none' }, 'simulation')
  const binding = { host: 'h', port: 1, database: 'd', user: 'u', password: 'none' }
  let sessions = 0
  const connect = () =>
    Promise.resolve(
      sessionOver((request) => port({ part: 'postgres', request: request as never }), sessions++, sql.options, {}),
    )
  const ports = { connect, sleep: () => Promise.resolve(), random: () => 0 }
  const opened: Record<string, SinkWriter> = {
    lake: openS3({
      options,
      binding: { bucket: 'b', prefix: PREFIX },
      context: { ...context, binding: {} },
      objects,
      codec: await openCodec(options, undefined),
    }),
    sql: openPostgres(sql.options, { ...context, binding }, undefined, ports),
    kv: openDynamo(kv.options, { ...context, binding: { table: ITEMS } }, client, quietPorts),
  }
  const writers = new Map(Object.entries(opened).map(([id, writer]) => [id, wrap(id, writer)]))
  const keyOf = (source: Parameters<typeof ledgerKey>[2]) => ledgerKey('p', FLOOD_KEEPER, source)
  const floodGate = createFloodGate({ pipeline: 'p', share: definition.maxPoisonShare || 1, ledger, keyOf })
  return async (input, deadline) => {
    try {
      const report = await deliver({
        pipeline: definition,
        event: eventOf(input),
        writers,
        floodGate,
        replays: { take: () => Promise.reject(new Error('nothing is replayed here')) },
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
