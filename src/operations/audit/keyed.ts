/**
 * Compares rows that carry their position, in PostgreSQL and DynamoDB, with what the log asks for: the newest row of each
 * key. A table without keys is one whose keys are the positions. Pure.
 */
import type { Pipeline } from '../../core/pipeline.ts'
import { isNewer } from '../../core/order.ts'
import type { OrderKind, Position } from '../../core/order.ts'
import { differingMembers } from './canonical.ts'
import { place, positionText } from './log.ts'
import type { LogSnapshot, Placed } from './log.ts'
import type { Tally } from './report.ts'

/** Position attributes of a stored row; under the order 'version' one without `version` is a fault. */
export type StoredPosition = Position

export interface KeyedRow {
  /** Canonical key. */
  readonly key: string
  /** Canonical row, without position attributes. */
  readonly row: string
}

export interface KeyedComparer {
  expect(row: KeyedRow, position: Position): void
  /** `position` undefined: the row has none, so that nothing of ours wrote it. */
  observe(row: KeyedRow, position: StoredPosition | undefined): void
  finish(): void
}

export interface KeyedContext {
  readonly pipeline: Pick<Pipeline, 'order'>
  readonly log: LogSnapshot
  readonly tally: Tally
  /** Whether the record has a dead letter for this sink. */
  readonly isDead: (partition: number, offset: number) => boolean
}

interface Wanted {
  readonly row: string
  readonly position: Position
  seen: boolean
}

/** A row whose key the log does not ask for: judged at the end, when it is known which positions are stored right. */
interface Stray {
  readonly key: string
  readonly position: StoredPosition
}

export function createKeyedComparer(context: KeyedContext): KeyedComparer {
  const { pipeline, log, tally } = context
  const order: OrderKind = typeof pipeline.order === 'function' ? 'version' : pipeline.order
  const wanted = new Map<string, Wanted>()
  const strays: Stray[] = []
  /** Where the version decides, a record that retention took can be the newest of its key. A rewind raises the epoch. */
  const isOlder = (position: StoredPosition, want: Wanted | undefined) =>
    want !== undefined && isNewer(order, want.position, { ...position, epoch: want.position.epoch })
  return {
    expect({ key, row }, position) {
      const known = wanted.get(key)
      if (!known || isNewer(order, position, known.position)) wanted.set(key, { row, position, seen: false })
    },
    observe(stored, position) {
      tally.stored()
      const want = wanted.get(stored.key)
      const again = want?.seen ?? false
      const where = position ? placeOf(log, position) : 'inside'
      // What is newer than the log was when the audit began stands for the older one.
      if (want) want.seen = true
      if (position === undefined) tally.fault('different', stored.key, 'a row without position attributes')
      else if (where === 'later' || (where === 'expired' && !isOlder(position, want))) tally.outside()
      else if (!want) strays.push({ key: stored.key, position })
      else if (again) tally.fault('duplicated', textOf(want.position), `stands more than once, key ${stored.key}`)
      else judge(context, stored, position, want)
    },
    finish() {
      tally.expected(wanted.size)
      judgeStrays(context, strays, wanted)
      for (const [key, want] of wanted)
        if (!want.seen) tally.fault('missing', textOf(want.position), `is not stored, key ${key}`)
    },
  }
}

/** The stored row of a key that the log asks for, seen the first time. */
function judge({ tally, isDead }: KeyedContext, stored: KeyedRow, position: StoredPosition, want: Wanted): void {
  const at = positionOf(position)
  const differs = (text: string) => tally.fault('different', textOf(want.position), `${text}, key ${stored.key}`)
  if (positionKey(position) !== positionKey(want.position)) {
    const dead = isDead(at.partition, at.offset)
    differs(
      `row of ${textOf(position)} ${dead ? 'has a dead letter, yet is stored' : 'is stored, but is not the newest'}`,
    )
  } else if (stored.row !== want.row)
    differs(`differs in ${differingMembers(stored.row, want.row).join(', ') || 'its content'}`)
  else if (position.ts !== want.position.ts) differs('differs in its timestamp')
  else if (position.version !== want.position.version) differs('differs in its version')
}

function judgeStrays({ tally, isDead }: KeyedContext, strays: readonly Stray[], wanted: Map<string, Wanted>): void {
  if (strays.length === 0) return
  const stored = new Set<string>()
  for (const want of wanted.values()) if (want.seen) stored.add(positionKey(want.position))
  for (const { key, position } of strays) {
    const { partition, offset } = positionOf(position)
    if (stored.has(positionKey(position)))
      tally.fault('duplicated', textOf(position), `stands under another key as well: ${key}`)
    else if (isDead(partition, offset))
      tally.fault('different', textOf(position), `has a dead letter, yet is stored: key ${key}`)
    else tally.fault('different', textOf(position), `no record asks for key ${key}`)
  }
}

function placeOf(log: LogSnapshot, position: StoredPosition): Placed {
  const { topic, partition, offset } = positionOf(position)
  return topic === log.topic ? place(log, partition, offset) : 'foreign'
}

/** Which row of which record, as a key; the epoch is left out, since a rewind raises it and the row is the same. */
export function positionKey({ src, offset, index }: StoredPosition): string {
  return `${src}@${offset}#${index}`
}

/** `topic/000001/5d41402a` back into topic and partition. */
function positionOf({ src, offset }: StoredPosition): { topic: string; partition: number; offset: number } {
  const [topic = '', partition] = src.split('/')
  return { topic, partition: Number(partition), offset }
}

function textOf(position: StoredPosition): string {
  const text = positionText(positionOf(position))
  return position.index === 0 ? text : `${text} row ${position.index}`
}
