/** The S3 sink at work: encodes a batch, then drives the step machine of protocol.ts for each of its ranges. */
import { sharedClients, storeError } from '../../aws/index.ts'
import { rangeChecksum } from '../../core/checksum.ts'
import { WeirError } from '../../core/errors.ts'
import { MIN_REQUEST_MS } from '../../core/limits.ts'
import { parseOptions } from '../../core/options.ts'
import { sourceLabel } from '../../core/record.ts'
import { lowerBound } from '../../core/watermark.ts'
import type { Gap } from '../../core/watermark.ts'
import { ledgerKey } from '../ledger.ts'
import type { Invocation, RangeReport, SinkContext, SinkRange, SinkReport, SinkWriter } from '../sink.ts'
import { encodeRanges } from './encode.ts'
import type { AnyCodec, Encoded } from './codec.ts'
import { openCodec } from './format.ts'
import { dataPrefix, objectKey } from './keys.ts'
import { s3Objects } from './objects.ts'
import type { NewObject, ObjectStore } from './objects.ts'
import { s3Binding } from './options.ts'
import type { S3Binding, S3Options } from './options.ts'
import type { ParquetFormat } from './parquet.ts'
import { advance, requestOf, start } from './protocol.ts'
import type { ObjectMark, RangeInput, Reply, Request, State } from './protocol.ts'

/** Ranges of one batch on their way at once (D11); an event of more partitions takes turns. */
const RANGES_IN_FLIGHT = 8
/** The machine bounds its own returns and looks; this bounds the machine. */
const MAX_STEPS = 64

/** Opens the writer on the environment's own S3 client. Throws WEIR_DEFINITION_INVALID for a bad binding, WEIR_CREDENTIALS. */
export async function openS3(
  options: S3Options,
  context: SinkContext,
  parquet: ParquetFormat | undefined,
): Promise<SinkWriter> {
  const binding = parseOptions(s3Binding, context.binding, `Binding of sink "${options.id}"`)
  const codec = await openCodec(options, parquet)
  return openWriter(options, binding, context, s3Objects(sharedClients().s3, binding.bucket), codec)
}

/** The same on any bucket: what tests put faults into. */
export function openWriter(
  options: S3Options,
  binding: S3Binding,
  context: SinkContext,
  objects: ObjectStore,
  codec: AnyCodec,
): SinkWriter {
  return {
    prepare: (ranges) => {
      const { encoded, refusals } = encodeRanges(options.id, ranges, codec.encode)
      const jobs = ranges.map((range, r): Job => {
        const parts = encoded[r]!
        const input = inputOf(options, binding, context, range, parts)
        return { options, binding, context, objects, codec, range, encoded: parts, input }
      })
      return { refusals, write: (invocation) => writeAll(jobs, invocation) }
    },
    close: () => Promise.resolve(), // connections are the environment's, shared with other sinks
  }
}

interface Job {
  readonly options: S3Options
  readonly binding: S3Binding
  readonly context: SinkContext
  readonly objects: ObjectStore
  readonly codec: AnyCodec
  readonly range: SinkRange
  readonly encoded: readonly Encoded<unknown>[]
  readonly input: RangeInput
}

/** Every range runs to its end, so that none goes on behind the caller's back; then the gravest failure is thrown. */
async function writeAll(jobs: readonly Job[], invocation: Invocation): Promise<SinkReport> {
  const reports: RangeReport[] = []
  const failures: WeirError[] = []
  const queue = jobs.entries()
  const worker = async () => {
    for (const [i, job] of queue)
      try {
        reports[i] = await writeRange(job, invocation)
      } catch (error) {
        failures.push(storeError(error, job.options.id))
      }
  }
  await Promise.all(Array.from({ length: Math.min(RANGES_IN_FLIGHT, jobs.length) }, worker))
  const failure = failures.find(({ retryable }) => !retryable) ?? failures[0]
  if (failure) throw failure
  return { ranges: reports }
}

async function writeRange(job: Job, invocation: Invocation): Promise<RangeReport> {
  let state: State = start
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    if (state.at === 'done') return reportOf(job, state, invocation)
    if (state.at === 'failed') throw failureOf(job, state)
    if (state.at === 'void') logVoid(job, state.item.pending, invocation)
    state = advance(job.input, state, await perform(job, requestOf(job.input, state), invocation))
  }
  throw contended(job)
}

async function perform(job: Job, request: Request, { deadline }: Invocation): Promise<Reply> {
  const { context, objects, options, range } = job
  const item = ledgerKey(context.pipeline, options.id, range.source)
  if (deadline.remaining() < MIN_REQUEST_MS) throw new WeirError('WEIR_DEADLINE', { what: `sink "${options.id}"` })
  if (request.do === 'read') return { to: 'read', item: await context.ledger.read(item, deadline) }
  if (request.do === 'swap')
    return { to: 'swap', result: await context.ledger.compareAndSet(item, request.item, deadline) }
  if (request.do === 'head') return { to: 'head', object: await objects.head(request.key, deadline) }
  if (request.do === 'list')
    return { to: 'list', found: await objects.holdsAny(folderOf(job), range.source.partition, deadline) }
  const { created } = await objects.put(await objectOf(job, request.key, request.mark), deadline)
  return { to: 'put', created }
}

