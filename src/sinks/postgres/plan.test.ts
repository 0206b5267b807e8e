import { describe, expect, test } from 'vitest'
import { ddl, postgres } from './index.ts'
import { layoutOf } from './layout.ts'
import { planMigration } from './plan.ts'
import type { LiveDatabase, PlannedTable } from './plan.ts'
import { grantsOf, readerRightsOf, rightsOf } from './rights.ts'
import type { Right } from './rights.ts'
import { READER_ROLE } from './role.ts'
import { liveType } from './types.ts'

const base = { id: 'sql', table: 'quakes', columns: { id: 'text', n: 'integer', note: 'text' }, key: ['id'] }
const sink = postgres(base)
const role = 'weirhouse_quakes'
const empty: LiveDatabase = {
  name: 'my db',
  schemas: ['public'],
  own: [],
  roles: [],
  iamRoles: [],
  grants: [],
  tables: new Map(),
}
const table: PlannedTable = {
  own: true,
  kind: 'r',
  columns: layoutOf(sink.options, 'log').all.map(({ name, type }) => ({
    name,
    type: liveType(type),
    notNull: type.notNull,
    filled: false,
    generated: false,
  })),
  unique: [['id']],
  rows: false,
  primaryKey: 'quakes_pkey',
  indexes: { quakes_pkey: ['id'] },
}
const held = (name: string, rights: readonly Right[]) =>
  rights.flatMap(({ on, path, privileges }) => privileges.map((privilege) => ({ role: name, on, path, privilege })))
const fitting: LiveDatabase = {
  ...empty,
  schemas: ['public', 'weirhouse'],
  own: ['watermark', 'refused', 'watermark.rewind'],
  roles: [role, READER_ROLE],
  iamRoles: [role, READER_ROLE],
  grants: [...held(role, rightsOf(sink.options)), ...held(READER_ROLE, readerRightsOf(sink.options))],
  tables: new Map([['"public"."quakes"', table]]),
}
const withTable = (change: Partial<PlannedTable>): LiveDatabase => ({
  ...fitting,
  tables: new Map([['"public"."quakes"', { ...table, ...change }]]),
})
const without = (...names: string[]) => table.columns.filter(({ name }) => !names.includes(name))

test('an empty database gets all that ddl(...) has, and each role its grants', () => {
  const { statements, held } = planMigration([{ sink, order: 'log', role }], empty)
  expect(held).toEqual([])
  expect(statements).toEqual([
    ...ddl(sink, 'log').filter((each) => !each.startsWith('ALTER')),
    'CREATE ROLE "weirhouse_quakes" LOGIN',
    'GRANT rds_iam TO "weirhouse_quakes"',
    'CREATE ROLE "reader_of_weirhouse" LOGIN',
    'GRANT rds_iam TO "reader_of_weirhouse"',
    'GRANT CONNECT, TEMPORARY ON DATABASE "my db" TO "weirhouse_quakes"',
    'GRANT USAGE ON SCHEMA "weirhouse" TO "weirhouse_quakes"',
    'GRANT SELECT, INSERT, UPDATE ON TABLE "weirhouse"."watermark" TO "weirhouse_quakes"',
    'GRANT SELECT, INSERT, DELETE ON TABLE "weirhouse"."refused" TO "weirhouse_quakes"',
    'GRANT USAGE ON SCHEMA "public" TO "weirhouse_quakes"',
    'GRANT SELECT, INSERT, UPDATE ON TABLE "public"."quakes" TO "weirhouse_quakes"',
    'GRANT CONNECT ON DATABASE "my db" TO "reader_of_weirhouse"',
    'GRANT USAGE ON SCHEMA "weirhouse" TO "reader_of_weirhouse"',
    'GRANT SELECT ON TABLE "weirhouse"."watermark" TO "reader_of_weirhouse"',
    'GRANT USAGE ON SCHEMA "public" TO "reader_of_weirhouse"',
    'GRANT SELECT ON TABLE "public"."quakes" TO "reader_of_weirhouse"',
  ])
})

test('indexes: with the table, or where they are missing; one on other columns is held back', () => {
  const indexed = postgres({ ...base, indexes: { by_n: ['n', 'note'] } })
  const create = 'CREATE INDEX IF NOT EXISTS "by_n" ON "public"."quakes" ("n", "note")'
  const plan = (live: LiveDatabase) => planMigration([{ sink: indexed, order: 'log', role }], live)
  expect(ddl(indexed, 'log').at(-1)).toBe(create)
  expect(plan(empty).statements).toContain(create)
  expect(plan(fitting)).toEqual({ statements: [create], held: [] })
  expect(plan(withTable({ indexes: { by_n: ['n', 'note'] } }))).toEqual({ statements: [], held: [] })
  expect(plan(withTable({ indexes: { by_n: ['note'] } })).held).toEqual([
    {
      reason: 'index "by_n" of public.quakes is on (note), the definition says (n, note)',
      statements: ['DROP INDEX "public"."by_n"', create],
    },
  ])
})

