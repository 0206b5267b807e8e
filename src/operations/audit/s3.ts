/** Reads the objects of an S3 sink with the AWS SDK: lists the prefix, gets each object, takes its lines apart. */
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import type { S3Client } from '@aws-sdk/client-s3'
import { optionalModule } from '../../config/optional-module.ts'
import { dataPrefix, parseKey } from '../../sinks/s3/index.ts'
import type { ParsedKey, S3Options } from '../../sinks/s3/index.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { canonical, parseExact } from './canonical.ts'
import type { StoredObject } from './objects.ts'
import { createObjectComparer } from './objects.ts'

/** Objects under way at once: enough to hide the latency, few enough to hold in memory. */
const GETS_AT_ONCE = 8

type S3Module = typeof import('@aws-sdk/client-s3')

export function openS3Auditor(context: AuditorContext): SinkAuditor {
  const { sink, log, tally } = context
  const { date } = sink.options as S3Options
  const comparer = createObjectComparer(log, tally, date)
  return {
    record: (record) => comparer.record(record),
    expect: ({ record, index, value }) => comparer.expect(record, index, asJson(value)),
    async compare(signal) {
      const sdk = await optionalModule(
        '@aws-sdk/client-s3',
        `the audit of sink "${sink.id}"`,
        () => import('@aws-sdk/client-s3'),
      )
      const client = new sdk.S3Client({ ...clientConfig(context.target.s3), forcePathStyle: true })
      try {
        const stray = (key: string) => tally.fault('different', key, 'is no object of this sink')
        for await (const object of objects(sdk, client, context, stray, signal)) comparer.observe(object)
        comparer.finish()
      } finally {
        client.destroy()
      }
    },
  }
}

/** As the row would come back from JSON; a row that JSON refuses has a dead letter, or will be missing. */
function asJson(value: unknown): string {
  const text = JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) as
    | string
    | undefined
  return text === undefined ? 'undefined' : canonical(parseExact(text))
}

async function* objects(
  sdk: S3Module,
  client: S3Client,
  { pipeline, sink, targetPipeline }: AuditorContext,
  stray: (key: string) => void,
  signal: AbortSignal,
): AsyncGenerator<StoredObject> {
  const { prefix } = sink.options as S3Options
  const bucket = targetPipeline.bucket ?? ''
  const folder = dataPrefix(prefix, pipeline.name, sink.id, pipeline.source.topic)
  for await (const keys of pages(sdk, client, bucket, folder, signal)) {
    const parsed = keys.map((key) => ({ key, parts: parseKey(folder, key) }))
    for (const { key, parts } of parsed) if (!parts) stray(key)
    const known = parsed.flatMap(({ key, parts }) => (parts ? [{ key, parts }] : []))
    for (let at = 0; at < known.length; at += GETS_AT_ONCE)
      yield* await Promise.all(
        known.slice(at, at + GETS_AT_ONCE).map(async ({ key, parts }) => {
          const lines = await linesOf(sdk, client, { bucket, key, parts }, signal)
          return { key, partition: parts.partition, first: parts.first, last: parts.last, date: parts.date, lines }
        }),
      )
  }
}

async function* pages(
  { ListObjectsV2Command }: S3Module,
  client: S3Client,
  bucket: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  let token: string | undefined
  do {
    const page = await client
      .send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token }), {
        abortSignal: signal,
      })
      .catch(asRequestError('S3', 'ListObjectsV2'))
    yield (page.Contents ?? []).map(({ Key }) => Key!)
    token = page.NextContinuationToken
  } while (token !== undefined)
}

interface ObjectPlace {
  readonly bucket: string
  readonly key: string
  readonly parts: ParsedKey
}

/** A void marker is an empty object: it has no lines, and the rows of its range stand in another. */
async function linesOf(
  { GetObjectCommand }: S3Module,
  client: S3Client,
  { bucket, key, parts }: ObjectPlace,
  signal: AbortSignal,
): Promise<(string | undefined)[]> {
  const object = await client
    .send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal })
    .catch(asRequestError('S3', 'GetObject'))
  const bytes = Buffer.from((await object.Body?.transformToByteArray()) ?? [])
  return parseLines(await decompressed(bytes, parts.compress))
}

const inflate = { gzip: promisify(gunzip), zstd: promisify(zstdDecompress), none: (bytes: Buffer) => bytes }

/** Undefined where the bytes are not what the key's suffix says. */
async function decompressed(bytes: Buffer, how: ParsedKey['compress']): Promise<string | undefined> {
  try {
    return (await inflate[how](bytes)).toString('utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined
    throw error
  }
}

/** Canonical rows; undefined for a line that is no JSON, and one such line for an object that does not decompress. */
export function parseLines(text: string | undefined): (string | undefined)[] {
  if (text === undefined) return [undefined]
  if (text === '') return []
  return text.replace(/\n$/, '').split('\n').map(canonicalLine)
}

function canonicalLine(line: string): string | undefined {
  try {
    return canonical(parseExact(line))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
