/**
 * When to invoke and with what (E4, E6-E8, E10, E11): a state machine without I/O. Records and the time go in, batches
 * come out. Per partition a queue; a partition held by a batch is out of the game until it is released, the others go on.
 *
 * A window opens with the first record that waits in a free partition, and not before the invocation that held the
 * partition ended (E8). A batch goes out on the first of: window over, batch full, encoded event at the byte limit.
 */
import type { SourceRecord } from '../core/record.ts'
import type { EventEncoder, EventGroup } from './encode.ts'

export interface BatchLimits {
  readonly records: number
  /** Of the encoded event. */
  readonly bytes: number
  readonly windowMs: number
}

export interface Batch {
  /** What the event holds; empty when every record drawn was too big for any event. */
  readonly groups: readonly EventGroup[]
  /** Exact size of the encoded event. */
  readonly bytes: number
  /** Records that alone exceed the byte limit (E7): not sent. */
  readonly dropped: readonly SourceRecord[]
  /** Every partition held, with the offset to commit once the batch is done: last record + 1. */
  readonly commits: ReadonlyMap<number, number>
}

export interface Batcher {
  /** Offsets ascending, above all that were added for the partition before. */
  add(partition: number, records: readonly SourceRecord[], now: number): void
  /** The next batch that is due, or undefined. Its partitions are held until released. */
  take(now: number): Batch | undefined
  /** The batch that held these partitions is done, one way or the other. */
  release(partitions: Iterable<number>, now: number): void
  /** Drops what is queued for a partition; a hold stays until it is released (E10). */
  forget(partition: number): void
  /** When `take` gives a batch if nothing else happens; undefined: not before a record or a release. */
  dueAt(): number | undefined
  /** What waits for a partition, for back-pressure. */
  waiting(partition: number): Waiting
}

export interface Waiting {
  readonly records: number
  readonly bytes: number
}

interface Queue {
  readonly partition: number
  records: SourceRecord[]
  sizes: number[]
  /** Index of the first that waits: shifting arrays of thousands is slow. */
  head: number
  bytes: number
  held: boolean
  /** Since when the first record waits in a free partition. */
  since: number
}

/** Entries before `head` are let go when there are this many. */
const COMPACT_AT = 4096

export function createBatcher(limits: BatchLimits, encoder: EventEncoder): Batcher {
  const queues = new Map<number, Queue>()
  const free = () => [...queues.values()].filter((queue) => !queue.held && queue.records.length > queue.head)
  const queueOf = (partition: number): Queue => {
    const known = queues.get(partition)
    if (known) return known
    const created = { partition, records: [], sizes: [], head: 0, bytes: 0, held: false, since: 0 }
    queues.set(partition, created)
    return created
  }
  return {
    add(partition, records, now) {
      if (records.length === 0) return
      const queue = queueOf(partition)
      if (queue.records.length === queue.head) queue.since = now
      for (const record of records) {
        const bytes = encoder.recordBytes(record)
        queue.records.push(record)
        queue.sizes.push(bytes)
        queue.bytes += bytes
      }
    },
    take(now) {
      const ready = free()
      const due = dueTime(ready, limits, encoder)
      if (due === undefined || due > now) return undefined
      return draw(ready, limits, encoder)
    },
    release(partitions, now) {
      for (const partition of partitions) {
        const queue = queueOf(partition)
        queue.held = false
        queue.since = now
      }
    },
    forget(partition) {
      const queue = queues.get(partition)
      if (!queue) return
      if (queue.held) Object.assign(queue, { records: [], sizes: [], head: 0, bytes: 0 })
      else queues.delete(partition)
    },
    dueAt: () => dueTime(free(), limits, encoder),
    waiting(partition) {
      const queue = queues.get(partition)
      return queue ? { records: queue.records.length - queue.head, bytes: queue.bytes } : { records: 0, bytes: 0 }
    },
  }
}

/** -Infinity: at once, the batch is full. */
function dueTime(ready: readonly Queue[], limits: BatchLimits, encoder: EventEncoder): number | undefined {
  if (ready.length === 0) return undefined
  let records = 0
  let bytes = encoder.frameBytes - 1
  let since = Infinity
  for (const queue of ready) {
    const count = queue.records.length - queue.head
    records += count
    // a comma for each record but the group's first, and one for each group but the event's first
    bytes += encoder.groupBytes(queue.partition) + 1 + queue.bytes + count - 1
    since = Math.min(since, queue.since)
  }
  return records >= limits.records || bytes >= limits.bytes ? -Infinity : since + limits.windowMs
}

/** Fills from the partition that waits longest before it goes on to the next, so that more batches can run side by side. */
function draw(ready: readonly Queue[], limits: BatchLimits, encoder: EventEncoder): Batch {
  const room = { records: limits.records, bytes: limits.bytes - encoder.frameBytes }
  const groups: EventGroup[] = []
  const dropped: SourceRecord[] = []
  const commits = new Map<number, number>()
  for (const queue of ready.toSorted((a, b) => a.since - b.since || a.partition - b.partition)) {
    const comma = groups.length === 0 ? 0 : 1
    const drawn = drawFrom(queue, room, comma + encoder.groupBytes(queue.partition), limits, encoder)
    if (drawn.last === undefined) continue
    queue.held = true
    commits.set(queue.partition, drawn.last + 1)
    dropped.push(...drawn.dropped)
    if (drawn.records.length > 0) groups.push({ partition: queue.partition, records: drawn.records })
    if (room.records === 0) break
  }
  return { groups, dropped, commits, bytes: limits.bytes - room.bytes }
}

interface Drawn {
  readonly records: SourceRecord[]
  readonly dropped: SourceRecord[]
  /** Offset of the last record drawn or dropped. */
  readonly last: number | undefined
}

function drawFrom(
  queue: Queue,
  room: { records: number; bytes: number },
  opening: number,
  limits: BatchLimits,
  encoder: EventEncoder,
): Drawn {
  const records: SourceRecord[] = []
  const dropped: SourceRecord[] = []
  const alone = limits.bytes - encoder.frameBytes - encoder.groupBytes(queue.partition)
  let last: number | undefined
  while (queue.head < queue.records.length) {
    const size = queue.sizes[queue.head]!
    const record = queue.records[queue.head]!
    if (size > alone) dropped.push(record)
    else {
      const needed = size + (records.length === 0 ? opening : 1)
      if (room.records === 0 || needed > room.bytes) break
      room.records--
      room.bytes -= needed
      records.push(record)
    }
    last = record.offset
    queue.bytes -= size
    queue.head++
  }
  compact(queue)
  return { records, dropped, last }
}

function compact(queue: Queue): void {
  if (queue.head < queue.records.length && queue.head < COMPACT_AT) return
  queue.records = queue.records.slice(queue.head)
  queue.sizes = queue.sizes.slice(queue.head)
  queue.head = 0
}
