/**
 * The protocol: one READ COMMITTED transaction an invocation (docs/delivery.md, "PostgreSQL").
 *   1. begin, with timeouts from the time left
 *   2. lock the watermark rows in partition order; drop what took effect before
 *   3. rows. Keyed: by COPY straight into the table where all keys seem to be new (straight.ts), else small batches in one
 *      statement, greater ones by COPY through a stage; a row that is there gives way only to a newer one
 *   4. where a row was refused, all again under isolation; dead letters go into the outbox
 *   5. move the watermarks, commit
 * Two round trips: 1 and 2 in one, the rest in the other. Where a statement fails, those behind it fail as well, and the server
 * makes a rollback of the COMMIT.
 */
import { compact } from '../../core/compact.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { OrderKind } from '../../core/order.ts'
import { sourceKey } from '../../core/record.ts'
import type { Deadline } from '../../core/ports.ts'
import type { Source } from '../../core/record.ts'
import { requireTime } from '../../core/time-left.ts'
import { leftOut } from '../../core/watermark.ts'
import type { Deletes, Invocation, RangeReport, SinkReport } from '../sink.ts'
import { withEpoch } from './batch.ts'
import type { EncodedBatch, EncodedRow } from './batch.ts'
import { takesCopy } from './check.ts'
import { forget, takeTurn } from './delete-batch.ts'
import { faultOf, keepsConnection } from './faults.ts'
import type { Fault } from './faults.ts'
import { isolate } from './isolate.ts'
import type { Layout } from './layout.ts'
import { putOutbox } from './outbox.ts'
import type { Session } from './session.ts'
import { beginSql, ISOLATED_RESULT } from './sql.ts'
import type { Statements } from './sql.ts'
import { admitRanges, lock, move, sourceParameters } from './watermarks.ts'
import type { AdmittedRange, Identity, Locked } from './watermarks.ts'
import { columnArrays, copyStream, numberedCopyStream } from './wire.ts'

/** What is the same for every batch of one writer. */
export interface Sink extends Identity {
  readonly table: string
  readonly order: OrderKind
  readonly layout: Layout
  readonly statements: Statements
  /** Where tombstones delete by key. */
  readonly deletes: Deletes | undefined
  /** Up to this many rows are upserted in one statement. */
  readonly smallRows: number
  /** Sources whose watermark row exists. */
  readonly known: Set<string>
  /** Of the live table; undefined until that was looked at. */
  keyIndex: string | undefined
}

/** A transaction whose COMMIT was sent. */
export interface Done {
  readonly admitted: readonly AdmittedRange[]
  readonly applied: Applied
  /** The outbox holds letters. */
  readonly letters: boolean
}

/** What one invocation knows across its attempts. */
export interface Course {
  /** Where the attempt stands: only what fails in 'rows' can be one record's fault. */
  phase: 'begin' | 'rows' | 'rest' | 'commit'
  /** Rows go straight into a keyed table, as new. */
  straight: boolean
  /** Rows are to be tried apart, for one of them was refused. */
  isolate: boolean
  /** Sent COMMIT and saw no answer. */
  unsettled: Done | undefined
  /** Epochs at the first read, by sourceKey. */
  epochs: Map<string, number> | undefined
}

/** How long a connection that was idle may take to answer: a frozen function's may be dead without knowing. */
const BEGIN_PATIENCE_MS = 3_000

/** Up to here COPY straight into a table, faster by the row, does not make up for the round trip that it takes more. */
const FEW_ROWS = 200

