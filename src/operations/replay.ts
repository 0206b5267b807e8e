/**
 * Sends dead letters to their topic again, each once in effect, however often this is interrupted and begun anew:
 *
 *   1. where the partitions end now is asked
 *   2. each letter moves from `new` to `replaying`, with that end
 *   3. what was `replaying` before is looked for from its own end on: its record may stand in the topic already
 *   4. what does not is sent; what could not be sent moves back to `new`
 *   5. the records are found, and the pipeline's group is waited for until it is past them
 *   6. each letter still `replaying` moves to `replayed`; one whose record failed again is `new` by the function's hand
 *
 * A record that is sent twice all the same, by two that run this at once, takes effect once: the function lets one copy through.
 */
import type { SourceRecord } from '../core/record.ts'
import { replayHeader, replayOf } from '../core/replay.ts'
import type { Replay } from '../core/replay.ts'
import type { ProducedRecord } from '../kafka/produce.ts'
import type { DeadLetterSummary, StoredDeadLetter } from '../sinks/dead-letters/index.ts'
import type { ChangedLetter } from '../sinks/dead-letters/store.ts'
import type { Change } from '../sinks/dead-letters/states.ts'

/** What replaying asks of the world. Any call can be the last one. */
export interface ReplayPorts {
  get(id: string): Promise<StoredDeadLetter | undefined>
  change(letter: DeadLetterSummary, change: Change): Promise<ChangedLetter>
  /** The offset that each partition's next record gets. */
  ends(topic: string): Promise<ReadonlyMap<number, number>>
  send(records: readonly ProducedRecord[]): Promise<void>
  /** From an offset to where the partition ends now. */
  read(topic: string, partition: number, from: number): AsyncIterable<readonly SourceRecord[]>
  /** The next offset of the pipeline's group, by partition. */
  committed(pipeline: string, topic: string): Promise<ReadonlyMap<number, number | undefined>>
  /** When a letter that is done with may go, seconds since the epoch; never where undefined. */
  expires(topic: string): Promise<number | undefined>
  pause(): Promise<void>
}

export interface ReplayOutcome {
  readonly id: string
  /**
   * `failed`: its record failed again, and the letter is `new` with the new reason. `waiting`: its record is in the topic, and not
   * processed yet. `untaken`: the function passed it by, as one of before replays does; `new` again. `changed`: somebody else moved it.
   */
  readonly outcome: 'replayed' | 'failed' | 'waiting' | 'untaken' | 'changed'
  /** Of its record in the topic, where it is known. */
  readonly offset: number | null
  /** Of one that failed. */
  readonly code?: string
  readonly text?: string
}

/** Letters under way at once: what is held in memory, payloads included, and what a crash leaves to be looked for. */
export const CHUNK = 100

/** Of letters `new` or `replaying`, of one topic, in the order given. Goes on polling until `isOver`. */
export async function replayLetters(
  ports: ReplayPorts,
  letters: readonly DeadLetterSummary[],
  isOver: () => boolean,
): Promise<ReplayOutcome[]> {
  const outcomes: ReplayOutcome[] = []
  for (let at = 0; at < letters.length; at += CHUNK)
    outcomes.push(...(await replayChunk(ports, letters.slice(at, at + CHUNK), isOver)))
  return outcomes
}

interface UnderWay {
  readonly letter: DeadLetterSummary
  offset: number | undefined
}

async function replayChunk(
  ports: ReplayPorts,
  letters: readonly DeadLetterSummary[],
  isOver: () => boolean,
): Promise<ReplayOutcome[]> {
  const { topic } = letters[0]!
  const outcomes: ReplayOutcome[] = []
  const underWay = await mark(ports, letters, outcomes)
  const resumed = underWay.filter(({ letter }) => letters.some((each) => each.id === letter.id && each.state !== 'new'))
  await find(ports, resumed)
  await send(ports, underWay)
  await find(ports, underWay)
  const expires = await ports.expires(topic)
  for (;;) {
    const committed = await ports.committed(letters[0]!.pipeline, topic)
    const waiting: UnderWay[] = []
    for (const each of underWay.splice(0)) {
      const outcome = await settle(ports, each, committed.get(each.letter.partition) ?? 0, expires)
      if (outcome) outcomes.push(outcome)
      else waiting.push(each)
    }
    if (waiting.length === 0) return outcomes
    if (isOver())
      return [
        ...outcomes,
        ...waiting.map(({ letter, offset = null }) => ({ ...of(letter), offset, outcome: 'waiting' as const })),
      ]
    underWay.push(...waiting)
    await ports.pause()
  }
}

