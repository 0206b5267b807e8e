/**
 * Operators: they rewind, finish what another began, replay and discard dead letters, each by the shipped code over the
 * simulation's stores and brokers. Any request can be their last.
 */
import { recordChecksum } from '../../../src/core/checksum.ts'
import { messageOf, WeirError } from '../../../src/core/errors.ts'
import { replayLetters } from '../../../src/operations/replay.ts'
import type { ReplayPorts } from '../../../src/operations/replay.ts'
import { letterPorts } from '../../../src/operations/rewind/letters.ts'
import type { Opened } from '../../../src/operations/rewind/ports.ts'
import type { PipelineSink } from '../../../src/operations/rewind/protocol.ts'
import { runFinish, runRewind } from '../../../src/operations/rewind/verb.ts'
import type { DeadLetterState, DeadLetterSummary } from '../../../src/sinks/dead-letters/index.ts'
import { openDeadLetters } from '../../../src/sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../../../src/sinks/dead-letters/store.ts'
import { openRewind as openDynamo } from '../../../src/sinks/dynamodb/rewind.ts'
import { openDynamoLedger } from '../../../src/sinks/ledger-dynamodb.ts'
import { openRewind as openPostgres } from '../../../src/sinks/postgres/rewind.ts'
import { openRewind as openS3 } from '../../../src/sinks/s3/rewind.ts'
import type { PartitionOffsets } from '../../../src/kafka/admin.ts'
import { TOPIC } from '../delivery-types.ts'
import { asked } from './brokers.ts'
import { SINKS } from './effects.ts'
import { BUCKET, clientsOver, kvOptions, lakeOptions, PIPELINE, PREFIX, SQL_BINDING, sqlOptions } from './process.ts'
import type { Clients } from './process.ts'
import { put } from './observe.ts'
import { sourceOf, sourceRecord } from './records.ts'
import type { LogRecord } from './records.ts'
import { ITEMS, LEDGER, LETTERS, withoutActor } from './stores.ts'
import { vanish } from './troubles.ts'
import { below, busy, flying, park, PARTITIONS, patient, pick, say, trouble } from './world.ts'
import type { Operator, RewindCommand, World } from './world.ts'

/** Ids of processes are below. */
const FIRST_ID = 1_000

type Work = (operator: Operator, clients: Clients) => Promise<void>

function command(world: World, verb: Operator['verb'], line: string, work: Work): void {
  const operator: Operator = { id: FIRST_ID + world.operators.length, verb, parked: [], gone: false }
  world.operators.push(operator)
  trouble(world, `somebody runs ${verb}`, `#${operator.id} ${line}`)
  const clients = clientsOver((ask) => park(operator, ask), world.version.keyed)
  const over = (how: string) => {
    operator.gone = true
    put(world, withoutActor(world.stores, operator.id)) // its connections end with it
    say(world, `#${operator.id} ${how}`)
  }
  work(operator, clients).then(
    () => over('is done'),
    (error: unknown) => {
      if (!isTold(error)) world.wrong ??= `D13: a command failed with ${messageOf(error)}`
      over(`failed: ${messageOf(error)}`)
    },
  )
}

/** What commands may fail with: a store or a broker is away, somebody else was faster, or it is to be run otherwise. */
function isTold(error: unknown): boolean {
  if (error instanceof WeirError) return ['WEIR_STORE_UNAVAILABLE', 'WEIR_CONTENDED', 'WEIR_USAGE'].includes(error.code)
  return ['the brokers are away', 'the group has members'].includes(messageOf(error))
}

/** A rewind of one sink or all, to the log's start or to an offset; the same one again where it was not brought to its end. */
export function rewind(world: World): void {
  const { random, kafka } = world
  const most = Math.max(...kafka.partitions.map(({ end }) => end))
  world.rewind ??= {
    chosen: random() < 0.4 ? undefined : [pick(world, SINKS)!],
    to: random() < 0.5 ? undefined : below(random, most + 1),
    fromLogStart: random() < 0.8,
    acceptNewTopic: false,
  }
  runRewindCommand(world, world.rewind)
}

function runRewindCommand(world: World, given: RewindCommand): void {
  const { chosen, to, fromLogStart, acceptNewTopic } = given
  const line = `${chosen?.join() ?? 'all'} to ${acceptNewTopic ? 'a new topic' : (to ?? 'earliest')}`
  const request = { partitions: [], fromLogStart, acceptNewTopic }
  world.excuse ||= flying(world).length > 0
  command(world, 'rewind', line, async (operator, clients) => {
    try {
      await runRewind(worldOf(world, operator, clients, given), { ...verbOf(world, operator), request })
      done(world, given)
    } catch (error) {
      // What the log does not have any more is left out.
      if (error instanceof WeirError && error.code === 'WEIR_USAGE') world.rewind = { ...given, fromLogStart: true }
      throw error
    }
  })
}

/** A topic made anew is taken for what it is: read from its start, and what the old one left stays. */
export function accept(world: World): void {
  world.rewind = { chosen: undefined, to: undefined, fromLogStart: false, acceptNewTopic: true }
  runRewindCommand(world, world.rewind)
}

/** A second operator with --finish. */
export function finish(world: World): void {
  const given = world.rewind!
  const request = { partitions: [], fromLogStart: false, acceptNewTopic: false }
  command(world, 'rewind', `${given.chosen?.join() ?? 'all'} --finish`, async (operator, clients) => {
    await runFinish(worldOf(world, operator, clients, given), { ...verbOf(world, operator), request })
    done(world, given)
  })
}

function done(world: World, given: RewindCommand): void {
  if (world.rewind === given) world.rewind = undefined
  world.excuse = false
  world.finished = world.steps
}

