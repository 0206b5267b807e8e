/** What must hold in every state of a delivery world: D1 to D4, D6, D9 and N1. */
import { isNewer, positionOf } from '../../src/core/order.ts'
import type { Position } from '../../src/core/order.ts'
import { sourceMark } from '../../src/core/record.ts'
import { CLUSTER, epochOf, isPending, nameOf, TOPIC } from './delivery-types.ts'
import type { EffectPosition, LogRecord, Parts, Progress, Witness, World } from './delivery-types.ts'

/** Follows each key's effect (D3) and the beginnings of watermarks. */
export function watched<Store>(parts: Parts<Store>, witness: Witness, after: Store): Witness {
  const { store, log } = parts
  let { newest, base, rewound, wrong } = witness
  for (const [source] of log.entries())
    if (base[source] === null) base = withBase(base, source, store.watermark(after, source))
  const { epoch = 0, rewind } = (mayRewind(parts) && store.watermark(after, 0)) || {}
  if (rewind && rewound.at(-1)?.epoch !== epoch) {
    rewound = [...rewound, { epoch, target: rewind.target }]
    base = base.with(0, Math.min(base[0] ?? rewind.target, rewind.target))
  }
  const effects = store.effects(after)
  if (parts.scenario.deletes) newest = withDeletes(parts, newest, after)
  for (const { key, position } of store.keyed ? effects : []) {
    const old = newest[key]
    if (old && samePlace(old, position) && old.epoch === position.epoch) continue
    if (old && !isNewer('log', position, old))
      wrong ??= `D3: key ${key} went back from ${placeOf(old)} to ${placeOf(position)}`
    newest = { ...newest, [key]: position }
  }
  for (const [key, position] of Object.entries(store.keyed ? newest : {}))
    if (effects.every((each) => each.key !== key) && !mayBeGone(parts, rewound, key, position))
      wrong ??= `D3: key ${key} was there and is gone`
  const isSame = newest === witness.newest && base === witness.base && wrong === witness.wrong
  return isSame && rewound === witness.rewound ? witness : { newest, base, rewound, wrong }
}

function mayRewind<Store>({ scenario, more }: Parts<Store>): boolean {
  return scenario.rewinds === true || more.commands !== undefined
}

/** Whatever remembers it: a delete that the watermark has passed is the newest effect on its key. */
function withDeletes<Store>({ store, log }: Parts<Store>, before: Witness['newest'], after: Store): Witness['newest'] {
  let newest = before
  for (const [source, records] of log.entries()) {
    const { next, epoch, gaps } = store.watermark(after, source) ?? { next: 0, epoch: 0, gaps: [] }
    for (const record of records) {
      const { key, kind, offset } = record
      if (kind !== 'tombstone' || offset >= next || isWithin(gaps, offset)) continue
      const position = placeIn(record, epoch)
      if (newest[key] && !isNewer('log', position, newest[key])) continue
      newest = { ...newest, [key]: { ...position, gone: true } }
    }
  }
  return newest
}

/** A newer record deletes it, or none of those that a rewind read again wrote it. */
function mayBeGone<Store>(
  { log }: Parts<Store>,
  rewound: Witness['rewound'],
  wanted: string,
  { gone, ...newest }: EffectPosition,
): boolean {
  const isNewerDelete = (record: LogRecord) =>
    record.kind === 'tombstone' && record.key === wanted && isNewer('log', placeIn(record, newest.epoch), newest)
  const isOutdated = rewound.some(({ epoch, target }) => newest.epoch < epoch && newest.offset >= target)
  return gone === true || isOutdated || log.flat().some(isNewerDelete)
}

function isWithin(gaps: Progress['gaps'], offset: number): boolean {
  return gaps.some(({ first, last }) => offset >= first && offset <= last)
}

function withBase(base: Witness['base'], source: number, watermark: Progress | undefined): Witness['base'] {
  return watermark ? base.with(source, watermark.head) : base
}

export function wrongIn<Store>(parts: Parts<Store>, world: World<Store>): string | undefined {
  const [mapping, witness, store] = world
  if (witness.wrong !== null) return witness.wrong
  const mayHalt = mapping.mended === null ? parts.scenario.mayHalt : undefined
  if (mapping.halted !== null && mapping.halted !== mayHalt)
    return `D1: the live invocation halted with ${mapping.halted}`
  const twice = parts.store.keyed ? undefined : doubled(parts.store.effects(store).map(({ position }) => position))
  if (twice !== undefined) return `D2: ${twice} is there twice`
  const letters = parts.store.letters(store)
  const took = effectsOf(parts, witness, store)
  for (const records of parts.log)
    for (const record of records) {
      const wrong = wrongOf(
        parts,
        mapping,
        witness,
        store,
        record,
        took(record, epochOf(witness, record)),
        letters.has(nameOf(record)),
      )
      if (wrong !== undefined) return wrong
    }
  return parts.more.wrong?.(parts, world)
}