test('no roles where none are wanted', () => {
  const { statements } = planMigration([{ sink, order: 'log', role: undefined }], empty)
  expect(statements.join()).not.toMatch(/GRANT|ROLE/)
})

test('one that fits gets nothing', () => {
  expect(planMigration([{ sink, order: 'log', role }], fitting)).toEqual({ statements: [], held: [] })
  expect(planMigration([], empty)).toEqual({ statements: [], held: [] })
})

test('a watermark table from before rewinds gains its column', () => {
  const live = { ...fitting, own: ['watermark', 'refused'] }
  expect(planMigration([{ sink, order: 'log', role }], live)).toEqual({
    statements: ['ALTER TABLE weirhouse.watermark ADD COLUMN IF NOT EXISTS rewind jsonb'],
    held: [],
  })
})

test('what several sinks need is there once; each has its own table, role and grants', () => {
  const other = postgres({ ...base, table: 'others', schema: 'my "own"' })
  const wanted = [
    { sink, order: 'log', role } as const,
    { sink: other, order: 'version', role: 'weirhouse_others' } as const,
  ]
  const { statements } = planMigration(wanted, empty)
  expect(new Set(statements).size).toBe(statements.length)
  expect(statements.filter((each) => each.startsWith('CREATE SCHEMA'))).toHaveLength(2)
  expect(statements.filter((each) => each.startsWith('CREATE ROLE'))).toHaveLength(3)
  expect(statements).toContain('GRANT USAGE ON SCHEMA "my ""own""" TO "weirhouse_others"')
  expect(statements.find((each) => each.includes('"others"'))).toContain('"_version" text COLLATE "C" NOT NULL')
})

describe('what adding mends', () => {
  const plan = (live: LiveDatabase) => planMigration([{ sink, order: 'log', role }], live)

  test.each<[string, LiveDatabase, string[]]>([
    [
      'a column',
      withTable({ columns: without('note') }),
      ['ALTER TABLE "public"."quakes"\n  ADD COLUMN IF NOT EXISTS "note" text'],
    ],
    [
      'position columns of a table without rows',
      withTable({ columns: without('_src', '_ts') }),
      [
        'ALTER TABLE "public"."quakes"\n  ADD COLUMN IF NOT EXISTS "_src" text COLLATE "C" NOT NULL,\n  ADD COLUMN IF NOT EXISTS "_ts" bigint NOT NULL',
      ],
    ],
    ['a login by IAM', { ...fitting, iamRoles: [READER_ROLE] }, ['GRANT rds_iam TO "weirhouse_quakes"']],
    [
      'the role of people',
      { ...fitting, roles: [role], iamRoles: [role], grants: held(role, rightsOf(sink.options)) },
      [
        'CREATE ROLE "reader_of_weirhouse" LOGIN',
        'GRANT rds_iam TO "reader_of_weirhouse"',
        'GRANT CONNECT ON DATABASE "my db" TO "reader_of_weirhouse"',
        'GRANT USAGE ON SCHEMA "weirhouse" TO "reader_of_weirhouse"',
        'GRANT SELECT ON TABLE "weirhouse"."watermark" TO "reader_of_weirhouse"',
        'GRANT USAGE ON SCHEMA "public" TO "reader_of_weirhouse"',
        'GRANT SELECT ON TABLE "public"."quakes" TO "reader_of_weirhouse"',
      ],
    ],
    [
      'some privileges of one grant',
      { ...fitting, grants: fitting.grants.filter(({ privilege }) => privilege !== 'INSERT') },
      ['watermark', 'refused', 'quakes'].map(
        (name) =>
          `GRANT INSERT ON TABLE "${name === 'quakes' ? 'public' : 'weirhouse'}"."${name}" TO "weirhouse_quakes"`,
      ),
    ],
  ])('%s', (_, live, statements) => expect(plan(live)).toEqual({ statements, held: [] }))
})

