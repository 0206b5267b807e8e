/** Reads the objects of an S3 sink with the AWS SDK: lists the prefix, gets each object, takes its rows apart. */
import type { S3Client } from '@aws-sdk/client-s3'
import { optionalModule } from '../../config/optional-module.ts'
import { messageOf } from '../../core/errors.ts'
import type { SourceRecord } from '../../core/record.ts'
import type { Partition, PartitionValue, S3Definition } from '../../sinks/s3/index.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { AskedRecord, AuditorContext, SinkAuditor } from './auditor.ts'
import { digestOf } from './entries.ts'
import { createObjectMerge } from './objects.ts'
import type { ObjectContent, ObjectMerge, ObjectRef, Task } from './objects.ts'
import { decompressed, formats } from './s3-formats.ts'
import type { Sorter } from './sorter.ts'

/** Objects under way at once: enough to hide the latency, few enough to hold in memory. */
const GETS_AT_ONCE = 8
/** Digests of one object's rows that are held; no invocation writes as many. */
const MAX_ROWS = 1_000_000

type S3Module = typeof import('@aws-sdk/client-s3')

interface Store {
  readonly sdk: S3Module
  readonly client: S3Client
  readonly bucket: string
  /** What the key of every object of this sink and topic begins with. */
  readonly folder: string
}

/** Lists every object first: what the log asks for later is not looked for. */
export async function openS3Auditor(context: AuditorContext, signal: AbortSignal): Promise<SinkAuditor> {
  const { pipeline, sink, target, targetPipeline, scratch } = context
  const name = `the audit of sink "${sink.id}"`
  const sdk = await optionalModule('@aws-sdk/client-s3', name, () => import('@aws-sdk/client-s3'))
  const client = new sdk.S3Client({ ...clientConfig(target.s3), forcePathStyle: true })
  const definition = sink as S3Definition
  const { prefix, date } = definition.options
  const folder = `${[prefix, pipeline.name, sink.id, pipeline.source.topic].filter(Boolean).join('/')}/`
  const store: Store = { sdk, client, bucket: targetPipeline.bucket ?? '', folder }
  const refs = scratch.sorter()
  await listObjects(store, context, refs, signal)
  const dated = (time: number) => (date ? `date=${dayOf(time)}/` : '')
  // partition(...) names a folder for each row by itself
  const folderOf = definition.partition ? () => undefined : dated
  const merge = createObjectMerge({ ...context, folderOf }, refsIn(refs))
  return {
    records: (records) => merge.records(records.map((record) => digested(definition, record))),
    holes: (holes) => merge.holes(holes),
    async upTo(partition, offset) {
      await judgeAll(store, context, merge.upTo(partition, offset), signal)
      merge.settle()
    },
    async finish() {
      await judgeAll(store, context, merge.upTo(Infinity, 0), signal)
      merge.settle()
    },
    close: async () => client.destroy(),
  }
}

type MergeRecord = Parameters<ObjectMerge['records']>[0][number]

function digested({ options, partition }: S3Definition, { record, rows, dead }: AskedRecord): MergeRecord {
  const format = formats[options.format]!
  const { offset, timestamp } = record
  const due = rows.map(({ value }) => ({
    name: nameOf(format.expected(value, record, options)),
    folder: partition && folderOfRow(partition, value, record),
  }))
  const kept = format.perRecord
    ? due.filter((each, i) => due.findIndex(({ folder }) => folder === each.folder) === i)
    : due
  const base = { offset, timestamp, dead, rows: kept.map(({ name }) => name) }
  return partition ? { ...base, folders: kept.map(({ folder }) => folder!) } : base
}

/** Where partition(...) throws, the record has a dead letter, or is missing: no folder is the one that this gives. */
function folderOfRow(partition: Partition, value: unknown, record: SourceRecord): string {
  try {
    return folderFor(partition(value as never, record))
  } catch (error) {
    return `: ${messageOf(error)}`
  }
}

const ESCAPED = new Set('"#%\'*/:=?\\{[]^\u007f')

/** As Hive names folders: `a=b/`, some characters as their code, and a word where there is no value. */
export function folderFor(values: Readonly<Record<string, PartitionValue>>): string {
  const escape = (char: string) =>
    char < ' ' || ESCAPED.has(char) ? `%${Buffer.from(char).toString('hex').toUpperCase()}` : char
  return Object.entries(values)
    .map(
      ([name, value]) => `${name}=${Array.from(String(value ?? ''), escape).join('') || '__HIVE_DEFAULT_PARTITION__'}/`,
    )
    .join('')
}

function nameOf(text: string): string {
  return digestOf(text).toString('latin1')
}

async function judgeAll(
  store: Store,
  context: AuditorContext,
  tasks: readonly Task[],
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < tasks.length; at += GETS_AT_ONCE) {
    const some = tasks.slice(at, at + GETS_AT_ONCE)
    const contents = await Promise.all(some.map((task) => contentOf(store, context, task, signal)))
    some.forEach(({ judge }, i) => judge(contents[i]!))
  }
}

