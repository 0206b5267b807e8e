/**
 * Takes rows of distinct keys to effect, each guarded by its position: whatever happens in between, an item ends no older
 * than the row, and no newer item is touched (D2, D3, D4).
 *
 *   1. INSERT, 25 a request, while most keys are new; where they exist:
 *   2. look, 100 keys a request: as new or newer there -> done; no position -> foreign; older or absent ->
 *   3. put, one a request, under the guard. What is refused here alone is refused for good, if the table is as declared.
 *
 * The rows of a record that has several go in a transaction instead: together.ts.
 */
import { forEachBounded } from '../../aws/bounded.ts'
import type { AwsFault } from '../../aws/fault.ts'
import { WeirError } from '../../core/errors.ts'
import { MAX_STATEMENTS, MIB } from '../../core/limits.ts'
import type { OrderKind } from '../../core/order.ts'
import type { Deadline } from '../../core/ports.ts'
import { supersedes } from './guard.ts'
import { MAX_KEYS } from './requests.ts'
import type { PlacedRow, Requests, Stored } from './requests.ts'
import { writeTogether } from './together.ts'
import type { Ending, Group } from './together.ts'

/** Requests in flight at once (D11); the client's sockets are as many. */
const CONCURRENCY = 16
/** A batch of statements is closed above this: few bytes wait in memory, and no request nears the service's limit. */
const MAX_REQUEST_BYTES = MIB
/** From so many inserts on, their outcomes decide how to go on. */
const MIN_SAMPLE = 50
/** Where puts are the rule, one batch in so many begins with inserts, to see whether keys are new again. */
const PROBE_EVERY = 16

export interface Effect {
  readonly written: readonly PlacedRow[]
  readonly refused: readonly { readonly placed: PlacedRow; readonly reason: string }[]
}

export interface EffectOptions {
  readonly requests: Requests
  readonly order: OrderKind
  readonly table: string
  readonly writes: 'auto' | 'put'
  /** Throws where the table's keys are not those declared: then no row is to blame. */
  readonly checkTable: (fault: AwsFault, deadline: Deadline) => Promise<void>
}

/** `rows`: of distinct keys, one by one. `groups`: of records with several rows, each group whole or not at all. */
export type TakeEffect = (rows: readonly PlacedRow[], groups: readonly Group[], deadline: Deadline) => Promise<Effect>

/** What the writer remembers between batches: how requests are best made. Never what is stored (N7). */
interface Habit {
  /** Share of rows, of late, that replaced an item. */
  replacing: number
  batches: number
}

export function effectOf(options: EffectOptions): TakeEffect {
  const habit: Habit = { replacing: 0, batches: 0 }
  return async (rows, groups, deadline) => {
    const effect = { written: [] as PlacedRow[], refused: [] as { placed: PlacedRow; reason: string }[] }
    const puts: PlacedRow[] = []
    const unsure: PlacedRow[] = []
    const tried = await insertAll(options, habit, rows, { written: effect.written, puts, unsure }, deadline)
    const older = await lookAll(options, unsure, puts, deadline)
    if (tried > 0)
      habit.replacing += Math.min(1, tried / 500) * (older / Math.max(tried, unsure.length) - habit.replacing)
    await forEachBounded(puts, CONCURRENCY, (placed) => putOne(options, placed, effect, deadline))
    // Afterwards: requests that meet on an item cancel a transaction.
    if (groups.length > 0) await writeTogether(options.requests, groups, endingOf(options, effect, deadline), deadline)
    return effect
  }
}

