/** D9, D13: another log under the same name. Sinks that knew the old one halt; once it is accepted, they have it, and the old as it was. */
import { isNewer } from '../../../src/core/order.ts'
import { itemsOf, lettersOf, objectsOf, progressOf, rowsOf, samePlace } from './effects.ts'
import { placeIn } from './records.ts'
import type { LogRecord } from './records.ts'
import { ITEMS } from './stores.ts'
import type { Stores } from './stores.ts'
import type { World } from './world.ts'

const told = ({ database, tables, bucket }: Stores) => JSON.stringify([database.rows, tables[ITEMS], bucket])

/** After the halt: not one row changed. */
export function changed(before: Stores, { stores }: World): string | undefined {
  return told(before) === told(stores) ? undefined : 'D9: a topic made anew changed a store'
}

/** After it was accepted and read. `log`: the new one, all of it good. */
export function wrongOfNew(before: Stores, { stores, version }: World, log: readonly LogRecord[]): string | undefined {
  for (const [key, object] of Object.entries(before.bucket))
    if (stores.bucket[key] !== object) return `D13: ${key} of the old topic changed`
  const names = objectsOf(stores.bucket).flatMap((object) => object.names)
  for (const { name } of log)
    if (names.filter((each) => each === name).length !== 1) return `D13: ${name} is not once in the lake`
  const letter = [...lettersOf(stores).keys()][0]
  if (letter !== undefined) return `D13: the letter of ${letter}, of the old topic, is left`
  return wrongRows('kv', before, stores, log, true) ?? wrongRows('sql', before, stores, log, version.keyed)
}

function wrongRows(sink: 'sql' | 'kv', before: Stores, after: Stores, log: readonly LogRecord[], keyed: boolean) {
  const rowsIn = sink === 'kv' ? itemsOf : rowsOf
  const rows = rowsIn(after)
  for (const [key, old] of Object.entries(rowsIn(before))) {
    const now = rows[key]
    const same = now && JSON.stringify(now) === JSON.stringify(old)
    if (!same && !(keyed && now && isNewer('log', now, old))) return `D13: ${key} of ${sink}, of the old topic, changed`
  }
  for (const record of log) {
    const place = placeIn(record, progressOf(after, sink, record.source)!.epoch)
    const own = Object.values(rows).filter((row) => samePlace(row, place) && row.epoch === place.epoch)
    const newer = keyed && rows[record.key] && isNewer('log', rows[record.key]!, place)
    if (own.length !== 1 && !newer) return `D13: ${record.name} is not once in ${sink}`
  }
  return undefined
}
