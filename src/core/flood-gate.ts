/**
 * Lets poison become dead letters unless it is a flood (docs/delivery.md, D7). A healthy stream never comes here. What it knows
 * is kept in the ledger, by compare-and-set, under a key of its own for each source; what it remembers spares the read, and is
 * read anew before it halts on it (as N7).
 */
import type { LedgerItem, LedgerStore } from '../sinks/ledger.ts'
import { WeirError } from './errors.ts'
import { judge, noPoison, parsePoison, poisonText } from './flood.ts'
import type { PoisonedRange, Verdict } from './flood.ts'
import { FLOOD_WINDOW } from './limits.ts'
import type { Deadline } from './ports.ts'
import { sourceLabel } from './record.ts'
import type { Source } from './record.ts'

export interface FloodGate {
  /**
   * Resolves when the positions are durable, before the dead letters may be. Throws WEIR_POISON_FLOOD of the first source that
   * is flooded; WEIR_CONTENDED; what the ledger throws.
   */
  admit(ranges: readonly PoisonedRange[], deadline: Deadline): Promise<void>
}

export interface FloodGateOptions {
  readonly pipeline: string
  /** Of the last FLOOD_WINDOW records. */
  readonly share: number
  readonly ledger: LedgerStore
  readonly keyOf: (source: Source) => string
}

/** Stands for the sink in messages and in the ledger's keys: no id of a sink holds a space. */
export const FLOOD_KEEPER = 'dead letters'

const MAX_ATTEMPTS = 3

interface Judged {
  readonly range: PoisonedRange
  readonly key: string
  readonly item: LedgerItem | undefined
  readonly verdict: Verdict
}

export function createFloodGate({ pipeline, share, ledger, keyOf }: FloodGateOptions): FloodGate {
  /** By key. `undefined`: seen that nothing is there. */
  const seen = new Map<string, LedgerItem | undefined>()

  const judged = (range: PoisonedRange, key: string, item: LedgerItem | undefined): Judged => {
    const before = item?.note === undefined ? noPoison : parsePoison(item.note)
    return { range, key, item, verdict: judge(before, range, share) }
  }
  const read = async (range: PoisonedRange, key: string, deadline: Deadline): Promise<Judged> => {
    const item = await ledger.read(key, deadline)
    seen.set(key, item)
    return judged(range, key, item)
  }
  const look = async (range: PoisonedRange, deadline: Deadline): Promise<Judged> => {
    const key = keyOf(range.source)
    if (!seen.has(key)) return read(range, key, deadline)
    const remembered = judged(range, key, seen.get(key))
    return remembered.verdict.flood ? read(range, key, deadline) : remembered
  }
  /** Gives what stands there now where it lost. */
  const keep = async ({ key, item, verdict, range }: Judged, deadline: Deadline): Promise<Judged | undefined> => {
    if (!verdict.changed) return undefined
    const next = range.records.at(-1)!.offset + 1
    const wanted = { ...blank, next, version: (item?.version ?? 0) + 1, note: poisonText(verdict.after) }
    const outcome = await ledger.compareAndSet(key, wanted, deadline)
    seen.set(key, outcome.ok ? wanted : outcome.current)
    return outcome.ok ? undefined : judged(range, key, outcome.current)
  }
  const halt = async (flooded: Judged, deadline: Deadline): Promise<never> => {
    // Lost to another invocation: the mark that a halt leaves is made by the next one, for the batch comes again.
    await keep(flooded, deadline)
    throw floodError(pipeline, share, flooded)
  }
  const settle = async (first: Judged, deadline: Deadline): Promise<void> => {
    let current = first
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (current.verdict.flood) return halt(current, deadline)
      const lost = await keep(current, deadline)
      if (!lost) return
      current = lost
    }
    throw new WeirError('WEIR_CONTENDED', { sink: FLOOD_KEEPER, source: sourceLabel(first.range.source) })
  }
  return {
    async admit(ranges, deadline) {
      // All are judged before any is kept: where one halts the batch, the poison of the others is not let in either.
      const all: Judged[] = []
      for (const range of ranges) all.push(await look(range, deadline))
      const flooded = all.find(({ verdict }) => verdict.flood)
      if (flooded) await halt(flooded, deadline)
      for (const each of all) await settle(each, deadline)
    },
  }
}

const blank = { epoch: 0, pending: null, generation: 0, checkpoints: [], gaps: [], gapCount: 0 } as const

function floodError(pipeline: string, share: number, { range, verdict }: Judged): WeirError {
  const { offset, poisoned } = verdict.flood!
  const { code, stage } = range.poison.get(offset)!
  return new WeirError('WEIR_POISON_FLOOD', {
    pipeline,
    window: FLOOD_WINDOW,
    source: sourceLabel(range.source),
    offset,
    poisoned,
    share,
    code,
    stage,
  })
}
