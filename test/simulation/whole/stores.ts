/** The stores of the whole pipeline in memory, and every way in which each may take a request. */
import type { Outcome } from '../delivery-types.ts'
import { dynamoOutcomes } from '../dynamo-store.ts'
import type { DynamoRequest, Keys, Tables } from '../dynamo-store.ts'
import type { PostgresRequest } from '../postgres-session.ts'
import { emptyContents, orphansOf, without } from '../postgres-store.ts'
import type { Database } from '../postgres-store.ts'
import { postgresOutcomes } from '../postgres-world.ts'
import { brokenS3, s3Outcomes } from '../s3-store.ts'
import type { Bucket, S3Plain } from '../s3-store.ts'

export const ITEMS = 'items'
export const LEDGER = 'ledger'
export const LETTERS = 'letters'
const keys: Keys = { [ITEMS]: ['id'], [LEDGER]: ['id'], [LETTERS]: ['pipeline', 'position'] }

export interface Stores {
  readonly tables: Tables
  readonly database: Database
  readonly bucket: Bucket
}

export const emptyStores: Stores = { tables: {}, database: { ...emptyContents, open: {} }, bucket: {} }

export type Part = 'dynamodb' | 'postgres' | 's3'

export type Ask =
  | { readonly part: 'dynamodb'; readonly request: DynamoRequest }
  | { readonly part: 'postgres'; readonly request: PostgresRequest }
  | { readonly part: 's3'; readonly request: S3Plain }

/** The undisturbed one first. None: the request waits for another process. */
export function outcomesOf(
  stores: Stores,
  actor: number,
  ask: Ask,
  flight: unknown,
  keyed: boolean,
): Outcome<Stores>[] {
  if (ask.part === 's3')
    return Array.from(s3Outcomes(stores.bucket, ask.request), ({ store, ...more }) => ({
      ...more,
      store: store === stores.bucket ? stores : { ...stores, bucket: store },
    }))
  if (ask.part === 'postgres') {
    const found = postgresOutcomes({ database: stores.database, tables: {} }, actor, ask.request, keyed)
    return Array.from(found, ({ store, ...more }) => ({ ...more, store: { ...stores, database: store.database } }))
  }
  const found = dynamoOutcomes(stores.tables, keys, ask.request, flight)
  return Array.from(found, ({ store, ...more }) => ({ ...more, store: { ...stores, tables: store } }))
}

const broken = { fault: { name: 'ECONNRESET', status: 0, message: 'the connection broke' } }

/** What an actor hears of a store that is down. */
export function downAnswer(part: Part): unknown {
  return part === 'postgres' ? { lost: true } : part === 's3' ? brokenS3 : broken
}

/** The connections of an actor that is gone are rolled back; a COMMIT on its way may still come to pass. */
export function withoutActor(stores: Stores, actor: number): Stores {
  const gone = Object.keys(stores.database.open).filter((holder) => holder.startsWith(`${actor}.`))
  return gone.length === 0 ? stores : { ...stores, database: gone.reduce(without, stores.database) }
}

export function ownSteps(stores: Stores, keyed: boolean): Stores[] {
  return Array.from(orphansOf(stores.database, keyed), ({ database }) => ({ ...stores, database }))
}
