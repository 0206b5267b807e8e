/**
 * Rewinds an S3 sink. Objects from the target on are overwritten by void markers and deleted only at the end: where a key is
 * taken, a PUT that is still on its way from before the rewind finds it so (`If-None-Match: *`) and does nothing.
 */
import type { AwsClients, S3 } from '../../aws/index.ts'
import { storeError } from '../../aws/index.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import type { Source } from '../../core/record.ts'
import { parseShape } from '../../core/shape.ts'
import type { LedgerItem, LedgerStore } from '../ledger.ts'
import { changeLedger, ledgerStandings } from '../rewind.ts'
import type { RewindTarget, Stale } from '../rewind.ts'
import { s3Binding } from './binding.ts'
import type { AnyCodec } from './codec.ts'
import { codecOf } from './format.ts'
import { dataPrefix, parseKey } from './keys.ts'
import type { ParsedKey } from './keys.ts'
import { s3Objects } from './objects.ts'
import type { NewObject, ObjectStore } from './objects.ts'
import type { S3Options } from './options.ts'
import { listKeys, overwrite, remove } from './rewind-objects.ts'

export interface S3RewindContext {
  readonly pipeline: string
  readonly options: S3Options
  readonly binding: Readonly<Record<string, unknown>>
  readonly ledger: LedgerStore
  readonly clients: Pick<AwsClients, 's3'>
}

interface Bucket {
  readonly pipeline: string
  readonly sink: string
  readonly options: S3Options
  readonly name: string
  readonly prefix: string
  readonly s3: S3
  readonly objects: ObjectStore
}

interface Found extends ParsedKey {
  readonly key: string
}

/** Objects looked at and overwritten at once. */
const CONCURRENCY = 16

/** Throws WEIR_DEFINITION_INVALID for a binding that is none. */
export function openRewind({ pipeline, options, binding, ledger, clients }: S3RewindContext): RewindTarget {
  const { bucket: name, prefix } = parseShape(s3Binding, binding, `Binding of sink "${options.id}"`)
  const bucket: Bucket = {
    pipeline,
    sink: options.id,
    options,
    name,
    prefix,
    s3: clients.s3,
    objects: s3Objects(clients.s3, name),
  }
  const named = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw storeError(error, options.id)
    }
  }
  return {
    keyed: false,
    read: ledgerStandings(ledger, bucket),
    align: (source, target, start, deadline) => named(align(bucket, source, target, start, deadline)),
    change: changeLedger(ledger, bucket, (source, item, deadline) =>
      named(voidPending(bucket, source, item, deadline)),
    ),
    remove: (stale, deadline) => named(eachStale(bucket, stale, deadline, voidOne)),
    sweep: (stale, deadline) => named(eachStale(bucket, stale, deadline, deleteOne)),
    close: () => Promise.resolve(),
  }
}

function folderOf({ prefix, pipeline, sink }: Bucket, { topic }: Source): string {
  return dataPrefix(prefix, pipeline, sink, topic)
}

/** A page of the listing at a time. */
async function* keysOf(bucket: Bucket, source: Source, deadline: Deadline): AsyncIterable<Found[]> {
  const folder = folderOf(bucket, source)
  for await (const keys of listKeys(bucket.s3, bucket.name, folder, deadline))
    yield keys.flatMap((key) => {
      const parsed = parseKey(folder, key)
      return parsed?.partition === source.partition ? [{ ...parsed, key }] : []
    })
}

/**
 * An object across the target goes whole, if the log still has all of it; else it stays whole, and so does every one across the
 * target that this makes. Objects of several outputs need not begin together, so that one can lead to the next.
 */
async function align(
  bucket: Bucket,
  source: Source,
  target: number,
  start: number,
  deadline: Deadline,
): Promise<number> {
  let aligned = target
  let upwards = false
  for (;;) {
    const across = await objectsAcross(bucket, source, aligned, deadline)
    if (across.length === 0) return aligned
    const head = Math.min(...across.map(({ first }) => first))
    upwards ||= head < start
    aligned = upwards ? Math.max(...across.map(({ last }) => last)) + 1 : head
  }
}

/** Those with rows. */
async function objectsAcross(bucket: Bucket, source: Source, target: number, deadline: Deadline): Promise<Found[]> {
  const across: Found[] = []
  for await (const page of keysOf(bucket, source, deadline))
    for (const found of page) {
      if (found.first >= target || found.last < target) continue
      const object = await bucket.objects.head(found.key, deadline)
      if (object !== 'absent' && (object === 'foreign' || !object.void)) across.push(found)
    }
  return across
}

/** No zombie can finish a claim whose keys are taken. It may be there already: then `remove` finds it. */
async function voidPending(bucket: Bucket, source: Source, { pending }: LedgerItem, deadline: Deadline): Promise<void> {
  for (const key of pending?.keys ?? []) {
    const parsed = parseKey(folderOf(bucket, source), key)
    if (parsed) await bucket.objects.put(await marker(bucket, { ...parsed, key }), deadline)
  }
}

/** Of the format that the key names, which may not be the definition's any more. */
async function marker({ pipeline, sink, options }: Bucket, found: Found): Promise<NewObject> {
  const { key, first, last, epoch, format, compress } = found
  const codec = format === 'parquet' ? await parquetOf(options) : codecOf({ ...options, format, compress })
  const mark = { pipeline, sink, epoch, first, last, void: true, checksum: '' }
  return { key, mark, records: 0, rows: 0, body: await codec.object([]), contentType: codec.contentType }
}

async function parquetOf(options: S3Options): Promise<AnyCodec> {
  const { parquet } = await import('./parquet.ts')
  const columns = options.columns ?? { value: 'text' } // a file needs one, and this one has no rows
  return parquet.open({ ...options, columns, format: 'parquet' })
}

/** The object's mark; undefined where it is gone. */
async function ownMark(bucket: Bucket, key: string, deadline: Deadline) {
  const object = await bucket.objects.head(key, deadline)
  if (object === 'absent') return undefined
  if (object === 'foreign' || object.pipeline !== bucket.pipeline || object.sink !== bucket.sink)
    throw new WeirError('WEIR_FOREIGN_OBJECT', { key: `s3://${bucket.name}/${key}` })
  return object
}

async function voidOne(bucket: Bucket, found: Found, deadline: Deadline): Promise<boolean> {
  const object = await ownMark(bucket, found.key, deadline)
  if (!object || object.void) return false
  await overwrite(bucket.s3, bucket.name, await marker(bucket, found), deadline)
  return true
}

async function deleteOne(bucket: Bucket, { key }: Found, deadline: Deadline): Promise<boolean> {
  const object = await ownMark(bucket, key, deadline)
  if (!object?.void) return false
  await remove(bucket.s3, bucket.name, key, deadline)
  return true
}

async function eachStale(
  bucket: Bucket,
  stale: readonly Stale[],
  deadline: Deadline,
  work: (bucket: Bucket, found: Found, deadline: Deadline) => Promise<boolean>,
): Promise<number> {
  let count = 0
  for (const { source, target, epoch } of stale)
    for await (const page of keysOf(bucket, source, deadline)) {
      const gone = page.filter((found) => found.first >= target && found.epoch < epoch)
      await forEachBounded(gone, CONCURRENCY, async (found) => {
        if (await work(bucket, found, deadline)) count++
      })
    }
  return count
}
