/** One walk through the log: what each record asks of each sink, and what its dead letters say. */
import type { Pipeline } from '../../core/pipeline.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { SinkDefinition } from '../../sinks/sink.ts'
import type { AskedRecord, SinkAuditor } from './auditor.ts'
import type { Course } from './course.ts'
import type { Letter } from './entries.ts'
import { expectedOf } from './expect.ts'
import type { Expected } from './expect.ts'
import { addHole, isLost } from './gaps.ts'
import type { GapTally } from './gaps.ts'
import { concerns, isMovedOn, isUnfounded } from './letters.ts'
import type { Due, LetterEntry, LetterJudge } from './letters.ts'
import type { LogPart } from './log-batches.ts'
import { positionText } from './log.ts'
import type { LogSnapshot, PartitionWindow } from './log.ts'
import type { Reading, Replays } from './replays.ts'
import type { Tally } from './report.ts'
import type { Sorter } from './sorter.ts'

/** What the definition makes of so many is held at once: far more than the records themselves. */
const RECORDS_AT_ONCE = 1000

export interface WalkedSink {
  readonly id: string
  readonly definition: SinkDefinition
  readonly tally: Tally
  readonly course: Course
  readonly auditor: SinkAuditor
}

export interface Walk {
  readonly pipeline: Pipeline
  readonly log: LogSnapshot
  readonly sinks: readonly WalkedSink[]
  readonly parts: (window: PartitionWindow) => AsyncIterable<LogPart>
  readonly judge: LetterJudge
  readonly replays: Replays
  readonly gaps: GapTally
  readonly holes: Sorter
  readonly payload: Parameters<LetterJudge['judge']>[3]
  readonly onProgress: (step: string, detail?: string) => void
}

/** Gives the number of records. */
export async function walkLog(walk: Walk): Promise<number> {
  const { log, sinks, parts, gaps, onProgress } = walk
  let produced = 0
  for (const window of log.partitions) {
    for await (const part of parts(window)) {
      for (const gap of part.gaps) {
        gaps.add(gap)
        for (const { course } of sinks) course.gap(gap)
      }
      const lost = part.gaps.filter(isLost)
      for (const hole of lost) addHole(walk.holes, hole)
      for (const { auditor } of sinks) auditor.holes?.(lost)
      for (let at = 0; at < part.records.length; at += RECORDS_AT_ONCE)
        await walkPart(walk, part.records.slice(at, at + RECORDS_AT_ONCE))
      for (const { auditor } of sinks) await auditor.upTo(window.partition, part.next)
      produced += part.records.length
      onProgress(
        'reading the log',
        `${produced} records, ${positionText({ ...window, topic: log.topic, offset: part.next })}`,
      )
    }
    for (const { auditor } of sinks) await auditor.upTo(window.partition, Infinity)
  }
  return produced
}

async function walkPart(walk: Walk, records: readonly SourceRecord[]): Promise<void> {
  const { pipeline, sinks, judge, replays, payload } = walk
  const asked = sinks.map((): AskedRecord[] => [])
  for (const record of records) {
    const letters = judge.of(record)
    const reading = replays.read(record)
    const expected = await (reading === 'ordinary' ? expectedOf(pipeline, record) : replayed(pipeline, record, reading))
    const due = letters.length === 0 ? NONE : dueOf(pipeline, expected)
    if (letters.length > 0) await judge.judge(record, letters, due, payload)
    sinks.forEach((sink, i) => {
      const each = expected[pipeline.sinks.indexOf(sink.definition)]!
      sink.course.record(record.partition, record.offset)
      asked[i]!.push({ record, ...askedOf(sink, record, each, letters, due) })
    })
  }
  sinks.forEach(({ auditor }, i) => auditor.records(asked[i]!))
}

/** Keyed tables have it at the place of the original, which asks for it there. */
async function replayed(
  pipeline: Pipeline,
  record: SourceRecord,
  reading: Exclude<Reading, 'ordinary'>,
): Promise<readonly Expected[]> {
  const nothing = { rows: [], deletes: [] }
  if (reading === 'skip') return pipeline.sinks.map(() => nothing)
  const { sink: id, original } = reading
  return (await expectedOf(pipeline, original)).map((each, i) => {
    const sink = pipeline.sinks[i]!
    if (sink.key || (id !== '*' && id !== sink.id)) return nothing
    return 'rows' in each ? { ...each, rows: each.rows.map((row) => ({ ...row, record })) } : each
  })
}

const NONE: ReadonlyMap<string, Due> = new Map()

function dueOf({ sinks }: Pipeline, expected: readonly Expected[]): ReadonlyMap<string, Due> {
  return new Map(
    sinks.map(({ id }, i) => {
      const each = expected[i]!
      return [id, 'rows' in each ? { rows: each.rows.length } : each]
    }),
  )
}

function askedOf(
  { id, definition, tally, course }: WalkedSink,
  record: SourceRecord,
  each: Expected,
  letters: readonly LetterEntry[],
  due: ReadonlyMap<string, Due>,
): Omit<AskedRecord, 'record'> {
  const own = letters.filter((letter) => concerns(letter, id))
  const dead: Letter =
    own.length === 0 ? undefined : own.every((letter) => isUnfounded(letter, due)) ? 'unfounded' : 'due'
  if (dead !== undefined) tally.count('deadLettered')
  const movedOn = !definition.key && dead === undefined && letters.some((letter) => isMovedOn(letter, id))
  if (movedOn) return { rows: [], deletes: [], dead }
  if ('rows' in each) return { rows: each.rows, deletes: each.deletes, dead }
  // who replayed a letter saw to its record
  if (dead !== undefined || letters.length > 0) return { rows: [], deletes: [], dead }
  if (!course.isDue(record.partition, record.offset)) tally.count('notYet')
  else {
    tally.count('expected')
    tally.fault('missing', positionText(record), `neither a row nor a dead letter: ${each.poison}`)
  }
  return { rows: [], deletes: [], dead }
}
