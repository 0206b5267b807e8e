/** Watermark rows of one event: created, locked, judged, moved. Steps 2 and 5 of the protocol. */
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceKey, sourceLabel } from '../../core/record.ts'
import type { Source } from '../../core/record.ts'
import { admit, haltError } from '../../core/watermark.ts'
import type { Admission, Watermark } from '../../core/watermark.ts'
import type { EncodedRange } from './batch.ts'
import type { Parameter } from './client/messages.ts'
import type { Session } from './session.ts'
import { createWatermarks, lockWatermarks, moveWatermarks } from './sql.ts'

export interface Identity {
  readonly pipeline: string
  readonly sink: string
}

/** $1 to $5 of the statements that ask about sources. */
export function sourceParameters({ pipeline, sink }: Identity, sources: readonly Source[]): Parameter[] {
  return [
    pipeline,
    sink,
    sources.map(({ cluster }) => cluster),
    sources.map(({ topic }) => topic),
    sources.map(({ partition }) => partition),
  ]
}

export interface Locked {
  /** By sourceKey; absent where the sink has not written this source yet. */
  readonly watermarks: ReadonlyMap<string, Watermark>
  /** By sourceKey; of every source. */
  readonly epochs: ReadonlyMap<string, number>
  /** The outbox holds letters of this sink. */
  readonly letters: boolean
}

interface WatermarkRow {
  readonly cluster: string
  readonly topic: string
  readonly partition: number
  readonly epoch: string
  readonly next_offset: string | null
  readonly checkpoints: Watermark['checkpoints']
  readonly gaps: Watermark['gaps']
  readonly gap_count: string
  readonly rewind: Watermark['rewind'] | null
  readonly letters: boolean
}

/**
 * Locks the rows of these sources in partition order; a zombie waits here. `known` remembers which rows exist, to spare
 * a request, and never what they say (N7).
 */
export async function lock(
  session: Session,
  deadline: Deadline,
  { pipeline, sink }: Identity,
  sources: readonly Source[],
  known: Set<string>,
): Promise<Locked> {
  const parameters = sourceParameters({ pipeline, sink }, sources)
  if (sources.some((source) => !known.has(sourceKey(source))))
    await session.query(deadline, createWatermarks, parameters)
  const rows = await session.query<WatermarkRow>(deadline, lockWatermarks, parameters, 'weirhouse lock')
  if (rows.length !== sources.length) {
    known.clear() // someone removed rows under us: the next attempt makes them anew
    throw new WeirError('WEIR_CONTENDED', { sink, source: sources.map(sourceKey).join(', ') })
  }
  const watermarks = new Map<string, Watermark>()
  for (const row of rows)
    if (row.next_offset !== null)
      watermarks.set(sourceKey(row), {
        epoch: Number(row.epoch),
        next: Number(row.next_offset),
        checkpoints: row.checkpoints,
        gaps: row.gaps,
        gapCount: Number(row.gap_count),
        ...(row.rewind ? { rewind: row.rewind } : {}),
      })
  // Only these are known to be committed: a row made by this transaction goes when it is rolled back.
  for (const source of watermarks.keys()) known.add(source)
  const epochs = new Map(rows.map((row) => [sourceKey(row), Number(row.epoch)]))
  return { watermarks, epochs, letters: rows.some(({ letters }) => letters) }
}

/** What of a range is to be written. */
export interface AdmittedRange {
  readonly range: EncodedRange
  readonly admission: Extract<Admission, { kind: 'admitted' }>
}

/** Throws WEIR_TOPIC_RESTARTED or WEIR_REWOUND where a range does not fit its watermark (D9, D13). */
export function admitRanges(
  ranges: readonly EncodedRange[],
  { watermarks, epochs }: Locked,
  sink: string,
): AdmittedRange[] {
  return ranges.map((range) => {
    const watermark = watermarks.get(sourceKey(range.source))
    const records = range.records.map(({ record }) => record)
    const admission = admit(watermark, records, epochs.get(sourceKey(range.source)))
    if (admission.kind !== 'admitted') {
      const place = { sink, source: sourceLabel(range.source), next: watermark?.next, first: records[0]!.offset }
      throw haltError(admission, place)
    }
    return { range, admission }
  })
}

export async function move(
  session: Session,
  deadline: Deadline,
  { pipeline, sink }: Identity,
  admitted: readonly AdmittedRange[],
): Promise<void> {
  const moved = admitted.filter(({ range, admission }) => admission.from < range.records.length)
  if (moved.length === 0) return
  const rows = moved.map(({ range, admission }) => ({ ...range.source, ...admission.after }))
  await session.query(deadline, moveWatermarks, [pipeline, sink, JSON.stringify(rows)], 'weirhouse move')
}
