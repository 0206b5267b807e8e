/**
 * The engine: one event in, every sink's effect out. The order of steps is the promise (docs/delivery.md, D1, D5, D6, D7):
 *   1. decode and transform every record, replayed dead letters as what they were; what fails is poison
 *   2. every sink encodes; what its format cannot hold is refused
 *   3. unless they are a flood (D7), the dead letters of 1 and 2 become durable
 *   4. every sink writes, none waits for another; a failing one stops nobody
 *   5. the report says whether all is durable; if not, the caller must throw
 */
import type { Invocation, PreparedBatch, SinkDefinition, SinkReport, SinkWriter } from '../sinks/sink.ts'
import type { DeadLetter, Refusal } from './dead-letter.ts'
import { known, WeirError } from './errors.ts'
import { parseEvent } from './event.ts'
import type { PoisonedRange } from './flood.ts'
import type { FloodGate } from './flood-gate.ts'
import type { Pipeline } from './pipeline.ts'
import type { Clock, Log } from './ports.ts'
import type { RecordRange, SourceRecord } from './record.ts'
import { mapRanges } from './map-rows.ts'
import type { ReplayDesk } from './replay.ts'
import { rowsOf } from './rows.ts'
import type { RecordRows } from './rows.ts'
import { takeReplays } from './take-replays.ts'
import type { Replays } from './take-replays.ts'

export interface DeliverInput extends Invocation {
  readonly pipeline: Pipeline
  readonly event: unknown
  /** A writer by sink id. One that could not be opened is the error it failed with: its sink fails, the others go on (D5). */
  readonly writers: ReadonlyMap<string, SinkWriter | WeirError>
  readonly clock: Pick<Clock, 'now'>
  /** Undefined where the definition lets any flood pass. */
  readonly floodGate: FloodGate | undefined
  readonly replays: ReplayDesk
}

export interface SinkResult {
  readonly id: string
  readonly milliseconds: number
  readonly outcome: { readonly report: SinkReport } | { readonly error: WeirError }
}

export interface DeliveryReport {
  readonly ranges: readonly {
    readonly topic: string
    readonly partition: number
    readonly first: number
    readonly last: number
    readonly records: number
  }[]
  readonly records: number
  readonly rows: number
  /** Of this invocation, decode to encode; those of stage 'store' are in the sinks' reports. */
  readonly deadLetters: number
  readonly sinks: readonly SinkResult[]
  /** Present when anything is not durable: throw it (D1). */
  readonly failure?: WeirError
}

/** Takes one event to effect. Throws WeirError before any sink wrote: malformed event, foreign topic, a flood of poison, dead letters not durable. */
export async function deliver(input: DeliverInput): Promise<DeliveryReport> {
  const { pipeline, clock } = input
  const { ranges } = parseEvent(input.event, pipeline.source.cluster)
  for (const { source } of ranges)
    if (source.topic !== pipeline.source.topic)
      throw new WeirError('WEIR_EVENT_FOREIGN_TOPIC', {
        topic: source.topic,
        pipeline: pipeline.name,
        expected: pipeline.source.topic,
      })

  const replays = await takeReplays(pipeline, ranges, input)
  const decoded = await Promise.all(ranges.map((range) => decodeRange(pipeline, range, replays)))
  const prepared = pipeline.sinks.map((sink) => prepare(sink, input, ranges, decoded))
  const letters = lettersOf(pipeline, ranges, decoded, prepared)
  if (letters.length > 0) {
    const poisoned = poisonedRanges(ranges, letters, replays)
    if (poisoned.length > 0) await input.floodGate?.admit(poisoned, input.deadline)
    await input.putDeadLetters(letters)
  }

  const sinks = await Promise.all(prepared.map((each) => write(each, input, clock)))
  const failure = failureOf(sinks, input.log)
  return {
    ranges: ranges.map(({ source, records }) => ({
      topic: source.topic,
      partition: source.partition,
      first: records[0]!.offset,
      last: records.at(-1)!.offset,
      records: records.length,
    })),
    records: ranges.reduce((sum, range) => sum + range.records.length, 0),
    rows: rowsOfAll(decoded),
    deadLetters: letters.length,
    sinks,
    ...(failure ? { failure } : {}),
  }
}

function rowsOfAll(decoded: readonly (readonly RecordRows[])[]): number {
  let sum = 0
  for (const records of decoded) for (const { rows } of records) sum += rows.length
  return sum
}

async function decodeRange(pipeline: Pipeline, range: RecordRange, replays: Replays): Promise<RecordRows[]> {
  const all = new Array<RecordRows>(range.records.length)
  for (let i = 0; i < all.length; i++) {
    const record = range.records[i]!
    const result = replays.has(record) ? replayedRows(pipeline, record, replays) : rowsOf(pipeline, record)
    all[i] = result instanceof Promise ? await result : result
  }
  return all
}

