import { createServer, connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { Client } from 'pg'
import { describe, expect, inject, test } from 'vitest'
import type { WeirError } from '../../src/core/errors.ts'
import { ddl } from '../../src/sinks/postgres/index.ts'
import { migrate } from '../../src/sinks/postgres/migrate.ts'
import { openWriter } from '../../src/sinks/postgres/writer.ts'
import { deliverTo, range, span } from '../../src/testing/index.ts'
import { cuttable, someoneWaits, watermarkOf, world } from './postgres-world.ts'
import type { World } from './postgres-world.ts'

const ids = async (made: World) => (await made.rows()).map(({ n }) => n)

async function failure(work: Promise<unknown>): Promise<WeirError> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error as WeirError,
  )
}

describe('overlap', () => {
  test.each([
    ['keyed', { key: ['id'] }],
    ['append', {}],
  ])('D2 D4: %s: a zombie waits for the watermark, then finds its records done', async (_, options) => {
    await using made = await world(options)
    const [first, second, third] = [await made.open(), await made.open(), await made.open()]
    await deliverTo(first, [range(span(0, 4))])
    await made.sql('BEGIN')
    await made.sql('SELECT FROM weirhouse.watermark WHERE pipeline = $1 FOR UPDATE', [made.pipeline])
    const both = [deliverTo(second, [range(span(3, 9))]), deliverTo(third, [range(span(5, 14))])]
    await someoneWaits(made)
    await made.sql('COMMIT')
    const reports = await Promise.all(both)
    expect(reports.reduce((sum, { ranges }) => sum + ranges[0]!.rows, 0)).toBe(10)
    expect(await ids(made)).toEqual(span(0, 14))
  })

  test('D4: two first invocations at once, on two partitions, do not take each other for foreign', async () => {
    await using made = await world()
    const writers = await Promise.all([made.open(), made.open(), made.open()])
    await Promise.all(writers.map((writer, partition) => deliverTo(writer, [range(span(0, 9), { partition })])))
    expect((await made.rows()).length).toBe(30)
  })

  test('D10 N3: a lock that is never given up: the invocation fails in its time, retryable, and leaves nothing', async () => {
    await using made = await world()
    const writer = await made.open()
    await deliverTo(writer, [range(span(0, 4))])
    await made.sql('BEGIN')
    await made.sql('SELECT FROM weirhouse.watermark WHERE pipeline = $1 FOR UPDATE', [made.pipeline])
    const start = performance.now()
    const error = await failure(deliverTo(writer, [range(span(5, 9))], 700))
    expect(error).toMatchObject({ name: 'WeirError', retryable: true })
    expect(performance.now() - start).toBeLessThan(1_500)
    await made.sql('COMMIT')
    await deliverTo(writer, [range(span(5, 9))])
    expect(await ids(made)).toEqual(span(0, 9))
  })

  test('D10: cut off in the middle of a request: WEIR_DEADLINE at once, a new connection afterwards', async () => {
    await using made = await world()
    const writer = await made.open()
    await deliverTo(writer, [range(span(0, 4))])
    await made.sql('BEGIN')
    await made.sql('SELECT FROM weirhouse.watermark WHERE pipeline = $1 FOR UPDATE', [made.pipeline])
    const call = cuttable()
    const failing = failure(writer.prepare([range(span(5, 9))]).write(call))
    await someoneWaits(made)
    call.cut()
    expect((await failing).code).toBe('WEIR_DEADLINE')
    await made.sql('COMMIT')
    await deliverTo(writer, [range(span(5, 9))])
    expect(await ids(made)).toEqual(span(0, 9))
  })
})

