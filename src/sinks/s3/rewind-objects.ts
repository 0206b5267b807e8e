/** The requests that only a rewind makes of a bucket: list keys, overwrite, delete. */
import type { S3 } from '../../aws/index.ts'
import { isFault } from '../../aws/index.ts'
import { elementOf, unescapeXml } from '../../aws/xml.ts'
import type { Deadline } from '../../core/ports.ts'
import { metadataOf } from './objects.ts'
import type { NewObject } from './objects.ts'

/** Every key under the folder, a page at a time, in the listing's order. */
export async function* listKeys(s3: S3, bucket: string, folder: string, deadline: Deadline): AsyncIterable<string[]> {
  let token: string | undefined
  do {
    const query = { 'list-type': '2', prefix: folder, ...(token === undefined ? {} : { 'continuation-token': token }) }
    const { body } = await s3.request({ operation: 'ListObjectsV2', method: 'GET', bucket, query, deadline })
    const xml = body.toString()
    yield [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => unescapeXml(match[1]!))
    token = elementOf(xml, 'NextContinuationToken')
  } while (token !== undefined)
}

/** Whatever stands there. */
export async function overwrite(s3: S3, bucket: string, object: NewObject, deadline: Deadline): Promise<void> {
  const { key, body, contentType } = object
  const headers = { 'content-type': contentType, ...metadataOf(object) }
  await s3.request({ operation: 'PutObject', method: 'PUT', bucket, key, headers, body, deadline })
}

export async function remove(s3: S3, bucket: string, key: string, deadline: Deadline): Promise<void> {
  try {
    await s3.request({ operation: 'DeleteObject', method: 'DELETE', bucket, key, deadline })
  } catch (error) {
    if (!isFault(error, 404)) throw error // gone already, which some servers say so
  }
}
