/**
 * Rewinds a PostgreSQL sink, as the owner of its table: a function may not delete. Rows of an append table go at once; of a keyed
 * one in the end, those that nothing replaced. Its refused records that wait in the outbox go with the rows.
 */
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceKey, sourceMark } from '../../core/record.ts'
import type { Source } from '../../core/record.ts'
import type { Watermark } from '../../core/watermark.ts'
import type { Change, RewindTarget, Stale, Standing } from '../rewind.ts'
import { faultOf, tellable } from './faults.ts'
import { quote } from './identifiers.ts'
import type { PostgresOptions } from './options.ts'
import { openSession, parseBinding } from './session.ts'
import type { Session } from './session.ts'
import { tableName } from './sql.ts'

export interface PostgresRewindContext {
  readonly pipeline: string
  readonly options: PostgresOptions
  readonly binding: Readonly<Record<string, unknown>>
}

interface Identity {
  readonly pipeline: string
  readonly sink: string
}

/**
 * Throws WEIR_DEFINITION_INVALID for a binding that is none. Connects with the first step.
 * @param connect what a test may put in place of a server
 */
export function openRewind(
  { pipeline, options, binding }: PostgresRewindContext,
  connect: typeof openSession = openSession,
): RewindTarget {
  const identity = { pipeline, sink: options.id }
  const parsed = parseBinding(binding, options.id)
  const keyed = options.key !== undefined
  let session: Session | undefined
  const named = async <T>(deadline: Deadline, work: (session: Session) => Promise<T>): Promise<T> => {
    try {
      if (session?.usable() !== true)
        session = await connect(parsed, `weirhouse rewind ${pipeline}/${options.id}`, deadline)
      return await work(session)
    } catch (error) {
      session?.destroy() // a transaction may be open
      if (error instanceof WeirError) throw error
      const fault = faultOf(error)
      const reason = tellable(fault)
      if (fault.kind === 'retryable')
        throw new WeirError('WEIR_STORE_UNAVAILABLE', { sink: options.id, reason }, { cause: error })
      const details = { sink: options.id, reason, advice: fault.advice }
      throw new WeirError('WEIR_STORE_MISCONFIGURED', details, { cause: error })
    }
  }
  const rows = (stale: readonly Stale[], deadline: Deadline) =>
    named(deadline, (open) => total(stale, (each) => removeRows(open, options, each, deadline)))
  return {
    keyed,
    read: (sources, deadline) => named(deadline, (open) => read(open, identity, sources, deadline)),
    align: (_, target) => Promise.resolve(target),
    change: (source, change, deadline) =>
      named(deadline, (open) => changeRow(open, identity, source, change, deadline)),
    remove: async (stale, deadline) => {
      await named(deadline, (open) => total(stale, (each) => removeLetters(open, identity, each, deadline)))
      return keyed ? 0 : rows(stale, deadline)
    },
    sweep: async (stale, deadline) => {
      if (!keyed) return 0
      await named(deadline, (open) => forgetDeletes(open, identity, stale, deadline))
      return rows(stale, deadline)
    },
    close: async () => {
      if (session?.usable()) await session.close()
    },
  }
}

async function total(stale: readonly Stale[], work: (each: Stale) => Promise<number>): Promise<number> {
  let count = 0
  for (const each of stale) count += await work(each)
  return count
}

async function removeRows(
  session: Session,
  options: PostgresOptions,
  { source, target, epoch }: Stale,
  deadline: Deadline,
): Promise<number> {
  const { src, epoch: epochName, offset } = options.positionColumns
  const [row] = await session.query<{ count: number }>(
    deadline,
    `WITH gone AS (DELETE FROM ${tableName(options)}
  WHERE ${quote(src)} = $1 AND ${quote(offset)} >= $2 AND ${quote(epochName)} < $3 RETURNING 1)
SELECT count(*)::integer AS count FROM gone`,
    [sourceMark(source), target, epoch],
  )
  return row!.count
}

