import { openAdmin } from '../../kafka/admin.ts'
import { discardLetters, getDeadLetter, listDeadLetters } from '../../operations/dead-letters.ts'
import type { ListQuery } from '../../operations/dead-letters.ts'
import { kafkaOf } from '../../operations/kafka-target.ts'
import type { ReplayOutcome } from '../../operations/replay.ts'
import { expiryOf, replayOn } from '../../operations/replay-ports.ts'
import type { Target } from '../../operations/target.ts'
import { WeirError } from '../../core/errors.ts'
import { DEAD_LETTER_STATES } from '../../sinks/dead-letters/index.ts'
import type { DeadLetterState, DeadLetterSummary, StoredDeadLetter } from '../../sinks/dead-letters/index.ts'
import { requireYes } from '../ask.ts'
import { escaped, readable } from '../bytes.ts'
import { defineCommand, defineGroup } from '../command.ts'
import type { Io } from '../io.ts'
import { choice, flag, moment, required, text, whole, withDefault } from '../options.ts'
import type { ParameterValues } from '../options.ts'
import { table } from '../table.ts'
import { openTarget, pipelinesOf } from '../target.ts'

const MAX_LISTED = 100_000
/** Of the reason, in a table. */
const SHOWN_CHARACTERS = 80

const filters = {
  pipeline: text('name', 'only those of this pipeline'),
  sink: text('id', "only those of this sink; '*' for those that concern all sinks"),
  state: choice('only those in this state', DEAD_LETTER_STATES),
  stage: choice('only those that failed there', ['decode', 'validate', 'transform', 'encode', 'store']),
  code: text('code', 'only those with this code, such as WEIR_DECODE'),
  topic: text('name', 'only those of this topic'),
  partition: whole('number', 'only those of this partition', 0),
  fromOffset: whole('offset', 'only those at this offset or later', 0),
  toOffset: whole('offset', 'only those at this offset or earlier', 0),
  since: moment(
    'time',
    'only records of this time or later; such as 2026-01-31T12:00:00Z, or how long ago, such as 10m',
  ),
  until: moment('time', 'only records of this time or earlier'),
}

type Filters = ParameterValues<typeof filters>

const list = defineCommand({
  summary: 'List dead letters, by pipeline and position',
  details: 'With --json an array of summaries, without the records.',
  example: [
    'weirhouse dlq list',
    'weirhouse dlq list --pipeline demo --sink kv',
    'weirhouse dlq list --state new --stage decode --since 1h',
  ],
  options: { ...filters, limit: withDefault(whole('count', 'how many at most', 1, MAX_LISTED), 100) },
  async run({ limit, ...input }, io) {
    const target = await openTarget(io)
    io.progress('Listing dead letters')
    const { letters, more } = await listDeadLetters(target, queryOf(target, input, limit), io.signal)
    await io.answer(letters, () => (letters.length === 0 ? 'There are no dead letters.' : letterTable(letters)))
    if (more) io.note(`There are more than ${limit}: raise --limit.`)
  },
})

function queryOf(target: Target, { pipeline, state, ...rest }: Filters, limit: number): ListQuery {
  const pipelines = pipelinesOf(target, pipeline).map(({ name }) => name)
  return { ...rest, pipelines, limit, ...(state === undefined ? {} : { states: [state] }) }
}

function letterTable(letters: readonly DeadLetterSummary[]): string {
  const rows = letters.map(({ id, state, sink, stage, code, text }) => [id, state, sink, stage, code, shortened(text)])
  return table(['id', 'state', 'sink', 'stage', 'code', 'reason'], rows)
}

const show = defineCommand({
  summary: 'Show one dead letter with its record',
  details:
    'Bytes that are no printable text are escaped. With --json key, value and headers have an encoding beside them: utf8 or base64, exactly the bytes that came.',
  example: ['weirhouse dlq show "$(weirhouse dlq list --json | jq -r \'.[0].id\')"'],
  arguments: { id: required(text('id', 'as `dlq list` prints it')) },
  async run({ id }, io) {
    const target = await openTarget(io)
    io.progress('Reading the dead letter')
    const letter = await getDeadLetter(target, id, io.signal)
    await io.answer(jsonOf(letter), () => plainOf(letter))
  },
})