describe('faults', () => {
  test.each([
    ['deadlock', '40P01'],
    ['serialization failure', '40001'],
    ['lost connection', '08006'],
    ['out of memory', '53200'],
  ])('D8 N3: a %s is tried again inside the invocation', async (_, state) => {
    await using made = await world({ key: ['id'] })
    await made.sql(`CREATE SEQUENCE "s${made.table}"`)
    await made.sql(`CREATE FUNCTION "f${made.table}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF nextval('"s${made.table}"') < 3 THEN RAISE EXCEPTION 'now and then' USING ERRCODE = '${state}'; END IF; RETURN NULL; END $$`)
    await made.sql(`CREATE TRIGGER t AFTER INSERT ON "${made.table}" EXECUTE FUNCTION "f${made.table}"()`)
    const writer = await made.open()
    await deliverTo(writer, [range(span(0, 4))])
    expect(await ids(made)).toEqual(span(0, 4))
  })

  test('D8 N3: one that does not pass is given up after a bounded number of attempts', async () => {
    await using made = await world()
    await made.sql(`CREATE SEQUENCE "s${made.table}"`)
    await made.sql(`CREATE FUNCTION "f${made.table}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM nextval('"s${made.table}"'); RAISE EXCEPTION 'always' USING ERRCODE = '40001'; END $$`)
    await made.sql(`CREATE TRIGGER t AFTER INSERT ON "${made.table}" EXECUTE FUNCTION "f${made.table}"()`)
    const error = await failure(deliverTo(await made.open(), [range(span(0, 4))]))
    expect(error).toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE', retryable: true })
    expect(await made.sql(`SELECT last_value::integer FROM "s${made.table}"`)).toEqual([{ last_value: 5 }])
    expect(await watermarkOf(made)).toBeUndefined()
  })

  test('D8: a connection killed while idle is replaced', async () => {
    await using made = await world()
    const writer = await made.open()
    await deliverTo(writer, [range(span(0, 4))])
    await made.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
      `weirhouse ${made.pipeline}/sql`,
    ])
    await deliverTo(writer, [range(span(5, 9))])
    expect(await ids(made)).toEqual(span(0, 9))
  })

  const misconfigured: Record<string, { change: (t: string) => string; reason: string }> = {
    'table missing': { change: (t) => `DROP TABLE "${t}"`, reason: 'is not there' },
    'column of another type': { change: (t) => `ALTER TABLE "${t}" ALTER n TYPE bigint`, reason: '"n"' },
    'column missing': { change: (t) => `ALTER TABLE "${t}" DROP note`, reason: '"note"' },
    'no unique index on the key': { change: (t) => `ALTER TABLE "${t}" DROP CONSTRAINT "${t}_pkey"`, reason: '(id)' },
    'position that may be null': { change: (t) => `ALTER TABLE "${t}" ALTER _ts DROP NOT NULL`, reason: '"_ts"' },
    'unknown column that must have a value': {
      change: (t) => `ALTER TABLE "${t}" ADD more integer NOT NULL`,
      reason: '"more"',
    },
  }

  test.each(Object.entries(misconfigured))('D8: %s halts with its name and a cure', async (_, { change, reason }) => {
    await using made = await world({ key: ['id'] })
    await made.sql(change(made.table))
    const error = await failure(deliverTo(await made.open(), [range(span(0, 4))]))
    expect(error).toMatchObject({ code: 'WEIR_STORE_MISCONFIGURED', retryable: false })
    expect(error.message).toContain(reason)
    expect(error.cure.length).toBeGreaterThan(20)
  })

  test('D8: a table that goes away under a warm writer halts; once it is back, the same writer goes on', async () => {
    await using made = await world()
    const writer = await made.open()
    await deliverTo(writer, [range(span(0, 4))])
    await made.sql(`ALTER TABLE "${made.table}" RENAME TO "${made.table}x"`)
    expect((await failure(deliverTo(writer, [range(span(5, 9))]))).code).toBe('WEIR_STORE_MISCONFIGURED')
    await made.sql(`ALTER TABLE "${made.table}x" RENAME TO "${made.table}"`)
    await deliverTo(writer, [range(span(5, 9))])
    expect(await ids(made)).toEqual(span(0, 9))
  })

  test('D8: a user who may not make temporary tables halts; once he may, the same writer goes on', async () => {
    await using made = await world({ key: ['id'] })
    const { postgres } = inject('stores')
    const database = `d${made.table}`
    await made.sql(`CREATE DATABASE "${database}"`)
    const admin = new Client({ ...postgres, database })
    await admin.connect()
    const ledger = { read: () => Promise.reject(new Error()), compareAndSet: () => Promise.reject(new Error()) }
    const binding = { ...postgres, database }
    const context = { pipeline: made.pipeline, order: 'log', binding, ledger, log: () => undefined } as const
    const writer = openWriter(made.definition.options, context)
    try {
      await migrate(admin, ddl(made.definition, 'log'))
      await admin.query(`REVOKE TEMPORARY ON DATABASE "${database}" FROM PUBLIC, CURRENT_USER`)
      expect((await failure(deliverTo(writer, [range(span(0, 4))]))).code).toBe('WEIR_STORE_MISCONFIGURED')
      await admin.query(`GRANT TEMPORARY ON DATABASE "${database}" TO CURRENT_USER`)
      expect((await deliverTo(writer, [range(span(0, 4))])).ranges[0]!.rows).toBe(5)
    } finally {
      await writer.close()
      await admin.end()
      await made.sql(`DROP DATABASE "${database}" WITH (FORCE)`)
    }
  })

  test('D8: wrong password, no TLS where it is demanded, nobody listening', async () => {
    await using made = await world()
    const { postgres } = inject('stores')
    const cases = [
      [{ ...postgres, password: 'wrong' }, 'WEIR_STORE_MISCONFIGURED'],
      [{ ...postgres, ssl: 'verify' }, 'WEIR_STORE_MISCONFIGURED'],
      [{ ...postgres, port: await freePort() }, 'WEIR_STORE_UNAVAILABLE'],
    ] as const
    for (const [binding, code] of cases) {
      const ledger = { read: () => Promise.reject(new Error()), compareAndSet: () => Promise.reject(new Error()) }
      const context = { pipeline: made.pipeline, order: 'log', binding, ledger, log: () => undefined } as const
      const writer = openWriter(made.definition.options, context)
      expect((await failure(deliverTo(writer, [range([0])]))).code).toBe(code)
    }
  })
})

