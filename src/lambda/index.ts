import type { Pipeline } from '../core/pipeline.ts'
import { handlerOf } from './handler.ts'
import type { LambdaHandler, Surroundings } from './handler.ts'
import { openers } from './openers.ts'

export type { LambdaContext, LambdaHandler } from './handler.ts'

/**
 * A pipeline as a Lambda handler: `export const handler = createHandler(pipeline)`. The bundle's entry says just that.
 * Bindings come from WEIRHOUSE_BINDINGS, log lines and metrics go to standard output. It answers nothing, and throws unless
 * every record is durable in every sink or a dead letter: an Error whose name is the code of docs/errors.md.
 * @param overrides for tests: other stores, variables, output, clock.
 */
export function createHandler(pipeline: Pipeline, overrides: Partial<Surroundings> = {}): LambdaHandler {
  return handlerOf(pipeline, {
    ...openers,
    variables: process.env,
    write: (line) => void process.stdout.write(line),
    now: Date.now,
    ...overrides,
  })
}
