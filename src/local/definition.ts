/** What a pipeline's module says now, whatever it said when it was loaded first. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ErrorCode, ErrorDetails } from '../core/errors.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import type { OrderKind } from '../core/order.ts'
import type { Pipeline, PipelineOptions } from '../core/pipeline.ts'
import type { SinkDefinition } from '../sinks/sink.ts'

/** A module that waits for something at its top level is not waited for any longer. */
const LOAD_MS = 10_000

/** All that topics, tables, bindings and the event source mapping come from; the rest of a pipeline is code. */
export interface PipelineData extends PipelineOptions {
  readonly order: OrderKind
  readonly sinks: readonly Pick<SinkDefinition, 'kind' | 'id' | 'options' | 'grants'>[]
}

export type DefinitionAnswer =
  | { readonly data: PipelineData }
  | { readonly code: ErrorCode; readonly details: ErrorDetails }

export function dataOf(pipeline: Pipeline): PipelineData {
  const { name, source, function: ofFunction, tombstone, maxPoisonShare, order, sinks } = pipeline
  return {
    name,
    source,
    function: ofFunction,
    tombstone,
    maxPoisonShare,
    order: typeof order === 'function' ? 'version' : order,
    sinks: sinks.map(({ kind, id, options, grants }) => ({ kind, id, options, grants })),
  }
}

/**
 * Loads the module anew. What comes back serves the control plane: its code runs in the function alone.
 * Throws WEIR_DEFINITION_INVALID.
 */
export async function loadDefinition(module: string): Promise<Pipeline> {
  const file = import.meta.url.endsWith('.ts') ? './definition-worker.ts' : './definition-worker.js'
  // What a module prints when it is loaded is the function's to print.
  const worker = new Worker(new URL(file, import.meta.url), { workerData: { module }, stdout: true, stderr: true })
  worker.stdout.resume()
  worker.stderr.resume()
  try {
    const answer = await answerOf(worker)
    if ('code' in answer) throw new WeirError(answer.code, answer.details)
    return pipelineOf(answer.data)
  } catch (error) {
    if (error instanceof WeirError) throw error
    const slow = error instanceof Error && error.name === 'AbortError'
    const reason = slow ? `it was not loaded within ${LOAD_MS / 1000} s` : messageOf(error)
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: module, reason }, { cause: error })
  } finally {
    await worker.terminate()
  }
}

async function answerOf(worker: Worker): Promise<DefinitionAnswer> {
  const signal = AbortSignal.timeout(LOAD_MS)
  const ended = once(worker, 'exit', { signal })
  // Where there is an answer, how the thread ends is of no interest.
  ended.catch(() => undefined)
  const answered = once(worker, 'message', { signal }) as Promise<[DefinitionAnswer]>
  const first = await Promise.race([answered, ended.then(([code]) => Number(code))])
  if (typeof first === 'number') throw new Error(`it ends its process, with exit code ${first}`)
  return first[0]
}

function pipelineOf({ order, sinks, ...options }: PipelineData): Pipeline {
  return {
    ...options,
    decode: { name: 'elsewhere', decode: elsewhere },
    transform: elsewhere,
    order: order === 'version' ? elsewhere : order,
    sinks: sinks.map((sink) => ({ ...sink, open: elsewhere })),
  }
}

function elsewhere(): never {
  throw new Error('the code of this pipeline runs in its function only')
}
