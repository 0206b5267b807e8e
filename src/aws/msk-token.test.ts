import { describe, expect, test } from 'vitest'
import { mskToken, regionOfBroker } from './msk-token.ts'

/** What aws-msk-iam-sasl-signer-js 1.0.3 makes of these credentials at 2026-01-31T12:00:00Z in eu-west-1, decoded. */
describe('a token of MSK is what the public signer makes', () => {
  const now = Date.UTC(2026, 0, 31, 12, 0, 0)
  const decoded = (token: string) => new URL(Buffer.from(token, 'base64url').toString())
  test.each([
    [
      'with keys of a user',
      { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' },
      'https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&User-Agent=aws-msk-iam-sasl-signer-js%2F1.0.3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260131%2Feu-west-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20260131T120000Z&X-Amz-Expires=900&X-Amz-Signature=cf1b2335f8c1c54e4a53e699d99be7c96a68431620da9625e38b66c2054264da&X-Amz-SignedHeaders=host',
    ],
    [
      'with those of a role, which have a session token',
      { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret/+=', sessionToken: 'a/token+==x' },
      'https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3AConnect&User-Agent=aws-msk-iam-sasl-signer-js%2F1.0.3&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20260131%2Feu-west-1%2Fkafka-cluster%2Faws4_request&X-Amz-Date=20260131T120000Z&X-Amz-Expires=900&X-Amz-Security-Token=a%2Ftoken%2B%3D%3Dx&X-Amz-Signature=814fd2cfa900e2389634e32891d497a96a4a64d2f83226ebb243c84b3291961b&X-Amz-SignedHeaders=host',
    ],
  ])('%s', (_, credentials, theirs) => {
    const token = mskToken('eu-west-1', credentials, now, 'aws-msk-iam-sasl-signer-js/1.0.3')
    expect(token).toMatch(/^[\w-]+$/)
    // the order of a query says nothing: both are signed in the canonical one
    const [ours, expected] = [decoded(token), new URL(theirs)]
    expect(ours.origin + ours.pathname).toBe(expected.origin + expected.pathname)
    expect(Object.fromEntries(ours.searchParams)).toEqual(Object.fromEntries(expected.searchParams))
  })
})

test.each([
  ['b-1.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com:9098', 'eu-west-1'],
  ['boot-abc.c3.kafka-serverless.us-east-2.amazonaws.com', 'us-east-2'],
  ['b-1.demo.a1.c2.kafka.cn-north-1.amazonaws.com.cn:9098', 'cn-north-1'],
  ['kafka.example.com:9092', undefined],
])('the region that %s names', (host, region) => {
  expect(regionOfBroker(host)).toBe(region)
})
