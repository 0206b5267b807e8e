/**
 * Reads the assigned partitions: one loop a broker, so that a broker that is away holds up only what it leads.
 * A supervisor asks for the leaders anew after each failure, and now and then.
 */
import { messageOf } from '../core/errors.ts'
import { MIB } from '../core/limits.ts'
import type { Clock, Log } from '../core/ports.ts'
import { brokerErrors } from '../kafka/client.ts'
import type { FetchedPartition, Fetcher, Leaders } from '../kafka/fetch.ts'
import { createBell, type Bell } from './bell.ts'
import { createComplaints, type Complaints } from './complaints.ts'
import type { Counters } from './counters.ts'
import { interruptible } from './delivery.ts'

/** How long a broker may wait for a record when every partition it leads is asked for ... */
const IDLE_WAIT_MS = 500
/** ... and when one is left out because its queue is full: it may want more soon, and must not wait behind the others. */
const BUSY_WAIT_MS = 20
const FETCH_BYTES = 4 * MIB
/** Small enough that a partition's next answer is decoded while its last is still being sent on. */
const PARTITION_BYTES = MIB / 2
const RETRY_PAUSE_MS = 200
const LEADERS_EVERY_MS = 5000

const AWAY = 'A broker cannot be reached; the partitions that it leads wait'
const UNREADABLE = 'Some partitions cannot be read now; their records wait'
const LEADERLESS = 'No broker says who leads the topic; its records wait'

export interface FetchLoopOptions {
  readonly fetcher: Fetcher
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly assigned: () => readonly number[]
  /** Whether a partition has room for more. */
  readonly wants: (partition: number) => boolean
  readonly position: (partition: number) => { readonly offset: number; readonly token: number }
  /** `token` as it was when the request was made. Errors of one partition are handled by the loops but for these two: */
  readonly onFetched: (fetched: FetchedPartition, token: number) => void
  readonly onOutOfRange: (partition: number, token: number) => Promise<void>
}

export interface FetchLoops {
  start(): void
  /** Something changed: an assignment, room in a queue. */
  wake(): void
  stop(): Promise<void>
}

interface Loop {
  readonly bell: Bell
  readonly done: Promise<void>
}

export function createFetchLoops(options: FetchLoopOptions): FetchLoops {
  const { fetcher, clock, counters } = options
  const complaints = createComplaints(options)
  const stopped = new AbortController()
  const { signal } = stopped
  const loops = new Map<number, Loop>()
  let leaders: Leaders | undefined
  let nudge = new AbortController()
  let supervisor: Promise<void> = Promise.resolve()
  const pause = (ms: number, early: AbortSignal = signal) => interruptible(clock.sleep(ms, early), early)

  const failed = async (what: string, subject: string, reason: string) => {
    if (signal.aborted) return
    counters.PollingErrorCount++
    complaints.tell(what, subject, reason)
    nudge.abort()
    await pause(RETRY_PAUSE_MS)
  }
  const fetchLoop = async (node: number, bell: Bell) => {
    const broker = `broker ${node}`
    for (let turn = 0; !signal.aborted; turn++) {
      const request = leaders && plan(leaders, node, turn, options)
      if (!request) {
        await bell.wait()
        continue
      }
      const failure = await read(request, broker, options, complaints)
      if (failure) await failed(failure.what, broker, failure.reason)
    }
  }
  const refresh = async () => {
    try {
      leaders = await fetcher.leaders()
      complaints.over(LEADERLESS, 'topic')
    } catch (error) {
      await failed(LEADERLESS, 'topic', brokerErrors(error).join(', ') || messageOf(error))
      return
    }
    for (const node of new Set(leaders.nodes.values())) {
      if (node < 0 || loops.has(node)) continue
      const bell = createBell()
      loops.set(node, { bell, done: fetchLoop(node, bell) })
    }
    for (const { bell } of loops.values()) bell.ring()
  }
  const supervise = async () => {
    while (!signal.aborted) {
      await refresh()
      const leaderless = !leaders || options.assigned().some((p) => !leaders?.brokers.has(leaders.nodes.get(p) ?? -1))
      await pause(RETRY_PAUSE_MS)
      await pause(leaderless ? 0 : LEADERS_EVERY_MS, AbortSignal.any([signal, nudge.signal]))
      nudge = new AbortController()
    }
  }
  const wake = () => {
    for (const { bell } of loops.values()) bell.ring()
  }
  return {
    start: () => void (supervisor = supervise()),
    wake,
    async stop() {
      stopped.abort()
      wake()
      await fetcher.close()
      await supervisor
      await Promise.all([...loops.values()].map(({ done }) => done))
    },
  }
}

interface Failure {
  readonly what: string
  readonly reason: string
}

/** One request. Never rejects. */
async function read(
  request: NonNullable<ReturnType<typeof plan>>,
  broker: string,
  options: FetchLoopOptions,
  complaints: Complaints,
): Promise<Failure | undefined> {
  try {
    const errors = await handle(await options.fetcher.fetch(request), request.tokens, options)
    complaints.over(AWAY, broker)
    if (errors.length > 0) return { what: UNREADABLE, reason: errors.join(', ') }
    complaints.over(UNREADABLE, broker)
    return undefined
  } catch (error) {
    return { what: AWAY, reason: brokerErrors(error).join(', ') || messageOf(error) }
  }
}

/** What to ask a broker for, undefined: nothing. Rotated, because only the first partition may exceed the limits. */
function plan(leaders: Leaders, node: number, turn: number, { assigned, wants, position }: FetchLoopOptions) {
  const broker = leaders.brokers.get(node)
  const mine = assigned().filter((partition) => leaders.nodes.get(partition) === node)
  const wanted = mine.filter(wants)
  if (!broker || wanted.length === 0) return undefined
  const at = turn % wanted.length
  const positions = [...wanted.slice(at), ...wanted.slice(0, at)].map((partition) => ({
    partition,
    ...position(partition),
  }))
  return {
    broker,
    topicId: leaders.topicId,
    partitions: positions.map(({ partition, offset }) => ({ partition, offset })),
    tokens: new Map(positions.map(({ partition, token }) => [partition, token])),
    maxWaitMs: wanted.length === mine.length ? IDLE_WAIT_MS : BUSY_WAIT_MS,
    maxBytes: FETCH_BYTES,
    partitionMaxBytes: PARTITION_BYTES,
  }
}

/** Returns the errors that asking for the leaders anew may cure. */
async function handle(
  fetched: readonly FetchedPartition[],
  tokens: ReadonlyMap<number, number>,
  options: FetchLoopOptions,
) {
  const errors: string[] = []
  const ranged: Promise<void>[] = []
  for (const partition of fetched) {
    const token = tokens.get(partition.partition)!
    if (partition.error === 'OFFSET_OUT_OF_RANGE') ranged.push(options.onOutOfRange(partition.partition, token))
    else if (partition.error !== undefined) errors.push(`${partition.partition}: ${partition.error}`)
    else options.onFetched(partition, token)
  }
  await Promise.all(ranged)
  return errors
}