export async function transact(
  sink: Sink,
  session: Session,
  batch: EncodedBatch,
  invocation: Invocation,
  course: Course,
): Promise<Done> {
  const { deadline } = invocation
  course.phase = 'begin'
  const sources = batch.ranges.map(({ source }) => source)
  // Where BEGIN fails, a lock taken without a transaction is gone with its statement.
  const [, , locked, straight] = await inOrder([
    session.script(
      deadline,
      beginSql(deadline.remaining(), course.straight ? sink.statements.table : undefined),
      BEGIN_PATIENCE_MS,
    ),
    sink.deletes && takeTurn(sink, session, batch, deadline),
    lock(session, deadline, sink, sources, sink.known),
    mayCopy(sink, session, deadline, course),
  ])
  if (course.unsettled && tookEffect(course.unsettled, locked)) {
    await session.script(deadline, 'ROLLBACK')
    return course.unsettled
  }
  course.unsettled = undefined
  const unknown = sources.filter((source) => !locked.watermarks.has(sourceKey(source)))
  if (unknown.length > 0) await refuseForeign(sink, session, unknown, invocation)
  const admitted = admitRanges(batch.ranges, locked, sink.sink)
  keepEpochs(sink, admitted, course)
  course.phase = 'rows'
  const isolated = course.isolate ? await applyIsolated(sink, session, batch.buffer, admitted, invocation) : undefined
  course.phase = 'rest'
  const letters = (isolated?.refused ?? []).map((each) => letterOf(sink, each))
  await putOutbox(session, deadline, letters)
  const rows = isolated ? [] : winnersOf(sink, freshRows(sink, batch.buffer, admitted))
  // Should the answer be lost: as if every row took effect.
  const sent = { admitted, applied: isolated ?? allOf(rows), letters: locked.letters || letters.length > 0 }
  course.phase = 'commit'
  course.unsettled = sent
  const last = decided(deadline)
  const applying = isolated ?? apply(sink, session, batch.buffer, rows, straight, last)
  const [applied, , , [result]] = await inOrder([
    refusal(course, applying),
    move(session, last, sink, admitted),
    sink.deletes && forget(sink, session, batch, last),
    session.script<never>(last, 'COMMIT'),
  ])
  if (result!.command !== 'COMMIT') {
    course.unsettled = undefined
    throw new WeirError('WEIR_STORE_UNAVAILABLE', { sink: sink.sink, reason: 'the server rolled back at COMMIT' })
  }
  return { ...sent, applied }
}

/** For requests that go out together, or not at all: without the watermark's move there must be no COMMIT. */
function decided(deadline: Deadline): Deadline {
  requireTime(deadline, 'a request to PostgreSQL')
  return { remaining: () => Infinity, signal: deadline.signal }
}

/** All of them, or what the first in order failed with: those behind it say no more than that it did. */
async function inOrder<const Requests extends readonly unknown[]>(requests: Requests) {
  await Promise.allSettled(requests)
  const answers: unknown[] = []
  for (const request of requests) answers.push(await request)
  return answers as { -readonly [K in keyof Requests]: Awaited<Requests[K]> }
}

/** Where the server refused rows, it did not commit. */
async function refusal(course: Course, rows: Applied | Promise<Applied>): Promise<Applied> {
  try {
    return await rows
  } catch (error) {
    course.phase = 'rows'
    if (keepsConnection(faultOf(error))) course.unsettled = undefined
    throw error
  }
}

/** Without its unique index the table would take a key twice, and say nothing. Nobody drops it under a lock of this transaction. */
async function mayCopy(
  { statements, keyIndex }: Sink,
  session: Session,
  deadline: Deadline,
  { straight }: Course,
): Promise<boolean> {
  if (!straight || keyIndex === undefined) return false
  const parameters = [statements.table, keyIndex]
  const [row] = await session.query<{ takesCopy: boolean }>(deadline, takesCopy, parameters, 'weirhouse straight')
  return row!.takesCopy
}

/**
 * The answer to a COMMIT was lost. The lock is ours now, so that transaction has ended: either its watermarks stand
 * (or a successor's, further on), or nothing of it does.
 */