const selection = {
  ...filters,
  all: flag('every one that the filters leave, where there is none every one there is'),
  dryRun: flag('only say which, and change nothing'),
  yes: flag('do not ask'),
}

const letterId = text('id', 'one letter, as `dlq list` prints it; without it, those that the filters leave')

/** What is to be acted on, asked about and confirmed; undefined where there is nothing more to do. */
async function select(
  verb: string,
  actable: readonly DeadLetterState[],
  { id, all, dryRun, yes, ...input }: ParameterValues<typeof selection> & { readonly id: string | undefined },
  io: Io,
): Promise<{ readonly target: Target; readonly letters: readonly DeadLetterSummary[] } | undefined> {
  const isFiltered = Object.values(input).some((value) => value !== undefined)
  if (id === undefined ? !all && !isFiltered : all || isFiltered)
    throw new WeirError('WEIR_USAGE', {
      reason: 'which dead letters is not said, or said twice',
      advice: `Give one id, or filters, or --all: weirhouse dlq ${verb} --pipeline demo --stage decode`,
    })
  const target = await openTarget(io)
  io.progress('Reading dead letters')
  const found = id === undefined ? await every(target, input, io) : [await one(target, id, io)]
  const letters = found.filter(({ state }) => actable.includes(state))
  const left = found.length - letters.length
  if (left > 0) io.note(`Left alone, for they are not ${actable.join(' or ')}: ${left}.`)
  if (letters.length === 0 || dryRun) {
    const nothing = `There is nothing to ${verb}.`
    await io.answer(letters, () => (letters.length === 0 ? nothing : `Would ${verb}:\n${letterTable(letters)}`))
    return undefined
  }
  if (!yes) await requireYes(`${verb === 'replay' ? 'Replay' : 'Discard'} ${counted(letters.length)}?`, io)
  return { target, letters }
}

async function every(target: Target, input: Filters, io: Io): Promise<readonly DeadLetterSummary[]> {
  return (await listDeadLetters(target, queryOf(target, input, MAX_LISTED), io.signal)).letters
}

async function one(target: Target, id: string, io: Io): Promise<DeadLetterSummary> {
  const letter = await getDeadLetter(target, id, io.signal)
  pipelinesOf(target, letter.pipeline)
  return letter
}

const replay = defineCommand({
  summary: 'Send dead letters to their topic again, and wait until they have taken effect',
  details:
    'The original bytes, with a header that only this pipeline and the sinks of the letter heed. Keyed sinks order the record by its original position; the others take it where it stands now. Interrupted or timed out, the same command goes on, and nothing takes effect twice. Exit code 1 where a record failed again or is still on its way. With --json an array: id, outcome (replayed, failed, waiting, untaken, changed), offset, code and text of those that failed.',
  example: [
    'weirhouse dlq replay --pipeline demo --stage decode',
    'weirhouse dlq replay --all --dry-run',
    'weirhouse dlq replay --code WEIR_REFUSED --sink sql --yes --json',
  ],
  arguments: { id: letterId },
  options: {
    ...selection,
    timeoutMs: withDefault(whole('ms', 'how long to wait for the function', 0), 60_000),
  },
  async run({ timeoutMs, ...input }, io) {
    const selected = await select('replay', ['new', 'replaying'], input, io)
    if (!selected) return 0
    io.progress(`Replaying ${counted(selected.letters.length)}`)
    const outcomes = await replayOn(selected.target, selected.letters, { waitMs: timeoutMs, signal: io.signal })
    await io.answer(outcomes, () => outcomeText(outcomes))
    return outcomes.every(({ outcome }) => outcome === 'replayed') ? 0 : 1
  },
})

