/** What must hold of the three stores and the dead letters in the end. */
import { sourceMark } from '../../../src/core/record.ts'
import { effectOf, itemsOf, lettersOf, objectsOf, progressOf, rowsOf, SINKS } from './effects.ts'
import type { Letter, Sink } from './effects.ts'
import { askedOf, epochOf } from './observe.ts'
import { sourceOf } from './records.ts'
import type { Kind, LogRecord } from './records.ts'
import type { Stores } from './stores.ts'
import { PARTITIONS } from './world.ts'
import type { World } from './world.ts'

const POISON: readonly Kind[] = ['refused', 'undecodable', 'sour', 'bitter']

/** Of every record: in each sink once, or a dead letter that counts, or in a gap that is recorded. */
export function wrongAtEnd(world: World): string | undefined {
  const letters = lettersOf(world.stores)
  for (const record of world.log) {
    const wrong = wrongOf(world, record, letters.get(record.name) ?? [])
    if (wrong !== undefined) return wrong
  }
  return leftOver(world) ?? outOfOrder(world) ?? comeBack(world)
}

function wrongOf(world: World, record: LogRecord, letters: readonly Letter[]): string | undefined {
  const name = record.name
  if (letters.length > 0 && !POISON.includes(record.kind)) return `D6: ${name} is good and has a dead letter`
  const sinks = letters.map(({ sink }) => sink)
  if (new Set(sinks).size < sinks.length) return `D2: ${name} has two dead letters of one sink`
  if (letters.some(({ state }) => state === 'replaying')) return `D1: the replay of ${name} never ends`
  for (const sink of SINKS) {
    const own = letters.filter((letter) => [sink, '*'].includes(letter.sink))
    const wrong = wrongIn(world, record, own, sink)
    if (wrong !== undefined) return `${wrong}: ${name} (${record.kind}) in ${sink}`
  }
  return undefined
}

function wrongIn(world: World, record: LogRecord, letters: readonly Letter[], sink: Sink): string | undefined {
  const { there, own, gaveWay } = effectOf(world.stores, askedOf(world, sink, record, letters))
  const { kind } = record
  if (own > 1 || there - own > 1 || (there > 1 && !mayBeTwice(world, record, sink))) return 'D2: there twice'
  if (kind === 'rowless') return there > 0 ? 'D2: a row of nothing' : undefined
  if (there > 0)
    return kind === 'undecodable' || (kind === 'refused' && sink !== 'lake') ? 'D6: poison is stored' : undefined
  // A newer row of its key may have come in the same batch: then nobody tried the one that would be refused.
  if ((gaveWay && kind !== 'undecodable') || isUnseen(world, record, sink)) return undefined
  if (letters.some((letter) => letter.state === 'new' || letter.state === 'discarded')) return undefined
  const copy = letters.find(({ state }) => state === 'replayed')
  if (copy && world.seen.lost.has(`${record.source}/${copy.takenAt}`)) return undefined
  return POISON.includes(kind) ? 'D1: neither stored nor a dead letter' : 'D1 D9: lost, and no gap says so'
}

/**
 * Known (docs/delivery.md, "Dead letters"): a sink without keys has a record at its own place and where it was replayed, where
 * another version of the function took it, from a batch that was under way when its letter was put. What had a letter when
 * the log could be read again after a rewind is left out.
 */
function mayBeTwice({ seen, copies, version }: World, { name, kind, source, offset }: LogRecord, sink: Sink): boolean {
  const keyless = sink === 'lake' || (sink === 'sql' && !version.keyed)
  const isReplayed = copies.some(
    (copy) => copy.source === source && copy.replay!.sink === '*' && copy.replay!.offset === offset,
  )
  const took = seen.took.get(`${sink}/${name}`) ?? -1
  const rewind = seen.rewinds.get(`${sink}/${source}`)?.findLast(({ target, step }) => target <= offset && step <= took)
  const wasLeftOut = rewind !== undefined && seen.lettered.get(name)! < rewind.opened
  return keyless && kind === 'sour' && isReplayed && !wasLeftOut
}

