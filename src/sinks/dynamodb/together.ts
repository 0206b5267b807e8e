/**
 * Rows of one record take effect together or not at all (D6): in one TransactWriteItems, each under its guard. A row that the
 * guard turns down gives way, and the rest goes again; where DynamoDB refuses one, its record is out. Several records share a
 * request as long as nothing is against them, for that is cheaper.
 */
import { forEachBounded } from '../../aws/bounded.ts'
import { compact } from '../../core/compact.ts'
import { MAX_TRANSACT_BYTES, MAX_TRANSACT_ITEMS } from '../../core/limits.ts'
import type { OrderKind } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
import type { PlacedRow, PutOutcome, Requests } from './requests.ts'

/** Transactions in flight at once: those that meet on a key cancel each other. */
const CONCURRENCY = 8
/** What a request holds beside the items' own bytes is not counted by the service; some room is left all the same. */
const MAX_BYTES = MAX_TRANSACT_BYTES - 64 * 1024

/** The rows of one record, of distinct keys. */
export type Group = readonly PlacedRow[]

export const recordId = ({ range, record }: PlacedRow): string => `${range}/${record}`

/** Records that have several rows, by `recordId`; the rows of a record stand side by side. */
export function severalRows(rows: readonly PlacedRow[]): Map<string, PlacedRow[]> {
  const several = new Map<string, PlacedRow[]>()
  for (let i = 1; i < rows.length; i++) {
    const [before, row] = [rows[i - 1]!, rows[i]!]
    if (before.range !== row.range || before.record !== row.record) continue
    const id = recordId(row)
    const known = several.get(id)
    if (known) known.push(row)
    else several.set(id, [before, row])
  }
  return several
}

/**
 * Splits the rows that are to be written: those of a record with several go with all of its rows, the ones that lost to
 * another record's as well, since they are refused or not as one. More than a transaction holds go apart.
 */
export function gather(
  rows: readonly PlacedRow[],
  several: ReadonlyMap<string, readonly PlacedRow[]>,
  order: OrderKind,
): { readonly apart: readonly PlacedRow[]; readonly groups: readonly Group[] } {
  if (several.size === 0) return { apart: rows, groups: [] }
  // Decided once a record: one has as many rows as it likes.
  const groups = new Map<string, Group | undefined>()
  const apart = rows.filter((placed) => {
    const id = recordId(placed)
    if (!groups.has(id)) groups.set(id, groupOf(several.get(id) ?? [], order))
    return groups.get(id) === undefined
  })
  return { apart, groups: [...groups.values()].filter((group) => group !== undefined) }
}

function groupOf(all: readonly PlacedRow[], order: OrderKind): Group | undefined {
  const group = compact(all, ({ row }) => row.keyText, order)
  return group.length > 1 && fits(group) ? group : undefined
}

const bytesOf = (group: Group) => group.reduce((sum, { row }) => sum + row.bytes, 0)

function fits(group: Group): boolean {
  return group.length <= MAX_TRANSACT_ITEMS && bytesOf(group) <= MAX_BYTES
}

export interface Ending {
  readonly written: (placed: PlacedRow) => void
  /** The store holds something as new under the key. Throws where it is not ours. */
  readonly kept: (placed: PlacedRow, outcome: Extract<PutOutcome, { kind: 'kept' }>) => void
  /** Throws where the table is to blame. */
  readonly refused: (placed: PlacedRow, outcome: Extract<PutOutcome, { kind: 'refused' }>) => Promise<void>
}

export async function writeTogether(
  requests: Pick<Requests, 'transact'>,
  groups: readonly Group[],
  ending: Ending,
  deadline: Deadline,
): Promise<void> {
  await forEachBounded(packs(groups), CONCURRENCY, (pack) => writePack(requests, pack, ending, deadline))
}

/** By count and bytes, and so that no key stands twice. */
function* packs(groups: readonly Group[]): Generator<Group[]> {
  let pack: Group[] = []
  let keys = new Set<string>()
  let bytes = 0
  for (const group of groups) {
    const clash = group.some(({ row }) => keys.has(row.keyText))
    if (clash || keys.size + group.length > MAX_TRANSACT_ITEMS || bytes + bytesOf(group) > MAX_BYTES) {
      yield pack
      pack = []
      keys = new Set()
      bytes = 0
    }
    pack.push(group)
    for (const { row } of group) keys.add(row.keyText)
    bytes += bytesOf(group)
  }
  if (pack.length > 0) yield pack
}

/** Each turn ends, drops a row, or sends less at once: so it ends. */
async function writePack(
  requests: Pick<Requests, 'transact'>,
  pack: readonly Group[],
  ending: Ending,
  deadline: Deadline,
): Promise<void> {
  let groups = pack
  while (groups.length > 0) {
    const rows = groups.flat()
    const outcome = await requests.transact(rows, deadline)
    if (outcome.kind === 'written') return rows.forEach(ending.written)
    if (outcome.kind === 'refused') {
      if (groups.length === 1) return ending.refused(rows[0]!, outcome)
      const middle = groups.length >>> 1
      await writePack(requests, groups.slice(0, middle), ending, deadline)
      groups = groups.slice(middle)
      continue
    }
    const told = new Map(rows.map((placed, i) => [placed, outcome.outcomes[i]]))
    const suspects = groups.filter((group) => group.some((placed) => told.get(placed)?.kind === 'refused'))
    if (suspects.length > 0 && groups.length === 1) return refuse(rows, told, ending)
    // Refused in company: each has to be tried alone.
    for (const suspect of suspects) await writePack(requests, [suspect], ending, deadline)
    groups = groups.filter((group) => !suspects.includes(group)).map((group) => without(group, told, ending))
    groups = groups.filter((group) => group.length > 0)
  }
}

type Told = ReadonlyMap<PlacedRow, PutOutcome | undefined>

async function refuse(rows: readonly PlacedRow[], told: Told, ending: Ending): Promise<void> {
  for (const placed of rows) {
    const outcome = told.get(placed)
    if (outcome?.kind === 'refused') return ending.refused(placed, outcome)
  }
}

/** Without the rows that the guard turned down. */
function without(group: Group, told: Told, { kept }: Ending): Group {
  return group.filter((placed) => {
    const outcome = told.get(placed)
    if (outcome?.kind !== 'kept') return true
    kept(placed, outcome)
    return false
  })
}