describe('what adding does not mend is held back, with the statements of a person', () => {
  const change = (name: string, to: object) =>
    table.columns.map((each) => (each.name === name ? { ...each, ...to } : each))
  const more = { name: 'more', type: 'text', notNull: true, filled: false, generated: false }
  const alter = 'ALTER TABLE "public"."quakes"'

  test.each<[string, Partial<PlannedTable>, string[]]>([
    [
      'is bigint',
      { columns: change('n', { type: 'bigint' }) },
      [`${alter} ALTER COLUMN "n" TYPE integer USING "n"::integer`],
    ],
    [
      '"_src"',
      { columns: change('_src', { type: 'bigint' }) },
      [`${alter} ALTER COLUMN "_src" TYPE text COLLATE "C" USING "_src"::text`],
    ],
    [
      '"id" of public.quakes may be null',
      { columns: change('id', { notNull: false }) },
      [`${alter} ALTER COLUMN "id" SET NOT NULL`],
    ],
    [
      'generated',
      { columns: change('n', { generated: true }) },
      [`${alter} ALTER COLUMN "n" DROP IDENTITY IF EXISTS, ALTER COLUMN "n" DROP EXPRESSION IF EXISTS`],
    ],
    ['"more"', { columns: [...table.columns, more] }, [`${alter} ALTER COLUMN "more" DROP NOT NULL`]],
    [
      'unique index on exactly (id)',
      { unique: [['id', 'n']] },
      [`${alter} DROP CONSTRAINT "quakes_pkey"`, `${alter} ADD PRIMARY KEY ("id")`],
    ],
    ['unique index', { unique: [], primaryKey: null }, [`${alter} ADD PRIMARY KEY ("id")`]],
    [
      'no column "_ts"',
      { columns: without('_ts'), rows: true },
      [`${alter} ADD COLUMN "_ts" bigint`, `${alter} ALTER COLUMN "_ts" SET NOT NULL`],
    ],
    ['is no table', { kind: 'v' }, []],
  ])('%s', (reason, live, statements) => {
    const plan = planMigration([{ sink, order: 'log', role }], withTable(live))
    expect(plan.held).toHaveLength(1)
    expect(plan.held[0]!.reason).toContain(reason)
    expect(plan.held[0]!.statements).toEqual(statements)
  })

  test('another key: the column, then the constraint', () => {
    const wider = postgres({ ...base, columns: { ...base.columns, at: 'timestamptz' }, key: ['id', 'at'] })
    const { held, statements } = planMigration([{ sink: wider, order: 'log', role }], fitting)
    expect(held.flatMap((each) => each.statements)).toEqual([
      `${alter} ADD COLUMN "at" timestamptz`,
      `${alter} ALTER COLUMN "at" SET NOT NULL`,
      `${alter} DROP CONSTRAINT "quakes_pkey"`,
      `${alter} ADD PRIMARY KEY ("id", "at")`,
    ])
    expect(statements).toEqual([])
  })

  test('all of them are told, not the first alone', () => {
    const columns = change('n', { type: 'bigint' }).map((each) =>
      each.name === 'id' ? { ...each, notNull: false } : each,
    )
    expect(planMigration([{ sink, order: 'log', role }], withTable({ columns })).held).toHaveLength(2)
  })
})

test('the grants of the definition say the same in words', () => {
  expect(sink.grants).toEqual([
    { on: 'database', actions: ['CONNECT', 'TEMPORARY'] },
    { on: 'database', actions: ['USAGE ON SCHEMA weirhouse'] },
    { on: 'database', actions: ['SELECT, INSERT, UPDATE ON weirhouse.watermark'] },
    { on: 'database', actions: ['SELECT, INSERT, DELETE ON weirhouse.refused'] },
    { on: 'table', actions: ['USAGE ON SCHEMA public'] },
    { on: 'table', actions: ['SELECT, INSERT, UPDATE ON public.quakes'] },
  ])
  expect(grantsOf({ schema: 'weirhouse', table: 'x' }).every(({ on }) => on === 'database')).toBe(true)
})

test('where tombstones delete by key, the table that remembers them and its rights are added, to a database that fits otherwise', () => {
  const keyed = postgres({ id: 'sql', table: 'quakes', columns: { id: 'text' }, key: ['id'] })
  const wanted = { sink: keyed, order: 'log', role } as const
  const before = planMigration([wanted], empty).statements
  const after = planMigration([{ ...wanted, deletes: true }], empty).statements
  expect(after.filter((each) => !before.includes(each))).toEqual([
    expect.stringContaining('CREATE TABLE IF NOT EXISTS weirhouse.deleted ('),
    expect.stringContaining('CREATE INDEX IF NOT EXISTS deleted_age'),
    expect.stringContaining('SELECT, INSERT, UPDATE, DELETE ON TABLE "weirhouse"."deleted"'),
    expect.stringContaining('SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."quakes"'),
  ])
  expect(ddl(keyed, 'log', true).join()).toContain('weirhouse.deleted')
  const appending = postgres({ id: 'sql', table: 'quakes', columns: { id: 'text' } })
  expect(planMigration([{ ...wanted, sink: appending, deletes: true }], empty)).toEqual(
    planMigration([{ ...wanted, sink: appending }], empty),
  )
  expect(ddl(appending, 'log', true)).toEqual(ddl(appending, 'log'))
})
