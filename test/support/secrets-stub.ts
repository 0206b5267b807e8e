/** Stands in for AWS Secrets Manager: GetSecretValue over JSON 1.1, signed requests alone. */
import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-0'

export interface SecretsStub {
  readonly endpoint: string
  /** What the secret holds: the nth request gets the nth, the last one ever after. */
  secrets: readonly string[]
  /** Answered so far. */
  readonly asked: () => number
  close(): void
}

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=[A-Z0-9]+\/\d{8}\/eu-west-1\/secretsmanager\/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}$/

export async function startSecretsStub(): Promise<SecretsStub> {
  let asked = 0
  const stub = { secrets: ['{}'] as readonly string[] }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const fault = faultOf(request, Buffer.concat(chunks).toString())
      if (fault !== undefined) {
        response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' })
        response.end(JSON.stringify({ __type: fault, Message: `${fault} by the stub` }))
        return
      }
      const SecretString = stub.secrets[Math.min(asked++, stub.secrets.length - 1)]
      response.end(JSON.stringify({ ARN: SECRET_ARN, Name: 'rds!db-0', SecretString, VersionStages: ['AWSCURRENT'] }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(stub, {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: () => asked,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  })
}

function faultOf({ method, url, headers }: IncomingMessage, body: string): string | undefined {
  if (!SIGNED.test(headers.authorization ?? '')) return 'IncompleteSignatureException'
  const asked = [method, url, headers['x-amz-target'], headers['content-type']].join(' ')
  if (asked !== 'POST / secretsmanager.GetSecretValue application/x-amz-json-1.1') return 'UnknownOperationException'
  return body === JSON.stringify({ SecretId: SECRET_ARN }) ? undefined : 'ResourceNotFoundException'
}
