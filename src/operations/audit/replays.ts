/**
 * Replayed dead letters, as the log shows them: the original at its offset, and its record again further on, with a header that
 * names the letter (src/core/replay.ts). Keyed tables have the row at the original's position, all others where its record was
 * taken again. Held are the letters that were ever replayed.
 */
import type { SourceRecord } from '../../core/record.ts'
import { replayOf, withoutReplay } from '../../core/replay.ts'
import type { Replay } from '../../core/replay.ts'
import { recordDigest } from './letters.ts'
import type { LetterEntry } from './letters.ts'

/** What a record of the log is. `skip`: nothing to any sink of this pipeline. */
export type Reading = 'ordinary' | 'skip' | { readonly sink: string; readonly original: SourceRecord }

export interface Replays {
  /** Told every letter, those of a record before any record after it. */
  note(letter: LetterEntry): void
  read(record: SourceRecord): Reading
}

export function createReplays(pipeline: string, cluster: string): Replays {
  const known = new Map<string, LetterEntry>()
  const nameOf = ({ partition, offset, sink, epoch }: Pick<Replay, 'partition' | 'offset' | 'sink' | 'epoch'>) =>
    `${partition}/${offset}/${epoch}/${sink}`
  return {
    note(letter) {
      if (letter.attempts > 0) known.set(nameOf(letter), letter)
    },
    read(record) {
      const replay = replayOf(record)
      if (!replay) return 'ordinary'
      const { topic, partition } = record
      const ours = replay.pipeline === pipeline && replay.cluster === cluster
      if (!ours || replay.topic !== topic || replay.partition !== partition) return 'skip'
      const letter = known.get(nameOf(replay))
      const original = { ...record, offset: replay.offset, headers: withoutReplay(record.headers) }
      if (!letter || (letter.digest !== undefined && letter.digest !== recordDigest(original))) return 'ordinary'
      if (letter.takenAt !== record.offset) return 'skip'
      return { sink: letter.sink, original: { ...original, timestamp: letter.timestamp } }
    },
  }
}
