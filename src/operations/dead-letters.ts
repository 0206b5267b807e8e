import { createClients } from '../aws/index.ts'
import { WeirError } from '../core/errors.ts'
import type { Deadline } from '../core/ports.ts'
import type { DeadLetterSummary, StoredDeadLetter } from '../sinks/dead-letters/index.ts'
import { openDeadLetters } from '../sinks/dead-letters/store.ts'
import type { DeadLetterQuery, DeadLetterStore } from '../sinks/dead-letters/store.ts'
import { patience } from './patience.ts'
import type { Target } from './target.ts'

/** What a person waits for at most. */
const PATIENCE_MS = 30_000

export interface ListQuery extends Omit<DeadLetterQuery, 'pipeline' | 'after' | 'order' | 'limit'> {
  readonly pipelines: readonly string[]
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
  { pipelines, limit, ...filters }: ListQuery,
  signal: AbortSignal,
): Promise<DeadLetterList> {
  return withStore(target, signal, async (store, deadline) => {
    const letters: DeadLetterSummary[] = []
    for (const pipeline of pipelines) {
      let after: string | undefined
      do {
        const query = { ...filters, pipeline, limit: limit + 1 - letters.length }
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

/** As `replayed` letters do, what was discarded stays until its record has left the topic: `audit` asks for it. */
export async function discardLetters(
  target: Target,
  letters: readonly DeadLetterSummary[],
  expires: (topic: string) => Promise<number | undefined>,
  signal: AbortSignal,
): Promise<readonly { readonly id: string; readonly outcome: 'discarded' | 'changed' }[]> {
  const done: { id: string; outcome: 'discarded' | 'changed' }[] = []
  const known = new Map<string, number | undefined>()
  for (const letter of letters) {
    if (!known.has(letter.topic)) known.set(letter.topic, await expires(letter.topic))
    const change = { to: 'discarded', expires: known.get(letter.topic) } as const
    const { ok } = await withStore(target, signal, (store, deadline) => store.change(letter, change, deadline))
    done.push({ id: letter.id, outcome: ok ? 'discarded' : 'changed' })
  }
  return done
}

export async function withStore<T>(
  target: Target,
  signal: AbortSignal,
  work: (store: DeadLetterStore, deadline: Deadline) => Promise<T>,
): Promise<T> {
  const clients = createClients(awsEnvironmentOf(target))
  try {
    return await work(openDeadLetters({ ...target.deadLetters, clients }), patience(PATIENCE_MS, signal))
  } finally {
    clients.close()
  }
}

/** What the data plane's clients are made with. */
export function awsEnvironmentOf({ dynamodb, s3 }: Pick<Target, 'dynamodb' | 's3'>): Record<string, string> {
  return {
    AWS_REGION: dynamodb.region,
    AWS_ACCESS_KEY_ID: dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  }
}