function verbOf(world: World, operator: Operator) {
  return {
    pipeline: PIPELINE,
    clock: { now: () => 0, sleep: () => asked<void>(operator, { do: 'wait' }) },
    onProgress: (step: string) => {
      say(world, `#${operator.id} ${step}`)
      if (step.startsWith('Removing what nothing replaced')) outlived(world)
    },
  }
}

/** The function's timeout, and the time it took to read the log again, have passed: nothing from before the rewind is left. */
function outlived(world: World): void {
  for (const process of flying(world)) if (process.flight!.began < world.seen.rewound) vanish(world, process)
}

function worldOf(world: World, operator: Operator, clients: Clients, { chosen, to }: RewindCommand): Opened {
  const offsets = () => asked<PartitionOffsets[]>(operator, { do: 'offsets' })
  const ports: Opened['ports'] = {
    deadline: patient,
    topic: TOPIC,
    sourceOf,
    offsets,
    asked: async () => new Map((await offsets()).map(({ partition, start }) => [partition, to ?? start])),
    committed: () => asked(operator, { do: 'committed' }),
    firstRecord: async (partition, from, end) => {
      const [first] = await asked<LogRecord[]>(operator, { do: 'read', partition, from })
      if (!first || first.offset >= end) return undefined
      return { offset: first.offset, checksum: recordChecksum(sourceRecord(first)) }
    },
    pause: () => asked(operator, { do: 'pause' }),
    isPaused: () => asked(operator, { do: 'is paused' }),
    resume: () => asked(operator, { do: 'resume' }),
    moveGroup: (to) => asked(operator, { do: 'move', offsets: to }),
    ...letterPorts({ table: LETTERS, clients }, PIPELINE, patient),
  }
  return {
    sinks: sinksOf(world, clients, chosen),
    ports: world.plant.rewindPorts?.(ports) ?? ports,
    close: () => Promise.resolve(),
  }
}

function sinksOf(world: World, clients: Clients, chosen: readonly string[] | undefined): PipelineSink[] {
  const ledger = openDynamoLedger({ table: LEDGER, client: clients.dynamodb })
  const more = { pipeline: PIPELINE, ledger, clients }
  const binding = { bucket: BUCKET, prefix: PREFIX }
  const options = sqlOptions(world.version.keyed)
  const targets = {
    lake: openS3({ ...more, options: lakeOptions, binding }),
    sql: openPostgres({ pipeline: PIPELINE, options, binding: SQL_BINDING }, clients.connect),
    kv: openDynamo({ ...more, options: kvOptions, binding: { table: ITEMS } }),
  }
  return SINKS.map((id) => ({
    id,
    chosen: chosen?.includes(id) ?? true,
    target: world.plant.target?.(targets[id]) ?? targets[id],
  }))
}

/** One letter, those of a range, or all; in the calm those that are under way, so that none stays so. */
export function replay(world: World, states: readonly DeadLetterState[] = ['new', 'replaying']): void {
  const { random } = world
  const patience = world.calm ? 0 : random()
  command(world, 'replay', states.join(), async (operator, clients) => {
    const store = openDeadLetters({ table: LETTERS, bucket: BUCKET, clients })
    const letters = await chosen(world, store, states)
    const ports = replayPorts(operator, store)
    if (letters.length > 0)
      await replayLetters(
        world.plant.replayPorts?.(ports) ?? ports,
        letters,
        () => patience > 0 && random() < patience / 4,
      )
  })
}

export function discard(world: World): void {
  command(world, 'discard', '', async (_, clients) => {
    const store = openDeadLetters({ table: LETTERS, bucket: BUCKET, clients })
    for (const letter of await chosen(world, store, ['new'])) await store.change(letter, { to: 'discarded' }, patient)
  })
}

async function chosen(
  { random, calm }: World,
  store: DeadLetterStore,
  states: readonly DeadLetterState[],
): Promise<readonly DeadLetterSummary[]> {
  const [draw, from, partition] = [random(), below(random, 20), below(random, PARTITIONS)]
  const isRange = !calm && draw > 0.4 && draw < 0.7
  const range = isRange ? { partition, fromOffset: from, toOffset: from + 10 } : {}
  const { letters } = await store.list({ pipeline: PIPELINE, states, ...range }, patient)
  return !calm && draw >= 0.7 ? letters.slice(0, 1) : letters
}

function replayPorts(operator: Operator, store: DeadLetterStore): ReplayPorts {
  return {
    get: (id) => store.get(id, patient),
    change: (letter, change) => store.change(letter, change, patient),
    ends: async () => {
      const offsets = await asked<PartitionOffsets[]>(operator, { do: 'offsets' })
      return new Map(offsets.map(({ partition, end }) => [partition, end]))
    },
    send: (records) => asked(operator, { do: 'send', records }),
    async *read(_, partition, from) {
      yield (await asked<LogRecord[]>(operator, { do: 'read', partition, from })).map(sourceRecord)
    },
    committed: () => asked(operator, { do: 'committed' }),
    expires: () => Promise.resolve(undefined),
    pause: () => asked(operator, { do: 'wait' }),
  }
}

/** Whoever is there: a rewind is brought to its end, and letters are dealt with. One rewinds at a time. */
export function operate(world: World): void {
  const { random, rewind: unfinished } = world
  const verbs = busy(world).map(({ verb }) => verb)
  const draw = random()
  if (!verbs.includes('rewind') && (unfinished || world.paused || draw < 0.45)) {
    if (unfinished && !world.paused && random() < 0.4) finish(world)
    else rewind(world)
  } else if (verbs.length < 3) {
    if (draw < 0.85) replay(world)
    else discard(world)
  }
}
