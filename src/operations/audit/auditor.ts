import type { Pipeline } from '../../core/pipeline.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { SinkDefinition } from '../../sinks/sink.ts'
import type { Target, TargetPipeline } from '../target.ts'
import type { ExpectedRow } from './expect.ts'
import type { LogSnapshot } from './log.ts'
import type { Tally } from './report.ts'

/** One sink under audit: told first, record by record, what the log asks for; then it reads its store and compares. */
export interface SinkAuditor {
  /** Each record of the log, with rows or without, before its rows. Only where the store's layout depends on it. */
  record?(record: SourceRecord): void
  expect(row: ExpectedRow): void
  /** Reads the whole store, with code that shares nothing with the sink's own. Throws WeirError. */
  compare(signal: AbortSignal): Promise<void>
}

export interface AuditorContext {
  readonly target: Target
  readonly targetPipeline: TargetPipeline
  readonly pipeline: Pipeline
  readonly sink: SinkDefinition
  readonly log: LogSnapshot
  readonly tally: Tally
  /** `_src` of the rows of a partition. */
  readonly markOf: (partition: number) => string
  readonly isDead: (partition: number, offset: number) => boolean
}
