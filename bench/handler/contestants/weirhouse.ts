/** The shipped handler: the bundle that Lambda would get, its stores told by the environment as there. */
import { pathToFileURL } from 'node:url'
import type { LambdaHandler } from '../../../src/lambda/index.ts'
import type { Contestant } from '../contestant.ts'

/** Far away: what is measured is no deadline. */
const REMAINING_MS = 60_000

export async function shipped(bundle: string): Promise<Contestant> {
  const { handler } = (await import(pathToFileURL(bundle).href)) as { handler: LambdaHandler }
  let invocations = 0
  return {
    prepare: (event) => {
      const context = { awsRequestId: `bench-${invocations++}`, getRemainingTimeInMillis: () => REMAINING_MS }
      return () => handler(event, context)
    },
    close: () => Promise.resolve(),
  }
}
