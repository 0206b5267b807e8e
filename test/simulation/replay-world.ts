/**
 * Dead letters that are replayed and discarded, with the commands, the letters, the engine and the DynamoDB sink as they ship. All
 * begins where letters stand in their table and a definition is deployed that reads their records; invocations of the old one may
 * still be under way. Commands run beside the environments, are cut off anywhere, and are run again.
 */
import { numberOf, textOf } from '../../src/aws/attribute.ts'
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import type { SourceRecord } from '../../src/core/record.ts'
import { REPLAY_HEADER, replayHeader, replayOf } from '../../src/core/replay.ts'
import type { ReplayDesk } from '../../src/core/replay.ts'
import { messageOf } from '../../src/core/errors.ts'
import { replayLetters } from '../../src/operations/replay.ts'
import type { ReplayPorts } from '../../src/operations/replay.ts'
import type { DeadLetterState } from '../../src/sinks/dead-letters/index.ts'
import type { DeadLetterStore } from '../../src/sinks/dead-letters/store.ts'
import { supersedeLetters } from '../../src/sinks/dead-letters/supersede.ts'
import type { SinkWriter } from '../../src/sinks/sink.ts'
import { replayed } from '../../src/testing/explorer/replay.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { CLUSTER, logNow, nameOf, TOPIC } from './delivery-types.ts'
import type { Command, LogRecord, Mapping, More, Outcome, Parts, Result, Task, World } from './delivery-types.ts'
import { runAlone } from './delivery-progress.ts'
import { deliver, offered } from './delivery-steps.ts'
import { firstWorld, modelOf, partsOf } from './delivery-world.ts'
import { dynamoOver } from './dynamo-store.ts'
import type { Tables } from './dynamo-store.ts'
import { dynamoModel, LETTERS, noS3, openAll, PIPELINE, TABLE } from './dynamodb-world.ts'
import type { DynamoScenario } from './dynamodb-world.ts'
import { engine, quietPorts } from './engine.ts'

export interface ReplayScenario extends DynamoScenario {
  /** What people run, each once, in any order and at once; `supersede` is what a rewind makes of letters. */
  readonly commands: readonly ('replay' | 'discard' | 'supersede')[]
  /** Whether an invocation of the old definition is still under way, with the whole log. */
  readonly zombie?: boolean
}

/** Parts around those that ship. */
export interface ReplayPlant {
  readonly dynamo?: (dynamo: Dynamo) => Dynamo
  readonly desk?: (desk: ReplayDesk) => ReplayDesk
  readonly ports?: (ports: ReplayPorts) => ReplayPorts
  readonly writer?: (writer: SinkWriter) => SinkWriter
}

/** What a command asks of the log. */
type LogRequest =
  | { readonly log: 'end' }
  | { readonly log: 'committed' }
  | { readonly log: typeof SUPERSEDED }
  | { readonly log: 'read'; readonly from: number }
  | { readonly log: 'send'; readonly copies: readonly NonNullable<LogRecord['copy']>[] }

const LOST = 'lost'
/** Noted among what was begun, once it is done. */
const SUPERSEDED = 'superseded'

export async function replayModel(scenario: ReplayScenario, plant: ReplayPlant = {}) {
  const program = (port: Port) => {
    const shipped = dynamoOver(port)
    const client = plant.dynamo?.(shipped) ?? shipped
    const { definition, letters, writer } = openAll(client, scenario)
    const replays = plant.desk?.(letters) ?? letters
    const run = engine(PIPELINE, definition, plant.writer?.(writer) ?? writer, { replays })
    return (task: Task) =>
      'command' in task
        ? carriedOut(task, letters, portsOver(port, letters, plant), () => superseded(port, client))
        : run(task, (given) => letters.put(given, quietPorts.deadline))
  }
  const more: More<Tables> = {
    commands: scenario.commands,
    ask: (_, world, request) => ('log' in (request as object) ? asked(parts, world, request as LogRequest) : undefined),
    steps: (_, world) => lateSteps(parts, world),
    wrong: (_, world) => wrongWith(parts, world),
    ending: () => ['deliver', { command: 'replay' }, 'deliver', { command: 'replay' }, 'deliver'],
    wrongAtEnd: (_, world) => wrongAtEnd(parts, world),
  }
  const parts = partsOf(scenario, dynamoModel(scenario), replayed<Task>(program), more)
  return modelOf(parts, await prepared(parts, scenario))
}