describe('foreign data and epochs', () => {
  test('D9: rows in the table that no watermark accounts for halt with WEIR_FOREIGN_TARGET', async () => {
    await using made = await world()
    await deliverTo(await made.open(), [range(span(0, 4))])
    await made.sql('DELETE FROM weirhouse.watermark WHERE pipeline = $1', [made.pipeline])
    const error = await failure(deliverTo(await made.open(), [range(span(0, 4))]))
    expect(error).toMatchObject({ code: 'WEIR_FOREIGN_TARGET', retryable: false })
    expect(await ids(made)).toEqual(span(0, 4))
    expect(await watermarkOf(made)).toBeUndefined()
  })

  test('D1 D9: the same topic of another cluster halts: its offsets are others, and its rows would pass for older ones', async () => {
    await using made = await world({ key: ['id'] })
    const writer = await made.open()
    await deliverTo(writer, [range(span(100, 104))])
    const [old] = await made.sql(`SELECT n FROM "${made.table}" ORDER BY n LIMIT 1`)
    const moved = range([0], { rows: [{ id: '0-100', n: 1, note: 'newer, of the new cluster' }] })
    const elsewhere = { ...moved, source: { ...moved.source, cluster: 'another' } }
    const error = await failure(deliverTo(writer, [elsewhere]))
    expect(error).toMatchObject({ code: 'WEIR_FOREIGN_TARGET', retryable: false })
    expect(error.message).toContain('of another cluster')
    expect(await made.sql(`SELECT n FROM "${made.table}" ORDER BY n LIMIT 1`)).toEqual([old])
    await deliverTo(writer, [range(span(0, 4), { partition: 1 }), range(span(105, 109))])
  })

  test.each([500, 0])(
    'D3 D13: rows of a raised epoch replace those of an older one, never the reverse (%i)',
    async (smallRows) => {
      await using made = await world({ key: ['id'] })
      const writer = await made.open({ smallRows })
      await deliverTo(writer, [range(span(0, 4))])
      await made.sql(
        `UPDATE weirhouse.watermark SET epoch = 1, next_offset = 0, checkpoints = '[]' WHERE pipeline = $1`,
        [made.pipeline],
      )
      const report = await deliverTo(writer, [range(span(0, 2))])
      expect(report.ranges[0]!.rows).toBe(3)
      expect(await made.sql(`SELECT _epoch::integer AS e FROM "${made.table}" ORDER BY _offset`)).toEqual(
        [1, 1, 1, 0, 0].map((e) => ({ e })),
      )
    },
  )
})

describe('lost answers', () => {
  test.each(['after the server has it', 'before the server has it'] as const)(
    'D1 D2: the connection breaks at COMMIT, %s',
    async (when) => {
      await using made = await world()
      await using proxy = await commitProxy(when === 'after the server has it')
      const writer = await made.open({ port: proxy.port })
      await deliverTo(writer, [range(span(0, 4))])
      proxy.arm()
      const report = await deliverTo(writer, [range(span(5, 9))])
      expect(proxy.cuts()).toBe(1)
      expect(report.ranges[0]).toMatchObject({ rows: 5, duplicates: 0 })
      expect(await ids(made)).toEqual(span(0, 9))
      expect(await watermarkOf(made)).toMatchObject({ next_offset: '10', gaps: [] })
      expect((await deliverTo(writer, [range(span(5, 9))])).ranges[0]).toMatchObject({ rows: 0, duplicates: 5 })
    },
  )
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A proxy that, once armed, cuts the connection at the next COMMIT: having passed it on and swallowed the answer, or not. */
async function commitProxy(passOn: boolean) {
  const { postgres } = inject('stores')
  const sockets = new Set<Socket>()
  let armed = false
  let cut = 0
  const server = createServer((client) => {
    const upstream = connect(postgres.port, postgres.host)
    const cutBoth = () => {
      client.destroy()
      upstream.destroy()
    }
    let swallow = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', cutBoth)
      socket.on('close', cutBoth)
    }
    client.on('data', (data) => {
      if (armed && data.includes('COMMIT\0')) {
        armed = false
        cut++
        if (!passOn) return cutBoth()
        swallow = true
      }
      return upstream.write(data)
    })
    upstream.on('data', (data) => (swallow ? cutBoth() : client.write(data)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    arm: () => {
      armed = true
    },
    cuts: () => cut,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
