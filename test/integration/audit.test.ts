/** The audit against real servers that were tampered with: each kind of fault is found, in the right words, and nothing else. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { AuditReport } from '../../src/operations/audit/index.ts'
import { openAuditWorld, readings, TABLES, tamperWithLog } from '../support/audit-world.ts'
import type { AuditWorld, Item } from '../support/audit-world.ts'
import { transact } from './mapping-world.ts'

const RECORDS = 40
const KEYS = 10
const POISON = { partition: 0, key: null, value: Buffer.from('not json') }

const sound = {
  missing: 0,
  duplicated: 0,
  different: 0,
  outOfOrder: 0,
  foreign: 0,
  notYet: 0,
  beyondRetention: 0,
  expired: 0,
  outside: 0,
}
const noLetters = { unfounded: 0, different: 0, foreign: 0, beyondRetention: 0, examples: [] }

/** What differs from a clean store, by sink; counts that are zero, and positions of expected and stored rows, left out. */
function faultsOf({ sinks }: AuditReport): Record<string, Record<string, number>> {
  return Object.fromEntries(
    Object.entries(sinks).flatMap(([id, audited]) => {
      const counts = Object.keys(sound).map((word) => [word, audited[word as keyof typeof sound]] as const)
      const found = counts.filter(([, count]) => count > 0)
      return found.length === 0 ? [] : [[id, Object.fromEntries(found)]]
    }),
  )
}

function textsOf(report: AuditReport, sink: string): string[] {
  return report.sinks[sink]!.examples.map(({ position, fault }) => `${position}: ${fault}`)
}

