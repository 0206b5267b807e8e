/** Signature Version 4 in the query: a URL that stands for a request until it expires. */
import { createHmac } from 'node:crypto'
import type { Credentials } from './credentials.ts'
import { encodeQuery } from './encode.ts'
import { amzDate, deriveKey, sha256Hex } from './sigv4.ts'
import type { SigningScope } from './sigv4.ts'

export interface Presignable extends SigningScope {
  /** With the port, where it is none of HTTPS. */
  readonly host: string
  /** Encoded as it goes over the wire. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly expiresSeconds: number
  /** Hexadecimal SHA-256 of the body, or UNSIGNED-PAYLOAD; not given: of no body. */
  readonly payloadHash?: string
}

/** `https://host/path?query`, for a GET whose only signed header is the host. The query is canonical: sent as it is signed. */
export function presign(request: Presignable, credentials: Credentials, now: number): string {
  const { service, region, host, path, query, expiresSeconds, payloadHash = sha256Hex('') } = request
  const time = amzDate(now)
  const day = time.slice(0, 8)
  const scope = `${day}/${region}/${service}/aws4_request`
  const signed = encodeQuery({
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
    ...(credentials.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': credentials.sessionToken }),
  })
  const canonical = `GET\n${path}\n${signed}\nhost:${host}\n\nhost\n${payloadHash}`
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256Hex(canonical)}`
  const key = deriveKey(credentials.secretAccessKey, day, region, service)
  const signature = createHmac('sha256', key).update(text).digest('hex')
  return `https://${host}${path}?${signed}&X-Amz-Signature=${signature}`
}
