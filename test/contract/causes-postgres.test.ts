/** D8 on the real server: each cause of docs/faults.md that can be made there, seen from the sink's boundary. */
import { connect, createServer } from 'node:net'
import { Client } from 'pg'
import { describe, expect, inject, test } from 'vitest'
import type { WeirError } from '../../src/core/errors.ts'
import { choosePorts } from '../../src/local/ports.ts'
import type { PostgresEndpoint } from '../../src/local/service.ts'
import { ddl } from '../../src/sinks/postgres/index.ts'
import { migrate } from '../../src/sinks/postgres/migrate.ts'
import { deliverTo, invocation, range, span } from '../../src/testing/index.ts'
import type { TestInvocation } from '../../src/testing/index.ts'
import { halting, raisedTwice, refusing } from './causes/postgres.ts'
import type { passing } from './causes/postgres.ts'
import { someoneWaits, world } from './postgres-world.ts'
import type { Place, World } from './postgres-world.ts'

const numbers = async (made: World) => (await made.rows()).map(({ n }) => n)

async function failure(work: Promise<unknown>): Promise<WeirError> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as WeirError,
  )
}

/** An invocation with the codes that its log told. */
function told(remainingMs?: number): TestInvocation & { readonly codes: unknown[] } {
  const codes: unknown[] = []
  return { ...invocation(remainingMs), codes, log: (_, __, fields) => codes.push(fields?.code) }
}

describe('refused: a dead letter, neighbours land', () => {
  test.each(refusing.map(({ code, what, sql }) => [code, what, sql] as const))(
    'D6 D8: %s, %s',
    async (code, _, sql) => {
      await using made = await world({ key: ['id'] })
      for (const statement of sql(made.table)) await made.sql(statement)
      const call = told()
      await (await made.open()).prepare([range(span(0, 19))]).write(call)
      expect(call.letters.map(({ record, text }) => [record.offset, text.split(':')[0]])).toEqual([[7, code]])
      expect(call.codes).toContain(code)
      expect(await numbers(made)).toEqual(span(0, 19).filter((n) => n !== 7))
    },
  )
})

describe('misconfigured: halts with the code and a cure, then the same writer goes on', () => {
  test.each(halting.map(({ code, what, ...more }) => [code, what, more] as const))(
    'D8: %s, %s',
    async (code, _, more) => {
      await using made = await world({ key: ['id'] })
      const writer = await made.open()
      await deliverTo(writer, [range(span(0, 4))])
      for (const statement of more.sql(made.table)) await made.sql(statement)
      const call = told()
      const error = await failure(writer.prepare([range(span(5, 9))]).write(call))
      expect(error).toMatchObject({ code: 'WEIR_STORE_MISCONFIGURED', retryable: false })
      expect(error.message).toContain(code)
      expect(call.letters).toEqual([])
      for (const statement of more.cure(made.table)) await made.sql(statement)
      await deliverTo(writer, [range(span(5, 9))])
      expect(await numbers(made)).toEqual(span(0, 9))
    },
  )

  test('D8: 3D000, the database is not there', async () => {
    await using made = await world({ place: nowhere })
    const error = await failure(deliverTo(await made.open(), [range([0])]))
    expect(error).toMatchObject({ code: 'WEIR_STORE_MISCONFIGURED', retryable: false })
    expect(error.message).toContain('3D000')
  })
})

const nowhere: Place = {
  get owner() {
    return inject('stores').postgres
  },
  prepare: () => Promise.resolve({ ...inject('stores').postgres, database: 'no-such-database' }),
}

