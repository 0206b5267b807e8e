import type { ErrorCode } from './errors.ts'
import type { Source, SourceRecord } from './record.ts'

/** Where a record failed. `store`: the store refused it for good, proved by isolation. */
export type Stage = 'decode' | 'validate' | 'transform' | 'encode' | 'store'

/** A record that will not take effect in `sink` ('*': in any sink), with all it takes to see why and to replay it. */
export interface DeadLetter {
  readonly pipeline: string
  readonly sink: string
  readonly source: Source
  readonly epoch: number
  readonly record: SourceRecord
  readonly stage: Stage
  readonly code: ErrorCode
  readonly text: string
}

/** Why one record cannot take effect in one sink. The record is the unit: one refused row refuses all its rows. */
export interface Refusal {
  readonly source: Source
  readonly record: SourceRecord
  readonly stage: Stage
  readonly code: ErrorCode
  readonly text: string
}
