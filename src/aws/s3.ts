import { crc32 } from 'node:zlib'
import type { Deadline } from '../core/ports.ts'
import type { AwsResponse } from './attempt.ts'
import type { AwsClient } from './client.ts'
import { encodeKey } from './encode.ts'

export interface S3Request {
  /** For messages: `PutObject`, `HeadObject`, `ListObjectsV2`. */
  readonly operation: string
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly bucket: string
  /** As it is, not encoded. Not given: the bucket itself, as for a listing. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  /** Lower-case names, such as `if-none-match`, `content-type`, `x-amz-meta-...` (ASCII values). */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
  readonly deadline: Deadline
  /** See AwsRequest. @default true */
  readonly idempotent?: boolean
}

export interface S3 {
  /** Resolves with an answer of 2xx, else throws AwsFault: 404 `NoSuchKey` (`NotFound` from HEAD), 412 `PreconditionFailed`. */
  request(request: S3Request): Promise<AwsResponse>
}

/**
 * Bodies go with their SHA-256 (signed) and CRC32 (kept by S3 and returned).
 * @param pathStyle `endpoint/bucket/key` always: for servers of one's own. Else `bucket.endpoint/key`, but for names with
 *   dots, which no wildcard certificate covers.
 */
export function s3(client: AwsClient, pathStyle: boolean): S3 {
  return {
    request({ bucket, key, headers, body, ...rest }) {
      const inPath = pathStyle || bucket.includes('.')
      const object = key === undefined ? '' : `/${encodeKey(key)}`
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      return client.request({
        ...rest,
        path: inPath ? `/${bucket}${object}` : object || '/',
        ...(inPath ? {} : { hostPrefix: `${bucket}.` }),
        headers: bytes === undefined ? { ...headers } : { ...headers, 'x-amz-checksum-crc32': crc32Base64(bytes) },
        ...(bytes === undefined ? {} : { body: bytes }),
      })
    },
  }
}

/** CRC32 as `x-amz-checksum-crc32` has it: four bytes, big-endian, base64. */
export function crc32Base64(body: Buffer): string {
  const sum = Buffer.allocUnsafe(4)
  sum.writeUInt32BE(crc32(body))
  return sum.toString('base64')
}
