/** What requests that this code makes by hand have in common: the version that the brokers take, and answers with errors in them. */
import type { Admin } from '@platformatic/kafka'
import { WeirError } from '../core/errors.ts'

/** Asks once, at the first use; again where that failed. `versions` newest first. Throws WEIR_KAFKA_REFUSED where they take none. */
export function newestOf<Api extends { readonly version: number }>(
  admin: Admin,
  name: string,
  versions: readonly Api[],
): () => Promise<Api> {
  let found: Api | undefined
  return async () => {
    if (found) return found
    const offered = (await admin.listApis()).find((api) => api.name === name)
    const fits = ({ version }: Api) => offered && version >= offered.minVersion && version <= offered.maxVersion
    found = versions.find(fits)
    if (found) return found
    throw new WeirError('WEIR_KAFKA_REFUSED', {
      operation: `${name} in the versions known here`,
      reason: offered ? `it takes ${offered.minVersion} to ${offered.maxVersion}` : 'it has no such request',
      advice: 'Weirhouse needs Kafka 2.8 or newer.',
    })
  }
}

/** The library throws where one topic or partition has an error, with the answer for all inside. */
export function answerWithin<Answer>(error: unknown, isWhole: (found: Partial<Answer>) => boolean): Answer | undefined {
  if (!(error instanceof Error) || !('response' in error)) return undefined
  const found = error.response as Partial<Answer> | undefined
  return found && isWhole(found) ? (found as Answer) : undefined
}
