import { createClients } from '../aws/index.ts'
import { WeirError } from '../core/errors.ts'
import type { Deadline } from '../core/ports.ts'
import type { DeadLetterSummary, StoredDeadLetter } from '../sinks/dead-letters/index.ts'
import { openDeadLetters } from '../sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../sinks/dead-letters/store.ts'
import { patience } from './patience.ts'
import type { Target } from './target.ts'

/** What a person waits for at most. */
const PATIENCE_MS = 30_000

export interface ListQuery {
  readonly pipelines: readonly string[]
  /** '*' for those of no sink in particular. */
  readonly sink?: string | undefined
  readonly limit: number
}

export interface DeadLetterList {
  readonly letters: readonly DeadLetterSummary[]
  /** True where there are more than the limit. */
  readonly more: boolean
}

/** By pipeline, then by position. Throws WEIR_STORE_UNAVAILABLE, WEIR_STORE_MISCONFIGURED. */
export function listDeadLetters(
  target: Target,
  { pipelines, sink, limit }: ListQuery,
  signal: AbortSignal,
): Promise<DeadLetterList> {
  return withStore(target, signal, async (store, deadline) => {
    const letters: DeadLetterSummary[] = []
    for (const pipeline of pipelines) {
      let after: string | undefined
      do {
        const query = { pipeline, limit: limit + 1 - letters.length, ...(sink === undefined ? {} : { sink }) }
        const page = await store.list(after === undefined ? query : { ...query, after }, deadline)
        letters.push(...page.letters)
        after = page.next
      } while (after !== undefined && letters.length <= limit)
      if (letters.length > limit) break
    }
    return { letters: letters.slice(0, limit), more: letters.length > limit }
  })
}

/** Throws WEIR_UNKNOWN where there is none of that id, else as `listDeadLetters`. */
export function getDeadLetter(target: Target, id: string, signal: AbortSignal): Promise<StoredDeadLetter> {
  return withStore(target, signal, async (store, deadline) => {
    const letter = await store.get(id, deadline)
    if (!letter)
      throw new WeirError('WEIR_UNKNOWN', { what: 'dead letter', name: id, known: 'those of `weirhouse dlq list`' })
    return letter
  })
}

async function withStore<T>(
  { dynamodb, s3, deadLetters }: Target,
  signal: AbortSignal,
  work: (store: DeadLetterStore, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const clients = createClients({
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  })
  try {
    return await work(openDeadLetters({ ...deadLetters, clients }), patience(PATIENCE_MS, signal))
  } finally {
    clients.close()
  }
}