/** In a gap, or before where the sink's watermark began. */
function isUnseen({ stores, seen }: World, { source, offset }: LogRecord, sink: Sink): boolean {
  return offset < (seen.bases.get(`${sink}/${source}`) ?? Infinity) || isGap(stores, sink, source, offset)
}

function isGap(stores: Stores, sink: Sink, partition: number, offset: number): boolean {
  const gaps = progressOf(stores, sink, partition)?.gaps ?? []
  return gaps.some(({ first, last }) => offset >= first && offset <= last)
}

/** Nothing from before a rewind is left, nor a rewind without its end. */
function leftOver({ stores, seen }: World): string | undefined {
  for (const sink of SINKS)
    for (let partition = 0; partition < PARTITIONS; partition++)
      if (progressOf(stores, sink, partition)?.rewind) return `D13: the rewind of ${sink}/${partition} has no end`
  const partitionOf = new Map(Array.from({ length: PARTITIONS }, (_, at) => [sourceMark(sourceOf(at)), at]))
  for (const [sink, keyed] of [
    ['sql', rowsOf(stores)],
    ['kv', itemsOf(stores)],
  ] as const)
    for (const [key, { src, offset, epoch }] of Object.entries(keyed))
      if (
        epoch < epochOf(seen, sink, partitionOf.get(src)!, offset) &&
        !isGap(stores, sink, partitionOf.get(src)!, offset)
      )
        return `D13: ${key} of ${sink} is from before the rewind`
  for (const { key, partition, first, epoch, void: isVoid } of objectsOf(stores.bucket)) {
    // A marker, which nobody reads, may be left of one that was begun anew with a higher target.
    const last = seen.rewinds.get(`lake/${partition}`)?.at(-1)
    if (isVoid && (!last || first < last.target)) continue
    if (epoch < epochOf(seen, 'lake', partition, first)) return `D13: ${key} is from before the rewind`
  }
  for (const letter of [...lettersOf(stores).values()].flat()) {
    const [partition, offset] = letter.name.split('/').map(Number) as [number, number]
    if (letter.stage === 'store' && letter.epoch < epochOf(seen, letter.sink as Sink, partition, offset))
      return `D13: a letter of ${letter.name} (${letter.sink}) is from before the rewind`
  }
  return undefined
}

/** The lake is the account of the log: every line where its record stands, or where its replay does. */
function outOfOrder({ stores, log, copies }: World): string | undefined {
  const last = new Map<number, number>()
  const known = new Set(log.map((record) => record.name))
  for (const object of objectsOf(stores.bucket))
    for (const name of object.names) {
      if (!known.has(name)) return `D2: ${name} is of no record`
      const [source, offset] = name.split('/').map(Number) as [number, number]
      const own = copies.filter((each) => each.source === source && each.replay!.offset === offset)
      const places = [offset, ...own.map((copy) => copy.offset)]
      const before = last.get(source) ?? -1
      const place = places.find((each) => each > before && each >= object.first && each <= object.last)
      if (source !== object.partition || place === undefined) return `D3: ${name} is out of order in ${object.key}`
      last.set(source, place)
    }
  return undefined
}

/** What was discarded stays away, unless a rewind read it again. */
function comeBack(world: World): string | undefined {
  const { seen, stores, log } = world
  for (const { name, step, without } of seen.discarded)
    for (const sink of without) {
      const record = log.find((each) => each.name === name)!
      const rewinds = seen.rewinds.get(`${sink}/${record.source}`) ?? []
      if (rewinds.some((rewind) => rewind.step > step && rewind.target <= record.offset)) continue
      if (effectOf(stores, askedOf(world, sink, record)).there > 0)
        return `D6: ${name} was discarded, and is in ${sink}`
    }
  return undefined
}