/** Deletes that no record of the log asks for any more. The table is there where tombstones delete. */
async function forgetDeletes(
  session: Session,
  { pipeline, sink }: Identity,
  stale: readonly Stale[],
  deadline: Deadline,
): Promise<void> {
  const [row] = await session.query<{ there: boolean }>(
    deadline,
    "SELECT to_regclass('weirhouse.deleted') IS NOT NULL AS there",
  )
  if (!row!.there) return
  for (const { source, target, epoch } of stale)
    await session.query(
      deadline,
      'DELETE FROM weirhouse.deleted WHERE pipeline = $1 AND sink = $2 AND src = $3 AND record_offset >= $4 AND epoch < $5',
      [pipeline, sink, sourceMark(source), target, epoch],
    )
}

async function removeLetters(
  session: Session,
  { pipeline, sink }: Identity,
  { source, target, epoch }: Stale,
  deadline: Deadline,
): Promise<number> {
  await session.query(
    deadline,
    `DELETE FROM weirhouse.refused WHERE pipeline = $1 AND sink = $2 AND cluster = $3 AND topic = $4 AND partition = $5
AND record_offset >= $6 AND epoch < $7`,
    [pipeline, sink, source.cluster, source.topic, source.partition, target, epoch],
  )
  return 0
}

interface WatermarkRow {
  readonly epoch: string
  readonly next_offset: string | null
  readonly checkpoints: Watermark['checkpoints']
  readonly gaps: Watermark['gaps']
  readonly gap_count: string
  readonly rewind: Watermark['rewind'] | null
}

const OF_SOURCE = 'pipeline = $1 AND sink = $2 AND cluster = $3 AND topic = $4 AND partition = $5'
const SELECT = `SELECT epoch, next_offset, checkpoints, gaps, gap_count, rewind FROM weirhouse.watermark WHERE ${OF_SOURCE}`

function placeOf({ pipeline, sink }: Identity, { cluster, topic, partition }: Source): (string | number)[] {
  return [pipeline, sink, cluster, topic, partition]
}

function watermarkOf(row: WatermarkRow): Watermark | undefined {
  if (row.next_offset === null) return undefined
  return {
    epoch: Number(row.epoch),
    next: Number(row.next_offset),
    checkpoints: row.checkpoints,
    gaps: row.gaps,
    gapCount: Number(row.gap_count),
    ...(row.rewind ? { rewind: row.rewind } : {}),
  }
}

async function read(
  session: Session,
  identity: Identity,
  sources: readonly Source[],
  deadline: Deadline,
): Promise<readonly Standing[]> {
  const standings: Standing[] = []
  for (const source of sources) {
    const [row] = await session.query<WatermarkRow>(deadline, SELECT, placeOf(identity, source))
    standings.push({ source, epoch: Number(row?.epoch ?? 0), watermark: row && watermarkOf(row) })
  }
  return standings
}

/** Under the row's lock, for which it waits: a writer that holds it ends with its own deadline. */
async function changeRow(
  session: Session,
  identity: Identity,
  source: Source,
  change: Change,
  deadline: Deadline,
): Promise<void> {
  const place = placeOf(identity, source)
  await session.script(deadline, 'BEGIN')
  await session.query(
    deadline,
    `INSERT INTO weirhouse.watermark (pipeline, sink, cluster, topic, partition) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING`,
    place,
  )
  const [row] = await session.query<WatermarkRow>(deadline, `${SELECT} FOR UPDATE`, place)
  if (!row) throw new WeirError('WEIR_CONTENDED', { sink: identity.sink, source: sourceKey(source) })
  const before = watermarkOf(row)
  const after = change(before)
  if (!after || after === before) {
    await session.script(deadline, 'ROLLBACK')
    return
  }
  await session.query(
    deadline,
    `UPDATE weirhouse.watermark SET epoch = $6, next_offset = $7, checkpoints = $8::jsonb, gaps = $9::jsonb,
  gap_count = $10, rewind = $11::jsonb, committed_at = clock_timestamp() WHERE ${OF_SOURCE}`,
    [
      ...place,
      after.epoch,
      after.next,
      JSON.stringify(after.checkpoints),
      JSON.stringify(after.gaps),
      after.gapCount,
      after.rewind ? JSON.stringify(after.rewind) : null,
    ],
  )
  await session.script(deadline, 'COMMIT')
}
