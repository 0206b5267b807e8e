/** One fresh table on the real server, with what the tests need to look at it and to get in its way. */
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import type { QueryResultRow } from 'pg'
import { inject } from 'vitest'
import type { Deadline } from '../../src/core/ports.ts'
import type { OrderKind } from '../../src/core/order.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { migrate } from '../../src/sinks/postgres/migrate.ts'
import { ddl, postgres } from '../../src/sinks/postgres/index.ts'
import type { PostgresOptions, PostgresSpec } from '../../src/sinks/postgres/index.ts'
import { openRewind } from '../../src/sinks/postgres/rewind.ts'
import { openWriter } from '../../src/sinks/postgres/writer.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import type { Deletes, SinkDefinition, SinkWriter } from '../../src/sinks/sink.ts'
import { invocation } from '../../src/testing/contract-world.ts'
import type { ContractRow, SinkHarness, TestInvocation } from '../../src/testing/contract-world.ts'

export interface World {
  readonly pipeline: string
  readonly table: string
  readonly definition: SinkDefinition<PostgresOptions>
  readonly client: Client
  /** A cold writer. With `smallRows` it upserts always; 0: by COPY through a stage. */
  open(more?: { readonly smallRows?: number; readonly port?: number }): Promise<SinkWriter>
  rewind(): RewindTarget
  /** Every row, in key or offset order, without its position. */
  rows(): Promise<Record<string, unknown>[]>
  sql<R extends QueryResultRow>(text: string, values?: unknown[]): Promise<R[]>
  [Symbol.asyncDispose](): Promise<void>
}

export interface WorldOptions extends Partial<PostgresSpec<unknown>> {
  readonly order?: OrderKind
  readonly deletes?: Deletes
  /** Runs instead of ddl(...). */
  readonly create?: (table: string) => string[]
  /** Another database than that of the suite. */
  readonly place?: Place
}

/** Where a table is made, and how the writer reaches it. */
export interface Place {
  readonly owner: PostgresEndpoint
  /** Makes what the definition needs; gives the writer's binding. */
  prepare(
    pipeline: string,
    definition: SinkDefinition<PostgresOptions>,
    order: OrderKind,
    deletes: boolean,
  ): Promise<PostgresEndpoint>
}

export const columns = { id: 'text', n: 'integer', note: 'text' } as const

export async function world({ order = 'log', deletes, create, place, ...more }: WorldOptions = {}): Promise<World> {
  const endpoint = place?.owner ?? inject('stores').postgres
  const name = `t${randomUUID().replaceAll('-', '')}`
  const pipeline = `p${name.slice(1, 12)}`
  const definition = postgres({ id: 'sql', table: name, columns, ...more })
  const client = new Client({ ...endpoint })
  client.on('error', () => undefined) // a test may cut it off
  await client.connect()
  const statements = create
    ? [...ddl(definition, order).slice(0, 3), ...create(name)]
    : ddl(definition, order, deletes !== undefined)
  const binding = place ? await place.prepare(pipeline, definition, order, deletes !== undefined) : endpoint
  if (!place) await migrate(client, statements)
  const writers: SinkWriter[] = []
  const noLedger = () => Promise.reject(new Error('the PostgreSQL sink has no ledger'))
  return {
    pipeline,
    table: name,
    definition,
    client,
    open: ({ smallRows, port } = {}) => {
      const context = {
        pipeline,
        order,
        ...(deletes ? { deletes } : {}),
        binding: { ...binding, ...(port === undefined ? {} : { port }) },
        ledger: { read: noLedger, compareAndSet: noLedger },
        log: () => undefined,
      }
      const writer = openWriter(
        definition.options,
        context,
        smallRows === undefined ? {} : { smallRows, straight: false },
      )
      writers.push(writer)
      return Promise.resolve(writer)
    },
    rewind: () => openRewind({ pipeline, options: definition.options, binding: { ...endpoint } }),
    rows: async () => {
      const names = Object.keys(definition.options.columns).map((column) => `"${column}"`)
      const { rows } = await client.query<Record<string, unknown>>(
        `SELECT ${names.join(', ')} FROM "${name}" ORDER BY _src, _offset, _index`,
      )
      return rows
    },
    sql: async (text, values) => (await client.query(text, values)).rows as never[],
    [Symbol.asyncDispose]: async () => {
      await Promise.all(writers.map((writer) => writer.close()))
      await client.query(`DROP TABLE IF EXISTS "${name}" CASCADE`)
      await client.end()
    },
  }
}

export function watermarkOf(world: World, partition = 0) {
  return world
    .sql<{ epoch: string; next_offset: string | null; gaps: { first: number; last: number }[] }>(
      'SELECT epoch, next_offset, gaps FROM weirhouse.watermark WHERE pipeline = $1 AND partition = $2',
      [world.pipeline, partition],
    )
    .then(([row]) => row)
}

/** Resolves once some backend waits for a lock. */
export async function someoneWaits(world: World): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    await world.sql('SELECT pg_stat_clear_snapshot()') // inside a transaction the view stands still
    const [row] = await world.sql<{ waiting: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock') AS waiting`,
      [`weirhouse ${world.pipeline}/sql`],
    )
    if (row!.waiting) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error('nobody came to wait for a lock')
}

/** An invocation whose deadline can be brought forward. */
export function cuttable(): TestInvocation & { cut(): void } {
  const controller = new AbortController()
  const base = invocation()
  const deadline: Deadline = {
    remaining: () => (controller.signal.aborted ? 0 : base.deadline.remaining()),
    signal: controller.signal,
  }
  return { ...base, deadline, cut: () => controller.abort(new Error('deadline')) }
}

/** The table of the contract suite; `smallRows` says how its rows travel, undefined: straight into the table. */
export function contractHarness(
  make: (options: WorldOptions) => Promise<World>,
  keyed: boolean,
  smallRows: number | undefined,
): SinkHarness {
  return {
    keyed,
    rewinds: true,
    deletes: keyed,
    unencodable: (id) => ({ id, n: 2 ** 31, note: null }),
    create: async ({ order = 'log', deletes = false } = {}) => {
      const made = await make({ order, ...(keyed ? { key: ['id'] } : {}), ...(deletes ? { deletes: {} } : {}) })
      return {
        open: () => made.open(smallRows === undefined ? {} : { smallRows }),
        rows: async () => (await made.rows()) as unknown as ContractRow[],
        gaps: async (partition) => (await watermarkOf(made, partition))?.gaps ?? [],
        rewind: () => made.rewind(),
        dispose: () => made[Symbol.asyncDispose](),
      }
    },
  }
}