function tookEffect({ admitted }: Done, { watermarks }: Locked): boolean {
  return admitted.every(({ range, admission }) => {
    const watermark = watermarks.get(sourceKey(range.source))
    return (
      watermark !== undefined && watermark.epoch === admission.after.epoch && watermark.next >= admission.after.next
    )
  })
}

/**
 * Asked once in a source's life. Another cluster's topic of that name halts as well: rows carry topic and partition, so
 * that its offsets, which begin anew, would pass for older ones and be dropped.
 */
async function refuseForeign(
  { pipeline, sink: id, statements, table }: Sink,
  session: Session,
  sources: readonly Source[],
  { deadline }: Invocation,
): Promise<void> {
  const [row] = await session.query<{ foreign: boolean; elsewhere: string | null }>(
    deadline,
    statements.foreign,
    sourceParameters({ pipeline, sink: id }, sources),
  )
  const { foreign, elsewhere } = row!
  if (!foreign && elsewhere === null) return
  const reason = foreign
    ? `it has rows, and weirhouse.watermark knows nothing of pipeline "${pipeline}", sink "${id}"`
    : `it has rows of the same topic of another cluster, "${elsewhere}"; source.cluster names the cluster where it is declared`
  throw new WeirError('WEIR_FOREIGN_TARGET', { what: `Table ${table}`, reason })
}

/** D13: an invocation keeps the epoch of its first read. */
function keepEpochs({ sink }: Sink, admitted: readonly AdmittedRange[], course: Course): void {
  const epochs = new Map(
    admitted.map(({ range, admission }) => [sourceKey(range.source), admission.after.epoch] as const),
  )
  for (const [source, epoch] of course.epochs ?? [])
    if (epochs.get(source) !== epoch) throw new WeirError('WEIR_CONTENDED', { sink, source })
  course.epochs = epochs
}

interface FreshRecord {
  readonly admitted: AdmittedRange
  /** Index in its range. */
  readonly index: number
  readonly rows: readonly EncodedRow[]
}

interface Applied {
  /** Rows that took effect, by source label. */
  readonly counts: ReadonlyMap<string, number>
  readonly refused: readonly { readonly record: FreshRecord; readonly fault: Fault }[]
}

/** Rows of new records that are due, in log order, under the epoch of the watermark. */
function freshRows(sink: Sink, buffer: Buffer, admitted: readonly AdmittedRange[]): EncodedRow[] {
  const fresh: EncodedRow[] = []
  for (const { range, admission } of admitted) {
    const without = leftOutOf(sink, admission)
    for (let index = admission.from; index < range.records.length; index++) {
      const { record, rows } = range.records[index]!
      if (without?.has(record.offset)) continue
      for (const row of rows) fresh.push(withEpoch(buffer, row, admission.after.epoch))
    }
  }
  return fresh
}

/** The same by record, without those that have no rows. */
function freshRecords(sink: Sink, buffer: Buffer, admitted: readonly AdmittedRange[]): FreshRecord[] {
  const fresh: FreshRecord[] = []
  for (const each of admitted) {
    const { from, after } = each.admission
    const { records } = each.range
    const without = leftOutOf(sink, each.admission)
    for (let index = from; index < records.length; index++) {
      const { record, rows } = records[index]!
      if (rows.length > 0 && !without?.has(record.offset))
        fresh.push({ admitted: each, index, rows: rows.map((row) => withEpoch(buffer, row, after.epoch)) })
    }
  }
  return fresh
}

/** A keyed table has the newest row of each key, wherever its record stands: nothing is left out. */
function leftOutOf({ layout }: Sink, { after }: AdmittedRange['admission']): ReadonlySet<number> | undefined {
  return layout.keys.length > 0 ? undefined : leftOut(after)
}

interface CountRow {
  readonly src: string
  readonly rows: number
}

function rowsOf(records: readonly FreshRecord[]): EncodedRow[] {
  return records.flatMap(({ rows }) => rows)
}

function winnersOf(sink: Sink, rows: EncodedRow[]): EncodedRow[] {
  return sink.layout.keys.length > 0 ? compact(rows, ({ key }) => key, sink.order) : rows
}

