/** Limits and units, each with its source. */

export const KIB = 1024
export const MIB = 1024 * KIB

/** Lambda: "Maximum batch size: 10,000" for Kafka event source mappings (CreateEventSourceMapping, BatchSize). */
export const MAX_BATCH_RECORDS = 10_000
/** Lambda: BatchSize of Kafka mappings where none is given. */
export const DEFAULT_BATCH_RECORDS = 100
/** Lambda: MaximumBatchingWindowInSeconds, 0..300. */
export const MAX_WINDOW_SECONDS = 300
/** Lambda: the window of a Kafka mapping where none is given. */
export const DEFAULT_WINDOW_MS = 500
/** Lambda quotas: invocation payload, request and response each, synchronous: 6 MB. */
export const MAX_PAYLOAD_BYTES = 6 * MIB
/** Lambda: a function on an Amazon MSK or self-managed Kafka trigger may run 14 minutes at most. */
export const MAX_KAFKA_FUNCTION_SECONDS = 840
/** DynamoDB: maximum item size, attribute names and values together. */
export const MAX_ITEM_BYTES = 400 * KIB
/** DynamoDB: statements in one BatchExecuteStatement. */
export const MAX_STATEMENTS = 25
/** DynamoDB: actions in one TransactWriteItems, and the size of its items together. */
export const MAX_TRANSACT_ITEMS = 100
export const MAX_TRANSACT_BYTES = 4 * MIB
/** DynamoDB: nested attributes may be up to 32 levels deep. */
export const MAX_NESTING = 32
/** DynamoDB: a number has up to 38 digits of precision. */
export const MAX_NUMBER_DIGITS = 38
/** Weirhouse: a dead letter's payload above this goes to an S3 object beside the item. */
export const MAX_INLINE_PAYLOAD_BYTES = 300 * KIB
/** Weirhouse: checkpoints that a watermark keeps (docs/delivery.md, D9). */
export const MAX_CHECKPOINTS = 12
/** Weirhouse: gaps that a watermark lists; older ones are folded into a count (D9, D11). */
export const MAX_GAPS = 100
/** Weirhouse: dead letters of one source for whose records a rewind leaves room: they are in the watermark until it is over. */
export const MAX_LEFT_OUT = 10_000
/** Weirhouse: records of a source among which the poison is counted (docs/delivery.md, D7). */
export const FLOOD_WINDOW = 200
/** Weirhouse: a request may not start with less than this left before the deadline (D10). */
export const MIN_REQUEST_MS = 250
/**
 * Weirhouse: how much longer than the topic's retention a delete is remembered. Kafka drops whole segments, which it closes
 * after `segment.ms`, 7 days where not set: a record can live that much longer than retention says. And a day for zombies.
 */
export const DELETE_MARGIN_DAYS = 8
/** Kafka: the widest partition number that `_src` pads for. */
export const PARTITION_DIGITS = 6