describe('retryable: again within the invocation', () => {
  test.each(raisedTwice)('D8 N3: %s', async (code) => {
    await using made = await world({ key: ['id'] })
    await made.sql(`CREATE SEQUENCE "s${made.table}"`)
    await made.sql(`CREATE FUNCTION "f${made.table}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('"s${made.table}"') < 3 THEN RAISE EXCEPTION 'now and then' USING ERRCODE = '${code}'; END IF; RETURN NULL; END $$`)
    await made.sql(`CREATE TRIGGER t AFTER INSERT ON "${made.table}" EXECUTE FUNCTION "f${made.table}"()`)
    const call = told()
    await (await made.open()).prepare([range(span(0, 4))]).write(call)
    expect(call.codes).toEqual([code, code])
    expect(await numbers(made)).toEqual(span(0, 4))
  })

  const causes: Record<keyof typeof passing, (made: World, call: ReturnType<typeof told>) => Promise<void>> = {
    '40P01': async (made, call) => {
      const writer = await made.open()
      await deliverTo(writer, [range(span(0, 4))])
      // The writer waits first, so that it is the first to look for a deadlock, after a second, and its victim.
      await made.sql('BEGIN')
      await made.sql(`SELECT FROM "${made.table}" WHERE id = '0-3' FOR UPDATE`)
      const rows = [{ id: '0-3', n: 5, note: null }]
      const writing = writer.prepare([range([5], { rows })]).write(call)
      await someoneWaits(made)
      await made.sql('SELECT FROM weirhouse.watermark WHERE pipeline = $1 FOR UPDATE', [made.pipeline])
      await made.sql('COMMIT')
      await writing
      expect((await numbers(made)).at(-1)).toBe(5)
    },
    '57P01': async (made, call) => {
      const writer = await made.open()
      await deliverTo(writer, [range(span(0, 4))])
      await made.sql('BEGIN')
      await made.sql('SELECT FROM weirhouse.watermark WHERE pipeline = $1 FOR UPDATE', [made.pipeline])
      const writing = writer.prepare([range([5])]).write(call)
      await someoneWaits(made)
      await made.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
        `weirhouse ${made.pipeline}/sql`,
      ])
      await made.sql('COMMIT')
      await writing
    },
    '25006': (made, call) =>
      inOwnDatabase(made, async (admin, database, writer) => {
        await admin.query(`ALTER DATABASE "${database}" SET default_transaction_read_only = on`)
        const writing = writer.prepare([range([5])]).write(call)
        await expect.poll(() => call.codes).toContain('25006')
        await admin.query(`ALTER DATABASE "${database}" RESET default_transaction_read_only`)
        await writing
      }),
    '53300': (made, call) =>
      inOwnDatabase(made, async (admin, database, writer) => {
        await admin.query(`ALTER DATABASE "${database}" CONNECTION LIMIT 0`)
        const writing = writer.prepare([range([5])]).write(call)
        await expect.poll(() => call.codes).toContain('53300')
        await admin.query(`ALTER DATABASE "${database}" CONNECTION LIMIT -1`)
        await writing
      }),
    ECONNREFUSED: async (made, call) => {
      const { postgres: port } = await choosePorts(['postgres'])
      const writing = (await made.open({ port })).prepare([range([5])]).write(call)
      await expect.poll(() => call.codes).toContain('ECONNREFUSED')
      const { host, port: real } = inject('stores').postgres
      const server = createServer((socket) => {
        const onward = connect(real, host)
        socket.pipe(onward).pipe(socket)
        for (const each of [socket, onward]) each.on('error', () => each.destroy())
      }).listen(port, host)
      await writing
      server.close()
    },
  }

  test.each(Object.entries(causes))('D8 N3: %s', async (code, make) => {
    await using made = await world({ key: ['id'] })
    const call = told()
    await make(made, call)
    expect(call.codes).toContain(code)
    expect(call.letters).toEqual([])
  })
})

type Body = (admin: Client, database: string, writer: Awaited<ReturnType<World['open']>>) => Promise<void>

/** A database that the test may spoil, with the table in it, and a cold writer on it. `admin` is connected elsewhere. */
async function inOwnDatabase(made: World, body: Body): Promise<void> {
  const owner: PostgresEndpoint = inject('stores').postgres
  const database = `d${made.table}`
  await made.sql(`CREATE DATABASE "${database}"`)
  try {
    await using own = await world({
      key: ['id'],
      place: {
        owner: { ...owner, database },
        prepare: async (_, definition, order) => {
          const client = new Client({ ...owner, database })
          await client.connect()
          await migrate(client, ddl(definition, order))
          await client.end()
          return { ...owner, database }
        },
      },
    })
    await body(made.client, database, await own.open())
    expect(await numbers(own)).toEqual([5])
  } finally {
    await made.sql(`DROP DATABASE "${database}" WITH (FORCE)`)
  }
}
