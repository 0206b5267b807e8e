/** What the stores of a rewind's world hold, and what a rewound sink's effects are in each. */
import { numberOf, textOf } from '../../src/aws/attribute.ts'
import type { SourceRecord } from '../../src/core/record.ts'
import type { Effect, Outcome, StoreModel } from './delivery-types.ts'
import { placeIn } from './delivery-promises.ts'
import type { Tables } from './dynamo-store.ts'
import { dynamoModel, LETTERS } from './dynamodb-world.ts'
import { emptyContents } from './postgres-contents.ts'
import type { Database } from './postgres-store.ts'
import { storesModel as postgresStores } from './postgres-world.ts'
import { emptyOther, otherOutcomes } from './rewind-other.ts'
import type { OtherRequest, OtherStore } from './rewind-other.ts'
import type { SinkKind } from './rewind-sinks.ts'
import { s3Outcomes } from './s3-store.ts'
import type { Bucket, S3Plain } from './s3-store.ts'

export interface Stores {
  readonly tables: Tables
  readonly database: Database
  readonly bucket: Bucket
  readonly other: OtherStore
}

export function storesModel(kind: SinkKind, records: readonly SourceRecord[]): StoreModel<Stores> {
  const dynamo = dynamoModel()
  const database = postgresStores(kind === 'postgres')
  const inPostgres = kind === 'postgres' || kind === 'postgres append'
  return {
    initial: { tables: {}, database: { ...emptyContents, open: {} }, bucket: {}, other: emptyOther },
    keyed: kind === 'postgres' || kind === 'dynamodb',
    local: (request) => dynamo.local(request),
    outcomes: (stores, process, request, flight) => {
      const asked = request as object
      if ('other' in asked) return within(stores, 'other', otherOutcomes(stores.other, asked as OtherRequest, records))
      if ('method' in asked) return within(stores, 'bucket', s3Outcomes(stores.bucket, asked as S3Plain))
      if ('statement' in asked) return ofDatabase(stores, database.outcomes(stores, process, request, flight))
      return within(stores, 'tables', dynamo.outcomes(stores.tables, process, request, flight))
    },
    crashed: (stores, process) => withDatabaseOf(stores, database.crashed(stores, process)),
    *own(stores) {
      for (const { label, store } of database.own(stores)) yield { label, store: withDatabaseOf(stores, store) }
    },
    effects: (stores) =>
      inPostgres ? database.effects(stores) : kind === 's3' ? effectsIn(stores.bucket) : dynamo.effects(stores.tables),
    letters: ({ tables, database: { outbox } }) => {
      const open = Object.values(tables[LETTERS] ?? {}).filter((item) => textOf(item, 'state') !== 'superseded')
      const offsets = [...open.map((item) => numberOf(item, 'offset')), ...Object.values(outbox).map((row) => row[6])]
      return new Set(offsets.map((offset) => `0/${offset}`))
    },
    watermark: (stores, source) =>
      inPostgres ? database.watermark(stores, source) : dynamo.watermark(stores.tables, source),
    rewatermark: () => undefined,
  }
}

/** Of the database alone, and the tables beside it. */
function withDatabaseOf(stores: Stores, { database, tables }: Pick<Stores, 'database' | 'tables'>): Stores {
  const isSame = database === stores.database && tables === stores.tables
  return isSame ? stores : { ...stores, database, tables }
}

function* within<Part extends keyof Stores>(
  stores: Stores,
  part: Part,
  outcomes: Iterable<Outcome<Stores[Part]>>,
): Iterable<Outcome<Stores>> {
  for (const outcome of outcomes)
    yield { ...outcome, store: outcome.store === stores[part] ? stores : { ...stores, [part]: outcome.store } }
}

function* ofDatabase(
  stores: Stores,
  outcomes: Iterable<Outcome<Pick<Stores, 'database' | 'tables'>>>,
): Iterable<Outcome<Stores>> {
  for (const outcome of outcomes) yield { ...outcome, store: withDatabaseOf(stores, outcome.store) }
}

/** One a line of each object; void markers have none. */
function effectsIn(bucket: Bucket): Effect[] {
  return Object.values(bucket).flatMap(({ headers, body }) => {
    const epoch = Number(headers['x-amz-meta-weir-epoch'])
    const rows = body.length === 0 ? [] : body.toString().trimEnd().split('\n')
    return rows.map((row): Effect => {
      const { id, n } = JSON.parse(row) as { readonly id: string; readonly n: string }
      const [source, offset] = n.split('/').map(Number) as [number, number]
      return { key: id, position: placeIn({ source, offset, timestamp: offset, key: id, kind: 'good' }, epoch) }
    })
  })
}
