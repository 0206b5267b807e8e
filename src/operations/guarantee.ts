/**
 * What a pipeline keeps, derived from its definition and from how the mapping polls (docs/delivery.md, D15). Pure. A weakening
 * stands here where it applies, and where nothing in a definition tells that it does not: its text then names the condition.
 */
import { MAX_PAYLOAD_BYTES, MIB } from '../core/limits.ts'
import type { OrderKind } from '../core/order.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import type { PostgresOptions } from '../sinks/postgres/index.ts'
import type { S3Definition } from '../sinks/s3/index.ts'
import type { SinkDefinition, SinkKind } from '../sinks/sink.ts'

/** How the event source mapping polls; any poller of weirhouse/cdk is one. */
export type Polling =
  | { readonly mode: 'onDemand' }
  | {
      readonly mode: 'provisioned'
      readonly retries: number | undefined
      readonly maxAgeSeconds: number | undefined
      readonly bisectOnError: boolean
    }

export interface Weakening {
  /** Stable: what scripts look for. */
  readonly id: string
  /** The promise of docs/delivery.md that it weakens, where it weakens one. */
  readonly promise?: string
  readonly text: string
  /** What takes it away; null where nothing does. */
  readonly lift: string | null
}

export interface SinkGuarantee {
  /** `atMostOnce` where the mapping may give records up. */
  readonly effect: 'once' | 'atMostOnce'
  readonly text: string
  /** What "once" means in this store. */
  readonly once: string
  /** Of this sink alone. */
  readonly weakenings: readonly Weakening[]
}

export interface PipelineGuarantee {
  /** What weakens every sink of the pipeline. */
  readonly everySink: readonly Weakening[]
  /** By sink id. */
  readonly sinks: Readonly<Record<string, SinkGuarantee>>
}

export interface Circumstances {
  readonly polling: Polling
  /** Of the topic's cluster. Where not given, the most that lets a broker be patched: one less than the replicas. */
  readonly minInsyncReplicas?: number
}

export function guaranteeOf(pipeline: Pipeline, circumstances: Circumstances): PipelineGuarantee {
  const givenUp = givenUpBy(circumstances.polling)
  const effect = givenUp.length > 0 ? 'atMostOnce' : 'once'
  const text =
    effect === 'once'
      ? 'Each record once in effect, or one dead letter.'
      : 'Each record at most once in effect: a store misses what was given up before it had it.'
  const sinks = pipeline.sinks.map((sink) => [
    sink.id,
    { effect, text, once: onceIn(sink, orderKindOf(pipeline)), weakenings: weakeningsOf(sink, pipeline) },
  ])
  return {
    everySink: [
      ...givenUp,
      ...copies(pipeline, circumstances),
      ...tombstones(pipeline),
      ...skippedBySource,
      ...poisonEverywhere,
      ...floods(pipeline),
    ],
    sinks: Object.fromEntries(sinks) as Readonly<Record<string, SinkGuarantee>>,
  }
}

export function orderKindOf({ order }: Pick<Pipeline, 'order'>): OrderKind {
  return typeof order === 'function' ? 'version' : order
}

const newest = {
  log: 'offset, or timestamp where partitions differ',
  timestamp: 'timestamp',
  version: 'its own version',
} as const satisfies Record<OrderKind, string>

function onceIn(sink: SinkDefinition, order: OrderKind): string {
  const key = keyOf(sink)
  if (key !== undefined)
    return `of each ${key.join(', ')} the newest ${sink.kind === 'dynamodb' ? 'item' : 'row'}, by ${newest[order]}`
  const words: Readonly<Record<Exclude<SinkKind, 'dynamodb'>, string>> = {
    s3: 'a row is one line in exactly one object, in the order of its partition',
    postgres: 'a row stands once in the table; nothing is overwritten',
    memory: 'a row is held once',
    custom: 'what its own sink keeps; sinkContract of weirhouse/testing holds it to the promises',
  }
  return words[sink.kind as keyof typeof words]
}

/** What a keyed store keeps the newest of; undefined where rows are appended. */
function keyOf(sink: SinkDefinition): readonly string[] | undefined {
  if (sink.kind === 'postgres') return (sink.options as PostgresOptions).key
  if (sink.kind !== 'dynamodb') return undefined
  const { partitionKey, sortKey } = sink.options as DynamoDbOptions
  return [partitionKey.name, ...(sortKey ? [sortKey.name] : [])]
}

function weakeningsOf(sink: SinkDefinition, pipeline: Pipeline): Weakening[] {
  const found: Weakening[] = []
  const spans = keyOf(sink) !== undefined && orderKindOf(pipeline) === 'log' && pipeline.source.partitions > 1
  if (spans) found.push(keyAcrossPartitions)
  if (sink.kind === 's3') found.push(waitsForLedger)
  if (sink.kind === 's3' && (sink as S3Definition).partition) found.push(partitionChanged)
  if (pipeline.tombstone === 'delete' && sink.key === undefined) found.push(deletesNothing)
  if (sink.kind === 'dynamodb') found.push(rowsApart)
  return found
}

