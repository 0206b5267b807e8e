import { fileURLToPath } from 'node:url'
import type { Pipeline } from '../src/core/pipeline.ts'

/** Modules of bench/pipelines, by the name of the pipeline. */
export function moduleOf(name: string): string {
  return fileURLToPath(new URL(`pipelines/${name}.ts`, import.meta.url))
}

export async function pipelineOf(name: string): Promise<Pipeline> {
  return ((await import(moduleOf(name))) as { default: Pipeline }).default
}
