/** The three requests that the S3 sink makes of a bucket: HEAD, conditional PUT, LIST. */
import type { S3 } from '../../aws/index.ts'
import { forEachBounded } from '../../aws/bounded.ts'
import { isFault } from '../../aws/index.ts'
import { elementOf, unescapeXml } from '../../aws/xml.ts'
import type { Deadline } from '../../core/ports.ts'
import { partitionPrefix } from './keys.ts'
import type { ObjectMark } from './protocol.ts'

export interface NewObject {
  readonly key: string
  readonly mark: ObjectMark
  readonly records: number
  readonly rows: number
  readonly body: Buffer
  readonly contentType: string
}

export interface ObjectStore {
  /** What the object says of itself; 'foreign' where its metadata are not ours. */
  head(key: string, deadline: Deadline): Promise<ObjectMark | 'absent' | 'foreign'>
  /**
   * Writes it where no object has the key. Created: false when one has, be it by an earlier sending of this very request
   * whose answer got lost. Other failures throw, and it may then be there or not.
   */
  put(object: NewObject, deadline: Deadline): Promise<{ readonly created: boolean }>
  /** Whether any object of the partition is under the folder, in whatever output partition. */
  holdsAny(folder: string, partition: number, deadline: Deadline): Promise<boolean>
}

const META = 'x-amz-meta-weir-'

export function s3Objects(s3: S3, bucket: string): ObjectStore {
  return {
    head: async (key, deadline) => {
      try {
        const { headers } = await s3.request({ operation: 'HeadObject', method: 'HEAD', bucket, key, deadline })
        return markFrom(headers) ?? 'foreign'
      } catch (error) {
        if (isFault(error, 404)) return 'absent'
        throw error
      }
    },
    put: async (object, deadline) => {
      const { key, body } = object
      try {
        const headers = { 'if-none-match': '*', 'content-type': object.contentType, ...metadataOf(object) }
        await s3.request({ operation: 'PutObject', method: 'PUT', bucket, key, headers, body, deadline })
        return { created: true }
      } catch (error) {
        if (isFault(error, 412)) return { created: false }
        throw error
      }
    },
    holdsAny: async (folder, partition, deadline) => {
      const name = partitionPrefix(partition)
      let folders = [folder]
      while (folders.length > 0) {
        if (await anyHolds(s3, bucket, deadline, folders, name)) return true
        folders = await foldersIn(s3, bucket, deadline, folders)
      }
      return false
    },
  }
}

/** Once in a source's life, for each folder that there is: a new partition of an old topic asks some hundred times. */
const LISTS_IN_FLIGHT = 8

async function anyHolds(
  s3: S3,
  bucket: string,
  deadline: Deadline,
  folders: readonly string[],
  name: string,
): Promise<boolean> {
  for (let i = 0; i < folders.length; i += LISTS_IN_FLIGHT) {
    const some = folders.slice(i, i + LISTS_IN_FLIGHT)
    const pages = some.map((folder) => page(s3, bucket, deadline, { prefix: folder + name, 'max-keys': '1' }))
    if ((await Promise.all(pages)).some(({ holdsKeys }) => holdsKeys)) return true
  }
  return false
}

/** The folders of output partitions within: `name=value/`, with a letter first. Names of objects have a digit: passed over. */
async function foldersIn(s3: S3, bucket: string, deadline: Deadline, folders: readonly string[]): Promise<string[]> {
  const found: string[] = []
  await forEachBounded(folders, LISTS_IN_FLIGHT, async (folder) => {
    let token: string | undefined
    do {
      const more: Record<string, string> =
        token === undefined ? { 'start-after': `${folder}:` } : { 'continuation-token': token }
      const { folders: inner, next } = await page(s3, bucket, deadline, { prefix: folder, delimiter: '/', ...more })
      found.push(...inner)
      token = next
    } while (token !== undefined)
  })
  return found
}

interface Page {
  readonly holdsKeys: boolean
  readonly folders: string[]
  readonly next: string | undefined
}

async function page(
  s3: S3,
  bucket: string,
  deadline: Deadline,
  query: Readonly<Record<string, string>>,
): Promise<Page> {
  const { body } = await s3.request({
    operation: 'ListObjectsV2',
    method: 'GET',
    bucket,
    query: { 'list-type': '2', ...query },
    deadline,
  })
  const xml = body.toString()
  const folders = [...xml.matchAll(/<CommonPrefixes><Prefix>([^<]*)<\/Prefix>/g)].map((match) => unescapeXml(match[1]!))
  return { holdsKeys: xml.includes('<Contents>'), folders, next: elementOf(xml, 'NextContinuationToken') }
}

/** All ASCII: names are checked by the definition, the rest are numbers and a hexadecimal sum. */
export function metadataOf({ mark, records, rows }: NewObject): Record<string, string> {
  const values: Record<string, string | number> = {
    pipeline: mark.pipeline,
    sink: mark.sink,
    epoch: mark.epoch,
    first: mark.first,
    last: mark.last,
    ...(mark.void ? { void: 'true' } : { checksum: mark.checksum, records, rows }),
  }
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [META + name, String(value)]))
}

function markFrom(headers: Readonly<Record<string, string | string[] | undefined>>): ObjectMark | undefined {
  const text = (name: string) => headers[META + name]
  const number = (name: string) => (/^\d{1,16}$/.test(String(text(name))) ? Number(text(name)) : undefined)
  const pipeline = text('pipeline')
  const sink = text('sink')
  const epoch = number('epoch')
  const first = number('first')
  const last = number('last')
  if (typeof pipeline !== 'string' || typeof sink !== 'string') return undefined
  if (epoch === undefined || first === undefined || last === undefined) return undefined
  return { pipeline, sink, epoch, first, last, void: text('void') === 'true', checksum: String(text('checksum') ?? '') }
}
