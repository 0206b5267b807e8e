/**
 * Merges the objects of an S3 sink with the log: an object says in its key which offsets it holds, and must hold the rows of
 * just those records, in order. Both come in the order of the log; held at once are the rows between the first object that
 * is not yet judged and where the log has been read to. Pure.
 */
import { MAX_BATCH_RECORDS } from '../../core/limits.ts'
import { place, positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Letter } from './entries.ts'
import type { Tally } from './report.ts'
import type { Hole } from './strays.ts'

/** Ten times what the largest invocation holds: an object that claims more was made by none. */
const MAX_RECORDS = 10 * MAX_BATCH_RECORDS

/** An object by its key. */
export interface ObjectRef {
  readonly key: string
  readonly partition: number
  /** First and last offset, both held. */
  readonly first: number
  readonly last: number
  readonly epoch: number
  /** Folders below the topic's, `date=2026-01-31/`: empty where there are none. */
  readonly folder: string
}

/** What is in an object. */
export interface ObjectContent {
  /** Digests of its rows in order; undefined for what is no row. */
  readonly rows: readonly (string | undefined)[]
  /** How many they are, where nothing but that was asked for. */
  readonly count?: number
  /** Why it is no object of this sink, though its key says so. */
  readonly foreign?: string | undefined
}

export interface RecordRows {
  readonly offset: number
  readonly timestamp: number
  /** Digests, in order. */
  readonly rows: readonly string[]
  /** Folder of each row, where each has its own. */
  readonly folders?: readonly string[]
  readonly dead: Letter
}

interface Held {
  readonly offset: number
  readonly index: number
  readonly row: string
  /** The only one in which it may stand; undefined: any. */
  readonly folder: string | undefined
  readonly dead: Letter
  /** Found in an object, right or wrong. */
  seen: boolean
}

export interface MergeContext {
  readonly log: Pick<LogSnapshot, 'topic' | 'partitions'>
  readonly tally: Tally
  readonly isDue: (partition: number, offset: number) => boolean
  readonly whyMissing: (partition: number, offset: number) => string | undefined
  readonly onHeld: (partition: number, offset: number, epoch: number) => void
  /** Folder in which an object belongs whose first record has this timestamp; undefined: any. */
  readonly folderOf: (timestamp: number) => string | undefined
  /** Records that an object may claim. @default 100,000 */
  readonly maxRecords?: number
}

/** What to do next with an object. */
export interface Task {
  readonly ref: ObjectRef
  /** Nothing of it is compared: how many rows it has is enough. */
  readonly countOnly: boolean
  readonly judge: (content: ObjectContent) => void
}

/** Objects with rows that were judged: two of one folder that overlap are out of order. */
type Judged = Pick<ObjectRef, 'key' | 'first' | 'last' | 'folder'>

export interface ObjectMerge {
  /** What the log has lost, before the records around it are judged. */
  holes(holes: readonly Hole[]): void
  /** Records of one partition, offsets ascending; those without rows only matter for the folder. */
  records(records: readonly RecordRows[]): void
  /**
   * The log is read up to this offset (Infinity: to the partition's end). Objects that can be judged now, to be judged in this
   * order, all of them before the next call of anything.
   */
  upTo(partition: number, offset: number): Task[]
  /** After the tasks: counts, and lets go of, what no object to come can hold. */
  settle(): void
}

