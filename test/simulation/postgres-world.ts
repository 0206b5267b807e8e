/**
 * The engine with the PostgreSQL sink and the dead letters, as they ship: the sink's connections over PostgreSQL in memory,
 * the dead letters over DynamoDB in memory.
 */
import type { Watermark } from '../../src/core/watermark.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import { postgres } from '../../src/sinks/postgres/index.ts'
import { openWriter } from '../../src/sinks/postgres/writer.ts'
import { replayed } from '../../src/testing/explorer/replay.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { deliveryModel } from './delivery-world.ts'
import { CLUSTER, TOPIC } from './delivery-types.ts'
import type { Input, Outcome, Scenario, StoreModel } from './delivery-types.ts'
import { dynamoOutcomes, dynamoOver } from './dynamo-store.ts'
import type { DynamoRequest, Keys, Tables } from './dynamo-store.ts'
import { lettersIn, LETTERS, noS3 } from './dynamodb-world.ts'
import { engine, quietPorts } from './engine.ts'
import { sessionOver } from './postgres-session.ts'
import type { StoredRow } from './postgres-rows.ts'
import type { PostgresRequest, SessionPlant } from './postgres-session.ts'
import {
  emptyContents,
  execute,
  failing,
  isLocked,
  nameOf,
  orphaned,
  orphansOf,
  positionOf,
  without,
} from './postgres-store.ts'
import type { Database } from './postgres-store.ts'

export interface PostgresScenario extends Scenario {
  /** Without a key every row is appended. */
  readonly keyed: boolean
}

export interface Stores {
  readonly database: Database
  readonly tables: Tables
}

const PIPELINE = 'p'
const SINK = 's'
const keys: Keys = { [LETTERS]: ['pipeline', 'position'] }

export function postgresModel(scenario: PostgresScenario, plant: SessionPlant = {}) {
  const definition = postgres({
    id: SINK,
    table: 'rows',
    columns: { id: 'text', note: 'text' },
    ...(scenario.keyed ? { key: ['id'] } : {}),
  })
  const { options } = definition
  const program = (port: Port) => {
    const letters = openDeadLetters({
      table: LETTERS,
      bucket: 'none',
      clients: { dynamodb: dynamoOver(port), s3: noS3 },
    })
    let sessions = 0
    const owner = scenario.deletes ? { pipeline: PIPELINE, sink: SINK } : undefined
    const writer = openWriter(
      options,
      {
        pipeline: PIPELINE,
        order: 'log',
        binding: { host: 'h', port: 1, database: 'd', user: 'u', password: 'none' },
        ledger: noLedger,
        log: () => undefined,
        ...(scenario.deletes ? { deletes: { keepMs: 1 } } : {}),
      },
      undefined,
      {
        connect: () => Promise.resolve(sessionOver(port, sessions++, options, plant, owner)),
        sleep: (ms) => quietPorts.clock.sleep(ms),
        random: quietPorts.random,
      },
    )
    const run = engine(PIPELINE, definition, writer, { deletes: scenario.deletes })
    return (input: Input) => run(input, (given) => letters.put(given, quietPorts.deadline))
  }
  return deliveryModel(scenario, storesModel(scenario.keyed), replayed<Input>(program))
}

const noLedger = {
  read: () => Promise.reject(new Error('this sink has no ledger')),
  compareAndSet: () => Promise.reject(new Error('this sink has no ledger')),
}

