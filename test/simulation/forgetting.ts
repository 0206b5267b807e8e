/** A delete is remembered for as long as an older record of its key can come, and forgotten at some time after that. */
import { isNewer } from '../../src/core/order.ts'
import type { Position } from '../../src/core/order.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import { placeIn, watched } from './delivery-promises.ts'
import { processesOf } from './delivery-types.ts'
import type { LogRecord, Parts, World } from './delivery-types.ts'

export function* forgetSteps<Store>(parts: Parts<Store>, world: World<Store>): Iterable<Step<World<Store>>> {
  const { forgets } = parts.scenario
  if (!forgets) return
  const [mapping, witness, store, ...processes] = world
  for (const { key, position, forgotten } of parts.store.deletes!(store)) {
    if (forgets === 'in time' && olderCanCome(parts, world, key, position)) continue
    const state: World<Store> = [mapping, watched(parts, witness, forgotten), forgotten, ...processes]
    yield { label: `the delete of ${key} is forgotten`, state }
  }
}

function olderCanCome<Store>({ log }: Parts<Store>, world: World<Store>, key: string, deleted: Position): boolean {
  const [{ committed }] = world
  const canCome = ({ source, offset }: LogRecord) =>
    offset >= committed[source]! || processesOf(world).some((process) => process?.delivery?.[source]!.includes(offset))
  return log.flat().some((record) => record.key === key && isNewer('log', deleted, placeIn(record)) && canCome(record))
}
