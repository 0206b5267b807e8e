/**
 * Compares objects of lines, in S3, with the log: an object says in its key which offsets it holds, and must hold the rows
 * of just those records, in order. Pure.
 */
import type { SourceRecord } from '../../core/record.ts'
import { place, positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Tally } from './report.ts'

export interface StoredObject {
  readonly key: string
  readonly partition: number
  /** First and last offset, both held. */
  readonly first: number
  readonly last: number
  /** What `date=` in the key says. */
  readonly date?: string | undefined
  /** Canonical rows in the order of the object; undefined for a line that is no row. */
  readonly lines: readonly (string | undefined)[]
}

export interface ObjectComparer {
  /** Every record, with rows or without, before its rows. */
  record(record: Pick<SourceRecord, 'partition' | 'offset' | 'timestamp'>): void
  /** Offsets ascending within a partition. */
  expect(record: Pick<SourceRecord, 'partition' | 'offset'>, index: number, row: string): void
  observe(object: StoredObject): void
  finish(): void
}

interface Wanted {
  readonly partition: number
  readonly offset: number
  readonly index: number
  readonly row: string
  /** Found in an object, right or wrong. */
  seen: boolean
}

/** @param dated whether each object is to stand under the date of its first record */
export function createObjectComparer(log: LogSnapshot, tally: Tally, dated = false): ObjectComparer {
  const wanted = new Map<number, Wanted[]>()
  const days = new Map<string, string>()
  const textOf = ({ partition, offset, index }: Wanted) =>
    `${positionText({ topic: log.topic, partition, offset })}${index === 0 ? '' : ` row ${index}`}`

  const judgeDate = ({ key, partition, first, date }: StoredObject) => {
    const due = dated ? days.get(`${partition}@${first}`) : NO_DATE
    const found = date === undefined ? NO_DATE : `date=${date}`
    if (due !== undefined && found !== due) tally.fault('different', key, `stands under ${found}, not ${due}`)
  }

  return {
    record({ partition, offset, timestamp }) {
      if (dated) days.set(`${partition}@${offset}`, `date=${dayOf(timestamp)}`)
    },
    expect({ partition, offset }, index, row) {
      tally.expected()
      const rows = wanted.get(partition) ?? []
      if (rows.length === 0) wanted.set(partition, rows)
      rows.push({ partition, offset, index, row, seen: false })
    },
    observe(object) {
      const { key, partition, first, last, lines } = object
      tally.stored(lines.length)
      const [from, to] = [place(log, partition, first), place(log, partition, last)]
      if (from === 'foreign') {
        for (const _ of lines) tally.fault('different', key, 'the topic has no such partition')
        return
      }
      if (to === 'expired' || from === 'later') return tally.outside(lines.length)
      judgeDate(object)
      const { matched, strayLines, strayRows } = match(slice(wanted.get(partition) ?? [], first, last), lines)
      let newest = -1
      for (const { want, again, place } of matched) {
        if (want.seen || again) tally.fault('duplicated', textOf(want), `stands again in ${key}`)
        else if (place < newest) tally.fault('different', textOf(want), `stands out of order in ${key}`)
        if (!again) newest = Math.max(newest, place)
      }
      for (const { want } of matched) want.seen = true
      // A line that no row equals beside a row that no line equals: most likely the one was made of the other.
      for (const want of strayRows.splice(0, strayLines.length)) {
        strayLines.shift()
        want.seen = true
        tally.fault('different', textOf(want), `differs in ${key}`)
      }
      // Lines of records that the log has no longer, or had not yet, cannot be judged.
      if (from === 'expired' || to === 'later') tally.outside(strayLines.length)
      else
        for (const line of strayLines)
          tally.fault('different', key, `line ${line + 1} belongs to no record of its range`)
    },
    finish() {
      for (const rows of wanted.values())
        for (const want of rows) if (!want.seen) tally.fault('missing', textOf(want), 'is in no object')
    },
  }
}

const NO_DATE = 'no date'
const YEAR_10000 = Date.parse('+010000-01-01T00:00:00Z')

/** Where the producer gave no timestamp, or none between 1970 and 9999: the name of Hive for "no value". */
function dayOf(timestamp: number): string {
  if (timestamp < 0 || timestamp >= YEAR_10000) return '__HIVE_DEFAULT_PARTITION__'
  return new Date(timestamp).toISOString().replace(/T.*/, '')
}

interface Match {
  readonly matched: { readonly want: Wanted; readonly again: boolean; readonly place: number }[]
  /** Numbers of the lines that no row equals, from 0. */
  readonly strayLines: number[]
  readonly strayRows: Wanted[]
}

/** Pairs lines with rows of the same text, the first with the first; what is left of either is stray. */
function match(rows: readonly Wanted[], lines: readonly (string | undefined)[]): Match {
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
    result.matched.push({ want: rows[place]!, again, place })
  }
  rows.forEach((row, place) => {
    if (!found.has(place)) result.strayRows.push(row)
  })
  return result
}

function slice(rows: readonly Wanted[], first: number, last: number): Wanted[] {
  return rows.slice(lowerBound(rows, first), lowerBound(rows, last + 1))
}

/** Index of the first row with an offset not below `offset`. */
function lowerBound(rows: readonly Wanted[], offset: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (rows[middle]!.offset < offset) low = middle + 1
    else high = middle
  }
  return low
}
