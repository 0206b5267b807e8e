/**
 * Dead letters that come again by the topic. A header is believed only where the letter that it names is there, is of the very
 * bytes, is `replaying`, and counts this attempt; and of several copies only the first that was taken.
 */
import { itemOf, numberOf, textOf } from '../../aws/attribute.ts'
import type { Item } from '../../aws/attribute.ts'
import type { DeadLetter } from '../../core/dead-letter.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import type { SourceRecord } from '../../core/record.ts'
import { withoutReplay } from '../../core/replay.ts'
import type { Replay, ReplayAnswer, ReplayCopy } from '../../core/replay.ts'
import { changeItem, OF_A_REPLAY } from './change.ts'
import { positionKey } from './index.ts'
import { MAX_TEXT, recordOf } from './items.ts'
import { getItem, payloadOf } from './read.ts'
import type { DeadLetterOptions } from './read.ts'

/** Times that a lost race for one letter is entered again (N3). */
const MAX_RACES = 3

export async function takeOne(
  options: DeadLetterOptions,
  { replay, record }: ReplayCopy,
  deadline: Deadline,
): Promise<ReplayAnswer> {
  const key = keyOf(replay)
  for (let race = 0; race < MAX_RACES; race++) {
    const found = await find(options, replay, record, deadline)
    if (!found) return 'forged'
    const { item, original } = found
    const takenAt = numberOf(item, 'takenAt')
    if (!isUnderWay(item, replay)) return 'stale'
    const { timestamp, timestampType } = original
    if (takenAt === record.offset) return { timestamp, timestampType }
    if (takenAt !== undefined || textOf(item, 'state') === 'replayed') return 'stale'
    const set = itemOf({ takenAt: record.offset })
    if ((await changeItem(options, key, numberOf(item, 'version')!, { set }, deadline)).ok)
      return { timestamp, timestampType }
  }
  throw contended(replay)
}

/**
 * The record of a replay failed again: the same letter goes back to `new`, with the new reason, or, where another sink than the
 * letter's refused it, that sink has a letter of its own. False where the header was forged: then it is a letter as any other.
 */
export async function putReplayed(
  options: DeadLetterOptions,
  letter: DeadLetter,
  replay: Replay,
  putPlain: (letter: DeadLetter) => Promise<void>,
  deadline: Deadline,
): Promise<boolean> {
  const { sink, record, stage, code } = letter
  const text = letter.text.slice(0, MAX_TEXT).toWellFormed()
  for (let race = 0; race < MAX_RACES; race++) {
    const found = await find(options, replay, record, deadline)
    if (!found) return false
    const { item, original } = found
    if (sink !== replay.sink) {
      await putPlain({ ...letter, record: original })
      return true
    }
    // Put before, or of an attempt that is over: the letter stands for the record already.
    if (!isUnderWay(item, replay) || numberOf(item, 'takenAt') !== record.offset) return true
    const set = itemOf({ state: 'new', stage, code, text })
    const change = { set, remove: OF_A_REPLAY }
    if ((await changeItem(options, keyOf(replay), numberOf(item, 'version')!, change, deadline)).ok) return true
  }
  throw contended(replay)
}

/** Of this attempt, which has not failed. */
function isUnderWay(item: Item, { attempt }: Replay): boolean {
  const state = textOf(item, 'state')
  return numberOf(item, 'attempts') === attempt && (state === 'replaying' || state === 'replayed')
}

function keyOf(replay: Replay): Item {
  const { pipeline, sink, epoch, offset } = replay
  return itemOf({ pipeline, position: positionKey({ source: replay, epoch, sink, record: { offset } }) })
}

async function find(
  options: DeadLetterOptions,
  replay: Replay,
  copy: SourceRecord,
  deadline: Deadline,
): Promise<{ readonly item: Item; readonly original: SourceRecord } | undefined> {
  const item = await getItem(options, keyOf(replay), deadline)
  if (!item) return undefined
  const original = recordOf(item, await payloadOf(options, item, deadline))
  return isCopy(original, { ...copy, headers: withoutReplay(copy.headers) }) ? { item, original } : undefined
}

/** The topic may give a copy another timestamp. */
function isCopy(a: SourceRecord, b: SourceRecord): boolean {
  return (
    same(a.key, b.key) &&
    same(a.value, b.value) &&
    a.headers.length === b.headers.length &&
    a.headers.every(({ name, value }, i) => name === b.headers[i]!.name && value.equals(b.headers[i]!.value))
  )
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}

function contended(replay: Replay): WeirError {
  return new WeirError('WEIR_CONTENDED', { sink: 'dead letters', source: sourceLabel(replay) })
}
