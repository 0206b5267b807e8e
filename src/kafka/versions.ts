/** Which version of a request the brokers take, where this code makes it by hand. */
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
