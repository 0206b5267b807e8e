/** Sends batches as they fall due: keeps the alarm for the next window, and what is in flight. */
import { MAX_PAYLOAD_BYTES, MIB } from '../core/limits.ts'
import type { Batch, Batcher } from './batcher.ts'
import { deliver, interruptible, type DeliveryOptions } from './delivery.ts'
import type { EventEncoder } from './encode.ts'

/** How long stopping waits for invocations under way; their batches come again if they take longer. */
const GRACE_MS = 10_000
const PAYLOAD_LIMIT_MIB = MAX_PAYLOAD_BYTES / MIB

export interface DispatchOptions extends DeliveryOptions {
  readonly topic: string
  readonly batcher: Batcher
  readonly encoder: EventEncoder
  /** Says which ownership of a partition is meant, at take-off and at landing. */
  readonly token: (partition: number) => number | undefined
  /** Batches were taken, there is room for more. */
  readonly onTaken: () => void
  /** A batch is done with a partition that is still owned as it was: `records` of it took effect below `next`, or did not. */
  readonly onProcessed: (partition: number, next: number, records: number) => void
  readonly onAbandoned: (partition: number) => void
  /** After all partitions of a batch were settled. */
  readonly onLanded: () => void
}

export interface Dispatch {
  /** Sends what is due and sets the alarm for what will be. */
  pump(): void
  /** A partition was lost: batches that hold it are not tried again. */
  abandon(partition: number): void
  /** No new batch, no further try; resolves when invocations under way ended, or were given up after 10 s. */
  stop(): Promise<void>
}

interface Flight {
  readonly batch: Batch
  readonly tokens: ReadonlyMap<number, number | undefined>
  readonly abandon: AbortController
}

export function createDispatch(options: DispatchOptions): Dispatch {
  const { batcher, clock, token } = options
  const flights = new Map<Flight, Promise<void>>()
  const stopping = new AbortController()
  const kill = new AbortController()
  let alarm = new AbortController()

  const pump = () => {
    alarm.abort()
    if (stopping.signal.aborted) return
    for (let batch = batcher.take(clock.now()); batch; batch = batcher.take(clock.now())) launch(batch)
    const due = batcher.dueAt()
    options.onTaken()
    if (due === undefined) return
    alarm = new AbortController()
    void ring(Math.max(0, due - clock.now()), alarm.signal)
  }
  const ring = async (ms: number, signal: AbortSignal) => {
    await interruptible(clock.sleep(ms, signal), signal)
    if (!signal.aborted) pump()
  }
  const launch = (batch: Batch) => {
    const tokens = new Map([...batch.commits.keys()].map((partition) => [partition, token(partition)]))
    const flight: Flight = { batch, tokens, abandon: new AbortController() }
    flights.set(flight, fly(flight))
  }
  const fly = async (flight: Flight) => {
    const taken = await send(flight, kill.signal, options)
    flights.delete(flight)
    settle(flight, taken, options)
    batcher.release(flight.batch.commits.keys(), clock.now())
    options.onLanded()
    pump()
  }
  return {
    pump,
    abandon(partition) {
      for (const { tokens, abandon } of flights.keys()) if (tokens.has(partition)) abandon.abort()
    },
    async stop() {
      stopping.abort()
      alarm.abort()
      for (const { abandon } of flights.keys()) abandon.abort()
      const landed = Promise.all(flights.values())
      const waited = new AbortController()
      await Promise.race([landed, interruptible(clock.sleep(GRACE_MS, waited.signal), waited.signal)])
      waited.abort()
      kill.abort()
      await landed
    },
  }
}

async function send({ batch, abandon }: Flight, kill: AbortSignal, options: DispatchOptions): Promise<boolean> {
  const { counters, log, topic, encoder } = options
  counters.DroppedEventCount += batch.dropped.length
  for (const { partition, offset } of batch.dropped) {
    const reason = `its event alone exceeds ${PAYLOAD_LIMIT_MIB} MiB`
    log('ERROR', 'A record is dropped', { condition: 'MaximumPayloadSizeExceeded', reason, topic, partition, offset })
  }
  const records = batch.groups.reduce((sum, group) => sum + group.records.length, 0)
  if (records === 0) return true
  const ranges = Object.fromEntries(
    batch.groups.map((group) => {
      const range = [group.records[0]!.offset, group.records.at(-1)!.offset] as const
      return [`${topic}-${group.partition}`, range]
    }),
  )
  return deliver({ payload: encoder.encode(batch.groups), records, ranges, abandon: abandon.signal, kill }, options)
}

function settle({ batch, tokens }: Flight, taken: boolean, { token, onProcessed, onAbandoned }: DispatchOptions): void {
  for (const [partition, next] of batch.commits) {
    // lost, or begun anew, meanwhile: its result is nobody's business any more
    if (token(partition) === undefined || token(partition) !== tokens.get(partition)) continue
    const records = batch.groups.find((group) => group.partition === partition)?.records.length ?? 0
    if (taken) onProcessed(partition, next, records)
    else onAbandoned(partition)
  }
}
