/** Reads from the catalog what a migration is planned by. */
import type { Deadline } from '../../core/ports.ts'
import { differencesOf, readLive } from './check.ts'
import { layoutOf } from './layout.ts'
import { IAM_ROLE, rolesOf } from './plan.ts'
import type { LiveDatabase, PlannedTable, WantedSink } from './plan.ts'
import { OWN_SCHEMA } from './rights.ts'
import type { Session } from './session.ts'
import { tableName } from './sql.ts'

export async function readDatabase(
  session: Session,
  deadline: Deadline,
  sinks: readonly WantedSink[],
): Promise<LiveDatabase> {
  const schemas = [OWN_SCHEMA, ...sinks.map(({ sink }) => sink.options.schema)]
  const names = [...new Set(['watermark', 'refused', 'deleted', ...sinks.map(({ sink }) => sink.options.table)])]
  const [row] = await session.query<{ live: Omit<LiveDatabase, 'tables'> }>(deadline, DATABASE_SQL, [
    schemas,
    names,
    rolesOf(sinks),
    OWN_SCHEMA,
    IAM_ROLE,
  ])
  const tables = new Map<string, PlannedTable>()
  for (const wanted of sinks) {
    const name = tableName(wanted.sink.options)
    if (!tables.has(name)) tables.set(name, await readTable(session, deadline, wanted))
  }
  return { ...row!.live, tables }
}

async function readTable(
  session: Session,
  deadline: Deadline,
  { sink, order, deletes }: WantedSink,
): Promise<PlannedTable> {
  const layout = layoutOf(sink.options, order, deletes)
  const live = await readLive(session, deadline, sink.options, layout)
  const differences = live.kind === null ? [] : differencesOf(live, layout, tableName(sink.options))
  // Only where it matters: a table may be large, and its reading be forbidden.
  const rows = differences.some((each) => each.kind === 'no column' && each.column.type.notNull)
    ? `EXISTS (SELECT FROM ${tableName(sink.options)})`
    : 'false'
  const [row] = await session.query<Pick<PlannedTable, 'rows' | 'primaryKey' | 'indexes'>>(
    deadline,
    `SELECT ${rows} AS rows, (
  SELECT conname FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'p'
) AS "primaryKey", coalesce((
  SELECT jsonb_object_agg(c.relname, (
    SELECT jsonb_agg(coalesce(a.attname, '') ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k (attnum, n)
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
    WHERE k.n <= i.indnkeyatts))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = to_regclass($1)
), '{}') AS indexes`,
    [tableName(sink.options)],
  )
  return { ...live, ...row! }
}

/** $1 schemas, $2 tables, $3 roles, $4 our own schema, $5 the role of IAM. One row, one JSON object: LiveDatabase without tables. */
const DATABASE_SQL = `WITH acl (grantee, "on", path, privilege) AS (
  SELECT a.grantee, 'database', '[]'::jsonb, a.privilege_type
  FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = current_database()
  UNION ALL
  SELECT a.grantee, 'schema', jsonb_build_array(n.nspname), a.privilege_type
  FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = ANY ($1)
  UNION ALL
  SELECT a.grantee, 'table', jsonb_build_array(n.nspname, c.relname), a.privilege_type
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
  WHERE n.nspname = ANY ($1) AND c.relname = ANY ($2)
)
SELECT jsonb_build_object(
  'name', current_database(),
  'schemas', coalesce((SELECT jsonb_agg(nspname) FROM pg_namespace WHERE nspname = ANY ($1)), '[]'),
  'own', coalesce((
    SELECT jsonb_agg(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $4 AND c.relname IN ('watermark', 'refused', 'deleted', 'deleted_age')), '[]') || coalesce((
    SELECT '["watermark.rewind"]'::jsonb FROM pg_attribute
    WHERE attrelid = to_regclass('weirhouse.watermark') AND attname = 'rewind' AND NOT attisdropped), '[]'),
  'roles', coalesce((SELECT jsonb_agg(rolname) FROM pg_roles WHERE rolname = ANY ($3)), '[]'),
  'iamRoles', coalesce((
    SELECT jsonb_agg(r.rolname) FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.member JOIN pg_roles g ON g.oid = m.roleid
    WHERE g.rolname = $5 AND r.rolname = ANY ($3)), '[]'),
  'grants', coalesce((
    SELECT jsonb_agg(jsonb_build_object('role', r.rolname, 'on', acl."on", 'path', acl.path, 'privilege', acl.privilege))
    FROM acl JOIN pg_roles r ON r.oid = acl.grantee WHERE r.rolname = ANY ($3)), '[]')
) AS live`
