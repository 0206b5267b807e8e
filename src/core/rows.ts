import type { Decoded, Poison } from './decode/decoder.ts'
import { keysOf } from './delete-keys.ts'
import { messageOf } from './errors.ts'
import type { KeyFields } from '../sinks/sink.ts'
import { manyOf } from './many.ts'
import type { Pipeline } from './pipeline.ts'
import type { SourceRecord } from './record.ts'
import type { Replayed } from './replay.ts'
import { holdsThenable, isThenable } from './thenable.ts'

/** What one record becomes: rows for the sinks, or poison. Poison has no rows. */
export interface RecordRows {
  readonly rows: readonly unknown[]
  /** One per row where the pipeline orders by the producer's own version. */
  readonly versions?: readonly (string | number)[]
  /** Of a tombstone under `tombstone: 'delete'`: the keys to delete. Such a record has no rows. */
  readonly deletes?: readonly KeyFields[]
  readonly poison?: Poison
  /** Of a replayed dead letter: for which sinks, and as what the record counts. */
  readonly replay?: Replayed
}

const none: RecordRows = { rows: [] }

/**
 * Decodes, validates and transforms one record. Pure as far as the definition is; never throws: what fails is poison (D6).
 * A promise only where the schema or the transform is asynchronous, so that the common case costs none.
 */
export function rowsOf(pipeline: Pipeline, record: SourceRecord): RecordRows | Promise<RecordRows> {
  if (record.value === null) {
    if (pipeline.tombstone === 'ignore') return none
    if (pipeline.tombstone === 'dead-letter')
      return poisoned({ stage: 'decode', code: 'WEIR_TOMBSTONE', text: 'no value' })
    if (pipeline.keyOf) return deleted(pipeline.keyOf, record)
    return transformed(pipeline, undefined, record)
  }
  let decoded: Decoded<unknown> | Promise<Decoded<unknown>>
  try {
    decoded = pipeline.decode.decode(record)
  } catch (error) {
    return poisoned({ stage: 'decode', code: 'WEIR_DECODE', text: messageOf(error) })
  }
  if (decoded instanceof Promise)
    return decoded.then(
      (result) => afterDecode(pipeline, result, record),
      (error: unknown) => poisoned({ stage: 'decode', code: 'WEIR_DECODE', text: messageOf(error) }),
    )
  return afterDecode(pipeline, decoded, record)
}

function afterDecode(
  pipeline: Pipeline,
  decoded: Decoded<unknown>,
  record: SourceRecord,
): RecordRows | Promise<RecordRows> {
  return 'poison' in decoded ? poisoned(decoded.poison) : transformed(pipeline, decoded.value, record)
}

function transformed(pipeline: Pipeline, value: unknown, record: SourceRecord): RecordRows | Promise<RecordRows> {
  try {
    const result = pipeline.transform(value, record)
    return isThenable(result)
      ? Promise.resolve(result).then((rows) => withVersions(pipeline, rows), transformFailed)
      : withVersions(pipeline, result)
  } catch (error) {
    return transformFailed(error)
  }
}

function withVersions(pipeline: Pipeline, result: unknown): RecordRows {
  const rows = manyOf(result)
  if (holdsThenable(rows))
    return transformFailed(new Error('the transform gave a promise among its rows; await it there'))
  const { order } = pipeline
  if (typeof order !== 'function') return { rows }
  try {
    const versions = rows.map((row) => order(row))
    const odd = versions.findIndex((version) => typeof version !== 'string' && !Number.isFinite(version))
    if (odd >= 0) return transformFailed(new Error('order gave neither text nor a finite number'))
    return { rows, versions }
  } catch (error) {
    return transformFailed(error)
  }
}

function deleted(keyOf: NonNullable<Pipeline['keyOf']>, record: SourceRecord): RecordRows {
  try {
    return { rows: [], deletes: keysOf(keyOf(record)) }
  } catch (error) {
    return transformFailed(error)
  }
}

function transformFailed(error: unknown): RecordRows {
  return poisoned({ stage: 'transform', code: 'WEIR_TRANSFORM', text: messageOf(error) })
}

function poisoned(poison: Poison): RecordRows {
  return { rows: [], poison }
}