describe('stores that were tampered with', () => {
  let world: AuditWorld

  beforeAll(async () => {
    world = await openAuditWorld('planted')
    await world.produce([...readings(0, RECORDS), POISON])
    await world.deliver()
    await tamperWithLog(world, { commit: RECORDS + 1 })
  })
  afterAll(async () => {
    expect(faultsOf(await world.audit()), 'everything was put back').toEqual({})
    await world.close()
  })

  /** Statements, then what the audit says, then the table as it was. */
  async function withSql(statements: readonly string[], tables = ['planted']): Promise<AuditReport> {
    for (const table of tables) await world.sql.query(`CREATE TABLE kept_${table.replace('.', '_')} AS TABLE ${table}`)
    try {
      for (const statement of statements) await world.sql.query(statement)
      return await world.audit()
    } finally {
      for (const table of tables) {
        const kept = `kept_${table.replace('.', '_')}`
        await world.sql.query(`TRUNCATE ${table}; INSERT INTO ${table} SELECT * FROM ${kept}; DROP TABLE ${kept}`)
      }
    }
  }

  async function withItem(table: string, key: Item, change: (item: Item | undefined) => Item | undefined) {
    const name = Object.keys(key)
    const same = (item: Item) => name.every((each) => JSON.stringify(item[each]) === JSON.stringify(key[each]))
    const before = (await world.items.all(table)).find(same)
    const after = change(before)
    try {
      await (after ? world.items.put(table, after) : world.items.remove(table, key))
      return await world.audit()
    } finally {
      await (before ? world.items.put(table, before) : world.items.remove(table, key))
    }
  }

  test('D14: stores that hold what the log asks for have no fault', async () => {
    const report = await world.audit()
    expect(report).toMatchObject({ produced: 41, deadLetters: 1, letters: noLetters, ok: true, complete: true })
    const gaps = { recorded: 0, skipped: 0, listed: [] }
    const each = { ...sound, deadLettered: 1, gaps, examples: [] }
    expect(report.sinks).toEqual({
      lake: { kind: 's3', expected: RECORDS, stored: RECORDS, ...each },
      sql: { kind: 'postgres', expected: KEYS, stored: KEYS, ...each },
      kv: { kind: 'dynamodb', expected: KEYS, stored: KEYS, ...each },
    })
    expect(report.gaps).toMatchObject({ marker: 0, compaction: 0, expired: 0, unexplained: 0, listed: [] })
  })

  test('D14: planted in PostgreSQL: a row removed, doubled, altered, an older version put back, a foreign one', async () => {
    const copy = (id: string, src: string) =>
      `INSERT INTO planted SELECT '${id}', n, ${src}, _epoch, _offset, _index, _ts FROM planted WHERE id = 'k5'`
    const report = await withSql([
      `DELETE FROM planted WHERE id = 'k1'`,
      `UPDATE planted SET n = 22, _offset = 22, _ts = (SELECT _ts FROM planted WHERE id = 'k3') WHERE id = 'k2'`,
      `UPDATE planted SET n = n + 1 WHERE id = 'k3'`,
      copy('copy', '_src'),
      copy('foreign', `'other/000000/12345678'`),
    ])
    expect(faultsOf(report)).toEqual({ sql: { missing: 1, duplicated: 1, different: 1, outOfOrder: 1, foreign: 1 } })
    expect(textsOf(report, 'sql').toSorted()).toEqual(
      [
        '"foreign"): foreign: a row of another source',
        'planted/0@31: missing: is not stored, key ("k1")',
        'planted/0@32: out of order: is not stored, but the older row of planted/0@22, key ("k2")',
        'planted/0@33: different: differs in n, key ("k3")',
        'planted/0@35: duplicated: stands under another key as well: ("copy")',
      ]
        .map((text) => (text.startsWith('"foreign"') ? `(${text}` : text))
        .toSorted(),
    )
  })

  test('D14: planted in DynamoDB: an item removed, doubled, altered, an older version put back, a foreign one', async () => {
    const key = { id: { S: 'k1' } }
    expect(faultsOf(await withItem('planted', key, () => undefined))).toEqual({ kv: { missing: 1 } })
    const doubled = await withItem('planted', { id: { S: 'copy' } }, () => ({ ...key, id: { S: 'copy' } }))
    expect(faultsOf(doubled), 'an item without position').toEqual({ kv: { foreign: 1 } })
    const [some] = (await world.items.all('planted')).filter(({ id }) => id?.S === 'k1')
    const again = await withItem('planted', { id: { S: 'copy' } }, () => ({ ...some!, id: { S: 'copy' } }))
    expect(faultsOf(again)).toEqual({ kv: { duplicated: 1 } })
    const altered = await withItem('planted', key, (item) => ({ ...item!, n: { N: '99' } }))
    expect(faultsOf(altered)).toEqual({ kv: { different: 1 } })
    const older = await withItem('planted', key, (item) => ({ ...item!, n: { N: '21' }, _offset: { N: '21' } }))
    expect(faultsOf(older)).toEqual({ kv: { outOfOrder: 1 } })
    const other = await withItem('planted', key, (item) => ({ ...item!, _src: { S: 'planted/000000/00000000' } }))
    expect(faultsOf(other)).toEqual({ kv: { foreign: 1 } })
  })

  test('D14: planted in S3: an object removed, doubled, altered, cut off, in another order, overlapping, foreign', async () => {
    const [first, second] = await world.objects.keys()
    const { body, metadata } = await world.objects.get(first!)
    const lines = body.trimEnd().split('\n')
    const put = (text: string, key = first!, more = metadata) => world.objects.put(key, text, more)
    const during = async (change: () => Promise<void>, undo: () => Promise<void> = () => put(body)) => {
      try {
        await change()
        const report = await world.audit()
        return faultsOf(report)
      } finally {
        await undo()
      }
    }
    const extra = (key: string, text: string, more = metadata) =>
      during(
        () => put(text, key, more),
        () => world.objects.remove(key),
      )

    expect(await during(() => world.objects.remove(first!))).toEqual({ lake: { missing: 10 } })
    expect(await extra(first!.replace('.jsonl', '~1.jsonl'), body)).toEqual({ lake: { duplicated: 10 } })
    expect(await during(() => put(body.replace('"n":3', '"n":33')))).toEqual({ lake: { different: 1 } })
    expect(await during(() => put(lines.slice(0, 7).join('\n')))).toEqual({ lake: { missing: 3 } })
    expect(await during(() => put(body.slice(0, -5)))).toEqual({ lake: { different: 1 } })
    expect(await during(() => put([...lines.slice(1), lines[0]].join('\n')))).toEqual({ lake: { outOfOrder: 1 } })
    const wider = second!.replace('0000000000000010-19', '0000000000000009-19')
    const moved = await world.objects.get(second!)
    expect(
      await during(
        async () => {
          await put(moved.body, wider)
          await world.objects.remove(second!)
        },
        async () => {
          await put(moved.body, second, moved.metadata)
          await world.objects.remove(wider)
        },
      ),
    ).toEqual({ lake: { outOfOrder: 1 } })
    expect(await extra('planted/lake/planted/note.txt', 'x')).toEqual({ lake: { foreign: 1 } })
    expect(await extra(first!.replace('/000000-', '/000007-'), body)).toEqual({ lake: { foreign: 1 } })
    expect(
      await extra(`${first}~2`.replace(/(.*)~2/, '$1').replace('.jsonl', '~2.jsonl'), '{}', {
        'weir-pipeline': 'x',
        'weir-sink': 'y',
      }),
    ).toEqual({
      lake: { foreign: 1 },
    })
  })

  test('D14: planted: a dead letter removed, altered, of a healthy record, of none', async () => {
    const [letter] = (await world.items.all(TABLES.letters)).filter(({ pipeline }) => pipeline?.S === 'planted')
    const key = { pipeline: letter!['pipeline']!, position: letter!['position']! }
    const missing = { missing: 1 }
    const removed = await withItem(TABLES.letters, key, () => undefined)
    expect(faultsOf(removed)).toEqual({ lake: missing, sql: missing, kv: missing })
    expect(textsOf(removed, 'sql')).toEqual(['planted/0@40: missing: neither a row nor a dead letter: not valid JSON'])

    const altered = await withItem(TABLES.letters, key, (item) => ({ ...item!, value: { B: Buffer.from('other') } }))
    expect(altered).toMatchObject({ ok: false, letters: { ...noLetters, different: 1, examples: [expect.anything()] } })
    expect(faultsOf(altered)).toEqual({})

    const at = (offset: string, partition = '0') => ({ offset: { N: offset }, partition: { N: partition } })
    const healthy = (await world.items.all('planted')).find(({ id }) => id?.S === 'k9')!
    const extra = { ...key, position: { S: 'planted' } }
    const value = { B: Buffer.from(JSON.stringify({ id: 'k9', n: 39 })) }
    const timestamp = { N: healthy['_ts']!.N! }
    const own = { key: { B: Buffer.from('k9') }, value, timestamp, ...at('39') }
    const unfounded = await withItem(TABLES.letters, extra, () => ({ ...letter!, ...extra, ...own }))
    expect(unfounded).toMatchObject({
      ok: false,
      letters: { ...noLetters, unfounded: 1, examples: [expect.anything()] },
    })
    expect(unfounded.letters.examples[0]!.fault).toContain('(decode) is of a record that the definition takes')
    expect(faultsOf(unfounded), 'its row may stand').toEqual({})

    const refused = { ...own, stage: { S: 'store' }, sink: { S: 'sql' } }
    const both = await withItem(TABLES.letters, extra, () => ({ ...letter!, ...extra, ...refused }))
    expect(faultsOf(both), 'refused, and yet stored').toEqual({ sql: { different: 1 } })

    const none = await withItem(TABLES.letters, extra, () => ({ ...letter!, ...extra, ...at('3', '7') }))
    expect(none).toMatchObject({ ok: false, letters: { ...noLetters, foreign: 1, examples: [expect.anything()] } })
  })

  test('D14: planted: a watermark moved back, and beyond the log', async () => {
    const moved = (next: number) =>
      withSql(
        [`UPDATE weirhouse.watermark SET next_offset = ${next} WHERE pipeline = 'planted'`],
        ['weirhouse.watermark'],
      )
    const back = await moved(30)
    expect(faultsOf(back)).toEqual({ sql: { outOfOrder: 1 } })
    expect(textsOf(back, 'sql')).toEqual([
      'planted/0@39: out of order: is stored, but its watermark says that 30 is next',
    ])
    const beyond = await moved(60)
    expect(faultsOf(beyond)).toEqual({ sql: { outOfOrder: 1 } })
    expect(textsOf(beyond, 'sql')[0]).toContain(
      'planted/0@60: out of order: its watermark expects that record next, but',
    )

    for (const sink of ['lake', 'kv']) {
      const key = { id: { S: `planted#${sink}#audit-test#planted#0` } }
      const set = (next: string) => withItem(TABLES.ledger, key, (item) => ({ ...item!, next: { N: next } }))
      expect(faultsOf(await set('30')), `${sink} back`).toEqual({ [sink]: { outOfOrder: 1 } })
      expect(faultsOf(await set('60')), `${sink} beyond`).toEqual({ [sink]: { outOfOrder: 1 } })
    }
  })

  test('D14: bounds, a single sink, and how many faults are told', async () => {
    const late = await world.audit({ from: { offset: 31 }, sink: 'sql' })
    expect(late.produced).toBe(10)
    expect(late.sinks).toMatchObject({ sql: { ...sound, expected: 9, stored: KEYS, outside: 1 } })
    expect(Object.keys(late.sinks)).toEqual(['sql'])
    const early = await world.audit({ to: { offset: 15 } })
    expect(early).toMatchObject({ ok: true, produced: 15 })
    expect(early.sinks['lake']).toMatchObject({ ...sound, expected: 15, stored: RECORDS, outside: RECORDS - 15 })
    const future = await world.audit({ from: { time: Date.now() + 3_600_000 } })
    expect(future).toMatchObject({ ok: true, produced: 0 })
    await expect(world.audit({ sink: 'none' })).rejects.toMatchObject({ code: 'WEIR_UNKNOWN' })
    const some = await withSql([`UPDATE planted SET n = n + 1`]).then(({ sinks }) => sinks['sql']!)
    expect([some.different, some.examples.length]).toEqual([KEYS, 10])
    const target = { ...world.target, postgres: { url: 'postgresql://x@127.0.0.1:1/x' } }
    await expect(world.audit({ target })).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE' })
  })
})

