/**
 * A dead letter sent to its topic again (docs/delivery.md, "Dead letters"): the original bytes, and one header more that names
 * the letter. Whoever reads the topic can tell such a record by `replayOf`; whether it is to be believed, the letter alone says.
 */
import type { Deadline } from './ports.ts'
import type { Header, Source, SourceRecord } from './record.ts'

export const REPLAY_HEADER = 'weirhouse-replay'

/** Names the letter, and which of its replays this is. */
export interface Replay extends Source {
  readonly pipeline: string
  /** The one that is to take it; '*': every one. */
  readonly sink: string
  readonly epoch: number
  /** Where the original stands, in the same partition. */
  readonly offset: number
  /** From 1. */
  readonly attempt: number
}

/** A record that its sinks are to take in place of the original. */
export interface Replayed {
  readonly sink: string
  /** As it was: offset, timestamp and headers of the original. */
  readonly record: SourceRecord
}

/**
 * What the store says of a record whose header names this pipeline. `forged`: there is no such letter, or it is of other bytes:
 * the header counts for nothing. `stale`: it is that letter's, but not the one copy that may take effect.
 */
export type ReplayAnswer = 'forged' | 'stale' | Pick<SourceRecord, 'timestamp' | 'timestampType'>

export interface ReplayDesk {
  /** Asks strongly, and lets one copy of each replay through, the first that comes. One answer each, in order. */
  take(copies: readonly ReplayCopy[], deadline: Deadline): Promise<readonly ReplayAnswer[]>
}

export interface ReplayCopy {
  readonly replay: Replay
  readonly record: SourceRecord
}

/** The last such header counts: a record that was forged with one, and became a letter, has two when it is replayed. */
export function replayOf({ headers }: Pick<SourceRecord, 'headers'>): Replay | undefined {
  if (headers.length === 0) return undefined
  const header = headers.findLast(({ name }) => name === REPLAY_HEADER)
  if (!header) return undefined
  try {
    return valid(JSON.parse(header.value.toString()) as Partial<Replay> | null)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // somebody else's header of that name
    throw error
  }
}

export function replayHeader(replay: Replay): Header {
  const { pipeline, sink, cluster, topic, partition, epoch, offset, attempt } = replay
  const value = JSON.stringify({ pipeline, sink, cluster, topic, partition, epoch, offset, attempt })
  return { name: REPLAY_HEADER, value: Buffer.from(value) }
}

/** The headers that the original had. */
export function withoutReplay(headers: readonly Header[]): readonly Header[] {
  const at = headers.findLastIndex(({ name }) => name === REPLAY_HEADER)
  return headers.filter((_, i) => i !== at)
}

function valid(replay: Partial<Replay> | null): Replay | undefined {
  if (typeof replay !== 'object' || replay === null) return undefined
  const texts = [replay.pipeline, replay.sink, replay.cluster, replay.topic]
  const numbers = [replay.partition, replay.epoch, replay.offset, replay.attempt]
  const isWhole = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
  return texts.every((each) => typeof each === 'string') && numbers.every(isWhole) ? (replay as Replay) : undefined
}