const OUTCOMES: Readonly<Record<ReplayOutcome['outcome'], string>> = {
  replayed: 'replayed',
  failed: 'failed again',
  waiting: 'on its way: run the same command again',
  untaken: 'passed by: the function knows no replays, deploy it anew',
  changed: 'left alone: somebody else acts on it',
}

function outcomeText(outcomes: readonly ReplayOutcome[]): string {
  const open = outcomes.filter(({ outcome }) => outcome !== 'replayed')
  const done = `Replayed ${counted(outcomes.length - open.length)}.`
  if (open.length === 0) return done
  const rows = open.map(({ id, outcome, code = '', text = '' }) => [id, OUTCOMES[outcome], code, shortened(text)])
  return `${table(['id', 'outcome', 'code', 'reason'], rows)}\n${done}`
}

const discard = defineCommand({
  summary: 'Decide that dead letters never take effect',
  details:
    'Their records stay where they are, marked as discarded, until the topic has dropped them. Only letters in state new. With --json an array: id, outcome (discarded, changed).',
  example: ['weirhouse dlq discard --pipeline demo --code WEIR_TOMBSTONE', 'weirhouse dlq discard --all --dry-run'],
  arguments: { id: letterId },
  options: selection,
  async run(input, io) {
    const selected = await select('discard', ['new'], input, io)
    if (!selected) return 0
    const { target, letters } = selected
    io.progress(`Discarding ${counted(letters.length)}`)
    const admin = openAdmin(kafkaOf(target))
    try {
      const outcomes = await discardLetters(target, letters, (topic) => expiryOf(admin, topic), io.signal)
      const done = outcomes.filter(({ outcome }) => outcome === 'discarded').length
      const rest = outcomes.length - done
      const others = rest === 0 ? '' : ` Left alone, for somebody else acts on them: ${rest}.`
      await io.answer(outcomes, () => `Discarded ${counted(done)}.${others}`)
      return rest === 0 ? 0 : 1
    } finally {
      await admin.close()
    }
  },
})

const counted = (count: number) => `${count} dead letter${count === 1 ? '' : 's'}`

export const command = defineGroup({
  summary: 'List, show, replay and discard dead letters: records that could not take effect',
  commands: { list, show, replay, discard },
})

/** The reason of a letter, as a table shows it. */
export function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text
}

function jsonOf({ record, ...summary }: StoredDeadLetter): unknown {
  const [key, value] = [readable(record.key), readable(record.value)]
  return {
    ...summary,
    timestampType: record.timestampType,
    key: key.text,
    keyEncoding: key.encoding,
    value: value.text,
    valueEncoding: value.encoding,
    headers: record.headers.map((header) => {
      const { text, encoding } = readable(header.value)
      return { name: header.name, value: text, encoding }
    }),
  }
}

function plainOf({ record, ...letter }: StoredDeadLetter): string {
  const bytes = (value: Buffer | null) => (value === null ? 'none' : escaped(value))
  const time = record.timestamp < 0 ? 'no timestamp' : new Date(record.timestamp).toISOString()
  return [
    `id        ${letter.id}`,
    `pipeline  ${letter.pipeline}, ${letter.sink === '*' ? 'all sinks' : `sink ${letter.sink}`}`,
    `state     ${letter.state}${letter.attempts > 0 ? `, replayed ${letter.attempts} time${letter.attempts === 1 ? '' : 's'}` : ''}`,
    ...(letter.takenAt === null ? [] : [`replay    ${letter.topic}/${letter.partition}@${letter.takenAt}`]),
    `reason    ${letter.code} at stage ${letter.stage}: ${escaped(Buffer.from(letter.text))}`,
    `record    ${letter.topic}/${letter.partition}@${letter.offset}, ${time}`,
    ...record.headers.map(({ name, value }) => `header    ${escaped(Buffer.from(name))}: ${escaped(value)}`),
    `key       ${bytes(record.key)}`,
    `value     ${bytes(record.value)}`,
  ].join('\n')
}
