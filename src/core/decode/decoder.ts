import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Stage } from '../dead-letter.ts'
import type { ErrorCode } from '../errors.ts'
import type { SourceRecord } from '../record.ts'

/** A decoded value, or why this record is poison (D6). Returned, not thrown: poison is data. */
export type Decoded<T> = { readonly value: T } | { readonly poison: Poison }

export interface Poison {
  readonly stage: Stage
  readonly code: ErrorCode
  readonly text: string
}

/** Turns a record's bytes into a value. Pure; a promise only where the schema validates asynchronously. */
export interface Decoder<T> {
  readonly name: string
  decode(record: SourceRecord): Decoded<T> | Promise<Decoded<T>>
}

export type Schema<T> = StandardSchemaV1<unknown, T>
