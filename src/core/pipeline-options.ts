/** Every option of a pipeline that is data, declared once: validation, reference page and help come from here. */
import * as v from 'valibot'
import {
  DEFAULT_BATCH_RECORDS,
  FLOOD_WINDOW,
  MAX_BATCH_RECORDS,
  MAX_KAFKA_FUNCTION_SECONDS,
  MAX_WINDOW_SECONDS,
} from './limits.ts'
import { describe } from './options.ts'

const name = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'use a-z, 0-9 and -, a letter first, at most 40'))

/** Amazon MSK and Kafka: 1..249 of these characters. */
const topic = v.pipe(v.string(), v.regex(/^[a-zA-Z0-9._-]{1,249}$/, 'use a-z, A-Z, 0-9, . _ and -, at most 249'))

const whole = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max))

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
export type PipelineInput = v.InferInput<typeof pipelineOptions>
