/**
 * Rows as entries to be sorted: of what a row holds only digests, its position, and the beginning of its key for people, so
 * that an entry is small whatever the row is. Sorted, all entries of one key stand together: stored ones first, then those
 * that the log asks for, in the order of the log.
 */
import { hash } from 'node:crypto'
import type { Position } from '../../core/order.ts'

/** 2^-64 that two of four billion rows agree by chance. */
const DIGEST_BYTES = 16
const SIDE_AT = DIGEST_BYTES
const PARTITION_AT = SIDE_AT + 1
const OFFSET_AT = PARTITION_AT + 4
const INDEX_AT = OFFSET_AT + 6
const FLAGS_AT = INDEX_AT + 4
const EPOCH_AT = FLAGS_AT + 1
const TS_AT = EPOCH_AT + 6
const DIGEST_AT = TS_AT + 8
const FIXED_BYTES = DIGEST_AT + DIGEST_BYTES

const STORED = 0
const ASKED = 1
/** What stands for a partition where the row's source is none of this pipeline. */
const NO_PARTITION = 0xffff_ffff

const DEAD = 1
const WITHOUT_POSITION = 2
const DELETED = 4
const EXCUSED = 8
const EXPIRED = 16

/** Of a key, enough for a person to find it. */
const SHOWN_KEY = 160
/** Members whose difference is told by name; of a row with more, "its content" differs. */
const MAX_MEMBERS = 200
/** Names of members that are remembered, over all rows. */
const MAX_NAMES = 4096

/** Canonical text by member, as stores and definitions give it. */
export type Fields = ReadonlyMap<string, string>

export interface Entry {
  readonly asked: boolean
  /** For people; of a stored row of another source with that source. */
  readonly key: string
  /** Undefined where the row's source is none of this pipeline, or where it has no position. */
  readonly partition: number | undefined
  readonly offset: number
  readonly index: number
  readonly epoch: number
  readonly ts: number
  readonly version: string | number | undefined
  /** Of a row that the log asks for: its record has a dead letter, so that it is not asked for after all. */
  readonly dead: boolean
  /** Of a dead one: the letter is unfounded, so that the row may stand all the same. */
  readonly excused: boolean
  /** Of a row that the log asks for: its record asks that the key be gone. Of a stored one: it stands for that. */
  readonly deleted: boolean
  /** Of a row that the log asks for: its time to live has passed, so that it may be gone. */
  readonly expired: boolean
  readonly withoutPosition: boolean
  readonly digest: string
}

export interface Row {
  /** Canonical key. */
  readonly key: string
  readonly fields: Fields
  /** Undefined: it has none, so that nothing of ours wrote it. */
  readonly position: (Omit<Position, 'src'> & { readonly partition: number | undefined }) | undefined
  readonly dead?: Letter
  readonly deleted?: boolean
  readonly expired?: boolean
}

/** Of a record's dead letter. `unfounded`: the definition, as it is now, takes the record. */
export type Letter = 'due' | 'unfounded' | undefined

export interface Entries {
  /** Valid until the next call. */
  encode(asked: boolean, row: Row): Buffer
  decode(entry: Buffer): Entry
  /** Names of the members in which two rows differ, as entries; empty where that is not known. */
  differing(a: Buffer, b: Buffer): string[]
}

export function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer').subarray(0, DIGEST_BYTES)
}

/** Whether two entries have one key. */
export function sameKey(a: Buffer, b: Buffer): boolean {
  return a.compare(b, 0, DIGEST_BYTES, 0, DIGEST_BYTES) === 0
}