const of = ({ id }: DeadLetterSummary) => ({ id, offset: null })

/** Steps 1 and 2. */
async function mark(
  ports: ReplayPorts,
  letters: readonly DeadLetterSummary[],
  outcomes: ReplayOutcome[],
): Promise<UnderWay[]> {
  const ends = await ports.ends(letters[0]!.topic)
  const underWay: UnderWay[] = []
  for (const letter of letters) {
    if (letter.state === 'replaying') {
      underWay.push({ letter, offset: undefined })
      continue
    }
    const change = {
      to: 'replaying',
      attempts: letter.attempts + 1,
      scanFrom: ends.get(letter.partition) ?? 0,
    } as const
    const { ok, letter: now } = await ports.change(letter, change)
    if (ok && now) underWay.push({ letter: now, offset: undefined })
    else outcomes.push({ ...of(letter), outcome: 'changed' })
  }
  return underWay
}

/** Steps 3 and 5: the first record of each attempt. */
async function find(ports: ReplayPorts, underWay: readonly UnderWay[]): Promise<void> {
  const missing = underWay.filter(({ offset }) => offset === undefined)
  const wanted = new Map(missing.map((each) => [nameOf(replayFor(each.letter)), each]))
  for (const [partition, of] of Map.groupBy(missing, ({ letter }) => letter.partition)) {
    const from = Math.min(...of.map(({ letter }) => letter.scanFrom ?? 0))
    for await (const records of ports.read(of[0]!.letter.topic, partition, from))
      for (const record of records) {
        const replay = replayOf(record)
        const each = replay && wanted.get(nameOf(replay))
        if (each) each.offset ??= record.offset
      }
  }
}

/** Step 4. */
async function send(ports: ReplayPorts, underWay: readonly UnderWay[]): Promise<void> {
  const unsent = underWay.filter(({ offset }) => offset === undefined)
  const records: ProducedRecord[] = []
  for (const { letter } of unsent) {
    const whole = await ports.get(letter.id)
    if (whole) records.push(recordFor(whole))
  }
  if (records.length === 0) return
  try {
    await ports.send(records)
  } catch (error) {
    await find(ports, unsent)
    // Late ones that come in all the same are not believed: an attempt that is over has no second chance.
    for (const { letter, offset } of unsent) if (offset === undefined) await ports.change(letter, { to: 'new' })
    throw error
  }
}

/** Step 6. Undefined while the group is not past the record. */
async function settle(
  ports: ReplayPorts,
  { letter, offset }: UnderWay,
  committed: number,
  expires: number | undefined,
): Promise<ReplayOutcome | undefined> {
  if (offset === undefined || committed <= offset) return undefined
  const now = await ports.get(letter.id)
  if (!now || now.attempts !== letter.attempts) return { id: letter.id, offset, outcome: 'changed' }
  if (now.state === 'replayed') return { id: letter.id, offset: now.takenAt, outcome: 'replayed' }
  if (now.state === 'new') return { id: letter.id, offset, outcome: 'failed', code: now.code, text: now.text }
  if (now.state !== 'replaying') return { id: letter.id, offset, outcome: 'changed' } // a rewind tries its record again
  if (now.takenAt === null) {
    const { ok } = await ports.change(now, { to: 'new' })
    return { id: letter.id, offset, outcome: ok ? 'untaken' : 'changed' }
  }
  if (committed <= now.takenAt) return undefined
  const { ok } = await ports.change(now, { to: 'replayed', expires })
  // Lost to the function, which has just put it back, or to another who settles: the next look says which.
  return ok ? { id: letter.id, offset: now.takenAt, outcome: 'replayed' } : undefined
}

function replayFor({ pipeline, sink, cluster, topic, partition, epoch, offset, attempts }: DeadLetterSummary): Replay {
  return { pipeline, sink, cluster, topic, partition, epoch, offset, attempt: attempts }
}

function recordFor({ record, ...letter }: StoredDeadLetter): ProducedRecord {
  const { topic, partition, key, value, headers, timestamp } = record
  return {
    topic,
    partition,
    key,
    value,
    headers: [...headers, replayHeader(replayFor(letter))],
    ...(timestamp < 0 ? {} : { timestamp }),
  }
}

const nameOf = (replay: Replay) => replayHeader(replay).value.toString()
