import * as v from 'valibot'
import { describe, parseOptions } from '../core/options.ts'
import { environmentName, environmentOptions } from './environments.ts'

/** What weirhouse.config.ts holds. */
export const configOptions = v.strictObject({
  pipelines: describe(
    v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1, 'name one pipeline at least')),
    'Modules, relative to this file, that each default-export one pipeline. Paths, not values: a function ships only what its own module imports.',
  ),
  samples: describe(
    v.optional(v.record(v.string(), v.pipe(v.string(), v.minLength(1))), {}),
    'By pipeline name: a module that default-exports a function giving the messages that `weirhouse start` produces.',
  ),
  environments: describe(
    v.optional(v.record(environmentName, environmentOptions), {}),
    'By name: what of this project stands on AWS, for `plan`, `synth`, `deploy` and the other verbs with `--env`. Options: environment.md.',
  ),
})

export type Config = v.InferOutput<typeof configOptions>

/** Checks a configuration. Throws WEIR_DEFINITION_INVALID. */
export function defineConfig(config: v.InferInput<typeof configOptions>): Config {
  return parseOptions(configOptions, config, 'weirhouse.config.ts')
}

/** A message to produce: text is sent as UTF-8, null or nothing as null. */
export interface SampleMessage {
  readonly key?: string | Buffer | null
  readonly value: string | Buffer | null
  readonly headers?: readonly (readonly [name: string, value: string | Buffer])[]
  readonly partition?: number
}

/** What a samples module default-exports. The same messages each time: no clock, no chance. */
export type Samples = () => Iterable<SampleMessage>