export function storesModel(keyed: boolean): StoreModel<Stores> {
  return {
    initial: { database: { ...emptyContents, open: {} }, tables: {} },
    keyed,
    local: () => undefined,
    outcomes: (stores, process, request, flight) =>
      'statement' in (request as object)
        ? postgresOutcomes(stores, process, request as PostgresRequest, keyed)
        : overTables(stores, dynamoOutcomes(stores.tables, keys, request as DynamoRequest, flight)),
    crashed: (stores, process) => {
      const gone = Object.keys(stores.database.open).filter((holder) => holder.startsWith(`${process}.`))
      return gone.length === 0 ? stores : { ...stores, database: gone.reduce(without, stores.database) }
    },
    *own({ database, tables }) {
      for (const { label, database: after } of orphansOf(database, keyed))
        yield { label, store: { database: after, tables } }
    },
    effects: ({ database: { rows, deleted } }) => [
      ...Object.values(rows).map((row) => ({ key: row.id, position: positionOf(row) })),
      ...Object.entries(deleted).flatMap(([key, position]) =>
        rows[key] ? [] : [{ key, position: { ...position, gone: true as const } }],
      ),
    ],
    *deletes({ database, tables }) {
      for (const [key, position] of Object.entries(database.deleted)) {
        if (isLocked(database, `d ${key}`)) continue
        const { [key]: _, ...deleted } = database.deleted
        yield { key, position, forgotten: { tables, database: { ...database, deleted } } }
      }
    },
    letters: ({ database, tables }) =>
      new Set([...lettersIn(tables), ...Object.values(database.outbox).map((letter) => `${letter[4]}/${letter[6]}`)]),
    watermark: ({ database }, source) => {
      const watermark = database.watermarks[nameOf({ cluster: CLUSTER, topic: TOPIC, partition: source })]
      if (!watermark || watermark.next_offset === null) return undefined
      const { epoch, next_offset: next, gaps, gap_count: gapCount, checkpoints, rewind } = watermark
      return { epoch, next, gaps, gapCount, head: checkpoints[0]?.offset ?? 0, rewind: rewind ?? undefined }
    },
    rewatermark: (stores, change, removeFrom) => rewatermarked(stores, keyed, change, removeFrom),
  }
}

function rewatermarked(
  stores: Stores,
  keyed: boolean,
  change: (before: Watermark) => Watermark | undefined,
  removeFrom: number | undefined,
): Stores | undefined {
  const { database } = stores
  const name = nameOf({ cluster: CLUSTER, topic: TOPIC, partition: 0 })
  const there = database.watermarks[name]
  if (!there || there.next_offset === null || isLocked(database, `w ${name}`)) return undefined
  const { epoch, next_offset: next, checkpoints, gaps, gap_count: gapCount, rewind } = there
  const after = change({ epoch, next, checkpoints, gaps, gapCount, ...(rewind ? { rewind } : {}) })
  if (!after) return undefined
  const watermark = {
    ...there,
    epoch: after.epoch,
    next_offset: after.next,
    checkpoints: after.checkpoints,
    gaps: after.gaps,
    gap_count: after.gapCount,
    rewind: after.rewind ?? null,
  }
  const stays = ([, row]: [string, StoredRow]) => keyed || removeFrom === undefined || row.offset < removeFrom
  const rows = Object.fromEntries(Object.entries(database.rows).filter(stays))
  return { ...stores, database: { ...database, rows, watermarks: { ...database.watermarks, [name]: watermark } } }
}

function* overTables(stores: Stores, outcomes: Iterable<Outcome<Tables>>): Iterable<Outcome<Stores>> {
  for (const outcome of outcomes)
    yield { ...outcome, store: outcome.store === stores.tables ? stores : { ...stores, tables: outcome.store } }
}

export function* postgresOutcomes(
  stores: Stores,
  process: number,
  { session, open, statement, behind }: PostgresRequest,
  keyed: boolean,
): Iterable<Outcome<Stores>> {
  const { database } = stores
  const holder = `${process}.${session}`
  const label = statement.do.toUpperCase()
  const after = (changed: Database): Stores => (changed === database ? stores : { ...stores, database: changed })
  const executed = execute(database, holder, open, statement, keyed)
  if (executed && 'waits' in executed)
    yield { label: `${label} waits`, store: after(executed.database), flight: 'waits' }
  else if (executed) yield { label, store: after(executed.database), answer: executed.answer }
  if (!open && executed && 'answer' in executed && executed.database !== database) {
    const lost = { label: `${label}, its answer lost`, answer: { lost: true }, fault: true }
    yield { ...lost, store: after(executed.database) }
  }
  const gone = after(orphaned(database, holder, [statement, ...behind]))
  const lost = statement.do === 'commit' ? 'its answer lost' : 'the connection lost'
  yield { label: `${label}, ${lost}`, store: gone, answer: { lost: true }, fault: true }
  if (!executed) {
    const store = after(failing(database, holder))
    yield { label: `${label} waits too long`, store, answer: { error: '55P03' }, fault: true }
  }
}
