/**
 * The token that brokers of Amazon MSK take for IAM over SASL/OAUTHBEARER, from clients that are not Java's: a presigned
 * URL of the action `kafka-cluster:Connect`, in base64url. Grants are checked by the brokers, request by request.
 */
import type { Credentials } from './credentials.ts'
import { presign } from './presign.ts'

/** Amazon MSK: a token lives 15 minutes; by then the client has logged in anew. */
const TOKEN_SECONDS = 900

/** `agent` is for the logs of AWS, and not signed. */
export function mskToken(region: string, credentials: Credentials, now: number, agent = 'weirhouse'): string {
  const host = `kafka.${region}.amazonaws.com`
  const query = presign(
    { service: 'kafka-cluster', region },
    {
      method: 'GET',
      host,
      path: '/',
      query: { Action: 'kafka-cluster:Connect' },
      expiresSeconds: TOKEN_SECONDS,
    },
    credentials,
    now,
  )
  return Buffer.from(`https://${host}/?${query}&User-Agent=${agent}`).toString('base64url')
}

/** The region that the name of an MSK broker holds: `b-1.name.a1b2c3.c2.kafka.eu-west-1.amazonaws.com`. */
export function regionOfBroker(host: string): string | undefined {
  return /\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?::\d+)?$/.exec(host)?.[1]
}