describe('gaps', () => {
  const worlds: AuditWorld[] = []
  const open = async (...of: Parameters<typeof openAuditWorld>) => {
    const world = await openAuditWorld(...of)
    worlds.push(world)
    return world
  }
  afterAll(() => Promise.all(worlds.map((world) => world.close())))

  const value = (n: number) => JSON.stringify({ id: `k${n}`, n })

  test('D14: transaction markers and aborted records are told from the log; what the mapping skipped is missing', async () => {
    const world = await open('gaps')
    await transact(inject('kafka'), 'gaps', [
      ['a', 'begin'],
      ['a', 'send', value(0), value(1)],
      ['a', 'commit'],
      ['a', 'begin'],
      ['a', 'send', value(2)],
      ['a', 'abort'],
      ['a', 'begin'],
      ['a', 'send', value(5), value(6)],
      ['a', 'commit'],
    ])
    // offsets 0 1 [2 marker] [3 aborted] [4 marker] 5 6 [7 marker]; the mapping never brings 5
    await world.deliver((offset) => offset === 5)
    const report = await world.audit()
    expect(report).toMatchObject({ produced: 4, ok: false, gaps: { marker: 3, aborted: 1, unexplained: 0 } })
    expect(report.gaps.listed).toEqual([
      { partition: 0, first: 2, last: 2, why: 'marker' },
      { partition: 0, first: 3, last: 3, why: 'aborted' },
      { partition: 0, first: 4, last: 4, why: 'marker' },
      { partition: 0, first: 7, last: 7, why: 'marker' },
    ])
    const missing = { missing: 1 }
    expect(faultsOf(report)).toEqual({ lake: missing, sql: missing, kv: missing })
    for (const sink of ['lake', 'sql', 'kv']) {
      expect(textsOf(report, sink)[0]).toContain('gaps/0@5: missing: ')
      expect(textsOf(report, sink)[0]).toContain('the mapping skipped it')
      expect(report.sinks[sink]!.gaps).toMatchObject({ recorded: 1, skipped: 1 })
      expect(report.sinks[sink]!.gaps.listed).toEqual([
        { partition: 0, first: 2, last: 5, records: 1, why: 'skipped by the mapping' },
      ])
    }
  })

  test('D14: a tail that the group has passed and no sink has', async () => {
    const world = await open('passed')
    await world.produce(readings(0, 10))
    await world.deliver((offset) => offset > 6)
    expect(await world.audit()).toMatchObject({ ok: true, complete: false })
    expect(faultsOf(await world.audit())).toEqual({ lake: { notYet: 3 }, sql: { notYet: 3 }, kv: { notYet: 3 } })
    await tamperWithLog(world, { commit: 9 })
    const report = await world.audit()
    expect(faultsOf(report)).toMatchObject({ lake: { missing: 2, notYet: 1 }, sql: { missing: 2 }, kv: { missing: 2 } })
    expect(report.sinks['sql']!.gaps).toEqual({
      recorded: 0,
      skipped: 2,
      listed: [{ partition: 0, first: 7, last: 8, records: 2, why: 'skipped: the group has passed it' }],
    })
  })

  test('D14: what retention took is counted and not compared; an older row of it is out of order all the same', async () => {
    const world = await open('expired')
    await world.produce(readings(0, 20))
    await world.deliver()
    await tamperWithLog(world, { delete: 13 })
    const report = await world.audit()
    expect(report).toMatchObject({ ok: true, complete: true, produced: 7, partitions: [{ start: 13, end: 20 }] })
    // three keys stand at offsets 10 to 12; of the object of 10 to 19 three lines are gone from the log
    expect(faultsOf(report)).toEqual({
      lake: { beyondRetention: 13 },
      sql: { beyondRetention: 3 },
      kv: { beyondRetention: 3 },
    })
    await world.sql.query(`UPDATE expired SET n = 5, _offset = 5 WHERE id = 'k5'`)
    const old = await world.audit()
    expect(faultsOf(old)).toMatchObject({ sql: { beyondRetention: 3, outOfOrder: 1 } })
  })

  test('D14: what compaction took is told from the log, and is not missing', { timeout: 240_000 }, async () => {
    const world = await open('compacted', {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'max.compaction.lag.ms': '1000',
    })
    await world.produce(readings(0, 30))
    await world.deliver()
    const compaction = async () => {
      // a segment is closed by the record after it
      await world.produce(readings(30, 1))
      return (await world.audit()).gaps.compaction
    }
    await expect.poll(compaction, { timeout: 120_000, interval: 2000 }).toBeGreaterThanOrEqual(10)
    await world.deliver()
    const report = await world.audit()
    expect(report).toMatchObject({ ok: true, complete: true, gaps: { unexplained: 0, marker: 0 } })
    // lines of records that compaction took are still in the lake: nobody asks for them
    expect(faultsOf(report)['sql']).toBeUndefined()
  })
})
