/**
 * The operator's part of a rewind (D13), with the shipped changes of a watermark (src/core/watermark.ts): the mapping is
 * paused, whoever still runs is a zombie; the sink's watermark begins a later epoch; effects are removed; the log is read
 * again from the target; once it has caught up, the rewind is finished.
 */
import { recordChecksum } from '../../src/core/checksum.ts'
import { parseEvent } from '../../src/core/event.ts'
import { finished, hasCaughtUp, opened, rewoundTo } from '../../src/core/watermark.ts'
import type { Watermark } from '../../src/core/watermark.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import { watched } from './delivery-promises.ts'
import { processesOf } from './delivery-types.ts'
import { offered } from './delivery-steps.ts'
import type { LogRecord, Mapping, Parts, World } from './delivery-types.ts'
import { eventOf } from './engine.ts'

export function rewindSteps<Store>(parts: Parts<Store>, world: World<Store>): Step<World<Store>>[] {
  const [mapping] = world
  if (!parts.scenario.rewinds) return []
  const busy = processesOf(world).filter((process) => process?.delivery).length
  if (mapping.rewind === null && busy > (parts.scenario.survivors ?? 1)) return []
  if (mapping.rewind === null) return parts.log[0]!.flatMap((record) => begun(parts, world, record.offset))
  if (mapping.rewind.state === 'removing') return reading(parts, world, mapping.rewind.target)
  return mapping.rewind.state === 'reading' ? over(parts, world) : []
}

function begun<Store>(parts: Parts<Store>, world: World<Store>, target: number): Step<World<Store>>[] {
  const [mapping] = world
  const [left] = offered(parts, { ...mapping, committed: [target] })
  const first = left!.at(0)
  const head = first === undefined ? undefined : { offset: first, checksum: checksumOf(parts.log[0]![first]!) }
  const plan = { target, first: first ?? null, end: parts.log[0]!.length, removes: true, head }
  const rewind = { target, state: 'removing' } as const
  const paused = { ...mapping, rewind, live: mapping.live.map(() => -1) }
  return changed(parts, world, `rewind to ${target}`, paused, (before) =>
    before.next < target ? undefined : rewoundTo(before, { ...plan, epoch: before.epoch + 1 }),
  )
}

function reading<Store>(parts: Parts<Store>, world: World<Store>, target: number): Step<World<Store>>[] {
  const [mapping] = world
  const again = (name: string) => Number(name.split('/')[1]) < target
  const resumed: Mapping = {
    ...mapping,
    rewind: { target, state: 'reading' },
    read: parts.store.watermark(world[2], 0)!.epoch,
    committed: [target],
    skipped: mapping.skipped.filter(again),
  }
  return changed(parts, world, 'read the log again', resumed, opened, target)
}

function over<Store>(parts: Parts<Store>, world: World<Store>): Step<World<Store>>[] {
  const [mapping] = world
  const done: Mapping = { ...mapping, rewind: { target: mapping.rewind!.target, state: 'finished' } }
  return changed(parts, world, 'finish the rewind', done, (before) =>
    hasCaughtUp(before, mapping.committed[0]!) ? finished(before) : undefined,
  )
}

/** `change` gives undefined where the step cannot be. */
function changed<Store>(
  parts: Parts<Store>,
  [, witness, store, ...processes]: World<Store>,
  label: string,
  mapping: Mapping,
  change: (before: Watermark) => Watermark | undefined,
  removeFrom?: number,
): Step<World<Store>>[] {
  const after = parts.store.rewatermark(store, change, removeFrom)
  if (!after) return []
  return [{ label, state: [mapping, watched(parts, witness, after), after, ...processes] }]
}

export function checksumOf(record: LogRecord): string {
  return recordChecksum(parseEvent(eventOf([record]), 'any').ranges[0]!.records[0]!)
}
