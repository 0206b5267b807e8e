/** A sink whose rows carry their positions: both sides are sorted by key, then compared. */
import { setImmediate as turn } from 'node:timers/promises'
import { positionOf } from '../../core/order.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { KeyFields } from '../../sinks/sink.ts'
import type { AskedRecord, AuditorContext, SinkAuditor } from './auditor.ts'
import { createEntries } from './entries.ts'
import type { Fields, Row } from './entries.ts'
import { compareKeys } from './keyed.ts'
import { judgeStrays } from './strays.ts'
import { positionText } from './log.ts'

/** Keys between two looks at the signal, and at whatever else the process has to do. */
const KEYS_A_TURN = 2000

/** `key` undefined: the position is the key. */
export interface Made {
  readonly key: string | undefined
  readonly fields: Fields
  /** The store may have removed it by now. */
  readonly expired?: boolean
}

export interface KeyedStore {
  /** The row as its store should hold it; text: why it holds no such row. */
  asked(value: unknown, record: SourceRecord): Made | string
  /** The key to delete, without fields. */
  deleted(fields: KeyFields): Made | string
  /** Every row of the store, in whatever order. `key` undefined: its position is its key. */
  read(onRow: (row: StoredRow) => void): Promise<void>
  close(): Promise<void>
}

/** A row as it was read; `src` undefined where it has no position. */
export interface StoredRow {
  readonly key: string | undefined
  readonly fields: Fields
  readonly position:
    | {
        readonly src: string
        readonly epoch: number
        readonly offset: number
        readonly index: number
        readonly ts: number
        readonly version?: string | number
      }
    | undefined
  /** It stands for a key that was deleted. */
  readonly deleted?: boolean
}

export function keyedAuditor(context: AuditorContext, store: KeyedStore, signal: AbortSignal): SinkAuditor {
  const { log, tally, scratch, markOf, partitionOf, pipeline, sink, onProgress } = context
  const entries = createEntries()
  const sorter = scratch.sorter()
  const ask = ({ record, rows, deletes, dead }: AskedRecord) => {
    const add = (made: Made | string, index: number, version: string | number | undefined, deleted: boolean) => {
      if (typeof made === 'string') {
        if (dead !== undefined) return
        tally.count('expected')
        tally.fault('missing', positionText(record), made)
        return
      }
      const position = { ...positionOf('', record, index, 0, version), partition: record.partition }
      sorter.add(entries.encode(true, { ...keyed(made, position), dead, deleted }))
    }
    for (const { value, index, version } of rows) add(store.asked(value, record), index, version, false)
    deletes.forEach((fields, index) => add(store.deleted(fields), index, undefined, true))
  }
  const observe = ({ position, ...row }: StoredRow) => {
    const known = position && { ...position, partition: partitionOf(position.src) }
    sorter.add(entries.encode(false, keyed(row, known)))
  }
  const walk = async (step: string, steps: Iterable<void>) => {
    let done = 0
    for (const _ of steps) {
      if (++done % KEYS_A_TURN > 0) continue
      onProgress(step, `${done} keys`)
      await turn()
      signal.throwIfAborted()
    }
  }
  return {
    records: (records) => records.forEach(ask),
    upTo: async () => undefined,
    async finish() {
      let rows = 0
      await store.read((row) => {
        observe(row)
        if (++rows % KEYS_A_TURN === 0) onProgress(`reading ${sink.id}`, `${rows} rows`)
      })
      await context.settled()
      const order = typeof pipeline.order === 'function' ? 'version' : pipeline.order
      const comparison = { ...context, order, entries, markOf, log } as const
      const strays = scratch.sorter()
      await walk(`comparing ${sink.id}`, compareKeys(comparison, sorter.sorted(), strays))
      await walk(
        `comparing ${sink.id}`,
        judgeStrays({ ...comparison, holes: context.holes() }, () => sorter.sorted(), strays),
      )
    },
    close: () => store.close(),
  }
}

function keyed({ key, ...row }: Made & Pick<Row, 'deleted'>, position: Row['position']): Row {
  const own = position ? `${position.partition}@${position.offset}#${position.index}` : ''
  return { ...row, key: key ?? own, position }
}
