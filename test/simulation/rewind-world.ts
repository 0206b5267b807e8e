/**
 * Rewinds by the verb that ships (src/operations/rewind), beside invocations of the function: its plan, its protocol, and what it does
 * to a store and to dead letters. The log, the mapping and the group are the model's. The verb is cut off anywhere, run again
 * or finished later; invocations from before live on. The pipeline may have a second sink, which is not rewound.
 */
import { messageOf, WeirError } from '../../src/core/errors.ts'
import { letterPorts } from '../../src/operations/rewind/letters.ts'
import type { Opened } from '../../src/operations/rewind/ports.ts'
import type { PipelineSink } from '../../src/operations/rewind/protocol.ts'
import { runFinish, runRewind } from '../../src/operations/rewind/verb.ts'
import type { Verb } from '../../src/operations/rewind/verb.ts'
import { openLetterBox } from '../../src/sinks/dead-letters/letter-box.ts'
import { replayed } from '../../src/testing/explorer/replay.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { CLUSTER, logOf, processesOf, TOPIC } from './delivery-types.ts'
import { advance, runAlone } from './delivery-progress.ts'
import { deliver } from './delivery-steps.ts'
import type {
  Command,
  LogRecord,
  Mapping,
  More,
  Outcome,
  Parts,
  Result,
  Scenario,
  Task,
  World,
} from './delivery-types.ts'
import { firstWorld, modelOf, partsOf } from './delivery-world.ts'
import { dynamoOver } from './dynamo-store.ts'
import { LETTERS, noS3, PIPELINE, SINK } from './dynamodb-world.ts'
import { engine, quietPorts } from './engine.ts'
import { sessionOver } from './postgres-session.ts'
import { otherSink, sourceRecords, wrongInOther } from './rewind-other.ts'
import { openSink } from './rewind-sinks.ts'
import type { Clients, SinkKind } from './rewind-sinks.ts'
import { storesModel } from './rewind-stores.ts'
import type { Stores } from './rewind-stores.ts'
import { checksumOf } from './rewinds.ts'
import { s3Over } from './s3-store.ts'

export interface RewindScenario extends Scenario {
  readonly sink: SinkKind
  /** What a person runs, each once and one by one: `rewind 0` to that offset, `finish`. */
  readonly commands: readonly string[]
  /** Whether the pipeline has another sink, which is not rewound. @default false */
  readonly second?: boolean
  /** Whether a definition that reads what is mendable is deployed before anybody rewinds. @default false */
  readonly mended?: boolean
  /** Where the group began; what the log has before was never offered. @default 0 */
  readonly from?: number
  /** Offsets that compaction takes out of the log once it has taken effect. */
  readonly compacted?: readonly number[]
  /** An event that is still under way, so many steps on, when all begins; `alone`, unless another has done the whole log since. */
  readonly zombie?: { readonly records: readonly number[]; readonly steps: number; readonly alone?: true }
}

type Ports = Opened['ports']

/** Parts around those that ship. */
export interface RewindPlant {
  /** Of commands. */
  readonly clients?: (clients: Clients) => Clients
  readonly ports?: (ports: Ports) => Ports
  readonly sinks?: (sinks: readonly PipelineSink[]) => readonly PipelineSink[]
}

/** What a command asks of the mapping, the group and the log. */
type AskRequest =
  | { readonly ask: 'pause' | 'resume' | 'paused' | 'committed' | 'wait' }
  | { readonly ask: 'move'; readonly to: number }

const STOPPED = 'stopped'
const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }

export async function rewindModel(scenario: RewindScenario, plant: RewindPlant = {}) {
  const [log] = logOf(scenario) as [LogRecord[]]
  const left = log.filter(({ offset }) => !scenario.compacted?.includes(offset))
  const program = (port: Port) => {
    let sessions = 0
    const clients: Clients = {
      dynamodb: dynamoOver(port),
      s3: s3Over(port),
      session: (options) => sessionOver(port, sessions++, options),
    }
    const { definition, writer } = openSink(scenario.sink, clients)
    const run = engine(PIPELINE, definition, writer, scenario.second ? { second: otherSink(port) } : {})
    const letters = openLetterBox({ table: LETTERS, bucket: 'none', clients: { ...clients, s3: noS3 } })
    return (task: Task) =>
      'command' in task
        ? carriedOut(task, scenario, left, port, plant.clients?.(clients) ?? clients, plant)
        : run(task, (given) => letters.put(given, quietPorts.deadline))
  }
  const more: More<Stores> = {
    commands: scenario.commands,
    oneByOne: true,
    ask: (parts, world, request) =>
      'ask' in (request as object) ? asked(parts, scenario, world, request as AskRequest) : undefined,
    steps: (_, world) => outdatedSteps(scenario, world),
    wrong: (parts, world) => wrongWith(parts, scenario, world),
    ending: (parts, world) => endingOf(parts, scenario, world),
    wrongAtEnd,
  }
  const parts = partsOf(scenario, storesModel(scenario.sink, sourceRecords(log)), replayed<Task>(program), more)
  return modelOf(parts, await prepared(parts, scenario))
}

