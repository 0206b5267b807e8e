/** Code of users is looked at in a thread of its own: what it was when it was loaded first stays out of it, and what it prints. */
import { once } from 'node:events'
import { parentPort, Worker } from 'node:worker_threads'
import type { ErrorDetails, ThrownCode } from '../core/errors.ts'
import { messageOf, WeirError } from '../core/errors.ts'

/** A module that waits for something at its top level is not waited for any longer. */
const LOAD_MS = 10_000

type Answer<T> =
  | { readonly data: T }
  | { readonly code: ThrownCode; readonly details: ErrorDetails }
  | { readonly reason: string }

/**
 * What the module at `file` answers, with `answerWith`. Throws the WeirError that it threw, WEIR_DEFINITION_INVALID for anything
 * else.
 * @param what the definition that is loaded there
 */
export async function askThread<T>(file: URL, what: string, workerData?: unknown): Promise<T> {
  // What a module prints when it is loaded is the function's to print.
  const worker = new Worker(file, { workerData, stdout: true, stderr: true })
  worker.stdout.resume()
  worker.stderr.resume()
  try {
    const answer = await answerOf<T>(worker)
    if ('code' in answer) throw new WeirError(answer.code, answer.details)
    if ('reason' in answer) throw new Error(answer.reason)
    return answer.data
  } catch (error) {
    if (error instanceof WeirError) throw error
    const slow = error instanceof Error && error.name === 'AbortError'
    const reason = slow ? `it was not loaded within ${LOAD_MS / 1000} s` : messageOf(error)
    throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason }, { cause: error })
  } finally {
    await worker.terminate()
  }
}

async function answerOf<T>(worker: Worker): Promise<Answer<T>> {
  const signal = AbortSignal.timeout(LOAD_MS)
  const ended = once(worker, 'exit', { signal })
  // Where there is an answer, how the thread ends is of no interest.
  ended.catch(() => undefined)
  const answered = once(worker, 'message', { signal }) as Promise<[Answer<T>]>
  const first = await Promise.race([answered, ended.then(([code]) => Number(code))])
  if (typeof first === 'number') throw new Error(`it ends its process, with exit code ${first}`)
  return first[0]
}

/** In the thread: posts what `work` gives, or the error that it throws. */
export async function answerWith<T>(work: () => Promise<T>): Promise<void> {
  const answer = await work().then(
    (data): Answer<T> => ({ data }),
    (error: unknown): Answer<T> =>
      isWeirError(error) ? { code: error.code, details: error.details } : { reason: messageOf(error) },
  )
  parentPort!.postMessage(answer, [])
}

/** Also of another copy of this package, as a bundle has one. */
function isWeirError(error: unknown): error is WeirError {
  return error instanceof Error && error.name === 'WeirError' && 'code' in error
}
