/** S3 in memory, one atomic step at a time: what the shipped requests ask of a bucket. */
import { AwsFault } from '../../src/aws/fault.ts'
import type { S3 } from '../../src/aws/s3.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import type { Outcome } from './delivery-types.ts'

export interface StoredObject {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export type Bucket = Readonly<Record<string, StoredObject>>

export interface S3Plain {
  readonly operation: string
  readonly method: string
  readonly key: string | undefined
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

interface Heard {
  readonly status: number
  readonly name?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The client, its requests sent through the port. One bucket. */
export function s3Over(port: Port): S3 {
  return {
    async request({ operation, method, key, query = {}, headers = {}, body = '' }) {
      const request: S3Plain = { operation, method, key, query, headers, body: Buffer.from(body) }
      const { status, name, headers: said, body: bytes } = (await port(request)) as Heard
      if (name === undefined) return { status, headers: said, body: bytes }
      throw new AwsFault({ service: 's3', operation, name, status, message: name })
    },
  }
}

export const brokenS3: Heard = { status: 0, name: 'ECONNRESET', headers: {}, body: Buffer.alloc(0) }

/** The undisturbed one first. */
export function* s3Outcomes(bucket: Bucket, request: S3Plain): Iterable<Outcome<Bucket>> {
  const { method, operation, key } = request
  const label = `${operation} ${key ?? request.query.prefix}`
  if (method === 'GET' && key === undefined) {
    yield { label, store: bucket, answer: page(bucket, request, Infinity) }
    if (request.query['max-keys'] === undefined)
      yield { label: `${label} by a short page`, store: bucket, answer: page(bucket, request, 1) }
  } else {
    const { after, heard } = ofKey(bucket, request, key!)
    yield { label, store: after, answer: heard }
    if (after !== bucket) {
      yield { label: `${label}, its answer lost, sent again`, store: after }
      yield { label: `${label}, its answer lost for good`, store: after, answer: brokenS3, fault: true }
    }
  }
  yield { label: `${label} fails`, store: bucket, answer: brokenS3, fault: true }
}

const heard = (status: number, more: Partial<Heard> = {}): Heard => ({
  status,
  headers: {},
  body: Buffer.alloc(0),
  ...more,
})

function ofKey(
  bucket: Bucket,
  { method, headers, body }: S3Plain,
  key: string,
): { readonly after: Bucket; readonly heard: Heard } {
  const found = bucket[key]
  if (method === 'PUT') {
    if (found && headers['if-none-match'] === '*')
      return { after: bucket, heard: heard(412, { name: 'PreconditionFailed' }) }
    return { after: { ...bucket, [key]: { headers, body } }, heard: heard(200) }
  }
  if (method === 'DELETE') {
    const { [key]: _, ...after } = bucket
    return { after: found ? after : bucket, heard: heard(204) }
  }
  if (!found) return { after: bucket, heard: heard(404, { name: method === 'HEAD' ? 'NotFound' : 'NoSuchKey' }) }
  return {
    after: bucket,
    heard: heard(200, { headers: found.headers, ...(method === 'GET' ? { body: found.body } : {}) }),
  }
}

/** Keys in the order of their bytes; with a delimiter, folders in place of what they hold. */
function page(bucket: Bucket, { query }: S3Plain, most: number): Heard {
  const { prefix = '', delimiter, 'start-after': after, 'continuation-token': token } = query
  const size = Math.min(most, Number(query['max-keys'] ?? 1_000))
  const from = token ?? after
  const names = Object.keys(bucket)
    .filter((key) => key.startsWith(prefix) && (from === undefined || key > from))
    .toSorted()
  const folderOf = (key: string) => {
    const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length)
    return end < 0 ? undefined : key.slice(0, end + 1)
  }
  const shown = names.slice(0, size)
  const folders = new Set(shown.map(folderOf).filter((folder) => folder !== undefined))
  const keys = shown.filter((key) => folderOf(key) === undefined)
  const xml = [
    ...keys.map((key) => `<Contents><Key>${key}</Key></Contents>`),
    ...[...folders].map((folder) => `<CommonPrefixes><Prefix>${folder}</Prefix></CommonPrefixes>`),
    ...(shown.length < names.length ? [`<NextContinuationToken>${shown.at(-1)}</NextContinuationToken>`] : []),
  ]
  return heard(200, { body: Buffer.from(xml.join('')) })
}
