/**
 * Causes of PostgreSQL's, made on the real server (D8): docs/faults.md says of each row of the table whether it is among
 * them. Statements only; the tests run them.
 */

/** A table that has something against the row with n = 7, and against no other. */
export interface Refusing {
  readonly code: string
  readonly what: string
  readonly sql: (table: string) => readonly string[]
}

const generated = (table: string, type: string, value: string, more = '') =>
  `ALTER TABLE "${table}" ADD COLUMN odd ${type} GENERATED ALWAYS AS (CASE WHEN n = 7 THEN ${value} END) STORED ${more}`

const trigger = (table: string, body: string, end = 'RETURN NEW;'): readonly string[] => [
  `CREATE FUNCTION "f${table}"() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE one text; BEGIN IF NEW.n = 7 THEN ${body} END IF; ${end} END $$`,
  `CREATE TRIGGER refuse BEFORE INSERT ON "${table}" FOR EACH ROW EXECUTE FUNCTION "f${table}"()`,
]

const raised = (code: string): Refusing => ({
  code,
  what: 'raised by a trigger under this code',
  sql: (table) => trigger(table, `RAISE EXCEPTION 'no sevens' USING ERRCODE = '${code}';`),
})

export const refusing: readonly Refusing[] = [
  {
    code: '21000',
    what: 'a subquery of a trigger gives two rows',
    sql: (table) => trigger(table, "NEW.note := (SELECT x FROM (VALUES ('a'), ('b')) AS v(x));"),
  },
  { code: '22001', what: 'text too long for its column', sql: (t) => [generated(t, 'varchar(3)', "'long'")] },
  { code: '22003', what: 'a number out of range', sql: (t) => [generated(t, 'integer', '2147483647 + n')] },
  { code: '22012', what: 'division by zero', sql: (t) => [generated(t, 'integer', '1 / (n - 7)')] },
  {
    code: '22P02',
    what: 'text that is no number',
    sql: (table) => trigger(table, "PERFORM ('x' || NEW.n)::integer;"),
  },
  {
    code: '23502',
    what: 'NOT NULL',
    sql: (t) => [
      `ALTER TABLE "${t}" ADD COLUMN odd integer GENERATED ALWAYS AS (NULLIF(n, 7)) STORED`,
      `ALTER TABLE "${t}" ALTER odd SET NOT NULL`,
    ],
  },
  {
    code: '23503',
    what: 'a foreign key',
    sql: (t) => [
      `CREATE TABLE "p${t}" (n integer PRIMARY KEY)`,
      `INSERT INTO "p${t}" SELECT n FROM generate_series(0, 30) AS s(n) WHERE n <> 7`,
      `ALTER TABLE "${t}" ADD FOREIGN KEY (n) REFERENCES "p${t}"`,
    ],
  },
  {
    code: '23505',
    what: 'a unique constraint checked only at COMMIT',
    sql: (t) => [
      `ALTER TABLE "${t}" ADD COLUMN odd integer GENERATED ALWAYS AS (CASE WHEN n IN (6, 7) THEN 1 ELSE n + 100 END) STORED`,
      `ALTER TABLE "${t}" ADD UNIQUE (odd) DEFERRABLE INITIALLY DEFERRED`,
    ],
  },
  { code: '23514', what: 'a check', sql: (t) => [`ALTER TABLE "${t}" ADD CHECK (n <> 7)`] },
  {
    code: '23P01',
    what: 'an exclusion constraint',
    sql: (t) => [`ALTER TABLE "${t}" ADD EXCLUDE USING btree ((CASE WHEN n IN (6, 7) THEN 1 ELSE n + 100 END) WITH =)`],
  },
  {
    code: '2F005',
    what: 'a trigger ends without RETURN',
    sql: (table) => trigger(table, 'one := 1;', 'IF NEW.n <> 7 THEN RETURN NEW; END IF;'),
  },
  {
    code: '44000',
    what: 'WITH CHECK OPTION of a view that a trigger fills',
    sql: (table) => [
      `CREATE TABLE "c${table}" (n integer)`,
      `CREATE VIEW "v${table}" AS SELECT n FROM "c${table}" WHERE n <> 7 WITH CHECK OPTION`,
      ...trigger(table, `INSERT INTO "v${table}" VALUES (NEW.n);`),
    ],
  },
  {
    code: '54000',
    what: 'a value too large for an index',
    sql: (table) => [
      `CREATE FUNCTION "l${table}"(n integer) RETURNS text IMMUTABLE LANGUAGE sql RETURN CASE WHEN n = 7 THEN (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 400) AS s(i)) END`,
      `CREATE INDEX ON "${table}" ("l${table}"(n))`,
    ],
  },
  {
    code: 'P0001',
    what: 'RAISE EXCEPTION in a trigger',
    sql: (table) => trigger(table, "RAISE EXCEPTION 'no sevens';"),
  },
  {
    code: 'P0002',
    what: 'SELECT INTO STRICT finds nothing',
    sql: (table) => trigger(table, "SELECT 'x' INTO STRICT one WHERE false;"),
  },
  ...['09000', '27000', '38000', '39P01', '40002', 'ZZ007'].map(raised),
]

