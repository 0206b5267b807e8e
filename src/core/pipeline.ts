import type { KeyFields, SinkDefinition } from '../sinks/sink.ts'
import type { Decoder } from './decode/decoder.ts'
import { WeirError } from './errors.ts'
import { parseOptions } from './options.ts'
import { pipelineOptions } from './pipeline-options.ts'
import type { PipelineInput, PipelineOptions } from './pipeline-options.ts'
import type { SourceRecord } from './record.ts'
import { settle } from './settled.ts'

export type { PipelineOptions } from './pipeline-options.ts'

/** Which of two rows with one key is newer: docs/delivery.md, "The engine". A function gives the producer's own version. */
export type Order<R> = 'log' | 'timestamp' | ((row: R) => string | number)

/** One row, many, or none. */
export type Rows<R> = R | readonly R[] | null | undefined

type Tombstone = PipelineOptions['tombstone']

/** What a tombstone deletes: one key, many, or none. */
export type KeyOf = (record: SourceRecord) => Rows<KeyFields>

export interface PipelineSpec<T, R, K extends Tombstone = 'ignore'> extends Omit<PipelineInput, 'tombstone'> {
  readonly tombstone?: K
  /** Bytes to value: json(schema), text(), bytes(), any(). */
  readonly decode: Decoder<T>
  /**
   * Value to rows; sync or async. Where not given, the value is the row. Throwing makes the record a dead letter.
   * Under `tombstone: 'keep'` the value of a tombstone is undefined.
   */
  readonly transform?: (value: K extends 'keep' ? T | undefined : T, record: SourceRecord) => Rows<R> | Promise<Rows<R>>
  /**
   * Under `tombstone: 'delete'`, and needed there: which keys a tombstone deletes, from the record's own key. Throwing makes
   * the record a dead letter.
   */
  readonly keyOf?: K extends 'delete' ? KeyOf : never
  /** Which of two rows with one key is newer; 'log' where not given. Not a function under `tombstone: 'delete'`. */
  readonly order?: Order<R>
  readonly sinks: readonly SinkDefinition[]
}

/** A validated definition, all defaults filled in. It drives handler, local run, tables, grants and audit. */
export interface Pipeline extends PipelineOptions {
  readonly decode: Decoder<unknown>
  readonly transform: (value: unknown, record: SourceRecord) => unknown
  readonly order: Order<unknown>
  /** Exactly where `tombstone` is 'delete'. */
  readonly keyOf?: KeyOf
  readonly sinks: readonly SinkDefinition[]
}

/** Checks a definition and fills in its defaults. Throws WEIR_DEFINITION_INVALID, one line a fault. */
export function pipeline<T, R = T, const K extends Tombstone = 'ignore'>(spec: PipelineSpec<T, R, K>): Pipeline {
  if (typeof spec !== 'object' || spec === null)
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: 'Pipeline', reason: 'expected an object' })
  const { decode, transform, keyOf, order, sinks, ...data } = spec
  const what = `Pipeline "${data.name}"`
  const code: Code = { decode, transform, keyOf, order, sinks }
  const options = settle(what, data, shapeOf(code), import.meta.bundled || (() => optionsOf(what, data, code)))
  return {
    ...options,
    decode,
    transform: (transform ?? ((value: unknown) => value)) as Pipeline['transform'],
    order: (order ?? 'log') as Pipeline['order'],
    ...(keyOf === undefined ? {} : { keyOf }),
    sinks,
  }
}

/** What of a definition is no data, as it was given: it may be anything. */
interface Code extends Readonly<Record<'transform' | 'keyOf' | 'order', unknown>> {
  readonly decode: Decoder<unknown>
  readonly sinks: readonly SinkDefinition[]
}

/** What `optionsOf` sees of it. */
function shapeOf({ decode, transform, keyOf, order, sinks }: Code): unknown {
  const kinds = [typeof decode?.decode, typeof transform, typeof keyOf, typeof order]
  const shapes = Array.isArray(sinks) && sinks.map((sink) => [sink?.id, typeof sink?.open, sink?.key !== undefined])
  return [kinds, typeof order === 'string' && order, shapes]
}

function optionsOf(what: string, data: object, { decode, transform, keyOf, order, sinks }: Code): PipelineOptions {
  const options = parseOptions(pipelineOptions, data, what)
  const fault = (reason: string) => new WeirError('WEIR_DEFINITION_INVALID', { what, reason })
  if (typeof decode?.decode !== 'function')
    throw fault('decode: expected a decoder such as json(schema), text(), bytes() or any()')
  if (transform !== undefined && typeof transform !== 'function') throw fault('transform: expected a function')
  if (order !== undefined && order !== 'log' && order !== 'timestamp' && typeof order !== 'function')
    throw fault("order: expected 'log', 'timestamp' or a function of the row")
  if (!Array.isArray(sinks) || sinks.length === 0) throw fault('sinks: expected one sink at least')
  const odd = sinks.findIndex((sink) => typeof sink?.open !== 'function' || typeof sink.id !== 'string')
  if (odd >= 0) throw fault(`sinks.${odd}: expected a sink such as s3({...})`)
  const ids = sinks.map((sink) => sink.id)
  const twice = ids.find((id, i) => ids.indexOf(id) !== i)
  if (twice !== undefined) throw fault(`sinks: two have the id "${twice}"`)
  const deletes = deletesFault(options.tombstone, keyOf, order, sinks)
  if (deletes !== undefined) throw fault(deletes)
  return options
}

/** What keeps the definition from deleting; undefined where nothing does, or where it asks for no deletes. */
function deletesFault(
  tombstone: Tombstone,
  keyOf: unknown,
  order: unknown,
  sinks: readonly SinkDefinition[],
): string | undefined {
  if (tombstone !== 'delete')
    return keyOf === undefined ? undefined : "keyOf: it is for tombstone 'delete'; set that, or leave keyOf out"
  if (typeof keyOf !== 'function')
    return "keyOf: tombstone 'delete' needs a function from the record to the key columns, such as record => ({ id: keyText(record) })"
  if (typeof order === 'function')
    return "order: a tombstone has no version of its own to order by; use 'log' or 'timestamp', or tombstone 'keep'"
  return sinks.some(({ key }) => key !== undefined)
    ? undefined
    : "tombstone: no sink has key columns to delete by; give one a key, or use 'keep' for a log of events, or 'ignore'"
}
