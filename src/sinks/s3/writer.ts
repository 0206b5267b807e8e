/** The S3 sink at work: encodes a batch, then drives the step machine of protocol.ts for each of its ranges. */
import { sharedClients, storeError } from '../../aws/index.ts'
import { WeirError } from '../../core/errors.ts'
import { sourceLabel } from '../../core/record.ts'
import { parseShape } from '../../core/shape.ts'
import type { LedgerItem } from '../ledger.ts'
import type { Invocation, RangeReport, SinkContext, SinkRange, SinkReport, SinkWriter } from '../sink.ts'
import { s3Binding } from './binding.ts'
import type { S3Binding } from './binding.ts'
import type { AnyCodec } from './codec.ts'
import { drive } from './drive.ts'
import type { Part } from './drive.ts'
import { encodeRanges } from './encode.ts'
import type { EncodedRange } from './encode.ts'
import { openCodec } from './format.ts'
import { s3Objects } from './objects.ts'
import type { ObjectStore } from './objects.ts'
import type { S3Options } from './options.ts'
import type { ParquetFormat } from './parquet.ts'
import { logParts, together } from './parted.ts'
import { MAX_OUTPUTS } from './partition.ts'
import type { Partition } from './partition.ts'
import { dueOf, indexes, rangeInput } from './range-input.ts'

/** Ranges of one batch on their way at once (D11); an event of more partitions takes turns. */
const RANGES_IN_FLIGHT = 8

/** What of a definition is code. */
export interface S3Code {
  readonly parquet?: ParquetFormat | undefined
  readonly partition?: Partition | undefined
}

/** Opens the writer on the environment's own S3 client. Throws WEIR_DEFINITION_INVALID for a bad binding, WEIR_CREDENTIALS. */
export async function openS3(options: S3Options, context: SinkContext, code: S3Code): Promise<SinkWriter> {
  const binding = parseShape(s3Binding, context.binding, `Binding of sink "${options.id}"`)
  const codec = await openCodec(options, code.parquet)
  const objects = s3Objects(sharedClients().s3, binding.bucket)
  return openWriter({ options, binding, context, objects, codec, partition: code.partition })
}

export interface WriterParts {
  readonly options: S3Options
  readonly binding: S3Binding
  readonly context: SinkContext
  readonly objects: ObjectStore
  readonly codec: AnyCodec
  readonly partition?: Partition | undefined
  /** Output partitions of one claim; MAX_OUTPUTS where not given. */
  readonly maxOutputs?: number
}

/** The same on any bucket: what tests put faults into. */
export function openWriter(parts: WriterParts): SinkWriter {
  const { options, codec, partition } = parts
  const known = new Map<string, LedgerItem>()
  return {
    prepare: (ranges) => {
      const { encoded, refusals } = encodeRanges(options.id, ranges, codec.encode, partition)
      const jobs = ranges.map((range, r): Job => ({ ...parts, known, range, encoded: encoded[r]! }))
      return { refusals, write: (invocation) => writeAll(jobs, invocation) }
    },
    close: () => Promise.resolve(), // connections are the environment's, shared with other sinks
  }
}

export interface Job extends WriterParts {
  /** What the ledger said last, by sourceKey; others may have moved it since. */
  readonly known: Map<string, LedgerItem>
  readonly range: SinkRange
  readonly encoded: EncodedRange
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

/** One part after the other: each is durable before the next begins, as if the mapping had cut the range there. */
async function writeRange(job: Job, invocation: Invocation): Promise<RangeReport> {
  const { range, encoded, maxOutputs = MAX_OUTPUTS } = job
  const starts = encoded.partStarts(maxOutputs)
  if (starts.length > 1) logParts(job, starts.length, invocation)
  let report: RangeReport | undefined
  for (const [i, from] of starts.entries()) {
    const next = await writePart(job, { from, to: starts[i + 1] ?? range.records.length }, invocation)
    report = report ? together(report, next) : next
  }
  return report!
}

async function writePart(job: Job, places: { from: number; to: number }, invocation: Invocation): Promise<RangeReport> {
  const part: Part = { ...job, places, input: rangeInput(job, places) }
  const state = await drive(part, invocation)
  const { records } = part.input
  const written = new Set<number>()
  let rows = 0
  for (const each of state.wrote) {
    const { from, to } = indexes(records, each)
    if (each.output === undefined) for (let place = from; place < to; place++) written.add(place)
    else rows += dueOf(job, each.without).parts(each.output, places.from + from, places.from + to).rows
  }
  let refused = 0
  for (const place of written) if (job.encoded.isRefused(places.from + place)) refused++
  const first = records[0]!.offset
  const last = records.at(-1)!.offset
  if (state.gaps > 0) {
    const place = { sink: job.options.id, source: sourceLabel(job.range.source), first, last, gaps: state.gaps }
    invocation.log('WARN', 'offsets that no event brought are recorded as gaps', place)
  }
  const duplicates = records.length - written.size
  return { source: job.range.source, first, last, rows, duplicates, refused, gaps: state.gaps }
}