/** The old definition has read the log, and is replaced. */
async function prepared(parts: Parts<Tables>, { zombie }: ReplayScenario): Promise<World<Tables>> {
  const first = firstWorld(parts)
  const begun = zombie ? await deliver(parts, first, offered(parts, first[0]), 0) : first
  const [mapping, ...rest] = (await runAlone(parts, begun, 'deliver'))!
  return [{ ...mapping, deliveries: 0, mended: -1 }, ...rest]
}

async function carriedOut(
  { command }: Command,
  letters: DeadLetterStore,
  ports: ReplayPorts,
  supersede: () => Promise<void>,
): Promise<Result> {
  const states: DeadLetterState[] = command === 'replay' ? ['new', 'replaying'] : ['new']
  try {
    if (command === 'supersede') {
      await supersede()
      return { done: true }
    }
    const { letters: found } = await letters.list({ pipeline: PIPELINE, states }, quietPorts.deadline)
    if (command === 'replay' && found.length > 0) await replayLetters(ports, found, () => true)
    if (command === 'discard') for (const each of found) await ports.change(each, { to: 'discarded' })
    return { done: true }
  } catch (error) {
    return { failed: messageOf(error), retryable: true }
  }
}

async function superseded(port: Port, dynamodb: Dynamo): Promise<void> {
  const all = {
    pipeline: PIPELINE,
    sink: '*',
    source: { cluster: CLUSTER, topic: TOPIC, partition: 0 },
    from: 0,
    below: 1,
  }
  await supersedeLetters({ table: LETTERS, clients: { dynamodb, s3: noS3 } }, all, quietPorts.deadline)
  await port({ log: SUPERSEDED } satisfies LogRequest)
}

function portsOver(port: Port, letters: DeadLetterStore, plant: ReplayPlant): ReplayPorts {
  const ask = async <T>(request: LogRequest): Promise<T> => (await port(request)) as T
  const ports: ReplayPorts = {
    get: (id) => letters.get(id, quietPorts.deadline),
    change: (letter, change) => letters.change(letter, change, quietPorts.deadline),
    ends: async () => new Map([[0, await ask<number>({ log: 'end' })]]),
    committed: async () => new Map([[0, await ask<number>({ log: 'committed' })]]),
    async *read(_, __, from) {
      yield (await ask<LogRecord[]>({ log: 'read', from })).map(recordOf)
    },
    send: async (records) => {
      const copies = records.map(({ headers = [] }) => {
        const replay = replayOf({ headers })!
        return { of: replay.offset, header: replayHeader(replay).value.toString() }
      })
      if ((await ask({ log: 'send', copies })) === LOST) throw new Error('the brokers are gone')
    },
    expires: () => Promise.resolve(undefined),
    pause: () => Promise.reject(new Error('it waits for nobody')),
  }
  return plant.ports?.(ports) ?? ports
}

/** Only the headers are looked at. */
function recordOf({ offset, copy }: LogRecord): SourceRecord {
  const headers = copy ? [{ name: REPLAY_HEADER, value: Buffer.from(copy.header) }] : []
  const none = { timestamp: 0, timestampType: 'CREATE_TIME', key: null, value: null } as const
  return { topic: TOPIC, partition: 0, offset, headers, ...none }
}

function* asked(parts: Parts<Tables>, world: World<Tables>, request: LogRequest): Iterable<Outcome<Tables>> {
  const [mapping, , store] = world
  const log = logNow(parts, mapping)[0]!
  const label = `log: ${request.log}`
  if (request.log === 'end') yield { label, store, answer: log.length }
  else if (request.log === SUPERSEDED)
    yield { label, store, mapping: { ...mapping, begun: [...mapping.begun, SUPERSEDED].sort() }, answer: null }
  else if (request.log === 'committed') yield { label, store, answer: mapping.committed[0]! }
  else if (request.log === 'read') yield { label, store, answer: log.slice(request.from) }
  else {
    const sent = appended(parts, mapping, request.copies)
    yield { label, store, mapping: sent, answer: 'sent' }
    yield { label: `${label}, its answer lost`, store, mapping: sent, answer: LOST, fault: true }
    const late = [...mapping.late, ...request.copies.map((copy) => copyOf(parts, copy, 0))]
    yield { label: `${label} fails`, store, mapping: { ...mapping, late }, answer: LOST, fault: true }
  }
}

