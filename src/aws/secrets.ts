import type { Deadline } from '../core/ports.ts'
import { createAwsClient } from './client.ts'
import { credentialsOf, regionOf } from './credentials.ts'
import type { Environment } from './credentials.ts'

/**
 * The text of a secret, from AWS Secrets Manager. Source: AWS Secrets Manager API reference, GetSecretValue:
 *
 *   POST /   x-amz-target: secretsmanager.GetSecretValue   content-type: application/x-amz-json-1.1
 *   {"SecretId": "arn"}  ->  {"ARN": ..., "SecretString": "..."}     errors as in DynamoDB's JSON
 *
 * Asks at AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL where one is given. Undefined where the secret is no text. Throws
 * AwsFault, WEIR_CREDENTIALS, WEIR_DEADLINE.
 */
export async function readSecret(id: string, deadline: Deadline, env: Environment): Promise<string | undefined> {
  const region = regionOf(env)
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  const own = env.AWS_ENDPOINT_URL_SECRETS_MANAGER || env.AWS_ENDPOINT_URL
  const client = createAwsClient({
    service: 'secretsmanager',
    region,
    endpoint: own || `https://secretsmanager.${region}.${domain}`,
    credentials: () => credentialsOf(env),
  })
  try {
    const { body } = await client.request({
      operation: 'GetSecretValue',
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
      body: JSON.stringify({ SecretId: id }),
      deadline,
    })
    const { SecretString } = JSON.parse(body.toString('utf8')) as { readonly SecretString?: string }
    return SecretString
  } finally {
    client.close()
  }
}