async function objectOf({ codec, encoded, input }: Job, key: string, mark: ObjectMark): Promise<NewObject> {
  const { from, to } = mark.void ? { from: 0, to: 0 } : indexes(input, mark)
  const parts: unknown[] = []
  let rows = 0
  for (const each of encoded.slice(from, to)) {
    if ('fault' in each || each.rows === 0) continue
    parts.push(each.part)
    rows += each.rows
  }
  const body = await codec.object(parts)
  return { key, mark, records: to - from, rows, body, contentType: codec.contentType }
}

function inputOf(
  options: S3Options,
  { prefix }: S3Binding,
  { pipeline }: SinkContext,
  { source, records: pairs }: SinkRange,
  encoded: readonly Encoded<unknown>[],
): RangeInput {
  const records = pairs.map(({ record }) => record)
  const folder = dataPrefix(prefix, pipeline, options.id, source.topic)
  const sums = new Map<string, string>()
  return {
    pipeline,
    sink: options.id,
    records,
    keyOf: (first, last, epoch, generation) => {
      const { timestamp } = records[lowerBound(records, first)]!
      return objectKey(folder, { partition: source.partition, first, last, timestamp, epoch, generation }, options)
    },
    hasRows: (first, last) => {
      const { from, to } = indexes({ records }, { first, last })
      for (let i = from; i < to; i++) if (rowsIn(encoded[i]!) > 0) return true
      return false
    },
    checksum: (first, last) => {
      const name = `${first}-${last}`
      const known = sums.get(name)
      if (known !== undefined) return known
      const { from, to } = indexes({ records }, { first, last })
      const sum = rangeChecksum(records.slice(from, to))
      sums.set(name, sum)
      return sum
    },
  }
}

/** Indexes of first..last among the event's records, the second one exclusive. */
function indexes({ records }: Pick<RangeInput, 'records'>, { first, last }: Gap): { from: number; to: number } {
  return { from: lowerBound(records, first), to: lowerBound(records, last + 1) }
}

function rowsIn(encoded: Encoded<unknown>): number {
  return 'fault' in encoded ? 0 : encoded.rows
}

function folderOf({ binding, context, options, range }: Job): string {
  return dataPrefix(binding.prefix, context.pipeline, options.id, range.source.topic)
}

function reportOf(job: Job, { wrote, gaps }: State, { log }: Invocation): RangeReport {
  const { range, encoded, input } = job
  let written = 0
  let rows = 0
  let refused = 0
  for (const part of wrote) {
    const { from, to } = indexes(input, part)
    written += to - from
    for (let i = from; i < to; i++) {
      rows += rowsIn(encoded[i]!)
      if ('fault' in encoded[i]!) refused++
    }
  }
  const first = input.records[0]!.offset
  const last = input.records.at(-1)!.offset
  if (gaps > 0)
    log('WARN', 'offsets that no event brought are recorded as gaps', { ...placeOf(job), first, last, gaps })
  return { source: range.source, first, last, rows, duplicates: input.records.length - written, refused, gaps }
}

function logVoid(
  job: Job,
  { first, last, keys }: Gap & { readonly keys: readonly string[] },
  { log }: Invocation,
): void {
  log('WARN', 'voiding the unfinished claim of another invocation', { ...placeOf(job), first, last, key: keys[0] })
}

function placeOf({ options, range }: Job): { sink: string; source: string } {
  return { sink: options.id, source: sourceLabel(range.source) }
}

function failureOf(job: Job, state: Extract<State, { at: 'failed' }>): WeirError {
  const { binding, input, range } = job
  const place = placeOf(job)
  const first = input.records[0]!.offset
  const { code } = state
  if (code === 'WEIR_TOPIC_RESTARTED' || code === 'WEIR_REWOUND')
    return new WeirError(code, { ...place, next: state.next, first, why: state.why })
  if (code === 'WEIR_FOREIGN_OBJECT') return new WeirError(code, { key: `s3://${binding.bucket}/${state.key}` })
  if (code === 'WEIR_TAKEN_OVER')
    return new WeirError(code, { ...place, range: `${first}..${input.records.at(-1)!.offset}` })
  if (code === 'WEIR_CONTENDED') return contended(job)
  return new WeirError(code, {
    what: `s3://${binding.bucket}/${folderOf(job)}`,
    reason: `objects of partition ${range.source.partition} are there, but the ledger knows of none`,
  })
}

function contended(job: Job): WeirError {
  return new WeirError('WEIR_CONTENDED', placeOf(job))
}
