/**
 * Takes rows of distinct keys to effect, each guarded by its position: whatever happens in between, an item ends no older
 * than the row, and no newer item is touched (D2, D3, D4).
 *
 *   1. INSERT, 25 a request, while most keys are new; where they exist:
 *   2. UPDATE, 25 a request, or first of all where items were mostly replaced of late. It takes items that are older, in the
 *      row's epoch, and of a shape that is known; of others it only says that it took them not:
 *   3. look, 100 keys a request: as new or newer there -> done; no position -> foreign; absent -> 1, once more; else ->
 *   4. put, one a request, under the guard, replaces whatever is older. What is refused here alone is refused for good, if the
 *      table is as declared.
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
import type { BatchOutcome, PlacedRow, Requests, Stored } from './requests.ts'
import type { Shape } from './shape.ts'
import { writeTogether } from './together.ts'
import type { Ending, Group } from './together.ts'

/** Requests in flight at once (D11); the client's sockets are as many. */
const CONCURRENCY = 16
/** A batch of statements is closed above this: few bytes wait in memory, and no request nears the service's limit. */
const MAX_REQUEST_BYTES = MIB
/** From so many statements on, their outcomes decide how to go on. */
const MIN_SAMPLE = 50
/** A batch of so many rows decides alone how the next one begins. */
const FULL_WEIGHT = 500
/** Where puts are the rule, one batch in so many begins with updates, to see whether they are again. */
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
export interface Habit {
  /** Share of rows, of late, that replaced an item. */
  replacing: number
  /** Share of those that no UPDATE could write. */
  putting: number
  batches: number
}

export const newHabit = (): Habit => ({ replacing: 0, putting: 0, batches: 0 })

export function effectOf(options: EffectOptions, habit = newHabit()): TakeEffect {
  return async (rows, groups, deadline) => {
    const effect = { written: [] as PlacedRow[], refused: [] as { placed: PlacedRow; reason: string }[] }
    const way = options.writes === 'put' ? 'put' : wayOf(habit)
    const puts = way === 'put' ? rows : await inBatches(options, habit, way, rows, effect.written, deadline)
    await forEachBounded(puts, CONCURRENCY, (placed) => putOne(options, placed, effect, deadline))
    // Afterwards: requests that meet on an item cancel a transaction.
    if (groups.length > 0) await writeTogether(options.requests, groups, endingOf(options, effect, deadline), deadline)
    return effect
  }
}

function wayOf(habit: Habit): 'insert' | 'update' | 'put' {
  if (habit.replacing <= 0.5) return 'insert'
  return habit.putting <= 0.5 || ++habit.batches % PROBE_EVERY === 0 ? 'update' : 'put'
}

/** Gives the rows that are left to be put. */
async function inBatches(
  options: EffectOptions,
  habit: Habit,
  first: 'insert' | 'update',
  rows: readonly PlacedRow[],
  written: PlacedRow[],
  deadline: Deadline,
): Promise<PlacedRow[]> {
  const { requests } = options
  const [able, puts] = split(rows, ({ insert }) => insert !== undefined)
  const into = { written, suspects: puts }
  const insert = (some: readonly PlacedRow[]) =>
    batched(some, (chunk) => requests.insert(chunk, deadline), MIN_SAMPLE, into)
  const existing = first === 'insert' ? await insert(able) : able
  const inserted = written.length
  const [alike, others] = split(existing, (shape) => shape.update() !== undefined)
  const missed = await batched(alike, (chunk) => requests.update(chunk, deadline), Infinity, into)
  const { absent, older } = await lookAll(options, [...others, ...missed], deadline)
  for (const placed of older) puts.push(placed)
  learn(habit, rows.length, written.length - inserted, puts.length)
  for (const placed of await insert(absent)) puts.push(placed)
  return puts
}

/** Those of which it holds, and the others. */
function split(rows: readonly PlacedRow[], holds: (shape: Shape) => boolean): [PlacedRow[], PlacedRow[]] {
  const [yes, no]: [PlacedRow[], PlacedRow[]] = [[], []]
  for (const placed of rows) (holds(placed.row.shape) ? yes : no).push(placed)
  return [yes, no]
}

function learn(habit: Habit, rows: number, updated: number, put: number): void {
  const replaced = updated + put
  if (rows > 0) habit.replacing += Math.min(1, rows / FULL_WEIGHT) * (replaced / rows - habit.replacing)
  if (replaced > 0) habit.putting += Math.min(1, replaced / FULL_WEIGHT) * (put / replaced - habit.putting)
}

/**
 * Gives the rows that failed and, once most of a sample did, the rest untried.
 * @param sample statements
 */
async function batched(
  rows: readonly PlacedRow[],
  send: (chunk: readonly PlacedRow[]) => Promise<BatchOutcome>,
  sample: number,
  into: { readonly written: PlacedRow[]; readonly suspects: PlacedRow[] },
): Promise<PlacedRow[]> {
  const left: PlacedRow[] = []
  let tried = 0
  let failed = 0
  await forEachBounded(chunks(rows), CONCURRENCY, async (chunk) => {
    if (tried >= sample && failed * 2 > tried) {
      left.push(...chunk)
      return
    }
    const outcome = await send(chunk)
    tried += chunk.length
    failed += outcome.failed.length
    into.written.push(...outcome.written)
    into.suspects.push(...outcome.suspects)
    left.push(...outcome.failed)
  })
  return left
}

async function lookAll(
  options: EffectOptions,
  rows: readonly PlacedRow[],
  deadline: Deadline,
): Promise<{ readonly absent: readonly PlacedRow[]; readonly older: readonly PlacedRow[] }> {
  const found = { absent: [] as PlacedRow[], older: [] as PlacedRow[] }
  const groups = Array.from({ length: Math.ceil(rows.length / MAX_KEYS) }, (_, i) =>
    rows.slice(i * MAX_KEYS, (i + 1) * MAX_KEYS),
  )
  await forEachBounded(groups, CONCURRENCY, async (group) => {
    for (const [placed, stored] of await options.requests.look(group, deadline)) {
      if (stored === 'absent') found.absent.push(placed)
      else if (replaces(options, placed, stored)) found.older.push(placed)
    }
  })
  return found
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
  let first = 0
  let bytes = 0
  for (let i = 0; i < rows.length; i++) {
    const size = rows[i]!.row.bytes
    if (i - first === MAX_STATEMENTS || (i > first && bytes + size > MAX_REQUEST_BYTES)) {
      yield rows.slice(first, i)
      first = i
      bytes = 0
    }
    bytes += size
  }
  if (first < rows.length) yield rows.slice(first)
}
