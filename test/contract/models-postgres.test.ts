/** PostgreSQL in memory (test/simulation) answers the sink's statements, and those of a rewind, as PostgreSQL does. */
import { expect, inject, test } from 'vitest'
import { rewoundTo, opened } from '../../src/core/watermark.ts'
import type { Watermark } from '../../src/core/watermark.ts'
import type { Owner } from '../../src/sinks/postgres/deletes.ts'
import { openRewind } from '../../src/sinks/postgres/rewind.ts'
import { openSession, parseBinding } from '../../src/sinks/postgres/session.ts'
import type { Session } from '../../src/sinks/postgres/session.ts'
import { openWriter } from '../../src/sinks/postgres/writer.ts'
import type { SinkRange, SinkRecord } from '../../src/sinks/sink.ts'
import { CLUSTER, invocation, sourceRecord, TOPIC } from '../../src/testing/index.ts'
import { REFUSED_TEXT } from '../simulation/dynamo-store.ts'
import { sessionOver } from '../simulation/postgres-session.ts'
import type { PostgresRequest } from '../simulation/postgres-session.ts'
import { emptyContents } from '../simulation/postgres-store.ts'
import { postgresOutcomes } from '../simulation/postgres-world.ts'
import type { Stores } from '../simulation/postgres-world.ts'
import { deadline } from './dynamodb-kit.ts'
import { world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

interface Model {
  stores: Stores
  sessions: number
}

/** Both answers to one statement; the model's is held to the server's in the columns that the server gives. */
async function both<T>(what: string, real: Promise<T>, model: Promise<T>): Promise<T> {
  const [heard, said] = await Promise.allSettled([real, model])
  const plain = (each: PromiseSettledResult<T>) =>
    each.status === 'fulfilled' ? { rows: comparable(each.value) } : { failed: (each.reason as { code?: string }).code }
  expect(plain(said), what).toEqual(plain(heard))
  if (heard.status === 'rejected') throw heard.reason as Error
  return heard.value
}

/** Big integers are text on the wire; what the model has beyond a statement's columns nobody sees. */
function comparable(value: unknown): unknown {
  const columns = ['epoch', 'next_offset', 'checkpoints', 'gaps', 'gap_count', 'rewind', 'letters', 'foreign']
  const known = [...columns, 'src', 'rows', 'count', 'record_offset', 'record_value', 'headers', 'stage', 'code']
  const row = (each: object) =>
    Object.fromEntries(
      Object.entries(each)
        .filter(([name]) => known.includes(name))
        .map(([name, field]: [string, unknown]) => [
          name,
          typeof field === 'string' && /^\d+$/.test(field) ? Number(field) : field,
        ]),
    )
  return (value as object[]).map(row).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function mirrored(real: Session, model: Session): Session {
  return {
    usable: () => real.usable(),
    query: (limit, text, values, name) =>
      text.includes('jsonb_build_object(')
        ? real.query(limit, text, values, name)
        : (both(text, real.query(limit, text, values, name), model.query(limit, text, values, name)) as never),
    script: (limit, text, patience) => {
      const counts = text.includes('weirhouse_isolation') && text.startsWith('SAVEPOINT')
      const [heard, said] = [real.script(limit, text, patience), model.script(limit, text, patience)]
      const rows = async (results: typeof heard) => (await results)[1]!.rows as never[]
      if (counts) return both(text, rows(heard), rows(said)).then(() => heard) as never
      return Promise.all([heard, said]).then(([results]) => results) as never
    },
    copy: async (limit, text, chunks) => {
      await Promise.all([real.copy(limit, text, chunks), model.copy(limit, text, chunks)])
    },
    destroy: () => real.destroy(),
    close: () => real.close(),
  }
}

interface Mirror {
  readonly made: World
  deliver(...ranges: readonly SinkRange[]): Promise<number>
  readonly rewind: ReturnType<typeof openRewind>
}

async function mirror(made: World, keyed: boolean, deletes: boolean): Promise<Mirror> {
  await made.sql(`ALTER TABLE "${made.table}" ADD CHECK (note <> '${REFUSED_TEXT}')`)
  const model: Model = { stores: { database: { ...emptyContents, open: {} }, tables: {} }, sessions: 0 }
  const { options } = made.definition
  const owner: Owner | undefined = deletes ? { pipeline: made.pipeline, sink: 'sql' } : undefined
  const port = (request: unknown) => {
    const [outcome] = postgresOutcomes(model.stores, 0, request as PostgresRequest, keyed)
    model.stores = outcome!.store
    return Promise.resolve(outcome!.answer)
  }
  const connect: typeof openSession = async (binding, name, limit) =>
    mirrored(await openSession(binding, name, limit), sessionOver(port, model.sessions++, options, {}, owner))
  const binding = { ...inject('stores').postgres }
  const noLedger = () => Promise.reject(new Error('the PostgreSQL sink has no ledger'))
  const context = {
    pipeline: made.pipeline,
    order: 'log',
    ...(deletes ? { deletes: {} } : {}),
    binding,
    ledger: { read: noLedger, compareAndSet: noLedger },
    log: () => undefined,
  } as const
  parseBinding(binding, 'sql')
  return {
    made,
    deliver: async (...ranges) => {
      const writer = openWriter(options, context, undefined, { connect })
      const call = invocation()
      await writer.prepare(ranges).write(call)
      await writer.close()
      return call.letters.length
    },
    rewind: openRewind({ pipeline: made.pipeline, options, binding }, connect),
  }
}

const source = (partition: number) => ({ cluster: CLUSTER, topic: TOPIC, partition })
const part = (partition: number, ...records: readonly SinkRecord[]): SinkRange => ({
  source: source(partition),
  records,
})
const row = (offset: number, id: string, note = 'n', partition = 0): SinkRecord => ({
  record: sourceRecord(offset, { partition }),
  rows: [{ id, note }],
})
const gone = (offset: number, id: string, partition = 0): SinkRecord => ({
  record: sourceRecord(offset, { partition, deletes: [{ id }] }),
  rows: [],
  deletes: [{ id }],
})

const rewinding = (target: number, epoch: number) => (before: Watermark | undefined) =>
  rewoundTo(before, { epoch, target, first: target, end: 9, removes: true, head: undefined })

async function rewound({ rewind }: Mirror, target: number): Promise<readonly [number, number]> {
  const stale = [0, 1].map((partition) => ({ source: source(partition), target, epoch: 1 }))
  for (const each of stale) await rewind.change(each.source, rewinding(target, 1), deadline())
  await rewind.change(stale[0]!.source, (before) => before, deadline())
  const removed = await rewind.remove(stale, deadline())
  for (const each of stale) await rewind.change(each.source, (before) => before && opened(before), deadline())
  await rewind.read([source(0), source(1), source(7)], deadline())
  const swept = await rewind.sweep(stale, deadline())
  await rewind.close()
  return [removed, swept]
}

const columns = { id: 'text', note: 'text' } as const

test.each([
  ['a table with a key', true],
  ['a table without', false],
])('rows, refused ones, watermarks, a rewind: %s', async (_, keyed) => {
  await using made = await world({ columns, ...(keyed ? { key: ['id'] } : {}) })
  const at = await mirror(made, keyed, false)
  await at.deliver(part(0, row(0, 'a'), row(1, 'b')))
  expect(
    await at.deliver(part(0, row(1, 'b'), row(2, 'a'), row(5, 'c', REFUSED_TEXT)), part(1, row(0, 'd', 'n', 1))),
  ).toBe(1)
  await at.deliver(part(0, row(6, 'b'), row(7, 'b')), part(1, row(1, 'a', 'older', 1)))
  expect(await rewound(at, 1)).toEqual(keyed ? [0, 2] : [5, 0])
  await at.deliver(part(0, row(1, 'b'), row(2, 'a')))
})

test('deletes that are remembered, and forgotten by a rewind', async () => {
  await using made = await world({ columns, key: ['id'], deletes: {} })
  const at = await mirror(made, true, true)
  await at.deliver(part(0, row(0, 'a'), row(1, 'b'), gone(2, 'a'), gone(3, 'c')))
  await at.deliver(part(1, row(1, 'a', 'older', 1), row(2, 'c', 'older', 1), row(9, 'd', 'n', 1)))
  await at.deliver(part(0, row(4, 'a'), gone(5, 'd'), gone(6, 'b'), row(7, 'e', REFUSED_TEXT)))
  await at.deliver(part(1, row(10, 'b', 'newer', 1), gone(11, 'a', 1), gone(12, 'nobody', 1)))
  expect(await rewound(at, 3)).toEqual([0, 2])
  await at.deliver(part(0, row(3, 'c'), row(4, 'a')))
})
