import type { Pipeline } from '../../core/pipeline.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { KeyFields, SinkDefinition } from '../../sinks/sink.ts'
import type { Target, TargetPipeline } from '../target.ts'
import type { Course } from './course.ts'
import type { Letter } from './entries.ts'
import type { ExpectedRow } from './expect.ts'
import type { LogSnapshot } from './log.ts'
import type { Tally } from './report.ts'
import type { Scratch } from './sorter.ts'
import type { Hole } from './strays.ts'

/** One record of the log, as one sink should hold it. */
export interface AskedRecord {
  readonly record: SourceRecord
  /** Of a record with a dead letter what it would have been; empty where the definition makes nothing of it. */
  readonly rows: readonly ExpectedRow[]
  /** Keys whose rows the record, a tombstone, deletes; of a sink with key columns alone. */
  readonly deletes: readonly KeyFields[]
  readonly dead: Letter
}

/**
 * One sink under audit. It is told the log, partition after partition and part after part, and compares with what it reads of
 * its store, with code that shares nothing with the sink's own; each holds a bounded part of either at once. All throw
 * WeirError, or the signal's reason.
 */
export interface SinkAuditor {
  /** Offsets ascending within a partition. */
  records(records: readonly AskedRecord[]): void
  /** Offsets whose records the log has lost: between those of `records`, and told before them. */
  holes?(holes: readonly Hole[]): void
  /** The log has been told up to this offset; Infinity: to the end of the partition. */
  upTo(partition: number, offset: number): Promise<void>
  /** After the log's end. */
  finish(): Promise<void>
  close(): Promise<void>
}

export interface AuditorContext extends Pick<Course, 'isDue' | 'whyMissing' | 'onHeld'> {
  readonly target: Target
  readonly targetPipeline: TargetPipeline
  readonly pipeline: Pipeline
  readonly sink: SinkDefinition
  readonly log: LogSnapshot
  readonly tally: Tally
  readonly scratch: Scratch
  /** What the log has lost, to compaction above all: complete once the log has been told. */
  readonly holes: () => Iterable<Hole>
  readonly onProgress: (step: string, detail?: string) => void
  /** `_src` of the rows of a partition, and back. */
  readonly markOf: (partition: number) => string
  readonly partitionOf: (mark: string) => number | undefined
  /** Reads the watermarks once more: call it when the store has been read. */
  readonly settled: () => Promise<void>
  /** Of the sink's watermark as last read; 0 where there is none. */
  readonly epochOf: (partition: number) => number
}
