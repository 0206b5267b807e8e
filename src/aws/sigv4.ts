/**
 * AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"):
 *
 *   canonical request = METHOD \n path \n query \n (name:value \n)* \n name;name;... \n SHA-256(body)
 *   text to sign      = AWS4-HMAC-SHA256 \n YYYYMMDDTHHMMSSZ \n scope \n SHA-256(canonical request)
 *   scope             = YYYYMMDD/region/service/aws4_request
 *   key               = HMAC(HMAC(HMAC(HMAC("AWS4" + secret, YYYYMMDD), region), service), "aws4_request")
 *   Authorization     = AWS4-HMAC-SHA256 Credential=ID/scope, SignedHeaders=..., Signature=hex(HMAC(key, text))
 */
import { createHmac, createSecretKey, hash } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { Credentials } from './credentials.ts'

export interface SigningScope {
  readonly service: string
  readonly region: string
}

export interface Signable {
  readonly method: string
  /** Encoded as it goes over the wire. */
  readonly path: string
  /** Canonical: see encodeQuery. */
  readonly query: string
  /** Lower-case names; `host` among them. All of them are signed. */
  readonly headers: Readonly<Record<string, string>>
  /** Hexadecimal SHA-256 of the body. */
  readonly payloadHash: string
}

export interface Signer {
  /** The headers to send: those given, `x-amz-date`, the session token where there is one, and `authorization`. */
  sign(request: Signable, credentials: Credentials, now: number): Record<string, string>
}

export function sha256Hex(body: Buffer | string): string {
  return hash('sha256', body, 'hex')
}

/** A signer for one service and region. It keeps the derived key of the last day and secret: four HMACs saved a request. */
export function createSigner({ service, region }: SigningScope): Signer {
  let derived: { readonly day: string; readonly secret: string; readonly key: KeyObject } | undefined
  return {
    sign(request, credentials, now) {
      const time = amzDate(now)
      const day = time.slice(0, 8)
      if (derived?.day !== day || derived.secret !== credentials.secretAccessKey)
        derived = {
          day,
          secret: credentials.secretAccessKey,
          key: deriveKey(credentials.secretAccessKey, day, region, service),
        }
      const headers: Record<string, string> = { ...request.headers, 'x-amz-date': time }
      if (credentials.sessionToken !== undefined) headers['x-amz-security-token'] = credentials.sessionToken
      const names = Object.keys(headers).sort()
      const signed = names.join(';')
      const scope = scopeOf(day, region, service)
      const canonical = `${canonicalHeaders(names, headers)}\n${signed}`
      const signature = signatureOf(request, canonical, time, scope, derived.key)
      headers.authorization = `AWS4-HMAC-SHA256 Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`
      return headers
    },
  }
}

export function scopeOf(day: string, region: string, service: string): string {
  return `${day}/${region}/${service}/aws4_request`
}

/** @param headers canonical, an empty line, and their names */
export function signatureOf(
  { method, path, query, payloadHash }: Pick<Signable, 'method' | 'path' | 'query' | 'payloadHash'>,
  headers: string,
  time: string,
  scope: string,
  key: KeyObject,
): string {
  const canonical = `${method}\n${path}\n${query}\n${headers}\n${payloadHash}`
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256Hex(canonical)}`
  return createHmac('sha256', key).update(text).digest('hex')
}

function canonicalHeaders(names: readonly string[], headers: Readonly<Record<string, string>>): string {
  let text = ''
  for (const name of names) text += `${name}:${headers[name]!.trim().replaceAll(/ {2,}/g, ' ')}\n`
  return text
}

export function deriveKey(secret: string, day: string, region: string, service: string): KeyObject {
  let key: Buffer = Buffer.from(`AWS4${secret}`)
  for (const part of [day, region, service, 'aws4_request']) key = createHmac('sha256', key).update(part).digest()
  return createSecretKey(key)
}

/** 2015-08-30T12:36:00.000Z -> 20150830T123600Z */
export function amzDate(now: number): string {
  return `${new Date(now).toISOString().replaceAll(/[-:]/g, '').slice(0, 15)}Z`
}