function wrongOf<Store>(
  parts: Parts<Store>,
  mapping: World<Store>[0],
  witness: Witness,
  store: Store,
  record: LogRecord,
  { took, stored, half }: Fate,
  hasLetter: boolean,
): string | undefined {
  const { source, offset, kind } = record
  const name = nameOf(record)
  // what was mended has a letter, or none, by the definition that read it
  const isMendable = kind === 'mendable' || kind === 'misfit'
  const either = isMendable && mapping.mended !== null
  const poison = kind === 'refused' || kind === 'undecodable' || (isMendable && !either)
  const watermark = parts.store.watermark(store, source)
  if (isPending(mapping, witness, record, watermark)) return undefined
  if (poison && stored) return `D6: ${name} is poison and stored`
  if (half) return `D6: half of ${name} is there`
  if (hasLetter && !poison && !either) return `D6: ${name} is good and has a dead letter`
  // in a keyed table a row that the store would refuse may also have given way to a newer one of its key, untried
  const done = kind === 'rowless' || either || (poison && hasLetter) || (kind !== 'undecodable' && took)
  const next = watermark?.next ?? 0
  const without = poison ? 'a dead letter' : 'an effect'
  const withdrawn = mapping.skipped.includes(name) || mapping.compacted.includes(name)
  if (offset < mapping.committed[source]! && !withdrawn) {
    if (!done) return `D1: ${name} is acknowledged without ${without}`
    if (offset >= next) return `N1: ${name} is acknowledged, the watermark is at ${next}`
  }
  const counted = offset >= (witness.base[source] ?? next) && offset < next
  const isGap = isWithin(watermark?.gaps ?? [], offset)
  if (counted && !done && !isGap) return `D9: ${name} is skipped in silence, without ${without}`
  if (watermark && watermark.gaps.length !== watermark.gapCount) return 'D9: gaps counted and gaps listed differ'
  return undefined
}

/** Of the rows of a record. */
interface Fate {
  /** Each took effect, or gave way to a newer one. */
  readonly took: boolean
  /** Some are there. */
  readonly stored: boolean
  /** Others are not, and gave way to nothing. */
  readonly half: boolean
}

function effectsOf<Store>(parts: Parts<Store>, { newest, rewound }: Witness, held: Store) {
  const { store } = parts
  const there = store.effects(held)
  const gone = Object.entries(newest).flatMap(([key, position]) =>
    there.some((each) => each.key === key) || !mayBeGone(parts, rewound, key, position) ? [] : [{ key, position }],
  )
  const effects = [...there, ...gone]
  return (record: LogRecord, epoch: number): Fate => {
    const keys = record.key.split('').map((key) => effects.flatMap((each) => (each.key === key ? [each.position] : [])))
    const own = keys.map((_, index) => placeIn(record, epoch, index))
    const stored = keys.flatMap((there, i) => there.filter((position) => samePlace(own[i]!, position)))
    const gaveWay = (there: readonly Position[], to: Position) =>
      store.keyed && there.some((position) => isNewer('log', position, to))
    const isIn = (there: readonly Position[], i: number) =>
      there.some((position) => samePlace(own[i]!, position) && position.epoch === epoch)
    const since = Math.min(...stored.map((position) => position.epoch))
    return {
      stored: stored.length > 0,
      took: keys.every((there, i) => isIn(there, i) || gaveWay(there, own[i]!)),
      half:
        stored.length > 0 &&
        keys.some(
          (there, i) =>
            there.every((position) => !samePlace(own[i]!, position)) && !gaveWay(there, { ...own[i]!, epoch: since }),
        ),
    }
  }
}

export function placeIn({ source, offset, timestamp }: LogRecord, epoch = 0, index = 0): Position {
  const mark = sourceMark({ cluster: CLUSTER, topic: TOPIC, partition: source })
  return positionOf(mark, { offset, timestamp }, index, epoch)
}

function samePlace(a: Position, b: Position): boolean {
  return a.src === b.src && a.offset === b.offset && a.index === b.index
}

function placeOf({ src, offset, index, epoch }: Position): string {
  return `${src}@${offset}${index > 0 ? `#${index}` : ''}${epoch > 0 ? ` of epoch ${epoch}` : ''}`
}

function doubled(positions: readonly Position[]): string | undefined {
  const places = positions.map(placeOf)
  return places.find((place, i) => places.indexOf(place) !== i)
}
