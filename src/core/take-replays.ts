/** Which records of a batch are dead letters that come again, and what becomes of each. */
import type { Pipeline } from './pipeline.ts'
import type { Deadline, Log } from './ports.ts'
import type { RecordRange, SourceRecord } from './record.ts'
import { replayOf, withoutReplay } from './replay.ts'
import type { ReplayCopy, ReplayDesk, Replayed } from './replay.ts'

/** `skip`: no sink of this pipeline has anything to do with it. */
export type Replays = ReadonlyMap<SourceRecord, Replayed | 'skip'>

const none: Replays = new Map()

/** Asks the store only where a header names this pipeline and this source; a replay of any other is not ours to take. */
export async function takeReplays(
  { name }: Pick<Pipeline, 'name'>,
  ranges: readonly RecordRange[],
  { replays, deadline, log }: { readonly replays: ReplayDesk; readonly deadline: Deadline; readonly log: Log },
): Promise<Replays> {
  const found = new Map<SourceRecord, Replayed | 'skip'>()
  const ours: ReplayCopy[] = []
  for (const { source, records } of ranges)
    for (const record of records) {
      const replay = record.headers.length === 0 ? undefined : replayOf(record)
      if (!replay) continue
      const { pipeline, cluster, topic, partition } = replay
      if (pipeline === name && cluster === source.cluster && topic === source.topic && partition === source.partition)
        ours.push({ replay, record })
      else found.set(record, 'skip')
    }
  if (found.size === 0 && ours.length === 0) return none
  const counts = { taken: 0, stale: 0, forged: 0, ofOthers: found.size }
  const answers = ours.length === 0 ? [] : await replays.take(ours, deadline)
  ours.forEach(({ replay, record }, i) => {
    const answer = answers[i]!
    if (answer === 'forged') counts.forged++
    else if (answer === 'stale') {
      counts.stale++
      found.set(record, 'skip')
    } else {
      counts.taken++
      const original = { ...record, ...answer, offset: replay.offset, headers: withoutReplay(record.headers) }
      found.set(record, { sink: replay.sink, record: original })
    }
  })
  log('INFO', 'records of replayed dead letters', { pipeline: name, ...counts })
  return found
}
