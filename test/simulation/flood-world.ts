/**
 * The flood gate (D7) with its engine, its ledger and the dead letters as they ship, over DynamoDB in memory. Poison that is let in
 * has a dead letter; what the promise says of it is said of these. The sink stores nothing, and is always done.
 */
import type { FloodGate } from '../../src/core/flood-gate.ts'
import { createFloodGate, FLOOD_KEEPER } from '../../src/core/flood-gate.ts'
import { parsePoison } from '../../src/core/flood.ts'
import { FLOOD_WINDOW } from '../../src/core/limits.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../../src/sinks/dead-letters/store.ts'
import { fromItem, openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import { ledgerKey } from '../../src/sinks/ledger.ts'
import type { LedgerStore } from '../../src/sinks/ledger.ts'
import type { SinkDefinition, SinkWriter } from '../../src/sinks/sink.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import { replayed } from '../../src/testing/explorer/replay.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { CLUSTER, nameOf, TOPIC } from './delivery-types.ts'
import type { Input, LogRecord, Mapping, Parts, Scenario, StoreModel, World } from './delivery-types.ts'
import { deliveryModel } from './delivery-world.ts'
import { dynamoOver } from './dynamo-store.ts'
import type { Tables } from './dynamo-store.ts'
import { dynamoModel, LEDGER, LETTERS, lettersIn, noS3, PIPELINE } from './dynamodb-world.ts'
import { engine, quietPorts } from './engine.ts'

export interface FloodScenario extends Scenario {
  /** Poison that may be among the last 200 records. */
  readonly allowed: number
  /** Whether a person, once the mark of a halt stands, deploys a definition that reads what is mendable. */
  readonly mends?: boolean
}

type Put = (letters: Parameters<DeadLetterStore['put']>[0]) => Promise<void>

/** Parts around those that ship. */
export interface FloodPlant {
  readonly ledger?: (ledger: LedgerStore) => LedgerStore
  readonly gate?: (gate: FloodGate, put: Put) => { readonly gate: FloodGate; readonly put: Put }
}

const gateKey = (source: number) =>
  ledgerKey(PIPELINE, FLOOD_KEEPER, { cluster: CLUSTER, topic: TOPIC, partition: source })

export function floodModel(scenario: FloodScenario, plant: FloodPlant = {}) {
  const program = (port: Port) => {
    const client = dynamoOver(port)
    const letters = openDeadLetters({ table: LETTERS, bucket: 'none', clients: { dynamodb: client, s3: noS3 } })
    const ledger = openDynamoLedger({ table: LEDGER, client })
    const shipped = createFloodGate({
      pipeline: PIPELINE,
      share: scenario.allowed / FLOOD_WINDOW,
      ledger: plant.ledger?.(ledger) ?? ledger,
      keyOf: ({ partition }) => gateKey(partition),
    })
    const shippedPut: Put = (given) => letters.put(given, quietPorts.deadline)
    const { gate, put } = plant.gate?.(shipped, shippedPut) ?? { gate: shipped, put: shippedPut }
    const run = engine(PIPELINE, nowhere, writesNothing, { floodGate: gate })
    return (input: Input) => run(input, put)
  }
  return deliveryModel(scenario, store, replayed<Input>(program), {
    steps: (_, world) => (scenario.mends ? mendSteps(world) : []),
    wrong: (parts, [mapping, , tables]) => floodedBy(parts, scenario.allowed, mapping, tables),
  })
}

const writesNothing: SinkWriter = {
  prepare: () => ({ refusals: [], write: () => Promise.resolve({ ranges: [] }) }),
  close: () => Promise.resolve(),
}
const nowhere: SinkDefinition = {
  kind: 'custom',
  id: 's',
  options: {},
  grants: [],
  open: () => Promise.resolve(writesNothing),
}

const done = { epoch: 0, next: Number.MAX_SAFE_INTEGER, head: Number.MAX_SAFE_INTEGER, gaps: [], gapCount: 0 }
const store: StoreModel<Tables> = { ...dynamoModel(), effects: () => [], watermark: () => done }

/** The batch comes again until somebody acts, so that by then the mark of the halt stands. */
function mendSteps([mapping, witness, tables, ...processes]: World<Tables>): Step<World<Tables>>[] {
  if (mapping.halted !== 'WEIR_POISON_FLOOD' || mapping.mended !== null) return []
  const item = tables[LEDGER]?.[gateKey(0)]
  const mended = item ? parsePoison(fromItem(gateKey(0), item).note!).halted : null
  if (mended === null) return []
  return [{ label: 'deploy a cure', state: [{ ...mapping, halted: null, mended }, witness, tables, ...processes] }]
}

/**
 * D7: of the last 200 records up to any dead letter no more have one than may. What led to a halt that was mended is forgotten,
 * so that zombies of the old definition may let in as many again; where the mapping gives up, nothing is said.
 */
function floodedBy({ log }: Parts<Tables>, allowed: number, mapping: Mapping, tables: Tables): string | undefined {
  if (mapping.skipped.length > 0) return undefined
  const letters = lettersIn(tables)
  const isIn = (record: LogRecord) => record.offset > (mapping.mended ?? -1) && letters.has(nameOf(record))
  for (const records of log) {
    const poison = records.filter(isIn).map(({ offset }) => offset)
    for (const last of poison) {
      const count = poison.filter((offset) => offset > last - FLOOD_WINDOW && offset <= last).length
      if (count > allowed) return `D7: ${count} records up to ${last} were let in, where ${allowed} may be`
    }
  }
  return undefined
}
