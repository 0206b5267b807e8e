/** What a pipeline's module says now, whatever it said when it was loaded first. */
import { askThread } from '../config/thread.ts'
import type { OrderKind } from '../core/order.ts'
import type { Pipeline, PipelineOptions } from '../core/pipeline.ts'
import type { SinkDefinition } from '../sinks/sink.ts'

/** All that topics, tables, bindings and the event source mapping come from; the rest of a pipeline is code. */
export interface PipelineData extends PipelineOptions {
  readonly order: OrderKind
  readonly sinks: readonly Pick<SinkDefinition, 'kind' | 'id' | 'options' | 'grants'>[]
}

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
  return pipelineOf(await askThread<PipelineData>(new URL(file, import.meta.url), module, { module }))
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
