/**
 * AWS Signature Version 4 in the query (Amazon S3 API reference, "Authenticating Requests: Using Query Parameters"), for whoever
 * has no headers to send. Canonical request, text, scope and key are those of sigv4.ts, but:
 *
 *   query             = the request's own, X-Amz-Algorithm=AWS4-HMAC-SHA256, X-Amz-Credential=ID/scope, X-Amz-Date=...,
 *                       X-Amz-Expires=seconds, X-Amz-Security-Token=..., X-Amz-SignedHeaders=host: encoded, ordered
 *   canonical headers = host alone
 *   sent              = the query with X-Amz-Signature=hex(HMAC(key, text)), ordered
 */
import type { Credentials } from './credentials.ts'
import { encodeQuery } from './encode.ts'
import { amzDate, deriveKey, scopeOf, sha256Hex, signatureOf } from './sigv4.ts'
import type { SigningScope } from './sigv4.ts'

export interface Presignable {
  readonly method: string
  /** Encoded as it goes over the wire. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** With the port where it is not the scheme's own. */
  readonly host: string
  readonly expiresSeconds: number
  /** Of an empty body where not given. */
  readonly payloadHash?: string
}

/** The query to send. Who has it can send it until it expires: never log it. */
export function presign(
  { service, region }: SigningScope,
  request: Presignable,
  credentials: Credentials,
  now: number,
): string {
  const { method, path, host, expiresSeconds, payloadHash = sha256Hex('') } = request
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const time = amzDate(now)
  const day = time.slice(0, 8)
  const scope = scopeOf(day, region, service)
  const query = {
    ...request.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    ...(sessionToken === undefined ? {} : { 'X-Amz-Security-Token': sessionToken }),
    'X-Amz-SignedHeaders': 'host',
  }
  const signed = { method, path, query: encodeQuery(query), payloadHash }
  const key = deriveKey(secretAccessKey, day, region, service)
  return encodeQuery({
    ...query,
    'X-Amz-Signature': signatureOf(signed, `host:${host}\n\nhost`, time, scope, key),
  })
}