async function apply(
  { statements, layout, smallRows }: Sink,
  session: Session,
  buffer: Buffer,
  rows: readonly EncodedRow[],
  straight: boolean,
  deadline: Deadline,
): Promise<Applied> {
  if (rows.length === 0) return allOf(rows)
  const arrays = (most: number) =>
    rows.length <= most && !layout.hasArrays ? columnArrays(buffer, rows, layout.staged) : undefined
  if (straight || layout.keys.length === 0) {
    const few = arrays(FEW_ROWS)
    if (few) await session.query(deadline, statements.insertNew, few, 'weirhouse new rows')
    else await session.copy(deadline, statements.copyTable, copyStream(buffer, rows))
    return allOf(rows)
  }
  const small = arrays(smallRows)
  if (small) return counted(await session.query<CountRow>(deadline, statements.insertArrays, small, 'weirhouse rows'))
  const [, counts] = await inOrder([
    session.copy(deadline, statements.copyStage, copyStream(buffer, rows)),
    session.query<CountRow>(deadline, statements.insertStage, []),
  ])
  return counted(counts)
}

function allOf(rows: readonly EncodedRow[]): Applied {
  const counts = new Map<string, number>()
  for (const { position } of rows) counts.set(position.src, (counts.get(position.src) ?? 0) + 1)
  return { counts, refused: [] }
}

function counted(rows: readonly CountRow[]): Applied {
  return { counts: new Map(rows.map(({ src, rows }) => [src, rows])), refused: [] }
}

/** All rows, uncompacted, wait in the isolation table; each try compacts its own records, so that no predecessor is lost. */
async function applyIsolated(
  sink: Sink,
  session: Session,
  buffer: Buffer,
  admitted: readonly AdmittedRange[],
  { deadline }: Invocation,
): Promise<Applied> {
  const { statements } = sink
  const records = freshRecords(sink, buffer, admitted)
  const all = rowsOf(records)
  const seqOf = new Map(all.map((row, seq) => [row, seq]))
  await session.copy(deadline, statements.copyIsolation, numberedCopyStream(buffer, all))
  const counts = new Map<string, number>()
  const refused = await isolate(records, async (some): Promise<Fault | undefined> => {
    const winners = winnersOf(sink, rowsOf(some))
    try {
      const results = await session.script<CountRow>(
        deadline,
        statements.insertIsolated(winners.map((row) => seqOf.get(row)!)),
      )
      for (const { src, rows } of results[ISOLATED_RESULT]!.rows) counts.set(src, (counts.get(src) ?? 0) + rows)
      return undefined
    } catch (error) {
      const fault = faultOf(error)
      if (error instanceof WeirError || fault.kind !== 'refused') throw error
      await session.script(deadline, 'ROLLBACK TO SAVEPOINT weirhouse_isolation')
      return fault
    }
  })
  return { counts, refused }
}

function letterOf({ pipeline, sink }: Sink, { record, fault }: Applied['refused'][number]): DeadLetter {
  const { range, admission } = record.admitted
  return {
    pipeline,
    sink,
    source: range.source,
    epoch: admission.after.epoch,
    record: range.records[record.index]!.record,
    stage: 'store',
    code: 'WEIR_REFUSED',
    text: `${fault.code}: ${fault.reason}`,
  }
}

export function reportOf({ admitted, applied: { counts, refused } }: Done): SinkReport {
  return {
    ranges: admitted.map((each): RangeReport => {
      const { range, admission } = each
      return {
        source: range.source,
        first: range.records[0]!.record.offset,
        last: range.records.at(-1)!.record.offset,
        rows: counts.get(range.label) ?? 0,
        duplicates: admission.from,
        refused: refused.filter(({ record }) => record.admitted === each).length,
        gaps: admission.gaps.length,
      }
    }),
  }
}
