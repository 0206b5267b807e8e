import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Signer as RdsSigner } from '@aws-sdk/rds-signer'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { encodeKey, encodeQuery } from './encode.ts'
import { presign } from './presign.ts'
import { createSigner, sha256Hex } from './sigv4.ts'
import type { Signable } from './sigv4.ts'

const signatureOf = (headers: Record<string, string>) => headers.authorization?.split('Signature=')[1]

describe('the published test suite of Signature Version 4', () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
  const signer = createSigner({ service: 'service', region: 'us-east-1' })
  const now = Date.UTC(2015, 7, 30, 12, 36, 0)
  const base = { path: '/', query: '', headers: { host: 'example.amazonaws.com' }, payloadHash: sha256Hex('') }
  test.each<[string, Signable, string]>([
    ['get-vanilla', { ...base, method: 'GET' }, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['post-vanilla', { ...base, method: 'POST' }, '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'get-vanilla-query-order-key-case',
      { ...base, method: 'GET', query: encodeQuery({ Param2: 'value2', Param1: 'value1' }) },
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
  ])('%s', (_, request, signature) => {
    const headers = signer.sign(request, credentials, now)
    expect(headers['x-amz-date']).toBe('20150830T123600Z')
    expect(signatureOf(headers)).toBe(signature)
  })
})

describe('the examples of the Amazon S3 API reference', () => {
  const credentials = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  }
  const signer = createSigner({ service: 's3', region: 'us-east-1' })
  const now = Date.UTC(2013, 4, 24)
  const none = sha256Hex('')
  const body = sha256Hex('Welcome to Amazon S3.')
  const host = 'examplebucket.s3.amazonaws.com'
  test.each<[string, Signable, string]>([
    [
      'GET Object',
      {
        method: 'GET',
        path: '/test.txt',
        query: '',
        headers: { host, range: 'bytes=0-9', 'x-amz-content-sha256': none },
        payloadHash: none,
      },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT Object',
      {
        method: 'PUT',
        path: `/${encodeKey('test$file.text')}`,
        query: '',
        headers: {
          host,
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-content-sha256': body,
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        },
        payloadHash: body,
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'GET Bucket Lifecycle',
      {
        method: 'GET',
        path: '/',
        query: encodeQuery({ lifecycle: '' }),
        headers: { host, 'x-amz-content-sha256': none },
        payloadHash: none,
      },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'List Objects',
      {
        method: 'GET',
        path: '/',
        query: encodeQuery({ prefix: 'J', 'max-keys': '2' }),
        headers: { host, 'x-amz-content-sha256': none },
        payloadHash: none,
      },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s', (_, request, signature) => {
    expect(signatureOf(signer.sign(request, credentials, now))).toBe(signature)
  })
})

interface Captured {
  readonly method: string
  readonly path: string
  readonly query: Record<string, string>
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | undefined
}

/** Stands in for the network: keeps what the SDK would send. */
function capture(): { readonly seen: Captured[]; readonly handler: { handle(request: Captured): Promise<never> } } {
  const seen: Captured[] = []
  return {
    seen,
    handler: {
      handle: (request) => {
        seen.push(request)
        return Promise.reject(new Error('captured'))
      },
    },
  }
}

const sdkOptions = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a/token+==' },
  maxAttempts: 1,
}

/** Signs again what the SDK signed: same headers, same time. */
function signAgain(service: string, request: Captured): Record<string, string> {
  const { authorization, ...headers } = request.headers
  const names = /SignedHeaders=([^,]+)/.exec(authorization!)![1]!.split(';')
  const signed = Object.fromEntries(names.map((name) => [name, headers[name]!]))
  const time = headers['x-amz-date']!
  const now = Date.parse(time.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z'))
  const payloadHash = headers['x-amz-content-sha256'] ?? sha256Hex(Buffer.from(request.body ?? ''))
  return createSigner({ service, region: 'eu-west-1' }).sign(
    { method: request.method, path: request.path, query: encodeQuery(request.query), headers: signed, payloadHash },
    sdkOptions.credentials,
    now,
  )
}

describe('the SDK as oracle', () => {
  test('DynamoDB PutItem with a session token', async () => {
    const { seen, handler } = capture()
    const client = new DynamoDBClient({ ...sdkOptions, requestHandler: handler })
    await expect(client.send(new PutItemCommand({ TableName: 't', Item: { id: { S: 'é' } } }))).rejects.toThrow(
      'captured',
    )
    expect(signAgain('dynamodb', seen[0]!).authorization).toBe(seen[0]!.headers.authorization)
  })

  test.each([
    'plain.txt',
    'with space/and+plus',
    'tilde~equals=amp&',
    'unicode/é/日本/😀',
    "reserved!'()*/$:@,;?#[]%",
    'a//b/./../c',
  ])('S3 key %s', async (key) => {
    const { seen, handler } = capture()
    const client = new S3Client({ ...sdkOptions, forcePathStyle: true, requestHandler: handler })
    await expect(client.send(new PutObjectCommand({ Bucket: 'bucket', Key: key, Body: 'x' }))).rejects.toThrow(
      'captured',
    )
    await expect(client.send(new GetObjectCommand({ Bucket: 'bucket', Key: key }))).rejects.toThrow('captured')
    for (const request of seen) {
      expect(`/bucket/${encodeKey(key)}`).toBe(request.path)
      expect(signAgain('s3', request).authorization).toBe(request.headers.authorization)
    }
  })

  test('S3 listing with a query', async () => {
    const { seen, handler } = capture()
    const client = new S3Client({ ...sdkOptions, forcePathStyle: true, requestHandler: handler })
    const command = new ListObjectsV2Command({ Bucket: 'bucket', Prefix: "a b/é+~*'", ContinuationToken: 'x==/+' })
    await expect(client.send(command)).rejects.toThrow('captured')
    expect(signAgain('s3', seen[0]!).authorization).toBe(seen[0]!.headers.authorization)
  })
})

describe('a presigned query', () => {
  afterEach(() => void vi.useRealTimers())
  const now = Date.UTC(2026, 0, 31, 23, 59, 59, 999)

  test.each([
    ['a session token', { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a/token+==' }],
    ['long-lived keys', { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' }],
  ])('RDS token by the SDK, with %s', async (_, credentials) => {
    vi.useFakeTimers({ now, toFake: ['Date'] })
    const [hostname, port, username] = ['db.abc123.eu-west-1.rds.amazonaws.com', 5432, "weirhouse_demo é+'"]
    const token = await new RdsSigner({ hostname, port, username, region: 'eu-west-1', credentials }).getAuthToken()
    const host = `${hostname}:${port}`
    const query = presign(
      { service: 'rds-db', region: 'eu-west-1' },
      { method: 'GET', path: '/', query: { Action: 'connect', DBUser: username }, host, expiresSeconds: 900 },
      credentials,
      now,
    )
    expect(`${host}/?${query}`).toBe(token)
  })

  test('GET Object of the Amazon S3 API reference', () => {
    const request = { method: 'GET', path: '/test.txt', query: {}, host: 'examplebucket.s3.amazonaws.com' }
    const query = presign(
      { service: 's3', region: 'us-east-1' },
      { ...request, expiresSeconds: 86_400, payloadHash: 'UNSIGNED-PAYLOAD' },
      { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
      Date.UTC(2013, 4, 24),
    )
    expect(query).toContain('X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404')
  })
})