/** @param refs objects by partition and first offset, each once; of partitions that the log does not have as well. */
export function createObjectMerge(context: MergeContext, refs: Iterator<ObjectRef>): ObjectMerge {
  const { tally, maxRecords = MAX_RECORDS } = context
  let held: Held[] = []
  let firsts = new Map<number, number>()
  let judged: Judged[] = []
  let lost: readonly Hole[] = []
  let upcoming = refs.next()
  let open: ObjectRef[] = []
  let at = { partition: -1, offset: 0 }

  /** Objects that begin before this offset, of this partition or an earlier one, come now. */
  const pull = () => {
    while (upcoming.done !== true && isBefore(upcoming.value, at)) {
      const ref = upcoming.value
      if (ref.partition < at.partition) tally.fault('foreign', ref.key, 'the topic has no such partition')
      else open.push(ref)
      upcoming = refs.next()
    }
  }

  return {
    holes: (holes) => void (lost = [...lost, ...holes]),
    records(records) {
      for (const { offset, timestamp, rows, folders, dead } of records) {
        firsts.set(offset, timestamp)
        rows.forEach((row, index) => held.push({ offset, index, row, folder: folders?.[index], dead, seen: false }))
      }
    },
    upTo(partition, offset) {
      at = { partition, offset }
      pull()
      const ready = open.filter(({ last }) => last < offset)
      open = open.filter(({ last }) => last >= offset)
      // What is open has held all of these back: whatever it claims, memory is bounded.
      if (firsts.size > maxRecords && open.length > 0)
        tally.fault('foreign', open.shift()!.key, `says that it holds over ${maxRecords} records: no invocation does`)
      return ready.map((ref) => taskOf(context, ref, { held, judged, lost, timestamp: firsts.get(ref.first) }))
    },
    settle() {
      const below = Math.min(at.offset, ...open.map(({ first }) => first))
      const end = lowerBound(held, below)
      for (const row of held.slice(0, end)) count(context, at.partition, row)
      held = held.slice(end)
      judged = judged.filter(({ last }) => last >= below)
      lost = lost.filter(({ last }) => last >= below)
      firsts = new Map([...firsts].filter(([first]) => first >= below))
    },
  }
}

interface Surroundings {
  readonly held: readonly Held[]
  readonly judged: Judged[]
  readonly lost: readonly Hole[]
  /** Of the record with which the object begins, where there is one. */
  readonly timestamp: number | undefined
}

function taskOf(context: MergeContext, ref: ObjectRef, around: Surroundings): Task {
  const { log, tally } = context
  const first = place(log, ref.partition, ref.first)
  const last = place(log, ref.partition, ref.last)
  const isOld = last === 'expired'
  const countOnly = isOld || last === 'before' || first === 'later'
  return {
    ref,
    countOnly,
    judge(content) {
      const rows = content.count ?? content.rows.length
      tally.count('stored', rows)
      if (content.foreign !== undefined) tally.fault('foreign', ref.key, content.foreign)
      else if (countOnly) tally.count(isOld ? 'beyondRetention' : 'outside', rows)
      else judgeObject(context, ref, content.rows, around, first === 'inside' && last === 'inside')
    },
  }
}

/** @param whole every record that it says to hold is under audit */
function judgeObject(
  context: MergeContext,
  ref: ObjectRef,
  lines: ObjectContent['rows'],
  { held, judged, lost, timestamp }: Surroundings,
  whole: boolean,
): void {
  const { log, tally } = context
  const { key, partition, first, last } = ref
  // a void marker says that nothing was written under its key
  if (lines.length === 0) return
  judgeFolder(context, ref, timestamp)
  const due = held.slice(lowerBound(held, first), lowerBound(held, last + 1))
  const { matched, strayLines, strayRows } = match(
    due.filter(({ folder }) => folder === undefined || folder === ref.folder),
    lines,
  )
  let duplicates = 0
  let newest = -1
  for (const { row, again, place: at } of matched) {
    const position = textOf(context, partition, row)
    if (row.seen || again) {
      duplicates++
      tally.fault('duplicated', position, `stands again in ${key}`)
    } else if (row.dead === 'due') tally.fault('different', position, `has a dead letter, yet stands in ${key}`)
    else if (at < newest) tally.fault('outOfOrder', position, `stands behind later ones in ${key}`)
    if (!again) newest = Math.max(newest, at)
  }
  for (const { row } of matched) row.seen = true
  const holds = matched.at(-1)?.row.offset
  if (holds !== undefined) context.onHeld(partition, holds, ref.epoch)
  // A line that no row equals beside a row that no line equals: most likely the one was made of the other.
  const made = strayRows.filter(({ seen, dead }) => !seen && dead === undefined).slice(0, strayLines.length)
  for (const row of made) {
    row.seen = true
    tally.fault('different', textOf(context, partition, row), `differs in ${key}`)
  }
  const isLost = lostLines(matched, ref, lost)
  for (const line of strayLines.slice(made.length))
    if (!whole) tally.count(place(log, partition, first) === 'expired' ? 'beyondRetention' : 'outside')
    else if (isLost(line)) tally.count('beyondRetention')
    else tally.fault('foreign', key, `line ${line + 1} belongs to no record of its range`)
  const other = judged.find((each) => each.folder === ref.folder && each.first <= last && each.last >= first)
  if (other && duplicates === 0) tally.fault('outOfOrder', key, `its offsets overlap those of ${other.key}`)
  judged.push(ref)
}