/** Gives the number of inserts tried. */
async function insertAll(
  { requests, writes }: EffectOptions,
  habit: Habit,
  rows: readonly PlacedRow[],
  into: { readonly written: PlacedRow[]; readonly puts: PlacedRow[]; readonly unsure: PlacedRow[] },
  deadline: Deadline,
): Promise<number> {
  const preferPut = writes === 'put' || (habit.replacing > 0.5 && ++habit.batches % PROBE_EVERY !== 0)
  const able = preferPut ? [] : rows.filter(({ row }) => row.shape.statement !== undefined)
  // One by one: a batch has more rows than a call can have arguments.
  for (const placed of rows) if (preferPut || placed.row.shape.statement === undefined) into.puts.push(placed)
  let tried = 0
  let existing = 0
  await forEachBounded(chunks(able), CONCURRENCY, async (chunk) => {
    if (tried >= MIN_SAMPLE && existing * 2 > tried) {
      into.unsure.push(...chunk)
      return
    }
    const outcome = await requests.insert(chunk, deadline)
    tried += chunk.length
    existing += outcome.existing.length
    into.written.push(...outcome.inserted)
    into.unsure.push(...outcome.existing)
    into.puts.push(...outcome.suspects)
  })
  return tried
}

/** Gives the number of rows that are to replace an older item. */
async function lookAll(
  options: EffectOptions,
  rows: readonly PlacedRow[],
  puts: PlacedRow[],
  deadline: Deadline,
): Promise<number> {
  let older = 0
  const groups = Array.from({ length: Math.ceil(rows.length / MAX_KEYS) }, (_, i) =>
    rows.slice(i * MAX_KEYS, (i + 1) * MAX_KEYS),
  )
  await forEachBounded(groups, CONCURRENCY, async (group) => {
    for (const [placed, stored] of await options.requests.look(group, deadline)) {
      if (!replaces(options, placed, stored)) continue
      puts.push(placed)
      if (stored !== 'absent') older++
    }
  })
  return older
}

/** Names the record that met it: the key itself is of the payload (N5). */
function foreignItem(table: string, { position: { src, offset } }: PlacedRow): WeirError {
  return new WeirError('WEIR_FOREIGN_ITEM', { table, record: `${src}@${offset}` })
}

/** Throws WEIR_FOREIGN_ITEM. */
function replaces({ order, table }: EffectOptions, placed: PlacedRow, stored: Stored): boolean {
  if (stored === 'absent') return true
  if (stored === 'foreign') throw foreignItem(table, placed)
  return supersedes(order, placed.position, stored)
}

async function putOne(
  options: EffectOptions,
  placed: PlacedRow,
  effect: { readonly written: PlacedRow[]; readonly refused: Effect['refused'][number][] },
  deadline: Deadline,
): Promise<void> {
  const outcome = await options.requests.put(placed, deadline)
  const { written, kept, refused } = endingOf(options, effect, deadline)
  if (outcome.kind === 'written') written(placed)
  else if (outcome.kind === 'kept') kept(placed, outcome)
  else await refused(placed, outcome)
}

function endingOf(
  options: EffectOptions,
  effect: { readonly written: PlacedRow[]; readonly refused: Effect['refused'][number][] },
  deadline: Deadline,
): Ending {
  return {
    written: (placed) => effect.written.push(placed),
    kept(placed, { stored }) {
      // As new or newer stands there, and the guard has said so. An item that is older by what it says of itself, and that
      // the guard could not compare, is not ours: the row would be lost without a word.
      if (replaces(options, placed, stored)) throw foreignItem(options.table, placed)
    },
    async refused(placed, { fault }) {
      await options.checkTable(fault, deadline)
      effect.refused.push({ placed, reason: `${fault.name}: ${fault.message}` })
    },
  }
}

/** By count and bytes. */
function* chunks(rows: readonly PlacedRow[]): Generator<PlacedRow[]> {
  let chunk: PlacedRow[] = []
  let bytes = 0
  for (const placed of rows) {
    if (chunk.length === MAX_STATEMENTS || (chunk.length > 0 && bytes + placed.row.bytes > MAX_REQUEST_BYTES)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(placed)
    bytes += placed.row.bytes
  }
  if (chunk.length > 0) yield chunk
}