/** The log has taken effect, and an invocation from before may be under way. */
async function prepared(
  parts: Parts<Stores>,
  { zombie, from = 0, mended = false, compacted = [] }: RewindScenario,
): Promise<World<Stores>> {
  const [start, ...empty] = firstWorld(parts)
  let world: World<Stores> = [{ ...start, committed: [from] }, ...empty]
  if (zombie) {
    world = await deliver(parts, world, [zombie.records], 0)
    world = (await advance(parts, world, 0, zombie.steps)).world
  }
  const [mapping, ...rest] = zombie?.alone ? world : (await runAlone(parts, world, 'deliver'))!
  const names = compacted.map((offset) => `0/${offset}`)
  return [{ ...mapping, deliveries: 0, mended: mended ? -1 : null, compacted: names }, ...rest]
}

async function carriedOut(
  { command }: Command,
  { sink, second }: RewindScenario,
  log: readonly LogRecord[],
  port: Port,
  clients: Clients,
  plant: RewindPlant,
): Promise<Result> {
  const [name, to] = command.split(' ') as [string, string?]
  const sinks: readonly PipelineSink[] = [
    { id: SINK, chosen: true, target: openSink(sink, clients).target },
    ...(second ? [{ id: 'other', chosen: false, target: otherSink(port).target }] : []),
  ]
  const ports = portsOver(port, log, Number(to), clients)
  const verb: Verb = {
    pipeline: PIPELINE,
    request: { partitions: [], fromLogStart: false, acceptNewTopic: false },
    onProgress: () => undefined,
    clock: {
      now: () => 0,
      sleep: async () => {
        if ((await port({ ask: 'wait' } satisfies AskRequest)) === STOPPED) throw new Error('stopped by a person')
      },
    },
  }
  const open = { ports: plant.ports?.(ports) ?? ports, sinks: plant.sinks?.(sinks) ?? sinks }
  try {
    await (name === 'finish' ? runFinish(open, verb) : runRewind(open, verb))
    return { done: true }
  } catch (error) {
    return { failed: error instanceof WeirError ? error.code : messageOf(error), retryable: true }
  }
}

function portsOver(port: Port, log: readonly LogRecord[], to: number, { dynamodb }: Clients): Ports {
  const ask = async <T>(request: AskRequest): Promise<T> => (await port(request)) as T
  return {
    deadline: quietPorts.deadline,
    topic: TOPIC,
    sourceOf: () => source,
    offsets: () => Promise.resolve([{ partition: 0, start: 0, end: log.at(-1)!.offset + 1 }]),
    asked: () => Promise.resolve(new Map([[0, to]])),
    committed: async () => new Map([[0, await ask<number>({ ask: 'committed' })]]),
    firstRecord: (_, from, end) => {
      const first = log.find(({ offset }) => offset >= from && offset < end)
      return Promise.resolve(first && { offset: first.offset, checksum: checksumOf(first) })
    },
    pause: () => ask<void>({ ask: 'pause' }),
    isPaused: () => ask<boolean>({ ask: 'paused' }),
    resume: () => ask<void>({ ask: 'resume' }),
    moveGroup: (offsets) => ask<void>({ ask: 'move', to: offsets.get(0)! }),
    ...letterPorts({ table: LETTERS, clients: { dynamodb, s3: noS3 } }, PIPELINE, quietPorts.deadline),
  }
}

