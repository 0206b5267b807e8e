import { messageOf, WeirError } from '../core/errors.ts'
import type { AwsTarget } from './target.ts'

/** What every AWS SDK client is made with. */
export function clientConfig({ endpoint, region, accessKeyId, secretAccessKey }: AwsTarget) {
  return { endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 3 }
}

/** For `.catch(...)`: an SDK's error becomes WEIR_REQUEST_FAILED; an abort passes through. */
export function asRequestError(service: string, operation: string): (error: unknown) => never {
  return (error) => {
    const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
    if (error instanceof WeirError || name === 'AbortError') throw error
    const status = $metadata?.httpStatusCode ?? 'nothing'
    const details = { service, operation, status, name: name ?? '', reason: messageOf(error) || 'no answer' }
    throw new WeirError('WEIR_REQUEST_FAILED', details, { cause: error })
  }
}
