/** What a bystander sees at every step, and remembers: effects that go or go back (D3, D13), what letters become. */
import { isNewer } from '../../../src/core/order.ts'
import { sourceMark } from '../../../src/core/record.ts'
import { effectOf, itemsOf, letterOf, objectOf, progressOf, rowsOf, samePlace, SINKS } from './effects.ts'
import type { Asked, Keyed, Letter, Sink } from './effects.ts'
import { placeIn, sourceOf } from './records.ts'
import type { LogRecord } from './records.ts'
import { ITEMS, LEDGER, LETTERS } from './stores.ts'
import type { Stores } from './stores.ts'
import { PARTITIONS } from './world.ts'
import type { Actor, Operator, World } from './world.ts'

export interface Rewound {
  readonly epoch: number
  readonly target: number
  readonly step: number
  /** When the log could be read again. */
  opened: number
}

/** Of a letter that was discarded: the sinks that had passed its record by, without an effect. */
export interface Discarded {
  readonly name: string
  readonly step: number
  readonly without: readonly Sink[]
}

export interface Seen {
  /** By `sink/partition`: where its watermark began; the log before was never offered to it. */
  readonly bases: Map<string, number>
  /** By `sink/partition`: rewinds that were begun. */
  readonly rewinds: Map<string, Rewound[]>
  /** By `partition/offset`: what the mapping gave up, or retention took before it was read. */
  readonly lost: Set<string>
  readonly discarded: Discarded[]
  /** By record name: when a letter of it, of all sinks, was put. */
  readonly lettered: Map<string, number>
  /** By `sink/name`: when a sink that keeps every row took a record at its own place. */
  readonly took: Map<string, number>
  /** The step of the last rewind. */
  rewound: number
}

export const nothingSeen = (): Seen => ({
  bases: new Map(),
  rewinds: new Map(),
  lost: new Set(),
  discarded: [],
  lettered: new Map(),
  took: new Map(),
  rewound: 0,
})

/** The stores as they are now, by that actor's request. */
export function put(world: World, stores: Stores, actor?: Actor): void {
  const before = world.stores
  if (stores === before) return
  const operator = actor !== undefined && isOperator(actor)
  const changed = (table: string) => stores.tables[table] !== before.tables[table]
  if (changed(LEDGER) || stores.database.watermarks !== before.database.watermarks) seeWatermarks(world, stores)
  if (stores.database.rows !== before.database.rows) seeKeyed(world, 'sql', rowsOf(before), rowsOf(stores), operator)
  if (changed(ITEMS)) seeKeyed(world, 'kv', itemsOf(before), itemsOf(stores), operator)
  if (stores.bucket !== before.bucket) seeObjects(world, stores, operator)
  world.stores = stores
  if (changed(LETTERS)) seeLetters(world, before)
}

function isOperator(actor: Actor): actor is Operator {
  return 'verb' in actor
}

function seeWatermarks({ seen, steps }: World, stores: Stores): void {
  for (const sink of SINKS)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const name = `${sink}/${partition}`
      const progress = progressOf(stores, sink, partition)
      if (!progress) continue
      const { rewind, epoch, head, next } = progress
      const base = seen.bases.get(name)
      if (base === undefined) seen.bases.set(name, rewind?.target ?? head ?? next)
      const all = seen.rewinds.get(name) ?? []
      const last = all.at(-1)
      if (rewind?.state === 'reading' && last!.opened === Infinity) last!.opened = steps
      if (!rewind || last?.epoch === epoch) continue
      seen.rewinds.set(name, [...all, { epoch, target: rewind.target, step: steps, opened: Infinity }])
      seen.bases.set(name, Math.min(seen.bases.get(name)!, rewind.target))
      seen.rewound = steps
    }
}

/** The epoch that an effect of this record must have at least. */
export function epochOf({ rewinds }: Seen, sink: Sink, partition: number, offset: number): number {
  const all = rewinds.get(`${sink}/${partition}`) ?? []
  return Math.max(0, ...all.filter(({ target }) => target <= offset).map(({ epoch }) => epoch))
}

const MARKS = Array.from({ length: PARTITIONS }, (_, partition) => sourceMark(sourceOf(partition)))

/** Whether a rewind takes what was written under that position out. */
function isStale({ seen }: World, sink: Sink, { src, offset, epoch }: { src: string; offset: number; epoch: number }) {
  return epochOf(seen, sink, MARKS.indexOf(src), offset) > epoch
}

