/** Clients of AWS itself, for the verbs with `--env`: whose account, which region; no credentials end in one line. */
import type { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { optionalModule } from '../../config/optional-module.ts'
import { messageOf, WeirError } from '../../core/errors.ts'

/** Where, and as whom. */
export interface AwsIdentity {
  readonly account: string
  readonly region: string
}

/** An instance's metadata service that is not there would be waited for; so would one that never answers. */
const PATIENCE_MS = 10_000

/** What each client is made with. No region: that of the environment or the profile. */
export function cloudConfig(region: string | undefined) {
  return { ...(region === undefined ? {} : { region }), maxAttempts: 3 }
}

/**
 * Asks AWS who calls. Throws WEIR_AWS_CREDENTIALS without credentials or region, WEIR_AWS_ACCOUNT where the environment
 * belongs to another account.
 */
export async function identify(
  { environment, region, account }: { environment: string; region: string | undefined; account: string | undefined },
  signal: AbortSignal,
): Promise<AwsIdentity> {
  const sts = await optionalModule('@aws-sdk/client-sts', 'the verbs with --env', () => import('@aws-sdk/client-sts'))
  const client = new sts.STSClient(cloudConfig(region))
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    const own = await within(bounded, client.config.region())
    await within(bounded, client.config.credentials())
    const { Account } = await client.send(new sts.GetCallerIdentityCommand({}), { abortSignal: bounded })
    if (account !== undefined && Account !== account)
      throw new WeirError('WEIR_AWS_ACCOUNT', { account: Account, environment, expected: account })
    return { account: Account!, region: own }
  } catch (error) {
    if (error instanceof WeirError || signal.aborted) throw error
    const reason = bounded.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : messageOf(error).replace(/\.$/, '')
    throw new WeirError('WEIR_AWS_CREDENTIALS', { reason }, { cause: error })
  } finally {
    client.destroy()
  }
}

/** Stacks of CloudFormation. */
export async function cloudFormation(region: string): Promise<{
  readonly client: CloudFormationClient
  readonly sdk: typeof import('@aws-sdk/client-cloudformation')
}> {
  const sdk = await optionalModule(
    '@aws-sdk/client-cloudformation',
    'the verbs with --env',
    () => import('@aws-sdk/client-cloudformation'),
  )
  return { client: new sdk.CloudFormationClient(cloudConfig(region)), sdk }
}

/** Credential providers take no signal. */
async function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(signal.reason as Error)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
