import { describe, expect, test } from 'vitest'
import { liveFault } from './check.ts'
import type { LiveTable } from './check.ts'
import { ddl, postgres } from './index.ts'
import { layoutOf } from './layout.ts'
import { migrate } from './migrate.ts'
import { liveType, parseColumnType, sqlType } from './types.ts'

const base = { id: 'sql', table: 'quakes', columns: { id: 'text', n: 'integer' } } as const

describe('the definition', () => {
  test.each([
    ['no such type', { columns: { id: 'string' } }, 'those known are text, varchar'],
    ['no columns', { columns: {} }, 'name one column'],
    ['an unknown option', { tables: 'x' }, 'there is no such option'],
    ['a key that is no column', { key: ['nope'] }, '"nope" is no column'],
    ['a key twice', { key: ['id', 'id'] }, 'stands twice'],
    ['a key of JSON', { columns: { id: 'jsonb' }, key: ['id'] }, 'cannot be a key'],
    ['a column named as a position', { columns: { _ts: 'bigint' } }, 'names two columns'],
    ['a name of 64 bytes', { table: 'é'.repeat(32) }, '63 bytes'],
    ['a column of 64 bytes', { columns: { ['x'.repeat(64)]: 'text' } }, '63 bytes'],
    ['an id in capitals', { id: 'SQL' }, 'use a-z'],
  ])('refuses %s', (_, change, reason) => {
    expect(() => postgres({ ...base, ...(change as object) })).toThrow(
      expect.objectContaining({ code: 'WEIR_DEFINITION_INVALID', message: expect.stringContaining(reason) as string }),
    )
  })

  test('is data: defaults filled in, row apart from the options', () => {
    const row = (value: { id: string }) => value
    const definition = postgres({ ...base, row })
    expect(definition).toMatchObject({ kind: 'postgres', id: 'sql', row })
    expect(definition.options).toEqual({
      ...base,
      schema: 'public',
      indexes: {},
      unknownFields: 'ignore',
      positionColumns: {
        src: '_src',
        epoch: '_epoch',
        offset: '_offset',
        index: '_index',
        ts: '_ts',
        version: '_version',
      },
    })
  })

  test.each<[string, object, RegExp]>([
    ['of no column', { by_x: ['nowhere'] }, /indexes\.by_x: "nowhere" is no column/],
    ['of json', { by_j: ['doc'] }, /indexes\.by_j: "doc" cannot be indexed, being json/],
    ['of nothing', { by_n: [] }, /indexes\.by_n: name one column at least/],
  ])('an index %s is refused', (_, indexes, said) => {
    const columns = { ...base.columns, doc: 'json' }
    expect(() => postgres({ ...base, columns, indexes: indexes as Record<string, string[]> })).toThrow(said)
  })

  test.each([
    ['text', 'text', 'text'],
    ['VARCHAR( 10 )', 'varchar(10)', 'character varying(10)'],
    ['numeric(10,2)[]', 'numeric(10,2)[]', 'numeric(10,2)[]'],
    ['numeric(5)', 'numeric(5,0)', 'numeric(5,0)'],
    ['double  precision', 'double precision', 'double precision'],
    ['timestamptz not null', 'timestamptz', 'timestamp with time zone'],
  ])('type %s is %s in SQL and %s live', (text, sql, live) => {
    const type = parseColumnType(text)!
    expect([sqlType(type), liveType(type)]).toEqual([sql, live])
  })

  test.each([
    '',
    'int',
    'text(3)',
    'numeric(2,3)',
    'numeric(1001)',
    'varchar(0)',
    'text[][]',
    'toString',
    'text; drop',
  ])('there is no type "%s"', (text) => expect(parseColumnType(text)).toBeUndefined())
})

describe('DDL', () => {
  const definition = postgres({ ...base, schema: 'my "own"', key: ['id'] })

  test('D12: the same statements for the same definition, each of them additive', () => {
    expect(ddl(definition, 'log')).toEqual(ddl(definition, 'log'))
    for (const statement of ddl(definition, 'log'))
      expect(statement).toMatch(/^CREATE (?:SCHEMA|TABLE) IF NOT EXISTS|^ALTER TABLE [^;]*ADD COLUMN IF NOT EXISTS/)
    expect(ddl(definition, 'log').join()).not.toMatch(/drop|truncate/i)
  })

  test('positions on keyed and append tables, the version only where it orders', () => {
    const table = (order: 'log' | 'version', key?: string[]) =>
      ddl(postgres({ ...base, ...(key ? { key } : {}) }), order).find((text) => text.includes('"quakes"'))!
    for (const text of [table('log'), table('log', ['id'])]) {
      for (const column of ['"_src" text COLLATE "C"', '"_epoch" bigint', '"_offset" bigint', '"_index" integer'])
        expect(text).toContain(`${column} NOT NULL`)
      expect(text).not.toContain('_version')
    }
    expect(table('version')).toContain('"_version" text COLLATE "C" NOT NULL')
    expect(table('log', ['id'])).toContain('PRIMARY KEY ("id")')
  })

  test('names are quoted', () => {
    expect(ddl(definition, 'log').at(-1)).toContain('ALTER TABLE "my ""own"""."quakes"')
  })

  test('migrate: one transaction under the lock; a failure rolls back and is passed on', async () => {
    const ran: string[] = []
    const client = {
      query: (text: string) => {
        ran.push(text)
        return text === 'bad' ? Promise.reject(new Error('bad statement')) : Promise.resolve()
      },
    }
    await expect(migrate(client, ['good', 'bad', 'never'])).rejects.toThrow('bad statement')
    expect(ran).toEqual([
      'BEGIN',
      expect.stringContaining('lock_timeout'),
      expect.any(String),
      expect.stringContaining('pg_advisory_xact_lock'),
      'good',
      'bad',
      'ROLLBACK',
    ])
  })
})

describe('D8: the live table against the definition', () => {
  const layout = layoutOf(postgres({ ...base, key: ['id'] }).options, 'log')
  const fitting: LiveTable = {
    own: true,
    kind: 'r',
    columns: layout.all.map(({ name, type }) => ({
      name,
      type: liveType(type),
      notNull: type.notNull,
      filled: false,
      generated: false,
    })),
    unique: [['id']],
  }
  const more = { name: 'more', type: 'text', notNull: false, filled: false, generated: false }

  test.each<[string, Partial<LiveTable>]>([
    ['as it is', {}],
    ['with a nullable column more', { columns: [...fitting.columns, more] }],
    ['with a filled column more', { columns: [...fitting.columns, { ...more, notNull: true, filled: true }] }],
    ['partitioned', { kind: 'p' }],
  ])('fits %s', (_, change) => expect(liveFault({ ...fitting, ...change }, layout, 't')).toBeUndefined())

  test.each<[string, Partial<LiveTable>]>([
    ['weirhouse.watermark', { own: false }],
    ['is not there', { kind: null }],
    ['no table', { kind: 'v' }],
    ['no column "_src"', { columns: [] }],
    ['"more"', { columns: [...fitting.columns, { ...more, notNull: true }] }],
    ['generated', { columns: fitting.columns.map((each) => ({ ...each, generated: true })) }],
    ['unique index', { unique: [['id', 'n']] }],
  ])('halts, naming %s', (reason, change) =>
    expect(liveFault({ ...fitting, ...change }, layout, 't')?.reason).toContain(reason),
  )
})
