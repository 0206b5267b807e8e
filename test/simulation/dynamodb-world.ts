/**
 * The engine with the DynamoDB sink, its ledger and the dead letters, all as they ship, over DynamoDB in memory. A planted
 * bug is a part put around what ships, or in its place.
 */
import { numberOf, textOf } from '../../src/aws/attribute.ts'
import type { Item } from '../../src/aws/attribute.ts'
import { storedPosition } from '../../src/sinks/dynamodb/guard.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import { newHabit } from '../../src/sinks/dynamodb/effect.ts'
import { openWriter } from '../../src/sinks/dynamodb/open.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import { fromItem, openDynamoLedger, toItem } from '../../src/sinks/ledger-dynamodb.ts'
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import type { Invocation, SinkWriter } from '../../src/sinks/sink.ts'
import { replayed } from '../../src/testing/explorer/replay.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { CLUSTER, TOPIC } from './delivery-types.ts'
import { deliveryModel } from './delivery-world.ts'
import type { Input, Progress, Scenario, StoreModel } from './delivery-types.ts'
import { dynamoOutcomes, dynamoOver } from './dynamo-store.ts'
import type { DynamoRequest, Keys, Tables } from './dynamo-store.ts'
import { removed } from './dynamo-tables.ts'
import { engine, quietPorts } from './engine.ts'

export const TABLE = 'items'
export const LEDGER = 'ledger'
export const LETTERS = 'letters'
export const PIPELINE = 'p'
export const SINK = 's'

/** Parts in place of, or around, those that ship. */
export interface Plant {
  readonly dynamo?: (dynamo: Dynamo) => Dynamo
  readonly writer?: (writer: SinkWriter) => SinkWriter
  readonly putDeadLetters?: (put: Invocation['putDeadLetters']) => {
    readonly put: Invocation['putDeadLetters']
    readonly afterwards: () => Promise<void>
  }
}

/** Of the sink. */
export interface Shape {
  readonly writes: 'auto' | 'put'
  /** Every row is kept, under its position. */
  readonly append?: boolean
  readonly deletes?: boolean
  /** A cold writer believes that items are there. @default false */
  readonly updating?: boolean
}

export interface DynamoScenario extends Scenario, Shape {}

/** A cold start: what a function opens, over a client. */
export function openAll(client: Dynamo, { writes, append = false, deletes, updating }: Shape) {
  const definition = dynamodb({ id: SINK, table: TABLE, partitionKey: append ? 'at' : 'id', writes, append })
  const habit = { ...newHabit(), replacing: updating ? 1 : 0 }
  const letters = openDeadLetters({ table: LETTERS, bucket: 'none', clients: { dynamodb: client, s3: noS3 } })
  const ledger = openDynamoLedger({ table: LEDGER, client })
  const remembered = deletes ? { deletes: { keepMs: 1 } } : {}
  const base = { pipeline: PIPELINE, order: 'log', ledger, log: () => undefined } as const
  const context = { ...base, binding: { table: TABLE }, ...remembered }
  return { definition, letters, ledger, writer: openWriter(definition.options, context, client, quietPorts, habit) }
}

export function dynamodbModel(scenario: DynamoScenario, plant: Plant = {}) {
  const program = (port: Port) => {
    const shipped = dynamoOver(port)
    const { definition, letters, writer } = openAll(plant.dynamo?.(shipped) ?? shipped, scenario)
    const run = engine(PIPELINE, definition, plant.writer?.(writer) ?? writer, { deletes: scenario.deletes })
    return async (input: Input) => {
      const put: Invocation['putDeadLetters'] = (given) => letters.put(given, quietPorts.deadline)
      const { put: planted, afterwards } = plant.putDeadLetters?.(put) ?? { put, afterwards: undefined }
      return run(input, planted, afterwards)
    }
  }
  return deliveryModel(scenario, dynamoModel(scenario), replayed<Input>(program))
}

export const noS3 = { request: () => Promise.reject(new Error('no payload of the model is large')) }

export function dynamoModel({ append = false }: Partial<Shape> = {}): StoreModel<Tables> {
  const key = append ? 'at' : 'id'
  const keys: Keys = { [TABLE]: [key], [LEDGER]: ['id'], [LETTERS]: ['pipeline', 'position'] }
  const description = {
    AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
  }
  return {
    initial: {},
    keyed: !append,
    local: (request) => {
      const { operation } = request as DynamoRequest
      return operation === 'DescribeTable' ? { output: { Table: description } } : undefined
    },
    outcomes: (tables, _, request, flight) => dynamoOutcomes(tables, keys, request as DynamoRequest, flight),
    crashed: (tables) => tables,
    own: () => [],
    effects: (tables) =>
      Object.values(tables[TABLE] ?? {}).map((item) => ({
        key: textOf(item, 'id')!,
        position: { ...storedPosition(item, positions)!, ...(item[positions.deleted] ? { gone: true as const } : {}) },
      })),
    /** By their time to live: whatever has one goes. */
    *deletes(tables) {
      for (const [key, item] of Object.entries(tables[TABLE] ?? {}))
        if (item._expires)
          yield { key, position: storedPosition(item, positions)!, forgotten: removed(tables, TABLE, key) }
    },
    letters: (tables) => lettersIn(tables),
    watermark: (tables, source) => {
      const key = ledgerKey(PIPELINE, SINK, { cluster: CLUSTER, topic: TOPIC, partition: source })
      const item = tables[LEDGER]?.[key]
      return item && progressOf(item)
    },
    rewatermark: (tables, change) => {
      const key = ledgerKey(PIPELINE, SINK, { cluster: CLUSTER, topic: TOPIC, partition: 0 })
      const item = tables[LEDGER]?.[key]
      const before = item && fromItem(key, item)
      const after = before && change(before)
      if (!after) return undefined
      const { rewind: _, ...kept } = before
      const changed = toItem(key, { ...kept, ...after, version: before.version + 1 })
      return { ...tables, [LEDGER]: { ...tables[LEDGER], [key]: changed } }
    },
  }
}

const positions = dynamodb({ id: SINK, table: TABLE, partitionKey: 'id' }).options.positionAttributes

export function lettersIn(tables: Tables): ReadonlySet<string> {
  return new Set(
    Object.values(tables[LETTERS] ?? {}).map((item) => `${numberOf(item, 'partition')}/${numberOf(item, 'offset')}`),
  )
}

export function progressOf(item: Item): Progress {
  const { epoch, next, gaps, gapCount, checkpoints, rewind } = fromItem(textOf(item, 'id')!, item)
  return { epoch, next, gaps, gapCount, head: checkpoints[0]?.offset ?? 0, rewind }
}