function* asked(
  parts: Parts<Stores>,
  scenario: RewindScenario,
  world: World<Stores>,
  request: AskRequest,
): Iterable<Outcome<Stores>> {
  const [mapping, { rewound }, store] = world
  const [log] = parts.log as [Parts<Stores>['log'][number]]
  const last = rewound.at(-1)
  const isRead = mapping.committed[0]! >= log.length
  const label = `asks: ${request.ask}`
  const changed = (more: Partial<Mapping>): Outcome<Stores> => ({
    label,
    store,
    mapping: { ...mapping, ...more },
    answer: null,
  })
  switch (request.ask) {
    // who waits for invocations to end, and who gives up waiting, come to the same: they end before, or are not heard
    case 'pause':
      if (invocationsOf(world).length <= (scenario.survivors ?? 1))
        yield changed({ paused: true, halted: null, live: [-1] })
      return
    case 'resume':
      yield changed({ paused: false })
      return
    case 'paused':
      yield { label, store, answer: mapping.paused }
      return
    case 'committed':
      if (!isRead || outdated(scenario, world).length === 0) yield { label, store, answer: mapping.committed[0]! }
      return
    case 'wait':
      if (isRead) yield { label, store, answer: null }
      yield { label: `${label}: stopped`, store, answer: STOPPED }
      return
    case 'move':
    default:
      yield changed({
        committed: [request.to],
        live: [-1],
        read: last?.epoch ?? 0,
        skipped: mapping.skipped.filter((name) => Number(name.split('/')[1]) < request.to),
      })
  }
}

/** Environments at work; commands have no records. */
function invocationsOf(world: World<Stores>): number[] {
  return processesOf(world).flatMap((process, i) => (process?.delivery?.[0]?.length ? [i] : []))
}

/**
 * Invocations from before the log was read again, which no function's timeout lets live until all of it was. Whatever of theirs is still
 * on its way then, no step can help; the transactions of PostgreSQL need no such mercy.
 */
function outdated({ sink }: RewindScenario, world: World<Stores>): number[] {
  if (sink === 'postgres' || sink === 'postgres append') return []
  return invocationsOf(world).filter((i) => (processesOf(world)[i]!.since ?? 0) < world[0].read)
}

function* outdatedSteps(scenario: RewindScenario, world: World<Stores>) {
  const [mapping, witness, store, ...processes] = world
  for (const i of outdated(scenario, world)) {
    const state: World<Stores> = [mapping, witness, store, ...processes.with(i, null)]
    yield { label: `#${i} is timed out`, state }
  }
}

function wrongWith(
  parts: Parts<Stores>,
  { from = 0 }: RewindScenario,
  [mapping, witness, store]: World<Stores>,
): string | undefined {
  const rows = parts.store.keyed ? [] : parts.store.effects(store)
  const places = rows.map(({ position: { offset, index } }) => (index === 0 ? `${offset}` : `${offset}#${index}`))
  const twice = places.find((place, i) => places.indexOf(place) !== i)
  if (twice !== undefined) return `D2: ${twice} is there twice`
  // the letter would be replayed, and its row be there once more
  const open = rows.find(({ position: { offset } }) => parts.store.letters(store).has(`0/${offset}`))
  if (open) return `D2: ${open.position.offset} is there, and its letter open`
  const isWithdrawn = (offset: number) =>
    offset < from || [...mapping.skipped, ...mapping.compacted].includes(`0/${offset}`) || isPoison(parts, offset)
  const isMoved = mapping.read >= (witness.rewound.at(-1)?.epoch ?? 0)
  if (!store.other.watermark) return undefined
  return wrongInOther(store.other, isMoved ? mapping.committed[0]! : 0, isWithdrawn)
}

function isPoison({ log }: Parts<Stores>, offset: number): boolean {
  return log[0]![offset]!.kind !== 'good'
}

/** As a person would, who finds the sink as it is. */
function endingOf(
  parts: Parts<Stores>,
  { commands }: RewindScenario,
  [mapping, witness, store]: World<Stores>,
): readonly (Command | 'deliver')[] {
  const rewind = parts.store.watermark(store, 0)?.rewind
  const isMoved = mapping.read >= (witness.rewound.at(-1)?.epoch ?? 0)
  const again = { command: commands.find((command) => command.startsWith('rewind'))! }
  if (mapping.paused || mapping.halted !== null || rewind?.state === 'removing' || !isMoved)
    return [again, again, 'deliver', { command: 'finish' }] // the first may meet what the one before left on its way
  return rewind ? ['deliver', { command: 'finish' }] : ['deliver']
}

/** D13: nothing of it is left to do, and nothing from before it is left. */
function wrongAtEnd(parts: Parts<Stores>, [mapping, { rewound }, store]: World<Stores>): string | undefined {
  const last = rewound.at(-1)
  if (parts.store.watermark(store, 0)?.rewind) return 'D13: the rewind is not finished'
  if (mapping.paused) return 'D13: the mapping is disabled'
  if (!last) return undefined
  const old = parts.store
    .effects(store)
    .find(({ position: { epoch, offset } }) => offset >= last.target && epoch < last.epoch)
  return old && `D13: ${old.position.offset} is there from before the rewind`
}
