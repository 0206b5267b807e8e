/** Reads the table of a PostgreSQL sink with `pg`, in one read-only snapshot, through a cursor. */
import type { Client } from 'pg'
import { optionalModule } from '../../config/optional-module.ts'
import { MIB } from '../../core/limits.ts'
import { messageOf, WeirError } from '../../core/errors.ts'
import type { KeyFields } from '../../sinks/sink.ts'
import type { PostgresOptions } from '../../sinks/postgres/index.ts'
import type { Target, TargetPipeline } from '../target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import type { Fields } from './entries.ts'
import { keyedAuditor } from './keyed-auditor.ts'
import type { StoredRow } from './keyed-auditor.ts'
import { addLetter, OUTBOX as OUTBOX_STATE } from './letters.ts'
import { columnForm, storedVersion } from './postgres-values.ts'
import type { ColumnForm } from './postgres-values.ts'
import type { ProgressOf } from './progress.ts'
import { tableProgress } from './progress.ts'
import type { Sorter } from './sorter.ts'

/** Rows of one FETCH: what they take of memory is looked at after each, and the next is made to fit. */
const FIRST_ROWS = 200
const MAX_ROWS = 5000
const FETCH_BYTES = 2 * MIB

interface Column {
  readonly name: string
  readonly form: ColumnForm
}

const NO_FIELDS: Fields = new Map()

export function openPostgresAuditor(context: AuditorContext, signal: AbortSignal): SinkAuditor {
  const { sink, target, pipeline } = context
  const options = sink.options as PostgresOptions
  const columns = Object.entries(options.columns).map(([name, type]): Column => ({ name, form: columnForm(type) }))
  const select = selectOf(options, columns, typeof pipeline.order === 'function')
  const keyOf = (fields: Fields) => options.key && `(${options.key.map((name) => fields.get(name)).join(', ')})`
  const store = {
    asked(value: unknown) {
      const fields = expectedFields(columns, value)
      return typeof fields === 'string' ? fields : { key: keyOf(fields), fields }
    },
    deleted(key: KeyFields) {
      const fields = expectedFields(
        columns.filter(({ name }) => options.key?.includes(name)),
        key,
      )
      return typeof fields === 'string' ? fields : { key: keyOf(fields), fields: NO_FIELDS }
    },
    read: (onRow: (row: StoredRow) => void) =>
      withClient(target, sink.id, signal, (client) =>
        readTable(client, select, columns, signal, (fields, position) =>
          onRow({ key: keyOf(fields), fields, position }),
        ),
      ),
    close: async () => undefined,
  }
  return keyedAuditor(context, store, signal)
}

/** Throws WEIR_STORE_UNAVAILABLE, WEIR_MODULE_MISSING, or the signal's reason. */
async function withClient<T>(
  target: Target,
  sink: string,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const pg = await optionalModule('pg', `the audit of sink "${sink}"`, () => import('pg'))
  const client = new pg.default.Client({ connectionString: target.postgres.url })
  let broken: Error | undefined
  client.on('error', (error) => (broken = error))
  try {
    await client.connect()
    return await use(client)
  } catch (error) {
    signal.throwIfAborted()
    throw new WeirError('WEIR_STORE_UNAVAILABLE', { sink, reason: messageOf(broken ?? error) }, { cause: error })
  } finally {
    await client.end()
  }
}

/** The sink's watermarks. Throws as the reading of its rows does. */
export function postgresProgress(
  target: Target,
  pipeline: TargetPipeline,
  sink: string,
  signal: AbortSignal,
): Promise<ProgressOf> {
  return withClient(target, sink, signal, (client) => tableProgress(client, pipeline, sink))
}

const OUTBOX = `SELECT partition, record_offset::text FROM weirhouse.refused
WHERE pipeline = $1 AND sink = $2 AND cluster = $3 AND topic = $4`

/**
 * Dead letters that are durable and not yet where the others are: the sink exports them after its commit. Call it before
 * those others are read, so that none is missed on its way.
 */
export function readOutbox(
  target: Target,
  { name, cluster, topic }: TargetPipeline,
  sink: string,
  into: Sorter,
  signal: AbortSignal,
): Promise<void> {
  return withClient(target, sink, signal, async (client) => {
    const { rows } = await client.query<{ partition: number; record_offset: string }>(OUTBOX, [
      name,
      sink,
      cluster,
      topic,
    ])
    for (const { partition, record_offset } of rows)
      addLetter(into, {
        partition,
        offset: Number(record_offset),
        sink,
        stage: 'store',
        state: OUTBOX_STATE,
        timestamp: 0,
        epoch: 0,
        attempts: 0,
        takenAt: null,
      })
  })
}

/** Text where no such value fits its column: the sink should have refused the record, and there is no dead letter. */
function expectedFields(columns: readonly Column[], row: unknown): Fields | string {
  const values = (row ?? {}) as Readonly<Record<string, unknown>>
  const fields = new Map<string, string>()
  for (const { name, form } of columns) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    try {
      fields.set(name, value === null || value === undefined ? 'null' : form.expected(value))
    } catch (error) {
      return `column ${name} cannot hold it, and there is no dead letter: ${messageOf(error)}`
    }
  }
  return fields
}

async function readTable(
  client: Client,
  select: string,
  columns: readonly Column[],
  signal: AbortSignal,
  onRow: (fields: Fields, position: StoredRow['position']) => void,
): Promise<void> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  // Floats as their shortest exact text, whatever the database's own settings.
  await client.query('SET LOCAL extra_float_digits = 1')
  await client.query(`DECLARE audit NO SCROLL CURSOR FOR ${select}`)
  let count = FIRST_ROWS
  for (;;) {
    signal.throwIfAborted()
    const { rows } = await client.query<(string | null)[]>({
      text: `FETCH ${count} FROM audit`,
      rowMode: 'array',
    })
    if (rows.length === 0) break
    let bytes = 0
    for (const row of rows) {
      for (const text of row) bytes += text?.length ?? 0
      const values = row.slice(POSITION_COLUMNS)
      onRow(new Map(columns.map(({ name, form }, i) => [name, storedText(form, values[i]!)])), positionIn(row))
    }
    count = Math.max(1, Math.min(MAX_ROWS, Math.floor((FETCH_BYTES / bytes) * rows.length)))
  }
  await client.query('COMMIT')
}

const POSITION_COLUMNS = 6

/** Undefined where a column of it is null: nothing of ours wrote the row. */
function positionIn([src, epoch, offset, index, ts, version]: readonly (string | null)[]): StoredRow['position'] {
  if (src === null || epoch === null || offset === null || index === null || ts === null) return undefined
  const known = storedVersion(version ?? null)
  return {
    src: src!,
    epoch: Number(epoch),
    offset: Number(offset),
    index: Number(index),
    ts: Number(ts),
    ...(known === undefined ? {} : { version: known }),
  }
}

function storedText({ stored }: ColumnForm, text: string | null): string {
  return text === null ? 'null' : stored(text)
}

/** Position columns first, everything as text. */
function selectOf(
  { schema, table, positionColumns: at }: PostgresOptions,
  columns: readonly Column[],
  hasVersion: boolean,
): string {
  const positions = [at.src, at.epoch, at.offset, at.index, at.ts].map((name) => `${quoted(name)}::text`)
  positions.push(hasVersion ? quoted(at.version) : 'NULL::text')
  const values = columns.map(({ name, form }) => form.select(quoted(name)))
  return `SELECT ${[...positions, ...values].join(', ')} FROM ${quoted(schema)}.${quoted(table)}`
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
