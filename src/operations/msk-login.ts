/** IAM of Amazon MSK: a token for each login, signed with the AWS credentials that are there. */
import { credentialsOf, type Credentials } from '../aws/credentials.ts'
import { mskToken, regionOfBroker } from '../aws/msk-token.ts'
import { optionalModule } from '../config/optional-module.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import type { KafkaSasl } from '../kafka/connection.ts'

/**
 * The region is that in the brokers' names, else AWS_REGION. Credentials: those of the environment, or, with a profile or
 * where there are none, the default chain of the AWS SDK (an optional peer). They are asked for at each login, so that
 * those that expire are followed. Throws WEIR_CREDENTIALS where no region is known.
 */
export function mskLogin(
  bootstrap: readonly string[],
  profile: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): KafkaSasl {
  const region = bootstrap.map(regionOfBroker).find((found) => found) ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION)
  if (!region) throw new WeirError('WEIR_CREDENTIALS', { variable: 'AWS_REGION' })
  const inEnvironment = profile === undefined && Boolean(env.AWS_ACCESS_KEY_ID)
  let chain: Promise<() => Promise<Credentials>> | undefined
  const credentials = async () => {
    if (inEnvironment) return credentialsOf(env)
    chain ??= sdkChain(region, profile)
    return (await chain)()
  }
  return { mechanism: 'OAUTHBEARER', token: async () => mskToken(region, await credentials(), Date.now()) }
}

/** The chain of any client of the SDK: this one is a peer already. */
async function sdkChain(region: string, profile: string | undefined): Promise<() => Promise<Credentials>> {
  const what = 'a login to MSK with AWS credentials from elsewhere than the environment'
  const sdk = await optionalModule('@aws-sdk/client-dynamodb', what, () => import('@aws-sdk/client-dynamodb'))
  const { config } = new sdk.DynamoDBClient({ region, ...(profile === undefined ? {} : { profile }) })
  return async () => {
    try {
      const { accessKeyId, secretAccessKey, sessionToken } = await config.credentials()
      return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
    } catch (error) {
      throw new WeirError(
        'WEIR_KAFKA_LOGIN',
        {
          operation: 'signing a token for MSK',
          reason: messageOf(error).replace(/\.$/, ''),
          advice:
            'Export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile that works: awsProfileName in sasl.jaas.config.',
        },
        { cause: error },
      )
    }
  }
}
