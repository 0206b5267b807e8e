/**
 * Replaying, with the real dead letters, the engine, and sinks in memory: only the broker and its mapping are stood in for. The
 * mapping delivers when the command waits, so that every step of the command can be its last.
 */
import type { AwsClients } from '../../src/aws/index.ts'
import { json } from '../../src/core/decode/json.ts'
import { deliver } from '../../src/core/deliver.ts'
import { pipeline } from '../../src/core/pipeline.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import type { SourceRecord } from '../../src/core/record.ts'
import { replayHeader } from '../../src/core/replay.ts'
import type { Replay } from '../../src/core/replay.ts'
import type { ProducedRecord } from '../../src/kafka/produce.ts'
import { replayLetters } from '../../src/operations/replay.ts'
import type { ReplayOutcome, ReplayPorts } from '../../src/operations/replay.ts'
import type { DeadLetterSummary } from '../../src/sinks/dead-letters/index.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../../src/sinks/dead-letters/store.ts'
import { memory, memoryStore } from '../../src/sinks/memory.ts'
import type { SinkWriter } from '../../src/sinks/sink.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import { memoryLedger } from '../../src/testing/memory-ledger.ts'
import { deadline, fresh } from './dynamodb-kit.ts'

const TOPIC = 'orders'
export const CLUSTER = 'arn:aws:kafka:eu-west-1:1:cluster/c/1'

export interface Row {
  readonly id: string
  readonly n: number
}

export interface ReplayWorld {
  readonly name: string
  readonly log: SourceRecord[]
  readonly store: DeadLetterStore
  /** What the next deliveries refuse; read each time. */
  fault: (row: Row, sink: string) => string | undefined
  produce(value: string | Buffer, more?: Partial<ProducedRecord>): void
  /** A copy of a letter's record, as the command sends it; or as somebody else would. */
  forge(letter: DeadLetterSummary, changes?: Partial<Replay>, value?: string): void
  /** Delivers what is not committed yet; `again` from so many records before. */
  pump(again?: number): Promise<void>
  letters(): Promise<readonly DeadLetterSummary[]>
  readonly ports: ReplayPorts
  /** As the command: what is new or under way, in order of position. */
  replay(ports?: ReplayPorts, polls?: number): Promise<ReplayOutcome[]>
  /** Of the keyed sink, by key, with the offset that each row is ordered by. */
  keyed(): Record<string, readonly [n: number, offset: number]>
  /** Of the sink that keeps all: offset and value, by offset. */
  appended(): (readonly [offset: number, n: number])[]
}

export function replayWorld(clients: AwsClients, table: string, bucket: string): ReplayWorld {
  const store = openDeadLetters({ table, bucket, clients })
  const name = fresh('replay')
  const log: SourceRecord[] = []
  const stores = { kv: memoryStore(), all: memoryStore() }
  let committed = 0
  const world = { name, log, store, fault: () => undefined } as unknown as ReplayWorld
  const definition = definitionOf(name, stores, world)
  const writers = new Map<string, SinkWriter>()
  const pump = async (again = 0) => {
    const records = log.slice(Math.max(0, committed - again))
    if (records.length === 0) return
    for (const sink of definition.sinks)
      if (!writers.has(sink.id))
        writers.set(
          sink.id,
          await sink.open({ pipeline: name, order: 'log', binding: {}, ledger: memoryLedger(), log: () => undefined }),
        )
    const { failure } = await deliver({
      pipeline: definition,
      event: kafkaEvent({ topic: TOPIC, eventSourceArn: CLUSTER, records }),
      writers,
      clock: { now: () => 0 },
      floodGate: undefined,
      replays: store,
      requestId: 'r',
      deadline: deadline(),
      log: () => undefined,
      putDeadLetters: (letters) => store.put(letters, deadline()),
    })
    if (failure) throw failure
    committed = log.length
  }
  const append = ({ key = null, value = null, headers = [], timestamp = log.length }: ProducedRecord) =>
    void log.push({
      topic: TOPIC,
      partition: 0,
      offset: log.length,
      timestamp,
      timestampType: 'CREATE_TIME',
      key,
      value,
      headers,
    })
  const letters = async () => (await store.list({ pipeline: name, limit: 1_000 }, deadline())).letters
  const ports: ReplayPorts = {
    get: (id) => store.get(id, deadline()),
    change: (letter, change) => store.change(letter, change, deadline()),
    ends: () => Promise.resolve(new Map([[0, log.length]])),
    send: (records) => Promise.resolve(records.forEach(append)),
    async *read(_, __, from) {
      yield log.slice(from)
    },
    committed: () => Promise.resolve(new Map([[0, committed]])),
    expires: () => Promise.resolve(undefined),
    pause: () => pump(),
  }
  return Object.assign(world, {
    pump,
    letters,
    ports,
    produce: (value: string | Buffer, more: Partial<ProducedRecord> = {}) =>
      append({ topic: TOPIC, value: Buffer.from(value), ...more }),
    forge: (letter: DeadLetterSummary, changes: Partial<Replay> = {}, value = '{"id":"forged","n":0}') => {
      const header = replayHeader({ ...letter, attempt: letter.attempts, ...changes })
      append({ topic: TOPIC, value: Buffer.from(value), headers: [header] })
    },
    replay: async (through: ReplayPorts = ports, polls = 5) => {
      const open = (await letters()).filter(({ state }) => state === 'new' || state === 'replaying')
      let left = polls
      return open.length === 0 ? [] : replayLetters(through, open, () => left-- <= 0)
    },
    keyed: () =>
      Object.fromEntries(
        [...stores.kv.rows].map(([key, { row, position }]) => [key, [(row as Row).n, position.offset]] as const),
      ),
    appended: () =>
      [...stores.all.rows.values()]
        .map(({ row, position }) => [position.offset, (row as Row).n] as const)
        .toSorted(([a], [b]) => a - b),
  })
}

function definitionOf(
  name: string,
  stores: Readonly<Record<'kv' | 'all', ReturnType<typeof memoryStore>>>,
  world: ReplayWorld,
): Pipeline {
  const refusing = (sink: string) => (row: Row) => {
    const fault = world.fault(row, sink)
    if (fault !== undefined) throw new Error(fault)
    return row
  }
  return pipeline<unknown, Row>({
    name,
    source: { topic: TOPIC },
    decode: json(),
    transform: (value) => refusing('*')(value as Row),
    sinks: [
      { ...memory({ id: 'kv', store: stores.kv, keyOf: (row) => (row as Row).id }), row: refusing('kv') },
      { ...memory({ id: 'all', store: stores.all }), row: refusing('all') },
    ],
  })
}
