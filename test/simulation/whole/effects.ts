/** What a reader of the stores can see, record by record. */
import { numberOf, textOf } from '../../../src/aws/attribute.ts'
import { isNewer } from '../../../src/core/order.ts'
import type { Position } from '../../../src/core/order.ts'
import { sourceMark } from '../../../src/core/record.ts'
import type { DeadLetterState } from '../../../src/sinks/dead-letters/index.ts'
import { storedPosition } from '../../../src/sinks/dynamodb/guard.ts'
import { ledgerKey } from '../../../src/sinks/ledger.ts'
import { dataPrefix, parseKey } from '../../../src/sinks/s3/keys.ts'
import type { ParsedKey } from '../../../src/sinks/s3/keys.ts'
import { TOPIC } from '../delivery-types.ts'
import { nameOf as watermarkName, positionOf } from '../postgres-store.ts'
import type { Bucket, StoredObject } from '../s3-store.ts'
import { kvOptions, PIPELINE, PREFIX } from './process.ts'
import { sourceOf } from './records.ts'
import type { LogRecord, Value } from './records.ts'
import { ITEMS, LEDGER, LETTERS } from './stores.ts'
import type { Stores } from './stores.ts'

export const SINKS = ['lake', 'sql', 'kv'] as const
export type Sink = (typeof SINKS)[number]
export type Keyed = Readonly<Record<string, Position>>

export interface Progress {
  readonly epoch: number
  readonly next: number
  /** Its oldest checkpoint; undefined where it has none. */
  readonly head: number | undefined
  readonly gaps: readonly { readonly first: number; readonly last: number }[]
  readonly rewind: { readonly target: number; readonly state: string } | undefined
}

export function progressOf(stores: Stores, sink: Sink, partition: number): Progress | undefined {
  const source = sourceOf(partition)
  if (sink === 'sql') {
    const found = stores.database.watermarks[watermarkName(source)]
    if (!found || found.next_offset === null) return undefined
    const { epoch, next_offset: next, gaps, checkpoints, rewind } = found
    return { epoch, next, gaps, head: checkpoints[0]?.offset, rewind: rewind ?? undefined }
  }
  const item = stores.tables[LEDGER]?.[ledgerKey(PIPELINE, sink, source)]
  if (!item) return undefined
  const list = (name: string): unknown => JSON.parse(textOf(item, name) ?? 'null')
  const [head] = list('checkpoints') as { readonly offset: number }[]
  return {
    epoch: numberOf(item, 'epoch')!,
    next: numberOf(item, 'next')!,
    gaps: list('gaps') as Progress['gaps'],
    head: head?.offset,
    rewind: (list('rewind') as Progress['rewind'] | null) ?? undefined,
  }
}

/** By key; of a table that is appended to by place. */
export function rowsOf({ database }: Stores): Keyed {
  return Object.fromEntries(Object.entries(database.rows).map(([name, row]) => [name, positionOf(row)]))
}

export function itemsOf({ tables }: Stores): Keyed {
  const items = Object.values(tables[ITEMS] ?? {})
  return Object.fromEntries(
    items.map((item) => [textOf(item, 'id')!, storedPosition(item, kvOptions.positionAttributes)!]),
  )
}

export interface LakeObject extends ParsedKey {
  readonly key: string
  readonly void: boolean
  /** Of records, by line. */
  readonly names: readonly string[]
}

const folder = dataPrefix(PREFIX, PIPELINE, 'lake', TOPIC)
const known = new WeakMap<StoredObject, LakeObject>()

export function objectOf(key: string, object: StoredObject): LakeObject {
  let read = known.get(object)
  if (!read) {
    const isVoid = object.headers['x-amz-meta-weir-void'] === 'true'
    const lines = isVoid ? [] : object.body.toString().trimEnd().split('\n')
    const names = lines.map((line) => (JSON.parse(line) as Value).n)
    known.set(object, (read = { ...parseKey(folder, key)!, key, void: isVoid, names }))
  }
  return read
}

/** In the order of keys, which is that of the log. */
export function objectsOf(bucket: Bucket): LakeObject[] {
  return Object.keys(bucket)
    .toSorted()
    .map((key) => objectOf(key, bucket[key]!))
}

/** `there`: how often, of these `own` at its own place. `gaveWay`: something newer stands under its key. */
export interface Effect {
  readonly there: number
  readonly own: number
  readonly gaveWay: boolean
}

export interface Asked {
  readonly record: LogRecord
  readonly sink: Sink
  /** Where keyed sinks have it, under the epoch that it must have at least. */
  readonly place: Position
  /** Offsets of its copies. */
  readonly copies: readonly number[]
  readonly keyed: boolean
}

export function effectOf(stores: Stores, { record, sink, place, copies, keyed }: Asked): Effect {
  const { source, offset, name } = record
  if (sink === 'lake') {
    const all = objectsOf(stores.bucket).filter(({ names, partition }) => partition === source && names.includes(name))
    const there = all.flatMap(({ names }) => names.filter((each) => each === name)).length
    return { there, own: all.filter(({ first, last }) => offset >= first && offset <= last).length, gaveWay: false }
  }
  if (sink === 'sql' && !keyed) {
    const src = sourceMark(sourceOf(source))
    const all = Object.values(stores.database.rows).filter(
      (row) => row.src === src && (row.offset === offset || copies.includes(row.offset)),
    )
    return { there: all.length, own: all.filter((row) => row.offset === offset).length, gaveWay: false }
  }
  const stands = (sink === 'sql' ? rowsOf(stores) : itemsOf(stores))[record.key]
  if (!stands) return { there: 0, own: 0, gaveWay: false }
  const there = samePlace(stands, place) && stands.epoch >= place.epoch ? 1 : 0
  return {
    there,
    own: there,
    gaveWay: isNewer('log', stands, place) && !samePlace(stands, place),
  }
}

export function samePlace(a: Position, b: Position): boolean {
  return a.src === b.src && a.offset === b.offset && a.index === b.index
}

export interface Letter {
  readonly name: string
  readonly sink: string
  readonly state: DeadLetterState
  readonly epoch: number
  readonly stage: string
  readonly takenAt: number | undefined
}

export function letterOf(item: NonNullable<Stores['tables'][string]>[string]): Letter {
  return {
    name: `${numberOf(item, 'partition')}/${numberOf(item, 'offset')}`,
    sink: textOf(item, 'sink')!,
    state: textOf(item, 'state') as DeadLetterState,
    epoch: numberOf(item, 'epoch')!,
    stage: textOf(item, 'stage')!,
    takenAt: numberOf(item, 'takenAt'),
  }
}

/** Those that count, by record name; of the table, and of the outbox on their way there. */
export function lettersOf({ tables, database }: Stores): ReadonlyMap<string, readonly Letter[]> {
  const all = Object.values(tables[LETTERS] ?? {}).map(letterOf)
  for (const letter of Object.values(database.outbox)) {
    const name = `${letter[4]}/${letter[6]}`
    const epoch = letter[5] as number
    if (all.some((each) => each.name === name && each.sink === 'sql' && each.epoch === epoch)) continue
    all.push({ name, sink: 'sql', state: 'new', epoch, stage: 'store', takenAt: undefined })
  }
  return Map.groupBy(
    all.filter(({ state }) => state !== 'superseded'),
    ({ name }) => name,
  )
}