function seeKeyed(world: World, sink: 'sql' | 'kv', before: Keyed, after: Keyed, operator: boolean): void {
  if (sink === 'sql' && !world.version.keyed)
    for (const [key, { src, offset }] of Object.entries(after))
      if (!before[key]) world.seen.took.set(`sql/${MARKS.indexOf(src)}/${offset}`, world.steps)
  for (const key of Object.keys(before)) {
    const [old, now] = [before[key]!, after[key]]
    if (now === undefined) {
      if (!operator || !isStale(world, sink, old)) world.wrong ??= `D13: ${key} of ${sink} is gone`
    } else if (!(samePlace(old, now) && now.epoch >= old.epoch) && !isNewer('log', now, old))
      world.wrong ??= `D3: key ${key} of ${sink} went back`
  }
}

function seeObjects(world: World, { bucket }: Stores, operator: boolean): void {
  for (const [key, object] of Object.entries(bucket)) {
    if (world.stores.bucket[key] === object) continue
    const { first, last, partition, names } = objectOf(key, object)
    for (const name of names) {
      const offset = Number(name.split('/')[1])
      if (name.startsWith(`${partition}/`) && offset >= first && offset <= last)
        world.seen.took.set(`lake/${name}`, world.steps)
    }
  }
  for (const [key, object] of Object.entries(world.stores.bucket)) {
    if (bucket[key] === object) continue
    const { partition, first, epoch } = objectOf(key, object)
    if (!operator || !isStale(world, 'lake', { src: MARKS[partition]!, offset: first, epoch }))
      world.wrong ??= `D13: object ${key} changed`
  }
}

export function askedOf(world: World, sink: Sink, record: LogRecord, letters: readonly Letter[] = []): Asked {
  const { seen, copies, version } = world
  const own = copies.filter(({ replay, source }) => source === record.source && replay!.offset === record.offset)
  const taken = letters
    .filter((letter) => letter.state === 'replayed' && [sink, '*'].includes(letter.sink))
    .map(({ takenAt }) => epochOf(seen, sink, record.source, takenAt!))
  const epoch = Math.max(epochOf(seen, sink, record.source, record.offset), ...taken)
  const offsets = own.map(({ offset }) => offset)
  return { record, sink, place: placeIn(record, epoch), copies: offsets, keyed: version.keyed }
}

function seeLetters(world: World, before: Stores): void {
  const { stores } = world
  for (const [key, item] of Object.entries(stores.tables[LETTERS] ?? {})) {
    const old = before.tables[LETTERS]?.[key]
    if (old === item) continue
    const letter = letterOf(item)
    const was = old && letterOf(old).state
    if (was === letter.state) continue
    if (letter.sink === '*' && letter.state === 'new' && (was === undefined || was === 'superseded'))
      world.seen.lettered.set(letter.name, world.steps)
    if (letter.state === 'discarded') seeDiscarded(world, letter)
    if (letter.state === 'replayed') seeReplayed(world, letter)
  }
}

const sinksOf = ({ sink }: Letter) => SINKS.filter((each) => sink === '*' || sink === each)
const recordOf = ({ log }: World, { name }: Letter) => log.find((record) => record.name === name)!

function seeDiscarded(world: World, letter: Letter): void {
  const { stores, seen, steps } = world
  const record = recordOf(world, letter)
  const without = sinksOf(letter).filter((sink) => {
    const next = progressOf(stores, sink, record.source)?.next ?? 0
    return next > record.offset && effectOf(stores, askedOf(world, sink, record)).there === 0
  })
  seen.discarded.push({ name: letter.name, step: steps, without })
}

/** Everywhere, or on its way there again, or gone with what the mapping gave up. */
function seeReplayed(world: World, letter: Letter): void {
  const { stores, seen } = world
  const record = recordOf(world, letter)
  const copy = `${record.source}/${letter.takenAt}`
  if (letter.takenAt === undefined) world.wrong ??= `D1: the letter of ${letter.name} is replayed, and nobody took it`
  if (record.kind === 'rowless' || seen.lost.has(copy)) return
  for (const sink of sinksOf(letter)) {
    const progress = progressOf(stores, sink, record.source)
    if (progress?.rewind) continue
    const { there, gaveWay } = effectOf(stores, askedOf(world, sink, record))
    if (there === 0 && !gaveWay) world.wrong ??= `D1: the letter of ${letter.name} is replayed, and ${sink} lacks it`
  }
}