export function createEntries(): Entries {
  let buffer = Buffer.alloc(4096)
  const names = new Map<number, string>()
  return {
    encode(asked, { key, fields, position, dead, deleted = false, expired = false }) {
      const shown = Buffer.from(key.slice(0, SHOWN_KEY))
      const version = versionText(position?.version)
      const members = fields.size > MAX_MEMBERS ? [] : [...fields]
      const needed = FIXED_BYTES + 4 + 4 + 2 + shown.length + version.length + members.length * 8
      if (needed > buffer.length) buffer = Buffer.alloc(needed * 2)
      digestOf(key).copy(buffer)
      buffer[SIDE_AT] = asked ? ASKED : STORED
      buffer.writeUInt32BE(position?.partition ?? NO_PARTITION, PARTITION_AT)
      buffer.writeUIntBE(position?.offset ?? 0, OFFSET_AT, 6)
      buffer.writeUInt32BE(position?.index ?? 0, INDEX_AT)
      buffer[FLAGS_AT] =
        (dead ? DEAD : 0) |
        (dead === 'unfounded' ? EXCUSED : 0) |
        (position ? 0 : WITHOUT_POSITION) |
        (deleted ? DELETED : 0) |
        (expired ? EXPIRED : 0)
      buffer.writeUIntBE(position?.epoch ?? 0, EPOCH_AT, 6)
      buffer.writeDoubleBE(position?.ts ?? 0, TS_AT)
      digestOfFields(fields).copy(buffer, DIGEST_AT)
      let at = writeText(buffer, FIXED_BYTES, version)
      at = writeText(buffer, at, shown)
      at = buffer.writeUInt16BE(members.length, at)
      for (const [name, value] of members) {
        const known = hash32(name)
        if (names.size < MAX_NAMES) names.set(known, name)
        at = buffer.writeUInt32BE(known, at)
        at = buffer.writeUInt32BE(hash32(value), at)
      }
      return buffer.subarray(0, at)
    },
    decode,
    differing(a, b) {
      const [left, right] = [membersIn(a), membersIn(b)]
      return [...new Set([...left.keys(), ...right.keys()])]
        .filter((name) => left.get(name) !== right.get(name))
        .map((name) => names.get(name) ?? 'another field')
    },
  }
}

function decode(entry: Buffer): Entry {
  const partition = entry.readUInt32BE(PARTITION_AT)
  const flags = entry[FLAGS_AT]!
  const version = readText(entry, FIXED_BYTES)
  const key = readText(entry, version.end)
  return {
    asked: entry[SIDE_AT] === ASKED,
    key: key.text,
    partition: partition === NO_PARTITION ? undefined : partition,
    offset: entry.readUIntBE(OFFSET_AT, 6),
    index: entry.readUInt32BE(INDEX_AT),
    epoch: entry.readUIntBE(EPOCH_AT, 6),
    ts: entry.readDoubleBE(TS_AT),
    version: versionIn(version.text),
    dead: (flags & DEAD) !== 0,
    excused: (flags & EXCUSED) !== 0,
    deleted: (flags & DELETED) !== 0,
    expired: (flags & EXPIRED) !== 0,
    withoutPosition: (flags & WITHOUT_POSITION) !== 0,
    digest: entry.toString('latin1', DIGEST_AT, DIGEST_AT + DIGEST_BYTES),
  }
}

function membersIn(entry: Buffer): Map<number, number> {
  const from = readText(entry, readText(entry, FIXED_BYTES).end).end
  const count = entry.readUInt16BE(from)
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const at = from + 2 + i * 8
      return [entry.readUInt32BE(at), entry.readUInt32BE(at + 4)]
    }),
  )
}

function digestOfFields(fields: Fields): Buffer {
  let text = ''
  for (const [name, value] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1)))
    text += `${name.length}:${name}${value.length}:${value}`
  return digestOf(text)
}

function versionText(version: string | number | undefined): Buffer {
  if (version === undefined) return Buffer.alloc(0)
  return Buffer.from(typeof version === 'number' ? `n${version}` : `t${version}`)
}

function versionIn(text: string): string | number | undefined {
  if (text === '') return undefined
  return text.startsWith('n') ? Number(text.slice(1)) : text.slice(1)
}

function writeText(buffer: Buffer, at: number, text: Buffer): number {
  const start = buffer.writeUInt32BE(text.length, at)
  return start + text.copy(buffer, start)
}

function readText(entry: Buffer, at: number): { text: string; end: number } {
  const start = at + 4
  const end = start + entry.readUInt32BE(at)
  return { text: entry.toString('utf8', start, end), end }
}

/** FNV-1a over UTF-16 units: only to name what differs, where digests have told that something does. */
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
