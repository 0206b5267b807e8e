import type { SourceRecord } from '../core/record.ts'
import { openAdmin } from '../kafka/admin.ts'
import type { PartitionOffsets } from '../kafka/admin.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { readPartition } from '../kafka/read.ts'

export interface ConsumeQuery {
  readonly topic: string
  /** All where not given. */
  readonly partition?: number | undefined
  /** Where to begin: an offset, the first record there is, or only what comes from now on. */
  readonly from: number | 'beginning' | 'end'
  /** Ends after so many. */
  readonly maxMessages?: number | undefined
  /** Ends when nothing came for so long. */
  readonly timeoutMs?: number | undefined
  readonly signal: AbortSignal
}

/**
 * Reads a topic outside any group: offsets ascend within a partition, partitions mix as they come. Ends at the limits of
 * the query, or when the signal aborts. Throws WEIR_KAFKA, WEIR_UNKNOWN.
 */
export async function* consume(connection: KafkaConnection, query: ConsumeQuery): AsyncGenerator<SourceRecord[]> {
  const { topic, partition, maxMessages = Infinity } = query
  const offsets = await offsetsOf(connection, topic)
  const wanted = partition === undefined ? offsets : [offsets[partition] ?? { partition, start: 0, end: 0 }]
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, query.signal])
  const streams = wanted.map((at) =>
    readPartition(connection, { topic, partition: at.partition, from: begin(query.from, at), to: Infinity, signal }),
  )
  let left = maxMessages
  if (left <= 0) return
  for await (const records of merge(streams, stop, query.timeoutMs)) {
    yield records.length > left ? records.slice(0, left) : records
    left -= records.length
    if (left <= 0) return
  }
}

async function offsetsOf(connection: KafkaConnection, topic: string): Promise<PartitionOffsets[]> {
  const admin = openAdmin(connection)
  try {
    await admin.findTopic(topic)
    return await admin.offsets(topic, 'read_committed')
  } finally {
    await admin.close()
  }
}

function begin(from: ConsumeQuery['from'], { start, end }: PartitionOffsets): number {
  if (typeof from === 'number') return from
  return from === 'beginning' ? start : end
}

const timedOut = Symbol('nothing came in time')

/**
 * Whatever comes first, from all; ends when all have, or when nothing came for `timeoutMs`. However it ends, it aborts
 * `stop`, which has to end the streams, and waits until each has closed what it holds open.
 */
export async function* merge<T>(
  streams: readonly AsyncIterable<T>[],
  stop: AbortController,
  timeoutMs?: number,
): AsyncGenerator<T> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]())
  const next = async (i: number) => ({ i, result: await iterators[i]!.next() })
  const waiting = new Map(iterators.map((_, i) => [i, next(i)]))
  try {
    while (waiting.size > 0) {
      const first = await inTime(Promise.race(waiting.values()), timeoutMs)
      if (first === timedOut) return
      const { i, result } = first
      if (result.done) {
        waiting.delete(i)
        continue
      }
      waiting.set(i, next(i))
      yield result.value
    }
  } finally {
    stop.abort()
    await Promise.allSettled(iterators.map(async (iterator) => iterator.return?.()))
  }
}

async function inTime<T>(work: Promise<T>, ms: number | undefined): Promise<T | typeof timedOut> {
  if (ms === undefined) return work
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<typeof timedOut>((resolve) => (timer = setTimeout(resolve, ms, timedOut)))
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
