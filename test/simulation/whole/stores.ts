/** The stores of the whole pipeline in memory, and every way in which each may take a request. */
import { AwsFault } from '../../../src/aws/fault.ts'
import type { NewObject, ObjectStore } from '../../../src/sinks/s3/objects.ts'
import type { ObjectMark } from '../../../src/sinks/s3/protocol.ts'
import type { Outcome } from '../delivery-types.ts'
import { dynamoOutcomes } from '../dynamo-store.ts'
import type { DynamoRequest, Keys, Tables } from '../dynamo-store.ts'
import type { PostgresRequest } from '../postgres-session.ts'
import { emptyContents, orphansOf, without } from '../postgres-store.ts'
import type { Database } from '../postgres-store.ts'
import { postgresOutcomes } from '../postgres-world.ts'

export const ITEMS = 'items'
export const LEDGER = 'ledger'
export const LETTERS = 'letters'
const keys: Keys = { [ITEMS]: ['id'], [LEDGER]: ['id'], [LETTERS]: ['pipeline', 'position'] }

export interface StoredObject {
  readonly mark: ObjectMark
  readonly body: Buffer
}

export interface Stores {
  readonly tables: Tables
  readonly database: Database
  readonly bucket: Readonly<Record<string, StoredObject>>
}

export const emptyStores: Stores = { tables: {}, database: { ...emptyContents, open: {} }, bucket: {} }

export type Part = 'dynamodb' | 'postgres' | 's3'

export type Ask =
  | { readonly part: 'dynamodb'; readonly request: DynamoRequest }
  | { readonly part: 'postgres'; readonly request: PostgresRequest }
  | { readonly part: 's3'; readonly request: ObjectRequest }

type ObjectRequest =
  | { readonly do: 'head'; readonly key: string }
  | { readonly do: 'put'; readonly object: NewObject }
  | { readonly do: 'list'; readonly prefix: string }

/** The undisturbed one first. None: the request waits for another process. */
export function outcomesOf(stores: Stores, process: number, ask: Ask, flight: unknown): Outcome<Stores>[] {
  if (ask.part === 's3') return [...objectOutcomes(stores, ask.request)]
  if (ask.part === 'postgres') {
    const found = postgresOutcomes({ database: stores.database, tables: {} }, process, ask.request, true)
    return Array.from(found, ({ store, ...more }) => ({ ...more, store: { ...stores, database: store.database } }))
  }
  const found = dynamoOutcomes(stores.tables, keys, ask.request, flight)
  return Array.from(found, ({ store, ...more }) => ({ ...more, store: { ...stores, tables: store } }))
}

const broken = { fault: { name: 'ECONNRESET', status: 0, message: 'the connection broke' } }

function* objectOutcomes(stores: Stores, request: ObjectRequest): Iterable<Outcome<Stores>> {
  const { bucket } = stores
  const label = `s3 ${request.do}`
  if (request.do === 'put') {
    const { key, mark, body } = request.object
    const created = !bucket[key]
    const after = created ? { ...stores, bucket: { ...bucket, [key]: { mark, body } } } : stores
    yield { label, store: after, answer: { created } }
    // The client sends again, and finds what it wrote itself.
    if (created) yield { label: `${label}, its answer lost, sent again`, store: after, answer: { created: false } }
    yield { label: `${label}, its answer lost for good`, store: after, answer: broken, fault: true }
  } else if (request.do === 'head') yield { label, store: stores, answer: bucket[request.key]?.mark ?? 'absent' }
  else yield { label, store: stores, answer: Object.keys(bucket).some((key) => key.startsWith(request.prefix)) }
  yield { label: `${label} fails`, store: stores, answer: broken, fault: true }
}

/** What a process hears of a store that is down. */
export function downAnswer(part: Part): unknown {
  return part === 'postgres' ? { lost: true } : broken
}

export function objectsOver(port: (request: ObjectRequest) => Promise<unknown>): ObjectStore {
  const ask = async <T>(operation: string, request: ObjectRequest): Promise<T> => {
    const answer = await port(request)
    if (typeof answer === 'object' && answer !== null && 'fault' in answer)
      throw new AwsFault({ service: 's3', operation, ...broken.fault })
    return answer as T
  }
  return {
    head: (key) => ask('HeadObject', { do: 'head', key }),
    put: (object) => ask('PutObject', { do: 'put', object }),
    holdsAny: (folder, partition) =>
      ask('ListObjectsV2', { do: 'list', prefix: `${folder}${String(partition).padStart(6, '0')}-` }),
  }
}

/** The connections of a process that is gone are rolled back; a COMMIT on its way may still come to pass. */
export function withoutProcess(stores: Stores, process: number): Stores {
  const gone = Object.keys(stores.database.open).filter((holder) => holder.startsWith(`${process}.`))
  return gone.length === 0 ? stores : { ...stores, database: gone.reduce(without, stores.database) }
}

export function ownSteps(stores: Stores): Stores[] {
  return Array.from(orphansOf(stores.database, true), ({ database }) => ({ ...stores, database }))
}