function appended(parts: Parts<Tables>, mapping: Mapping, copies: readonly NonNullable<LogRecord['copy']>[]): Mapping {
  const end = logNow(parts, mapping)[0]!.length
  return { ...mapping, copies: [...mapping.copies, ...copies.map((copy, i) => copyOf(parts, copy, end + i))] }
}

function copyOf({ log }: Parts<Tables>, copy: NonNullable<LogRecord['copy']>, offset: number): LogRecord {
  return { ...log[0]![copy.of]!, offset, copy }
}

/** What a command gave up sending comes in all the same. */
function* lateSteps(parts: Parts<Tables>, [mapping, ...rest]: World<Tables>) {
  for (const [i, { copy }] of mapping.late.entries()) {
    const { copies } = appended(parts, mapping, [copy!])
    const after = { ...mapping, copies, late: mapping.late.toSpliced(i, 1) }
    yield { label: `a late copy of ${copy!.of} arrives`, state: [after, ...rest] as const }
  }
}

interface Letter {
  readonly offset: number
  readonly sink: string
  readonly state: DeadLetterState
}

function lettersOf(tables: Tables): Letter[] {
  return Object.values(tables[LETTERS] ?? {}).map((item) => ({
    offset: numberOf(item, 'offset')!,
    sink: textOf(item, 'sink')!,
    state: textOf(item, 'state') as DeadLetterState,
  }))
}

/** Names of the records whose rows stand in the table, however often. */
function rowsOf(tables: Tables): string[] {
  return Object.values(tables[TABLE] ?? {}).map((item) => textOf(item, 'n')!)
}

function wrongWith(parts: Parts<Tables>, [mapping, , tables]: World<Tables>): string | undefined {
  const rows = rowsOf(tables)
  const letters = lettersOf(tables)
  for (const record of parts.log[0]!) {
    const name = nameOf(record)
    const stored = rows.filter((row) => row === name).length
    const newer = parts.log[0]!.filter(
      ({ key, kind, offset }) => key === record.key && kind === 'good' && offset > record.offset,
    )
    const own = letters.filter(({ offset }) => offset === record.offset)
    const gaveWay = parts.store.keyed && newer.some((each) => rows.includes(nameOf(each)))
    if (stored > 1) return `D2: ${name} is there twice`
    if (parts.store.keyed && stored > 0 && newer.length > 0) return `D3: ${name} stands where ${nameOf(newer[0]!)} was`
    if (record.kind !== 'good' && own.length === 0) return `D1: the letter of ${name} is gone`
    for (const { state } of own) {
      if (mapping.begun.includes(SUPERSEDED) && state !== 'superseded')
        return `D13: the letter of ${name} is ${state} again`
      if (state === 'replayed' && stored === 0 && !gaveWay) return `D1: ${name} is called replayed, and is not there`
      if (state === 'discarded' && stored > 0) return `D6: ${name} is discarded, and is there`
      if (state === 'new' && stored > 0) return `D6: ${name} is there, and its letter new`
    }
  }
  const end = parts.log[0]!.length
  const foreign = letters.find(({ offset }) => offset >= end)
  if (foreign) return `D6: the copy at ${foreign.offset} has a letter of its own`
  const next = parts.store.watermark(tables, 0)!.next
  const early = mapping.copies.find(
    (copy) => copy.offset >= next && copy.offset < mapping.committed[0]! && !mapping.skipped.includes(nameOf(copy)),
  )
  return early && `N1: the copy at ${early.offset} is acknowledged, the watermark is at ${next}`
}

/** Everything was delivered and replayed once more: what can be read is in, but for what was discarded. */
function wrongAtEnd(parts: Parts<Tables>, [, , tables]: World<Tables>): string | undefined {
  for (const { offset, state } of lettersOf(tables)) {
    const { kind } = parts.log[0]![offset]!
    const wanted: readonly DeadLetterState[] = kind === 'refused' || kind === 'undecodable' ? ['new'] : ['replayed']
    if (state !== 'discarded' && state !== 'superseded' && !wanted.includes(state))
      return `D1: the letter of 0/${offset} ends as ${state}`
  }
  return undefined
}