/** Something under a warm writer that needs a person, and what the person does. */
export interface Halting {
  readonly code: string
  readonly what: string
  readonly sql: (table: string) => readonly string[]
  readonly cure: (table: string) => readonly string[]
}

export const halting: readonly Halting[] = [
  {
    code: '42P01',
    what: 'the table is gone',
    sql: (t) => [`ALTER TABLE "${t}" RENAME TO "x${t}"`],
    cure: (t) => [`ALTER TABLE "x${t}" RENAME TO "${t}"`],
  },
  {
    code: '42703',
    what: 'a column is gone',
    sql: (t) => [`ALTER TABLE "${t}" RENAME note TO memo`],
    cure: (t) => [`ALTER TABLE "${t}" RENAME memo TO note`],
  },
  {
    code: '42501',
    what: 'the right to insert was taken away',
    sql: (t) => [`REVOKE INSERT ON "${t}" FROM CURRENT_USER`],
    cure: (t) => [`GRANT INSERT ON "${t}" TO CURRENT_USER`],
  },
  {
    code: '0A000',
    what: 'a rule on a table that is written with ON CONFLICT',
    sql: (t) => [`CREATE RULE also AS ON INSERT TO "${t}" DO ALSO NOTIFY also`],
    cure: (t) => [`DROP RULE also ON "${t}"`],
  },
  {
    code: '55000',
    what: 'a trigger asks a sequence that nobody has begun',
    sql: (t) => [
      `CREATE SEQUENCE "s${t}"`,
      `CREATE FUNCTION "f${t}"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.note := currval('"s${t}"'); RETURN NEW; END $$`,
      `CREATE TRIGGER ask BEFORE INSERT ON "${t}" FOR EACH ROW EXECUTE FUNCTION "f${t}"()`,
    ],
    cure: (t) => [`DROP TRIGGER ask ON "${t}"`],
  },
]

/** Raised by a trigger, twice, since the server does not do so at will: what matters is that the transaction comes again. */
export const raisedTwice = [
  '08006',
  '25P03',
  '25P04',
  '26000',
  '40001',
  '53100',
  '53200',
  '55P03',
  '57014',
  '58030',
  'XX000',
] as const

/** Made by a test of its own in causes-postgres.test.ts: code, and how. */
export const passing = {
  '25006': 'the database became read-only, and writable again',
  '40P01': 'a deadlock with somebody who holds a row and wants the watermark',
  '53300': 'no connection is left, and then one is',
  '57P01': 'the server ends the connection in mid-transaction',
  ECONNREFUSED: 'nothing listens, and then something does',
} as const

/** Made by other tests on the real server. */
export const elsewhere: Readonly<Record<string, string>> = {
  '28P01': 'a wrong password (test/contract/postgres-delivery.test.ts)',
  '28000': 'no line in pg_hba.conf (test/contract/postgres-tls.test.ts)',
  '3D000': 'a database that is not there (test/contract/causes-postgres.test.ts)',
}
