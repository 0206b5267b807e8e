/**
 * The contract of a sink. Read this before writing or changing one; `weirhouse/testing` holds every sink to it.
 *
 * A sink is two things. Its *definition* is plain data: options, what must exist, what it needs to be allowed; it is
 * loaded by the CLI and the local stack, and imports no client. Its *writer* is opened from the definition,
 * once an execution environment, and is where the client library is loaded.
 */
import type { Deadline, Log } from '../core/ports.ts'
import type { DeadLetter, Refusal } from '../core/dead-letter.ts'
import type { OrderKind } from '../core/order.ts'
import type { Source, SourceRecord } from '../core/record.ts'
import type { LedgerStore } from './ledger.ts'

/** Rows as a sink is to store them: plain objects, or anything the sink's format holds. */
export type Row = unknown

/** Key columns by name. Each sink takes its own key columns from it; one that it lacks refuses the record there. */
export type KeyFields = Readonly<Record<string, unknown>>

/** One record with its rows. No rows: the watermark moves, nothing is stored (ignored, or dead-lettered before). */
export interface SinkRecord {
  readonly record: SourceRecord
  readonly rows: readonly Row[]
  /** One per row, only where the pipeline orders by the producer's own version. */
  readonly versions?: readonly (string | number)[]
  /**
   * Of a tombstone that deletes: key columns by name, one object a key; `rows` is empty then. A keyed sink removes the row of
   * each key where it is older than this position, and lets no older row of it come back; the index of a delete is its place
   * here. A sink without key columns stores nothing. Never where the pipeline orders by version.
   */
  readonly deletes?: readonly KeyFields[]
  /**
   * Of a dead letter that was replayed: the original. A keyed sink orders rows and deletes by its offset and timestamp; the
   * watermark, and a sink that keeps every row, go by `record`, where it stands in the log now.
   */
  readonly orderAs?: Pick<SourceRecord, 'offset' | 'timestamp'>
}

/** One source's part of a batch: never empty, offsets ascending. */
export interface SinkRange {
  readonly source: Source
  readonly records: readonly SinkRecord[]
}

export interface Invocation {
  readonly requestId: string
  readonly deadline: Deadline
  readonly log: Log
  /** Durable and idempotent when it resolves: one letter per (pipeline, source, epoch, offset, sink), however often put. */
  readonly putDeadLetters: (letters: readonly DeadLetter[]) => Promise<void>
}

/** What one sink did with one range. Counts are records except `rows`. */
export interface RangeReport {
  readonly source: Source
  readonly first: number
  readonly last: number
  /** Rows and deletes that this invocation made to take effect. */
  readonly rows: number
  /** Records dropped because they took effect before. */
  readonly duplicates: number
  readonly refused: number
  readonly gaps: number
}

export interface SinkReport {
  readonly ranges: readonly RangeReport[]
}

/** A batch encoded for the store: everything that can be refused without asking the store has been. */
export interface PreparedBatch {
  /** Records that this sink's format cannot hold (stage 'encode'). The engine makes their dead letters durable before `write`. */
  readonly refusals: readonly Refusal[]
  /**
   * Called at most once, after `refusals` are durable. Takes the batch to effect: re-reads its watermark from the store
   * (N7), drops what took effect before, writes the rest, moves the watermark with or after the effect (N1).
   *
   * Resolves only when every range is durable, dead letters of stage 'store' included. Throws WeirError otherwise, and
   * then some, all or none of the batch may have taken effect; redelivery, however cut, must be harmless (D2).
   * - retryable: the engine fails the invocation; the mapping sends the batch again.
   * - not retryable: the same, and an alarm: no redelivery will help before a person acts.
   * It starts no request that cannot finish before the deadline (D10) and bounds its own retries (N3).
   */
  write(invocation: Invocation): Promise<SinkReport>
}

export interface SinkWriter {
  /** Called once a batch, before any sink writes. Pure: no I/O, no clock. Ranges are in partition order. */
  prepare(ranges: readonly SinkRange[]): PreparedBatch
  /** Called when the environment goes away, and by tests. Never needed for durability. */
  close(): Promise<void>
}

export interface Deletes {
  /** How long a delete is remembered after it was processed, at least; for ever where not given. Milliseconds. */
  readonly keepMs?: number
}

/** What a writer is opened with: who it works for and where its store is. */
export interface SinkContext {
  readonly pipeline: string
  readonly order: OrderKind
  /** Where the pipeline's tombstones delete: records may have `deletes`. */
  readonly deletes?: Deletes
  /** This sink's part of the bindings: `{bucket, prefix}`, `{table}`, `{host, port, ...}`; validated by the sink. */
  readonly binding: Readonly<Record<string, unknown>>
  readonly ledger: LedgerStore
  readonly log: Log
}

/** A permission in words: IAM actions, or what to GRANT in PostgreSQL. */
export interface Grant {
  readonly actions: readonly string[]
  /** Which resource: the sink's own store. */
  readonly on: 'bucket' | 'objects' | 'table' | 'database' | 'ledger'
}

/** `custom`: anybody's; what Weirhouse knows of the others' stores, such a sink says of itself. */
export type SinkKind = 's3' | 'postgres' | 'dynamodb' | 'memory' | 'custom'

export interface SinkDefinition<Options = unknown> {
  readonly kind: SinkKind
  /** Unique in the pipeline; part of the identity of the watermark: renaming it makes a new sink. */
  readonly id: string
  readonly options: Options
  /**
   * Key columns, by which the newest row of each key is kept and deletes find theirs. Not there where every row is kept, or
   * where the writer does not know `deletes`: a pipeline that asks for deletes then needs another sink that does.
   */
  readonly key?: readonly string[]
  /** Of a custom sink: its store in a few words, for `weirhouse plan`, such as `table orders in orders.sqlite`. */
  readonly about?: string
  /** Of a custom sink: what its writer is opened with where no deployment gives a binding, as in a local stack. No secrets. */
  readonly binding?: Readonly<Record<string, unknown>>
  /** Maps the pipeline's row to this sink's; identity where not given. */
  readonly row?: (value: never, record: SourceRecord) => Row
  readonly grants: readonly Grant[]
  /**
   * The refusals of `prepare`, to be had without a client, a binding or a store: for looking at records before there is a
   * stack (`weirhouse try`). Loads no client. Left out where a sink holds whatever it is given.
   */
  readonly refusals?: (order: OrderKind) => Promise<(ranges: readonly SinkRange[]) => readonly Refusal[]>
  /** Loads the client and opens the writer. Lazy, so that the definition stays data. */
  open(context: SinkContext): Promise<SinkWriter>
}
