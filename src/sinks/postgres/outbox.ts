/**
 * The outbox of dead letters: written with the rows in one transaction, so that a refused record is never between the
 * two; handed to the dead-letter store afterwards, as often as it takes.
 */
import type { DeadLetter, Stage } from '../../core/dead-letter.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import type { TimestampType } from '../../core/record.ts'
import type { Invocation } from '../sink.ts'
import type { Session } from './session.ts'

/** Letters read at a time: a value may have a mebibyte. */
const PAGE = 20

const KEY = 'cluster, topic, partition, epoch, record_offset'
const COLUMNS = `${KEY}, record_timestamp, timestamp_type, record_key, record_value, headers, stage, code, reason`

const INSERT = `INSERT INTO weirhouse.refused (pipeline, sink, ${COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12::jsonb, $13, $14, $15) ON CONFLICT DO NOTHING`

/** PostgreSQL keeps no NUL in text; a reason may quote one. */
const withoutNul = (text: string) => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** Puts letters into the outbox, within the transaction that is open. */
export async function putOutbox(session: Session, deadline: Deadline, letters: readonly DeadLetter[]): Promise<void> {
  for (const { pipeline, sink, source, epoch, record, stage, code, text } of letters) {
    const headers = record.headers.map(({ name, value }) => [
      Buffer.from(name).toString('base64'),
      value.toString('base64'),
    ])
    await session.query(
      deadline,
      INSERT,
      [
        pipeline,
        sink,
        source.cluster,
        source.topic,
        source.partition,
        epoch,
        record.offset,
        record.timestamp,
        record.timestampType,
        record.key,
        record.value,
        JSON.stringify(headers),
        stage,
        code,
        withoutNul(text),
      ],
      'weirhouse refuse',
    )
  }
}

interface OutboxRow {
  readonly cluster: string
  readonly topic: string
  readonly partition: number
  readonly epoch: string
  readonly record_offset: string
  readonly record_timestamp: string
  readonly timestamp_type: TimestampType
  readonly record_key: Buffer | null
  readonly record_value: Buffer | null
  readonly headers: readonly (readonly [string, string])[]
  readonly stage: Stage
  readonly code: ErrorCode
  readonly reason: string
}

const OURS = 'FROM weirhouse.refused WHERE pipeline = $1 AND sink = $2'

const SELECT = `SELECT ${COLUMNS} ${OURS}
ORDER BY ${KEY} LIMIT ${PAGE}`

const DELETE = `DELETE ${OURS}
AND (${KEY}) IN (
  SELECT * FROM unnest($3::text[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[]))`

/**
 * Exports everything of this sink, whoever wrote it. A crash between export and removal exports again, which is
 * harmless: putDeadLetters is idempotent. Bounded by the deadline; what is left stays for a later invocation.
 */
export async function exportOutbox(
  session: Session,
  invocation: Pick<Invocation, 'deadline' | 'putDeadLetters'>,
  pipeline: string,
  sink: string,
): Promise<void> {
  for (;;) {
    const rows = await session.query<OutboxRow>(invocation.deadline, SELECT, [pipeline, sink])
    if (rows.length === 0) return
    await invocation.putDeadLetters(rows.map((row) => letterOf(row, pipeline, sink)))
    const column = (name: 'cluster' | 'topic' | 'partition' | 'epoch' | 'record_offset') => rows.map((row) => row[name])
    await session.query(invocation.deadline, DELETE, [
      pipeline,
      sink,
      column('cluster'),
      column('topic'),
      column('partition'),
      column('epoch'),
      column('record_offset'),
    ])
    if (rows.length < PAGE) return
  }
}

function letterOf(row: OutboxRow, pipeline: string, sink: string): DeadLetter {
  const { cluster, topic, partition } = row
  return {
    pipeline,
    sink,
    source: { cluster, topic, partition },
    epoch: Number(row.epoch),
    record: {
      topic,
      partition,
      offset: Number(row.record_offset),
      timestamp: Number(row.record_timestamp),
      timestampType: row.timestamp_type,
      key: row.record_key,
      value: row.record_value,
      headers: row.headers.map(([name, value]) => ({
        name: Buffer.from(name, 'base64').toString(),
        value: Buffer.from(value, 'base64'),
      })),
    },
    stage: row.stage,
    code: row.code,
    text: row.reason,
  }
}