/** Whether a line can be of a record that the log has lost, by the lines around it whose records are there. */
function lostLines(matched: Match['matched'], { first, last }: ObjectRef, lost: readonly Hole[]) {
  if (lost.length === 0) return () => false
  return (line: number) => {
    const before = matched.findLast((each) => each.line < line)?.row.offset ?? first - 1
    const after = matched.find((each) => each.line > line)?.row.offset ?? last + 1
    return lost.some((hole) => hole.first < after && hole.last > before)
  }
}

function judgeFolder(
  { tally, folderOf }: MergeContext,
  { key, folder }: ObjectRef,
  timestamp: number | undefined,
): void {
  if (timestamp === undefined) return
  const due = folderOf(timestamp)
  const name = (text: string) => (text === '' ? 'no folder' : text)
  if (due !== undefined && due !== folder)
    tally.fault('different', key, `stands under ${name(folder)}, not ${name(due)}`)
}

/** A row that no object to come can hold. */
function count(context: MergeContext, partition: number, row: Held): void {
  const { tally, isDue, whyMissing } = context
  if (row.dead !== undefined) return
  if (!row.seen && !isDue(partition, row.offset)) return tally.count('notYet')
  tally.count('expected')
  if (row.seen) return
  const why = whyMissing(partition, row.offset)
  tally.fault('missing', textOf(context, partition, row), `is in no object${why === undefined ? '' : `: ${why}`}`)
}

function textOf({ log }: MergeContext, partition: number, { offset, index }: Held): string {
  return `${positionText({ topic: log.topic, partition, offset })}${index === 0 ? '' : ` row ${index}`}`
}

interface Match {
  readonly matched: { readonly line: number; readonly row: Held; readonly again: boolean; readonly place: number }[]
  /** Numbers of the lines that no row equals, from 0. */
  readonly strayLines: number[]
  readonly strayRows: Held[]
}

/** Pairs lines with rows of the same text, the first with the first; what is left of either is stray. */
function match(rows: readonly Held[], lines: ObjectContent['rows']): Match {
  const places = new Map<string, { readonly all: number[]; next: number }>()
  rows.forEach(({ row }, place) => {
    const known = places.get(row)
    if (known) known.all.push(place)
    else places.set(row, { all: [place], next: 0 })
  })
  const result: Match = { matched: [], strayLines: [], strayRows: [] }
  const found = new Set<number>()
  for (const [number, line] of lines.entries()) {
    const same = line === undefined ? undefined : places.get(line)
    if (!same) {
      result.strayLines.push(number)
      continue
    }
    const again = same.next === same.all.length
    const place = again ? same.all.at(-1)! : same.all[same.next++]!
    found.add(place)
    result.matched.push({ line: number, row: rows[place]!, again, place })
  }
  rows.forEach((row, place) => {
    if (!found.has(place)) result.strayRows.push(row)
  })
  return result
}

function isBefore(ref: ObjectRef, at: { readonly partition: number; readonly offset: number }): boolean {
  return ref.partition < at.partition || (ref.partition === at.partition && ref.first < at.offset)
}

/** Index of the first row with an offset not below `offset`. */
function lowerBound(rows: readonly Held[], offset: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
