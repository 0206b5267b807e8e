/** What the sink contract suite needs of a sink under test, and small builders for its cases. */
import assert from 'node:assert/strict'
import type { DeadLetter } from '../core/dead-letter.ts'
import type { Deadline } from '../core/ports.ts'
import { WeirError } from '../core/errors.ts'
import type { SourceRecord } from '../core/record.ts'
import type { OrderKind } from '../core/order.ts'
import type { RewindTarget } from '../sinks/rewind.ts'
import type { Invocation, KeyFields, Row, SinkRange, SinkReport, SinkWriter } from '../sinks/sink.ts'

/** The row that the suite stores: `id` is the key of keyed sinks, unique a record unless a case says otherwise. */
export interface ContractRow {
  readonly id: string
  readonly n: number
  readonly note: string | null
}

/** One fresh, empty target. */
export interface SinkWorld {
  /** A cold writer on the target, as another execution environment would have. */
  open(): Promise<SinkWriter>
  /** Everything that a reader of the target can see, in any order. */
  rows(): Promise<ContractRow[]>
  /** Gaps recorded for a partition, oldest first. */
  gaps(partition: number): Promise<readonly { readonly first: number; readonly last: number }[]>
  /** What `weirhouse rewind` does to the target. Exactly where the harness says that it rewinds. */
  readonly rewind?: () => RewindTarget
  dispose(): Promise<void>
}

/** How the pipeline that writes the target is defined, where a case asks for it. */
export interface WorldChoice {
  /** 'log' where not given. */
  readonly order?: OrderKind
  /** Its tombstones delete (SinkContext.deletes). */
  readonly deletes?: boolean
}

export interface SinkHarness {
  /** Keyed sinks keep the newest row a key; others keep every row. */
  readonly keyed: boolean
  /** The sink can be rewound (D13). @default false */
  readonly rewinds?: boolean
  /** The definition has `key`: tombstones can delete by it. */
  readonly deletes?: boolean
  /** A row that this sink's format cannot hold: refused at encoding. Undefined where it holds anything. */
  readonly unencodable?: (id: string) => Row
  create(choice?: WorldChoice): Promise<SinkWorld>
}

export const CLUSTER = 'contract-cluster'
export const TOPIC = 'contract-topic'
const BASE_TIMESTAMP = 1_700_000_000_000

export interface RecordOptions {
  readonly partition?: number
  /** Another log with the same offsets: other bytes, other checksums. */
  readonly generation?: number
  readonly rows?: readonly Row[]
  /** Tombstones that delete these keys; no rows then. */
  readonly deletes?: readonly KeyFields[]
  /** Milliseconds after the suite's first; the offset where not given. */
  readonly time?: number
}

/** A record of TOPIC at this offset: key and value follow from partition, offset and generation; a timestamp that ascends. */
export function sourceRecord(
  offset: number,
  { partition = 0, generation = 0, deletes, time = offset }: RecordOptions = {},
): SourceRecord {
  return {
    topic: TOPIC,
    partition,
    offset,
    timestamp: BASE_TIMESTAMP + time,
    timestampType: 'CREATE_TIME',
    key: Buffer.from(`${partition}-${offset}`),
    value: deletes ? null : Buffer.from(JSON.stringify({ offset, generation })),
    headers: [],
  }
}

/** The row that the suite has for an offset; every third has no note. */
export function contractRow(offset: number, partition = 0): ContractRow {
  return { id: `${partition}-${offset}`, n: offset, note: offset % 3 === 0 ? null : `note ${offset} é` }
}

/** A range over the given offsets, one row each unless told. */
export function range(offsets: readonly number[], options: RecordOptions = {}): SinkRange {
  const { partition = 0 } = options
  return {
    source: { cluster: CLUSTER, topic: TOPIC, partition },
    records: offsets.map((offset) => ({
      record: sourceRecord(offset, options),
      rows: options.deletes ? [] : (options.rows ?? [contractRow(offset, partition)]),
      ...(options.deletes ? { deletes: options.deletes } : {}),
    })),
  }
}

/** first..last, inclusive. */
export function span(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i)
}

export interface TestInvocation extends Invocation {
  /** Put so far, in order. */
  readonly letters: DeadLetter[]
}

/** An invocation with so many milliseconds left, that keeps the dead letters put to it. */
export function invocation(remainingMs = 60_000): TestInvocation {
  const letters: DeadLetter[] = []
  const end = performance.now() + remainingMs
  const deadline: Deadline = {
    remaining: () => Math.max(0, end - performance.now()),
    signal: remainingMs <= 0 ? AbortSignal.abort() : AbortSignal.timeout(remainingMs),
  }
  return {
    requestId: 'contract',
    deadline,
    log: () => undefined,
    letters,
    putDeadLetters: (put) => {
      letters.push(...put)
      return Promise.resolve()
    },
  }
}

/** An invocation that is cut off in so many milliseconds, in the midst of whatever it does. */
export function cutAfter(ms: number): TestInvocation {
  const base = invocation()
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('cut off')), ms)
  const deadline: Deadline = {
    remaining: () => (controller.signal.aborted ? 0 : base.deadline.remaining()),
    signal: controller.signal,
  }
  return { ...base, deadline }
}

/** Prepares and writes in one go, as the engine does once refusals are durable. */
export async function deliverTo(
  writer: SinkWriter,
  ranges: readonly SinkRange[],
  remainingMs?: number,
): Promise<SinkReport> {
  return writer.prepare(ranges).write(invocation(remainingMs))
}

export async function expectRows(world: SinkWorld, expected: readonly ContractRow[]): Promise<void> {
  const byId = (a: ContractRow, b: ContractRow) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  assert.deepEqual((await world.rows()).sort(byId), [...expected].sort(byId))
}

export async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof WeirError, `expected a WeirError, got ${String(error)}`)
    assert.equal(error.code, code, error.message)
    return true
  })
}
