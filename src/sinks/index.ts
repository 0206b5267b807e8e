/**
 * For sinks of your own: the contract, and the pure parts that every sink shares. docs/write-a-sink.md walks through one;
 * `sinkContract` of weirhouse/testing says whether it keeps the promises.
 */
export { compact } from '../core/compact.ts'
export type { DeadLetter, Refusal, Stage } from '../core/dead-letter.ts'
export { WeirError } from '../core/errors.ts'
export { MIN_REQUEST_MS } from '../core/limits.ts'
export { isNewer, positionOf } from '../core/order.ts'
export type { OrderKind, Position } from '../core/order.ts'
export type { Deadline, Log } from '../core/ports.ts'
export { sourceKey, sourceLabel, sourceMark } from '../core/record.ts'
export type { Source, SourceRecord } from '../core/record.ts'
export { admit, haltError } from '../core/watermark.ts'
export type { Admission, Checkpoint, Gap, Halt, Rewind, Watermark } from '../core/watermark.ts'
export type { CompareAndSet, LedgerItem, LedgerStore } from './ledger.ts'
export type {
  Deletes,
  Grant,
  Invocation,
  KeyFields,
  PreparedBatch,
  RangeReport,
  Row,
  SinkContext,
  SinkDefinition,
  SinkKind,
  SinkRange,
  SinkRecord,
  SinkReport,
  SinkWriter,
} from './sink.ts'
