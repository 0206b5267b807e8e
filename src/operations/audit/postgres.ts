/** Reads the table of a PostgreSQL sink with `pg`, in one read-only snapshot, through a cursor. */
import type { Client } from 'pg'
import { optionalModule } from '../../config/optional-module.ts'
import { messageOf, WeirError } from '../../core/errors.ts'
import { positionOf } from '../../core/order.ts'
import type { PostgresOptions } from '../../sinks/postgres/index.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { canonicalMembers } from './canonical.ts'
import type { StoredPosition } from './keyed.ts'
import { createKeyedComparer, positionKey } from './keyed.ts'
import { positionText } from './log.ts'
import { columnForm, storedVersion } from './postgres-values.ts'
import type { ColumnForm } from './postgres-values.ts'

const ROWS_A_FETCH = 5000

interface Column {
  readonly name: string
  readonly form: ColumnForm
}

/** Column name and canonical value, in the definition's order. */
type Fields = ReadonlyMap<string, string>

export function openPostgresAuditor(context: AuditorContext): SinkAuditor {
  const { sink, tally, target, pipeline } = context
  const options = sink.options as PostgresOptions
  const columns = Object.entries(options.columns).map(([name, type]): Column => ({ name, form: columnForm(type) }))
  const hasVersion = typeof pipeline.order === 'function'
  const comparer = createKeyedComparer(context)
  const keyed = (fields: Fields, position: StoredPosition) => ({
    key: keyOf(options, fields, position),
    row: canonicalMembers([...fields]),
  })
  return {
    expect({ record, index, version, value }) {
      const position = positionOf(context.markOf(record.partition), record, index, 0, version)
      const fields = expectedFields(columns, value)
      if (typeof fields !== 'string') return comparer.expect(keyed(fields, position), position)
      tally.expected()
      tally.fault('missing', positionText(record), fields)
    },
    async compare(signal) {
      const pg = await optionalModule('pg', `the audit of sink "${sink.id}"`, () => import('pg'))
      const client = new pg.default.Client({ connectionString: target.postgres.url })
      let broken: Error | undefined
      client.on('error', (error) => (broken = error))
      try {
        await client.connect()
        await readTable(client, selectOf(options, columns, hasVersion), columns, signal, (fields, position) =>
          comparer.observe(keyed(fields, position), position),
        )
      } catch (error) {
        signal.throwIfAborted()
        throw new WeirError(
          'WEIR_STORE_UNAVAILABLE',
          { sink: sink.id, reason: messageOf(broken ?? error) },
          { cause: error },
        )
      } finally {
        await client.end()
      }
      comparer.finish()
    },
  }
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

function keyOf({ key }: PostgresOptions, fields: Fields, position: StoredPosition): string {
  if (!key) return positionKey(position)
  return `(${key.map((name) => fields.get(name)).join(', ')})`
}

async function readTable(
  client: Client,
  select: string,
  columns: readonly Column[],
  signal: AbortSignal,
  onRow: (fields: Fields, position: StoredPosition) => void,
): Promise<void> {
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  // Floats as their shortest exact text, whatever the database's own settings.
  await client.query('SET LOCAL extra_float_digits = 1')
  await client.query(`DECLARE audit NO SCROLL CURSOR FOR ${select}`)
  for (;;) {
    signal.throwIfAborted()
    const { rows } = await client.query<(string | null)[]>({
      text: `FETCH ${ROWS_A_FETCH} FROM audit`,
      rowMode: 'array',
    })
    if (rows.length === 0) break
    for (const row of rows) {
      const values = row.slice(POSITION_COLUMNS)
      onRow(new Map(columns.map(({ name, form }, i) => [name, storedText(form, values[i]!)])), positionIn(row))
    }
  }
  await client.query('COMMIT')
}

const POSITION_COLUMNS = 6

function positionIn([src, epoch, offset, index, ts, version]: readonly (string | null)[]): StoredPosition {
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