const keyAcrossPartitions: Weakening = {
  id: 'key-across-partitions',
  promise: 'D3',
  text: "Where one key's records are in more than one partition, and timestamps run backwards within one, the key can end differently after a redelivery.",
  lift: "order 'timestamp' or an order by version, or keys that stay in one partition",
}

const waitsForLedger: Weakening = {
  id: 's3-waits-for-dynamodb',
  promise: 'D5',
  text: 'The ledger of this sink is in DynamoDB: while DynamoDB is down, nothing is written to S3. It goes on by itself.',
  lift: null,
}

const partitionChanged: Weakening = {
  id: 'partition-changed',
  promise: 'D2',
  text: 'Where an invocation died between two objects of one batch, and partition(...) gives other partitions once it comes again, its rows can stand in both. The same definition always gives the same.',
  lift: 'a new sink id for a new partition(...), or a change while nothing is pending',
}

const rowsApart: Weakening = {
  id: 'rows-apart',
  promise: 'D6',
  text: 'Where one record gives more than 100 rows, or 4 MiB, they become visible one by one, and those written before the store refused another stay. Records of 2 to 100 rows are written whole, at double the write units.',
  lift: 'at most 100 rows a record',
}

const deletesNothing: Weakening = {
  id: 'deletes-not-stored',
  text: 'A record without a value does nothing here, for this store keeps every row: what it deletes in the topic stays.',
  lift: "a key, or tombstone 'keep', which gives it to the transform as an event of its own",
}

/** What makes the mapping give records up. Bisecting alone gives none up: it cuts a batch, and D2 holds for any cut. */
function givenUpBy(polling: Polling): Weakening[] {
  if (polling.mode === 'onDemand') return []
  const { retries, maxAgeSeconds, bisectOnError } = polling
  const found: Weakening[] = []
  if (retries !== undefined) {
    const times = retries === 0 ? 'its first failure' : retries === 1 ? 'one failed retry' : `${retries} failed retries`
    const what = bisectOnError ? 'A failed batch is halved; a part that fails on' : 'A batch that fails'
    found.push({
      id: 'given-up-after-retries',
      promise: 'D16',
      text: `${what} is given up after ${times}: it is lost to every store that had not taken it, and the watermark lists a gap.`,
      lift: 'leaving poller.retries out',
    })
  }
  if (maxAgeSeconds !== undefined)
    found.push({
      id: 'given-up-by-age',
      promise: 'D16',
      text: `Records older than ${maxAgeSeconds} s are not sent again, also where a store was down for that long: they are lost to it, and the watermark lists a gap.`,
      lift: 'leaving poller.maxAgeSeconds out',
    })
  return found
}

function copies({ source }: Pipeline, { minInsyncReplicas }: Circumstances): Weakening[] {
  if (source.replication === 1)
    return [
      {
        id: 'one-copy',
        promise: 'D1',
        text: 'The topic has one replica: a lost disk loses what was not yet read from it.',
        lift: 'source.replication 3',
      },
    ]
  if ((minInsyncReplicas ?? source.replication - 1) > 1) return []
  return [
    {
      id: 'one-copy-at-patch',
      promise: 'D1',
      text: `Of ${source.replication} replicas one in sync suffices for a record to count as written: while a broker is patched there is one copy, and a lost disk then loses it.`,
      lift: 'source.replication 3, with three brokers and 2 in-sync replicas',
    },
  ]
}

function tombstones({ tombstone }: Pipeline): Weakening[] {
  if (tombstone !== 'ignore') return []
  return [
    {
      id: 'tombstones-ignored',
      text: 'A record without a value does nothing: what it deletes in the topic stays in the stores.',
      lift: "tombstone 'delete', 'keep', which gives it to the transform, or 'dead-letter'",
    },
  ]
}

/** The topic and the mapping do these to any consumer. */
const skippedBySource: readonly Weakening[] = [
  {
    id: 'behind-retention',
    promise: 'D9',
    text: 'Records that the topic drops by its retention before they were read are lost; the watermark lists a gap.',
    lift: 'a retention longer than the longest outage, and the lag watched',
  },
  {
    id: 'record-over-payload',
    promise: 'D9',
    text: `A record that alone makes an event of more than ${MAX_PAYLOAD_BYTES / MIB} MiB is skipped by the mapping; the watermark lists a gap.`,
    lift: 'max.message.bytes at 1 MiB, as topics made here have it, and no larger record in a compressed batch',
  },
]

/** As far as dead letters have come. */
const poisonEverywhere: readonly Weakening[] = [
  {
    id: 'poison-waits-for-dynamodb',
    promise: 'D5',
    text: 'A batch that holds a record which cannot be decoded, validated, transformed or encoded waits, in every sink, while DynamoDB is down: dead letters come first. It goes on by itself.',
    lift: null,
  },
]

function floods({ maxPoisonShare }: Pipeline): Weakening[] {
  if (maxPoisonShare !== false) return []
  return [
    {
      id: 'poison-flood',
      promise: 'D7',
      text: 'Nothing stops a flood: after a wrong deployment every record of the topic can become a dead letter. Watch their number.',
      lift: 'leaving maxPoisonShare out',
    },
  ]
}