async function replayedRows(pipeline: Pipeline, record: SourceRecord, replays: Replays): Promise<RecordRows> {
  const replay = replays.get(record)!
  if (replay === 'skip') return { rows: [] }
  const { sink } = replay
  if (sink !== '*' && pipeline.sinks.every(({ id }) => id !== sink)) {
    const text = `the pipeline has no sink "${sink}" any more`
    return { rows: [], replay, poison: { stage: 'store', code: 'WEIR_REFUSED', text } }
  }
  return { ...(await rowsOf(pipeline, replay.record)), replay }
}

interface PreparedSink {
  readonly id: string
  readonly batch: PreparedBatch | WeirError
  /** Records whose row(...) threw: refused before the sink saw them. */
  readonly refusals: readonly Refusal[]
}

function prepare(
  sink: SinkDefinition,
  input: DeliverInput,
  ranges: readonly RecordRange[],
  decoded: readonly RecordRows[][],
): PreparedSink {
  const { ranges: sinkRanges, refusals } = mapRanges(sink, ranges, decoded)
  const writer = input.writers.get(sink.id)
  if (writer instanceof WeirError) return { id: sink.id, batch: writer, refusals }
  if (!writer) return { id: sink.id, batch: known(new Error(`sink "${sink.id}" was never opened`)), refusals }
  try {
    const batch = writer.prepare(sinkRanges)
    return { id: sink.id, batch, refusals: [...refusals, ...batch.refusals] }
  } catch (error) {
    return { id: sink.id, batch: known(error), refusals }
  }
}

/**
 * Always: before a sink writes, nobody knows its epoch, and what fails here is the record's fault in any. A rewind supersedes these
 * letters; where the record fails again, the letter is new again. Letters of stage 'store' carry their watermark's epoch.
 */
const PIPELINE_EPOCH = 0

function lettersOf(
  pipeline: Pipeline,
  ranges: readonly RecordRange[],
  decoded: readonly RecordRows[][],
  prepared: readonly PreparedSink[],
): DeadLetter[] {
  const letters: DeadLetter[] = []
  const base = { pipeline: pipeline.name, epoch: PIPELINE_EPOCH }
  ranges.forEach(({ source, records }, r) => {
    decoded[r]!.forEach(({ poison, replay }, i) => {
      if (poison) letters.push({ ...base, sink: replay?.sink ?? '*', source, record: records[i]!, ...poison })
    })
  })
  for (const { id, refusals } of prepared)
    for (const refusal of refusals) letters.push({ ...base, sink: id, ...refusal })
  return letters
}

/** A record is poison once, in however many sinks it failed; a replay that fails again was counted with its original. */
function poisonedRanges(
  ranges: readonly RecordRange[],
  letters: readonly DeadLetter[],
  replays: Replays,
): PoisonedRange[] {
  return ranges.flatMap(({ source, records }) => {
    const poison = new Map<number, DeadLetter>()
    for (const letter of letters)
      if (
        letter.source.partition === source.partition &&
        !replays.has(letter.record) &&
        !poison.has(letter.record.offset)
      )
        poison.set(letter.record.offset, letter)
    return poison.size === 0 ? [] : [{ source, records, poison }]
  })
}

async function write(
  { id, batch }: PreparedSink,
  invocation: Invocation,
  clock: Pick<Clock, 'now'>,
): Promise<SinkResult> {
  const start = clock.now()
  const done = (outcome: SinkResult['outcome']): SinkResult => ({ id, milliseconds: clock.now() - start, outcome })
  if (batch instanceof WeirError) return done({ error: batch })
  try {
    return done({ report: await batch.write(invocation) })
  } catch (error) {
    return done({ error: known(error) })
  }
}

/**
 * What to throw. Of several failures one that needs a person goes up as it is: under a code of its own an alarm can tell
 * it, and nothing then calls the whole retryable. The others are told in the log.
 */
function failureOf(sinks: readonly SinkResult[], log: Log): WeirError | undefined {
  const failed = sinks.flatMap(({ id, outcome }) => ('error' in outcome ? [{ id, error: outcome.error }] : []))
  if (failed.length === 0) return undefined
  if (failed.length === 1) return failed[0]!.error
  for (const { id, error } of failed) {
    const { code, message, retryable, cure } = error
    log('WARN', message, { sink: id, code, retryable, cure })
  }
  const lasting = failed.find(({ error }) => !error.retryable)
  if (lasting) return lasting.error
  const reasons = failed.map(({ id, error }) => `${id}: ${error.code} ${error.message.replace(/\.$/, '')}`).join('; ')
  return new WeirError('WEIR_DELIVERY_FAILED', { reasons }, { cause: failed[0]!.error })
}
