import * as v from 'valibot'
import type { KeyFields, SinkDefinition } from '../sinks/sink.ts'
import type { Decoder } from './decode/decoder.ts'
import { WeirError } from './errors.ts'
import {
  DEFAULT_BATCH_RECORDS,
  FLOOD_WINDOW,
  MAX_BATCH_RECORDS,
  MAX_KAFKA_FUNCTION_SECONDS,
  MAX_WINDOW_SECONDS,
} from './limits.ts'
import { describe, parseOptions } from './options.ts'
import type { SourceRecord } from './record.ts'

const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'use a-z, 0-9 and -, a letter first, at most 40'))

/** Amazon MSK and Kafka: 1..249 of these characters. */
const topic = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9._-]{1,249}$/, 'use a-z, A-Z, 0-9, . _ and -, at most 249'))

const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))

/** Every option of a pipeline that is data. The generic types below say the rest. */
export const pipelineOptions = v.strictObject({
  name: describe(name, 'Names the function, the mapping and the effects. Part of the identity of every watermark.'),
  source: describe(
    v.strictObject({
      topic: describe(topic, 'The Kafka topic to read.'),
      cluster: describe(
        v.optional(v.pipe(v.string(), v.minLength(1))),
        "Names the cluster in watermarks; the event's eventSourceArn where not given.",
      ),
      partitions: describe(v.optional(whole(1, 10_000), 2), 'Partitions to create the topic with.', 'partitions'),
      replication: describe(v.optional(whole(1, 15), 2), 'Replicas to create the topic with.', 'replicas'),
      retentionDays: describe(
        v.optional(whole(1, 36_500)),
        "How long the topic keeps records: a delete is remembered that long and some more. Leave it out for a compacted topic, or one that keeps them for ever: deletes are then remembered for ever. It does not set the topic's own.",
        'days',
      ),
      batch: describe(
        v.optional(
          v.strictObject({
            records: describe(
              v.optional(whole(1, MAX_BATCH_RECORDS), DEFAULT_BATCH_RECORDS),
              'Records in one invocation at most.',
              'records',
            ),
            windowSeconds: describe(
              v.optional(whole(0, MAX_WINDOW_SECONDS)),
              'How long to gather a batch; 0: at once with what is there. Where not given, the service takes half a second.',
              's',
            ),
          }),
          {},
        ),
        'How records are gathered into invocations.',
      ),
    }),
    'Where records come from.',
  ),
  function: describe(
    v.optional(
      v.strictObject({
        timeoutSeconds: describe(
          v.optional(whole(1, MAX_KAFKA_FUNCTION_SECONDS), 60),
          'Longest run of one invocation.',
          's',
        ),
        memoryMb: describe(v.optional(whole(128, 10_240), 512), 'Memory of the function.', 'MB'),
      }),
      {},
    ),
    'The Lambda function.',
  ),
  tombstone: describe(
    v.optional(v.picklist(['ignore', 'keep', 'delete', 'dead-letter']), 'ignore'),
    'What a record without a value does: nothing, goes to the transform as undefined, deletes the rows of the key that `keyOf` gives from every sink with key columns, or becomes a dead letter.',
  ),
  maxPoisonShare: describe(
    v.optional(v.union([v.literal(false), v.pipe(v.number(), v.minValue(0.05), v.maxValue(0.95))]), 0.5),
    `Above this share of poison among a partition's last ${FLOOD_WINDOW} records the pipeline halts before more become dead letters, so that a bad deployment does not drain the topic. 0.05 (eleven records) to 0.95; false: never.`,
  ),
})

export type PipelineOptions = v.InferOutput<typeof pipelineOptions>
type PipelineInput = v.InferInput<typeof pipelineOptions>

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
  return {
    ...options,
    decode,
    transform: (transform ?? ((value: unknown) => value)) as Pipeline['transform'],
    order: (order ?? 'log') as Pipeline['order'],
    ...(keyOf === undefined ? {} : { keyOf }),
    sinks,
  }
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