/** A void marker is an empty object: it has no rows, and those of its range stand in another. */
async function contentOf(
  { sdk, client, bucket }: Store,
  context: AuditorContext,
  { ref: { key }, countOnly }: Task,
  signal: AbortSignal,
): Promise<ObjectContent> {
  const input = { Bucket: bucket, Key: key }
  const options = { abortSignal: signal }
  if (countOnly) {
    const { Metadata } = await client
      .send(new sdk.HeadObjectCommand(input), options)
      .catch(asRequestError('S3', 'HeadObject'))
    return { rows: [], count: Number(Metadata?.['weir-rows'] ?? 0), foreign: foreign(context, Metadata) }
  }
  const { Body, Metadata } = await client
    .send(new sdk.GetObjectCommand(input), options)
    .catch(asRequestError('S3', 'GetObject'))
  const [, format = '', suffix] = /\.([a-z0-9-]+)(?:\.(gz|zst))?$/.exec(key)!
  const rows: (string | undefined)[] = []
  try {
    for await (const row of formats[format]!.rows(decompressed(Body as AsyncIterable<Uint8Array>, suffix))) {
      rows.push(row === undefined ? undefined : nameOf(row))
      if (rows.length > MAX_ROWS)
        return { rows, foreign: `holds more than ${MAX_ROWS} rows, which no invocation writes` }
    }
  } catch (error) {
    // cut off in the middle, or no such bytes at all; another failure is the request's
    if (!isDamaged(error)) return asRequestError('S3', 'GetObject')(error)
    rows.push(undefined)
  }
  return { rows, foreign: foreign(context, Metadata) }
}

/** zlib names its faults `Z_DATA_ERROR`, `Z_BUF_ERROR`, `ZSTD_error_...`. */
function isDamaged(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(?:Z_|ZSTD_|ERR_ZSTD)/.test(String(error.code))
}

/** What another tool wrote has no metadata, and is judged by its rows. */
function foreign({ pipeline, sink }: AuditorContext, metadata: Record<string, string> | undefined): string | undefined {
  const [from, by] = [metadata?.['weir-pipeline'], metadata?.['weir-sink']]
  if (from === undefined || by === undefined || (from === pipeline.name && by === sink.id)) return undefined
  return `says that sink "${by}" of pipeline "${from}" wrote it`
}

/** `a=b/` as often as it likes, partition, first offset, last, epoch, generation, format, compression. */
const NAME =
  /^((?:[^/=]+=[^/]*\/)*)(\d{6,10})-(\d{16})-(\d{1,16})(?:\.e([1-9]\d*))?(?:~([1-9]\d*))?\.([a-z0-9-]+)(?:\.(?:gz|zst))?$/

function refOf(folder: string, key: string): ObjectRef | undefined {
  const match = NAME.exec(key.slice(folder.length))
  if (!match) return undefined
  const [, inner = '', partition, first, last, epoch, , format] = match
  const ref = {
    key,
    folder: inner,
    partition: Number(partition),
    first: Number(first),
    last: Number(last),
    epoch: Number(epoch ?? 0),
  }
  const known = Object.hasOwn(formats, format!) && ref.partition <= 0xffff_ffff
  return known && ref.last >= ref.first && Number.isSafeInteger(ref.last) ? ref : undefined
}

async function listObjects(
  { sdk, client, bucket, folder }: Store,
  { tally, onProgress }: AuditorContext,
  into: Sorter,
  signal: AbortSignal,
): Promise<void> {
  let token: string | undefined
  do {
    const page = await client
      .send(new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: folder, ContinuationToken: token }), {
        abortSignal: signal,
      })
      .catch(asRequestError('S3', 'ListObjectsV2'))
    for (const { Key } of page.Contents ?? []) {
      const ref = refOf(folder, Key!)
      if (!ref) tally.fault('foreign', Key!, 'is no object of this sink')
      else into.add(entryOf(ref))
    }
    onProgress('listing objects', `${into.size} objects`)
    token = page.NextContinuationToken
  } while (token !== undefined)
}

/** Sorted by these bytes, objects come in the order of the log. */
function entryOf({ partition, first, last, ...rest }: ObjectRef): Buffer {
  const range = Buffer.alloc(20)
  range.writeUInt32BE(partition)
  range.writeBigUInt64BE(BigInt(first), 4)
  range.writeBigUInt64BE(BigInt(last), 12)
  return Buffer.concat([range, Buffer.from(JSON.stringify(rest))])
}

function* refsIn(sorter: Sorter): Generator<ObjectRef> {
  for (const entry of sorter.sorted())
    yield {
      partition: entry.readUInt32BE(0),
      first: Number(entry.readBigUInt64BE(4)),
      last: Number(entry.readBigUInt64BE(12)),
      ...(JSON.parse(entry.toString('utf8', 20)) as Pick<ObjectRef, 'key' | 'folder' | 'epoch'>),
    }
}

const YEAR_10000 = Date.parse('+010000-01-01T00:00:00Z')

/** Where the producer gave no timestamp, or none between 1970 and 9999: the name of Hive for "no value". */
export function dayOf(timestamp: number): string {
  if (timestamp < 0 || timestamp >= YEAR_10000) return '__HIVE_DEFAULT_PARTITION__'
  return new Date(timestamp).toISOString().replace(/T.*/, '')
}
